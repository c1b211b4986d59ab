/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory that changes while it is looked at: the change comes between two looks, each time
 * that guest_mem_ptr() is asked for a piece. The program is linked with --wrap=guest_mem_ptr.
 */
#ifndef FUZZ_POKE_H
#define FUZZ_POKE_H

#include <string.h>

#include "fuzz.h"
#include "lib/bits.h"
#include "mm/guest_mem.h"

/* A change that waits for the `after`th look, if there is one. */
struct poke {
    unsigned after;
    uint32_t where;
    uint32_t value;
};

static struct {
    uint8_t *ram;
    uint32_t size;
    unsigned count;
    struct poke poke[4];
} pokes;

void *__real_guest_mem_ptr(const struct guest_mem *mem, ipa_t addr, uint64_t len);
void *__wrap_guest_mem_ptr(const struct guest_mem *mem, ipa_t addr, uint64_t len);

static inline void poke_now(const struct poke *poke)
{
    memcpy(pokes.ram + poke->where, &poke->value, sizeof(poke->value));
}

void *__wrap_guest_mem_ptr(const struct guest_mem *mem, ipa_t addr, uint64_t len)
{
    for (unsigned i = 0; i < pokes.count; i++) {
        if (pokes.poke[i].after-- == 0)
            poke_now(&pokes.poke[i]);
    }
    return __real_guest_mem_ptr(mem, addr, len);
}

/* No change waits. Those that come are in the `size` bytes at `ram`. */
static inline void poke_init(uint8_t *ram, uint32_t size)
{
    pokes.ram = ram;
    pokes.size = size;
    pokes.count = 0;
}

static inline struct poke poke_take(struct fuzz_input *in)
{
    struct poke poke = {.after = fuzz_below(in, 24)};

    poke.where = (uint32_t)fuzz_take(in, 2) % (pokes.size - 4);
    poke.value = (uint32_t)fuzz_value(in);
    return poke;
}

/* One now. */
static inline void poke_at_once(struct fuzz_input *in)
{
    struct poke poke = poke_take(in);

    poke_now(&poke);
}

/* One more change waits, if there is room. */
static inline void poke_later(struct fuzz_input *in)
{
    if (pokes.count < ARRAY_SIZE(pokes.poke))
        pokes.poke[pokes.count++] = poke_take(in);
}

#endif
