/* SPDX-License-Identifier: Apache-2.0 */
/* Guest addresses to pointers. On the path of every virtqueue descriptor: kept short. */
#include "mm/guest_mem.h"

#include "lib/string.h"

void *guest_mem_ptr(const struct guest_mem *mem, ipa_t ipa, uint64_t len)
{
    void *ptr = NULL;

    for (unsigned i = 0; ptr == NULL && i < mem->count; i++)
        ptr = ram_region_ptr(&mem->region[i], ipa, len);
    return ptr;
}

const void *guest_mem_readable(const struct guest_mem *mem, ipa_t ipa, uint64_t len)
{
    const void *ptr = guest_mem_ptr(mem, ipa, len);

    for (unsigned i = 0; ptr == NULL && i < mem->nr_roms; i++)
        ptr = ram_region_ptr(&mem->rom[i], ipa, len);
    return ptr;
}

int guest_mem_add_rom(struct guest_mem *mem, const struct ram_region *rom)
{
    if (mem->nr_roms == GUEST_MEM_MAX_ROMS)
        return -ERR_NOMEM;
    mem->rom[mem->nr_roms++] = *rom;
    return 0;
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
    const void *src = guest_mem_readable(mem, ipa, len);

    if (src == NULL)
        return -ERR_RANGE;
    memcpy(dst, src, len);
    return 0;
}
