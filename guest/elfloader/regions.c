/* SPDX-License-Identifier: Apache-2.0 */
/* Taken RAM. Contract in regions.h; platform.c has read the tree's memory. */
#include "regions.h"

#include <stddef.h>

#include "fail.h"
#include "lib/addr.h"
#include "platform.h"

static uint64_t last(uint64_t start, uint64_t size)
{
    return start + (size - 1);
}

static bool in_ram(uint64_t start, uint64_t size)
{
    for (unsigned i = 0; i < platform.nr_ram; i++) {
        if (range_contains(platform.ram[i].address, platform.ram[i].size, start, size))
            return true;
    }
    return false;
}

static const struct region *find_clash(const struct regions *regions, uint64_t start, uint64_t size)
{
    for (unsigned i = 0; i < regions->count; i++) {
        const struct region *taken = &regions->taken[i];

        if (ranges_overlap(taken->start, taken->size, start, size))
            return taken;
    }
    return NULL;
}

void regions_note(struct regions *regions, const char *name, uint64_t start, uint64_t size)
{
    if (size == 0)
        return;
    if (regions->count == REGIONS_MAX)
        fail_with("more than %u regions of memory are taken", REGIONS_MAX);
    regions->taken[regions->count++] = (struct region){name, start, size};
}

void regions_take(struct regions *regions, const char *name, uint64_t start, uint64_t size)
{
    const struct region *clash;

    if (!range_is_valid(start, size) || !in_ram(start, size))
        fail_with("%s at [0x%lx, 0x%lx] is not all in RAM", name, start, last(start, size));
    clash = find_clash(regions, start, size);
    if (clash != NULL)
        fail_with("%s at [0x%lx, 0x%lx] overlaps %s at [0x%lx, 0x%lx]: move one of them", name,
                  start, last(start, size), clash->name, clash->start,
                  last(clash->start, clash->size));
    regions_note(regions, name, start, size);
}

uint64_t regions_find(const struct regions *regions, uint64_t from, uint64_t size)
{
    uint64_t best = 0;
    uint64_t at = align_up(from, PAGE_SIZE);

    /* It is either at `from`, at the start of RAM, or right behind what is taken. */
    for (unsigned i = 0; i <= regions->count + platform.nr_ram; i++) {
        if (i > 0 && i <= regions->count)
            at = align_up(regions->taken[i - 1].start + regions->taken[i - 1].size, PAGE_SIZE);
        else if (i > regions->count)
            at = align_up(platform.ram[i - regions->count - 1].address, PAGE_SIZE);
        if (at >= from && in_ram(at, size) && find_clash(regions, at, size) == NULL &&
            (best == 0 || at < best))
            best = at;
    }
    return best;
}
