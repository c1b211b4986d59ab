/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way to a guest's memory. A guest address is a claim: it becomes a pointer
 * only here, after it was checked against the VM's RAM.
 */
#ifndef MM_GUEST_MEM_H
#define MM_GUEST_MEM_H

#include <stddef.h>

#include "lib/addr.h"
#include "lib/err.h"
#include "mm/phys.h"

#define GUEST_MEM_MAX_REGIONS 8
#define GUEST_MEM_MAX_ROMS    2

struct ram_region {
    ipa_t ipa;
    pa_t pa;
    uint64_t size; /* bytes, not 0 */
};

struct guest_mem {
    unsigned count;
    struct ram_region region[GUEST_MEM_MAX_REGIONS]; /* disjoint, in IPA and in PA */
    unsigned nr_roms;
    struct ram_region rom[GUEST_MEM_MAX_ROMS]; /* what the guest runs from, and does not write */
};

/* The same as guest_mem_ptr(), of one region. */
static inline void *ram_region_ptr(const struct ram_region *region, ipa_t ipa, uint64_t len)
{
    uint64_t offset = ipa.v - region->ipa.v; /* huge if ipa lies below */

    /* A len of 0 becomes the largest number there is, and fails with those that are too long. */
    if (offset < region->size && len - 1 < region->size - offset)
        return pa_to_ptr(pa(region->pa.v + offset));
    return NULL;
}

/*
 * A pointer to [ipa, ipa + len), or NULL unless len > 0 and all of it lies in one
 * region. The guest's CPUs may write there at any time: read each byte once.
 */
void *guest_mem_ptr(const struct guest_mem *mem, ipa_t ipa, uint64_t len);

/* The same for one who only reads: RAM or ROM. */
const void *guest_mem_readable(const struct guest_mem *mem, ipa_t ipa, uint64_t len);

/* There is this ROM, too. -ERR_NOMEM: it is one too many. */
int must_check guest_mem_add_rom(struct guest_mem *mem, const struct ram_region *rom);

/* Of [ipa, ipa + len), how many bytes from its start on lie in one region; 0: `ipa` is no RAM. */
uint64_t guest_mem_run(const struct guest_mem *mem, ipa_t ipa, uint64_t len);

/* Copy len bytes out of the guest; -ERR_RANGE, and nothing copied, unless all is RAM, or ROM. */
int must_check guest_mem_read(const struct guest_mem *mem, ipa_t ipa, void *dst, size_t len);

#endif
