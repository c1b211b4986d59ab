/* SPDX-License-Identifier: Apache-2.0 */
/* The CRC32 instructions, polynomial 0x04c11db7 (Arm ARM, "CRC32B, CRC32H, CRC32W, CRC32X"). */
#ifndef ARCH_CRC32_H
#define ARCH_CRC32_H

#include <stdbool.h>
#include <stdint.h>

#include "regs.h"
#include "sysreg.h"

/* Does the CPU have them? */
static inline bool crc32_is_instruction(void)
{
    return (read_sysreg(id_aa64isar0_el1) & ID_AA64ISAR0_EL1_CRC32) != 0;
}

/* `crc` moved on by the 8 bytes of a little-endian word. */
static inline uint32_t crc32_word(uint32_t crc, uint64_t word)
{
    __asm__(SYSREG_ARCH "crc32x %w0, %w0, %x1" : "+r"(crc) : "r"(word));
    return crc;
}

#endif
