/* SPDX-License-Identifier: Apache-2.0 */
/* A list of RAM, sorted and as short as can be. See dt_ram.h. */
#include "fdt/dt_ram.h"

#include <stddef.h>

#include "fdt/dt_prop.h"
#include "lib/addr.h"
#include "lib/string.h"

#define MEMORY_DEPTH 1 /* /memory@40000000 */

bool dt_ram_is_one(const struct dt_walk *at)
{
    const char *type = dt_prop_string(at->fdt, dt_walk_node(at), "device_type");

    return at->depth == MEMORY_DEPTH && type != NULL && strcmp(type, "memory") == 0;
}

const struct dt_range *dt_ram_overlap(const struct dt_ram *ram, struct dt_range range)
{
    for (unsigned i = 0; i < ram->count; i++) {
        if (ranges_overlap(ram->piece[i].base, ram->piece[i].size, range.base, range.size))
            return &ram->piece[i];
    }
    return NULL;
}

static uint64_t end(struct dt_range range)
{
    return range.base + range.size;
}

static void remove_piece(struct dt_ram *ram, unsigned i)
{
    ram->count--;
    memmove(&ram->piece[i], &ram->piece[i + 1], (ram->count - i) * sizeof(ram->piece[0]));
}

int dt_ram_add(struct dt_ram *ram, struct dt_range range)
{
    unsigned i = 0;

    while (i < ram->count && ram->piece[i].base < range.base)
        i++;
    if (i > 0 && end(ram->piece[i - 1]) == range.base) {
        i--;
        range = (struct dt_range){ram->piece[i].base, ram->piece[i].size + range.size};
        remove_piece(ram, i);
    }
    if (i < ram->count && end(range) == ram->piece[i].base) {
        range.size += ram->piece[i].size;
        remove_piece(ram, i);
    }
    if (ram->count == DT_MAX_RAM)
        return -ERR_NOMEM;
    memmove(&ram->piece[i + 1], &ram->piece[i], (ram->count - i) * sizeof(ram->piece[0]));
    ram->piece[i] = range;
    ram->count++;
    return 0;
}
