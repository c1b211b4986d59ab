/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32 (ISO/IEC/IEEE 8802-3, "Frame Check Sequence"): by the CPU's instructions where it has
 * them. */
#include "fdt/fit_crc32.h"

#include "crc32.h"
#include "lib/addr.h"

/* What half a byte does to the check: the polynomial 0x04c11db7, bits reversed. */
static const uint32_t nibble[16] = {
    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};

/* Moves the check on by the words at the front of `data`, by the CPU's own instruction. */
static uint32_t add_words(uint32_t crc, const uint8_t *data, uint64_t size)
{
    uint64_t word;

    for (; size >= sizeof(word); size -= sizeof(word), data += sizeof(word)) {
        __builtin_memcpy(&word, data, sizeof(word)); /* one load, aligned or not */
        crc = crc32_word(crc, word);
    }
    return crc;
}

uint32_t fit_crc32(const uint8_t *data, uint64_t size)
{
    uint64_t in_words = crc32_is_instruction() ? align_down(size, sizeof(uint64_t)) : 0;
    uint32_t crc = add_words(UINT32_MAX, data, in_words);

    for (uint64_t i = in_words; i < size; i++) {
        crc ^= data[i];
        crc = crc >> 4 ^ nibble[crc & 15];
        crc = crc >> 4 ^ nibble[crc & 15];
    }
    return ~crc;
}
