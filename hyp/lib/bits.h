/* SPDX-License-Identifier: Apache-2.0 */
/* Bit fields by name: masks as the manuals spell them, values taken out and put in by mask. */
#ifndef LIB_BITS_H
#define LIB_BITS_H

#ifdef __ASSEMBLER__
#define UINT64_C(v) (v)
#else
#include <stdint.h>
#endif

#define BIT(n)              (UINT64_C(1) << (n))
#define GENMASK(high, low)  ((~UINT64_C(0) >> (63 - (high))) & (~UINT64_C(0) << (low)))
#define FIELD_SHIFT(mask)   __builtin_ctzll(mask)
#define FIELD_GET(mask, v)  (((uint64_t)(v) & (mask)) >> FIELD_SHIFT(mask))
#define FIELD_PREP(mask, v) (((uint64_t)(v) << FIELD_SHIFT(mask)) & (mask))
#define ARRAY_SIZE(a)       (sizeof(a) / sizeof((a)[0]))

#endif
