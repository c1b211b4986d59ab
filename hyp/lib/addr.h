/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address types. A guest's physical address (IPA) and the machine's (PA) are
 * different things even where their numbers agree, so each is a struct of its
 * own and the compiler refuses to mix them.
 */
#ifndef LIB_ADDR_H
#define LIB_ADDR_H

#include <stdbool.h>
#include <stdint.h>

#define SIZE_4K UINT64_C(0x1000)
#define SIZE_2M UINT64_C(0x200000)
#define SIZE_1G UINT64_C(0x40000000)

#define PAGE_SIZE SIZE_4K

typedef struct {
    uint64_t v;
} ipa_t;

typedef struct {
    uint64_t v;
} pa_t;

struct ipa_range {
    ipa_t base;
    uint64_t size; /* bytes */
};

struct pa_range {
    pa_t base;
    uint64_t size; /* bytes */
};

static inline ipa_t ipa(uint64_t v)
{
    return (ipa_t){v};
}

static inline pa_t pa(uint64_t v)
{
    return (pa_t){v};
}

/* The address of the last byte of a struct pa_range or ipa_range, which is not empty. */
#define range_last(range) ((range).base.v + ((range).size - 1))

/* `align` is a power of two. The result wraps to 0 at the end of the address space. */
static inline uint64_t align_up(uint64_t v, uint64_t align)
{
    return (v + align - 1) & ~(align - 1);
}

static inline uint64_t align_down(uint64_t v, uint64_t align)
{
    return v & ~(align - 1);
}

static inline bool is_aligned(uint64_t v, uint64_t align)
{
    return (v & (align - 1)) == 0;
}

/* Is [base, base + size) free of wrap-around? An empty range is. */
static inline bool range_is_valid(uint64_t base, uint64_t size)
{
    return size == 0 || base + (size - 1) >= base;
}

/* Does [a, a + a_size) share a byte with [b, b + b_size)? Both must be valid. */
static inline bool ranges_overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a_size != 0 && b_size != 0 && a <= b + (b_size - 1) && b <= a + (a_size - 1);
}

/* Does [base, base + size) hold all of [inner, inner + inner_size)? Never true of wrapped ranges.
 */
static inline bool range_contains(uint64_t base, uint64_t size, uint64_t inner, uint64_t inner_size)
{
    return inner >= base && inner_size <= size && inner - base <= size - inner_size;
}

#endif
