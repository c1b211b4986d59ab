/* SPDX-License-Identifier: Apache-2.0 */
/* A list of RAM, sorted and as short as can be. See dt_ram.h. */
#include "fdt/dt_ram.h"

#include <stddef.h>

#include "fdt/dt_prop.h"
#include "lib/addr.h"
#include "lib/log.h"
#include "lib/string.h"

#define MEMORY_DEPTH 1 /* /memory@40000000 */

static bool is_memory(const struct dt_walk *at)
{
    return at->depth == MEMORY_DEPTH &&
           dt_prop_is(at->fdt, dt_walk_node(at), "device_type", "memory");
}

bool dt_ram_has(const struct dt_ram *ram, uint64_t address)
{
    for (unsigned i = 0; i < ram->count; i++) {
        if (range_contains(ram->piece[i].base, ram->piece[i].size, address, 1))
            return true;
    }
    return false;
}

static uint64_t range_end(struct dt_range range)
{
    return range.base + range.size;
}

static void remove_piece(struct dt_ram *ram, unsigned i)
{
    ram->count--;
    memmove(&ram->piece[i], &ram->piece[i + 1], (ram->count - i) * sizeof(ram->piece[0]));
}

/* Add `range`, which overlaps none. */
static void add_piece(struct dt_ram *ram, struct dt_range range)
{
    unsigned i = 0;

    while (i < ram->count && ram->piece[i].base < range.base)
        i++;
    if (i > 0 && range_end(ram->piece[i - 1]) == range.base) {
        i--;
        range = (struct dt_range){ram->piece[i].base, ram->piece[i].size + range.size};
        remove_piece(ram, i);
    }
    if (i < ram->count && range_end(range) == ram->piece[i].base) {
        range.size += ram->piece[i].size;
        remove_piece(ram, i);
    }
    if (ram->count == DT_MAX_RAM) {
        ram->left_out++;
        return;
    }
    memmove(&ram->piece[i + 1], &ram->piece[i], (ram->count - i) * sizeof(ram->piece[0]));
    ram->piece[i] = range;
    ram->count++;
}

static int read_memory(const struct dt_walk *at, struct dt_claims *claims, uint64_t align,
                       struct dt_ram *ram)
{
    struct dt_range range;
    int count = dt_reg_count(at);
    int err = count < 0 ? count : 0;

    for (int i = 0; err == 0 && i < count; i++) {
        err = dt_reg_read(at, (unsigned)i, &range);
        if (err != 0 || range.size == 0)
            continue;
        if (!is_aligned(range.base | range.size, align))
            return dt_walk_error(at, -ERR_INVAL, "RAM must begin and end at a multiple of 0x1000");
        err = dt_claims_add(claims, range, dt_walk_node(at));
        if (err == 0)
            add_piece(ram, range);
    }
    return err;
}

int dt_ram_read(struct dt_claims *claims, uint64_t align, struct dt_ram *ram)
{
    struct dt_walk at;
    int err = 0;

    *ram = (struct dt_ram){.count = 0};
    dt_walk_start(&at, claims->fdt);
    while (err == 0 && dt_walk_next(&at)) {
        if (is_memory(&at))
            err = read_memory(&at, claims, align, ram);
    }
    if (err == 0 && ram->count == 0) {
        log_error("the tree has no RAM: it needs a node with device_type = \"memory\" and a "
                  "\"reg\"");
        err = -ERR_NOENT;
    }
    return err;
}
