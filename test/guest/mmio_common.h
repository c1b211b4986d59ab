/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of the mmio family share. */
#ifndef TEST_GUEST_MMIO_COMMON_H
#define TEST_GUEST_MMIO_COMMON_H

#include "console.h"
#include "platform.h"
#include "testcase.h"

#define PATTERN UINT64_C(0x5a5a5a5a5a5a5a5a)

static inline uint64_t uart_address(uint32_t offset)
{
    return platform.uart.regs.address + offset;
}

/* The running case fails unless `got` is what was wanted. */
void mmio_expect(const char *what, uint64_t got, uint64_t wanted);

/* Cases that end in exceptions: mmio_abort.c. */
extern const struct test_case mmio_abort_cases[];

#endif
