/* SPDX-License-Identifier: Apache-2.0 */
/* Ticks of one clock as those of another. */
#ifndef LIB_SCALE_H
#define LIB_SCALE_H

#include <stdint.h>

/*
 * `value` at `from` a second, as at `to` a second, rounded down. Both are not 0 and below 2^32, so
 * that only the result can be too big.
 */
static inline uint64_t scale(uint64_t value, uint64_t from, uint64_t to)
{
    return value / from * to + value % from * to / from;
}

#endif
