/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the proofs share: values of which nothing is known, what must hold, and those builtins of
 * gcc that Frama-C does not know.
 *
 * Each proof is one file, whose main() calls code of hyp/ as every caller could. Frama-C's Eva
 * follows all runs of it at once: an access outside an object, an uninitialised value, an overflow
 * of signed numbers, a shift too far or a division by zero that could happen in any is an alarm,
 * and so is prove() of what need not hold. `make prove` fails if there is one; tools/prove says
 * how.
 */
#ifndef PROVE_H
#define PROVE_H

#include <__fc_builtin.h>
#include <stdbool.h>
#include <stdint.h>

#define prove(condition) ((condition) ? (void)0 : prove_failed())

static inline void prove_failed(void)
{
    /*@ assert \false; */
}

/* Stands at the end of a proof: the tool wants to see that something gets there. */
#define prove_end() Frama_C_show_each_end()

static inline bool any_bool(void)
{
    return Frama_C_interval(0, 1) != 0;
}

static inline uint16_t any_u16(void)
{
    return Frama_C_unsigned_short_interval(0, UINT16_MAX);
}

static inline uint32_t any_u32(void)
{
    return Frama_C_unsigned_int_interval(0, UINT32_MAX);
}

static inline uint64_t any_u64(void)
{
    return Frama_C_unsigned_long_interval(0, UINT64_MAX);
}

static inline int prove_ctzll(uint64_t v)
{
    int n = 0;

    for (; (v & 1) == 0; v >>= 1)
        n++;
    return n;
}

static inline int prove_clzll(uint64_t v)
{
    int n = 0;

    for (; v >> 63 == 0; v <<= 1)
        n++;
    return n;
}

#define __builtin_bswap64(v) (v) /* of any value: any value */
#define __builtin_ctzll(v)   prove_ctzll(v)
#define __builtin_clzll(v)   prove_clzll(v)

/* One CPU is followed. What others may do meanwhile, the proofs make up by values of any kind. */
#define _Thread_local
#define __atomic_exchange_n(at, value, order) any_u32()
#define __atomic_thread_fence(order)          ((void)0)
#define __atomic_signal_fence(order)          ((void)0)
#define __atomic_store_n(to, value, order)    ((void)(*(to) = (value)))

#endif
