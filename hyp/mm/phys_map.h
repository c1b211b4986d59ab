/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who owns which part of the machine's memory: the hypervisor, each image, the guest's RAM. Two
 * owners of one byte are refused, by name. Used at boot, by one CPU.
 */
#ifndef MM_PHYS_MAP_H
#define MM_PHYS_MAP_H

#include <stdbool.h>

#include "lib/addr.h"
#include "lib/err.h"

#define PHYS_MAP_MAX_RAM    16
#define PHYS_MAP_MAX_OWNERS 48

struct phys_owner {
    struct pa_range range;
    const char *name; /* a string that lasts */
    bool guest;       /* a guest may reach it */
};

struct phys_map {
    unsigned nr_ram;
    struct pa_range ram[PHYS_MAP_MAX_RAM];
    unsigned nr_owners;
    struct phys_owner owner[PHYS_MAP_MAX_OWNERS];
};

/* The machine has this RAM. -ERR_NOMEM: too many pieces. */
int must_check phys_map_add_ram(struct phys_map *map, struct pa_range range);

/*
 * `name` owns this part of RAM from now on. -ERR_RANGE: not RAM; -ERR_EXIST: another has some of
 * it; -ERR_NOMEM: too many owners. Each is logged with the ranges concerned. An empty range is
 * fine.
 */
int must_check phys_map_claim(struct phys_map *map, struct pa_range range, const char *name);

/* Could `name` claim this part, as far as RAM and owners go? Errors as of phys_map_claim(). */
int must_check phys_map_check(const struct phys_map *map, struct pa_range range, const char *name);

/*
 * Find and claim `size` bytes for `name`: at `wish` if that is free, else where the address
 * differs from `wish` by a multiple of `align`, a power of two. -ERR_NOMEM, not logged: nowhere.
 */
int must_check phys_map_place(struct phys_map *map, pa_t wish, uint64_t size, uint64_t align,
                              const char *name, pa_t *found);

/* What was claimed from `base` on is a guest's: no one else's pages may be mapped to it. */
void phys_map_give(struct phys_map *map, pa_t base);

/* Who owns this byte; NULL: nobody. */
const struct phys_owner *phys_map_owner(const struct phys_map *map, pa_t at);

#endif
