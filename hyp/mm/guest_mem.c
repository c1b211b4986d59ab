/* SPDX-License-Identifier: Apache-2.0 */
/* Guest addresses to pointers. On the path of every virtqueue descriptor: kept short. */
#include "mm/guest_mem.h"

#include "lib/string.h"
#include "mm/phys.h"

void *guest_mem_ptr(const struct guest_mem *mem, ipa_t ipa, uint64_t len)
{
    const struct ram_region *end = mem->region + mem->count;

    for (const struct ram_region *region = mem->region; region < end; region++) {
        uint64_t offset = ipa.v - region->ipa.v; /* huge if ipa lies below */

        /* A len of 0 becomes the largest number there is, and fails with those that are too long.
         */
        if (offset < region->size && len - 1 < region->size - offset)
            return pa_to_ptr(pa(region->pa.v + offset));
    }
    return NULL;
}

uint64_t guest_mem_run(const struct guest_mem *mem, ipa_t ipa, uint64_t len)
{
    for (unsigned i = 0; i < mem->count; i++) {
        uint64_t offset = ipa.v - mem->region[i].ipa.v;

        if (offset < mem->region[i].size)
            return len < mem->region[i].size - offset ? len : mem->region[i].size - offset;
    }
    return 0;
}

int guest_mem_read(const struct guest_mem *mem, ipa_t ipa, void *dst, size_t len)
{
    const void *src = guest_mem_ptr(mem, ipa, len);

    if (src == NULL)
        return -ERR_RANGE;
    memcpy(dst, src, len);
    return 0;
}
