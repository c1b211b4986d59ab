/* SPDX-License-Identifier: Apache-2.0 */
/* The CRC32 instructions of arch/aarch64/crc32.h, played bit by bit. */
#ifndef ARCH_CRC32_H
#define ARCH_CRC32_H

#include <stdbool.h>
#include <stdint.h>

/* A test's choice. */
__attribute__((weak)) bool host_has_crc32 = true;

static inline bool crc32_is_instruction(void)
{
    return host_has_crc32;
}

static inline uint32_t crc32_word(uint32_t crc, uint64_t word)
{
    for (unsigned i = 0; i < 64; i++, word >>= 1) {
        bool odd = ((crc ^ word) & 1) != 0;

        crc = crc >> 1 ^ (odd ? UINT32_C(0xedb88320) : 0);
    }
    return crc;
}

#endif
