/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU's instructions for SHA-256: sha256.S. Before the guest starts. */
#ifndef ARCH_SHA256_H
#define ARCH_SHA256_H

#include <stdbool.h>
#include <stdint.h>

#include "regs.h"
#include "sysreg.h"

/* Does the CPU have them? */
static inline bool sha256_is_instruction(void)
{
    return (read_sysreg(id_aa64isar0_el1) & ID_AA64ISAR0_EL1_SHA2) != 0;
}

/* Move the hash's eight words on by `blocks` blocks of 64 bytes. */
void sha256_blocks(uint32_t state[8], const uint8_t *data, uint64_t blocks);

#endif
