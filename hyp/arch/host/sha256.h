/* SPDX-License-Identifier: Apache-2.0 */
/* The instructions of arch/aarch64/sha256.h, played by BearSSL. */
#ifndef ARCH_SHA256_H
#define ARCH_SHA256_H

#include <stdbool.h>
#include <stdint.h>

/* A test's choice. */
__attribute__((weak)) bool host_has_sha256 = true;

static inline bool sha256_is_instruction(void)
{
    return host_has_sha256;
}

/* sha256.c */
void sha256_blocks(uint32_t state[8], const uint8_t *data, uint64_t blocks);

#endif
