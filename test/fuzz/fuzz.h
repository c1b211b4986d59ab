/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fuzzers share. Each is one file with LLVMFuzzerTestOneInput(), which plays the bytes of
 * an input as a guest's doings. libFuzzer makes the inputs (`make fuzz`); replay.c runs those that
 * are kept (`make test`). An input that has run out gives zeroes.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_input {
    const uint8_t *at;
    size_t left;
};

/* What must hold whatever the guest does. */
#define fuzz_require(condition) ((condition) ? (void)0 : fuzz_fail(#condition, __FILE__, __LINE__))

static inline _Noreturn void fuzz_fail(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

/* The next `bytes`, at most 8, little-endian. */
static inline uint64_t fuzz_take(struct fuzz_input *in, unsigned bytes)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < bytes && in->left > 0; i++, in->left--)
        v |= (uint64_t)*in->at++ << (8 * i);
    return v;
}

static inline unsigned fuzz_below(struct fuzz_input *in, unsigned limit)
{
    return (unsigned)fuzz_take(in, 1) % limit;
}

/* A number of 64 bits that is more often than not one at an edge. */
static inline uint64_t fuzz_value(struct fuzz_input *in)
{
    unsigned kind = fuzz_below(in, 16);
    unsigned bit = kind < 12 ? fuzz_below(in, 64) : 0;

    if (kind < 5)
        return UINT64_C(1) << bit;
    if (kind < 8)
        return (UINT64_C(1) << bit) - 1;
    if (kind < 10)
        return ~UINT64_C(0) << bit;
    if (kind < 12)
        return bit;
    if (kind == 12)
        return ~UINT64_C(0);
    return fuzz_take(in, kind == 13 ? 8 : kind == 14 ? 4 : 2);
}

#endif
