/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as files have them, at any address. */
#ifndef LIB_BYTES_H
#define LIB_BYTES_H

#include <stdint.h>

/* The little-endian number in the `count` bytes at `at`, 8 at most. */
static inline uint64_t bytes_le(const uint8_t *at, unsigned count)
{
    uint64_t value = 0;

    while (count-- > 0)
        value = value << 8 | at[count];
    return value;
}

#endif
