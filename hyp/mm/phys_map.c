/* SPDX-License-Identifier: Apache-2.0 */
/* Who owns which part of the machine's memory. See phys_map.h; main.c and vm/vm.c use it. */
#include "mm/phys_map.h"

#include <stddef.h>

#include "lib/log.h"

static bool is_ram(const struct phys_map *map, struct pa_range r)
{
    for (unsigned i = 0; i < map->nr_ram; i++) {
        if (range_contains(map->ram[i].base.v, map->ram[i].size, r.base.v, r.size))
            return true;
    }
    return false;
}

static const struct phys_owner *find_owner(const struct phys_map *map, struct pa_range r)
{
    for (unsigned i = 0; i < map->nr_owners; i++) {
        if (ranges_overlap(map->owner[i].range.base.v, map->owner[i].range.size, r.base.v, r.size))
            return &map->owner[i];
    }
    return NULL;
}

int phys_map_add_ram(struct phys_map *map, struct pa_range range)
{
    if (map->nr_ram == PHYS_MAP_MAX_RAM)
        return -ERR_NOMEM;
    map->ram[map->nr_ram++] = range;
    return 0;
}

int phys_map_check(const struct phys_map *map, struct pa_range range, const char *name)
{
    const struct phys_owner *other;

    if (!is_ram(map, range)) {
        log_error("%s at 0x%lx, 0x%lx bytes, is not in the machine's RAM: give QEMU more (-m)",
                  name, range.base.v, range.size);
        return -ERR_RANGE;
    }
    other = find_owner(map, range);
    if (other != NULL) {
        log_error("%s at [0x%lx, 0x%lx] overlaps %s at [0x%lx, 0x%lx]", name, range.base.v,
                  range_last(range), other->name, other->range.base.v, range_last(other->range));
        return -ERR_EXIST;
    }
    return 0;
}

int phys_map_claim(struct phys_map *map, struct pa_range range, const char *name)
{
    int err = range.size == 0 ? 0 : phys_map_check(map, range, name);

    if (err != 0 || range.size == 0)
        return err;
    if (map->nr_owners == PHYS_MAP_MAX_OWNERS) {
        log_error("%s: too many pieces of memory", name);
        return -ERR_NOMEM;
    }
    map->owner[map->nr_owners++] = (struct phys_owner){.range = range, .name = name};
    return 0;
}

/* The first address from `at` on that is `wish` modulo `align`. */
static uint64_t congruent(uint64_t at, uint64_t wish, uint64_t align)
{
    return at + ((wish - at) & (align - 1));
}

/* The first free place in one piece of RAM; false: there is none. */
static bool search(const struct phys_map *map, struct pa_range ram, pa_t wish, uint64_t align,
                   struct pa_range *want)
{
    uint64_t at = congruent(ram.base.v, wish.v, align);

    while (range_contains(ram.base.v, ram.size, at, want->size)) {
        const struct phys_owner *owner;

        want->base = pa(at);
        owner = find_owner(map, *want);
        if (owner == NULL)
            return true;
        at = congruent(owner->range.base.v + owner->range.size, wish.v, align);
    }
    return false;
}

int phys_map_place(struct phys_map *map, pa_t wish, uint64_t size, uint64_t align, const char *name,
                   pa_t *found)
{
    struct pa_range want = {.base = wish, .size = size};
    bool fits = is_ram(map, want) && find_owner(map, want) == NULL;

    for (unsigned i = 0; !fits && i < map->nr_ram; i++)
        fits = search(map, map->ram[i], wish, align, &want);
    if (!fits)
        return -ERR_NOMEM;
    *found = want.base;
    return phys_map_claim(map, want, name);
}

void phys_map_give(struct phys_map *map, pa_t base)
{
    for (unsigned i = 0; i < map->nr_owners; i++) {
        if (map->owner[i].range.base.v == base.v)
            map->owner[i].guest = true;
    }
}

const struct phys_owner *phys_map_owner(const struct phys_map *map, pa_t at)
{
    return find_owner(map, (struct pa_range){at, 1});
}
