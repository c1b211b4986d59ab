/* SPDX-License-Identifier: Apache-2.0 */
/* A list of RAM, sorted and as short as can be. See vm_fdt_ram.h. */
#include "vm/vm_fdt_ram.h"

#include <stddef.h>

#include "lib/addr.h"
#include "lib/string.h"
#include "vm/vm_fdt_prop.h"

#define MEMORY_DEPTH 1 /* /memory@40000000 */

bool vm_fdt_ram_is_one(const struct vm_fdt_walk *at)
{
    const char *type = vm_fdt_prop_string(at->fdt, vm_fdt_walk_node(at), "device_type");

    return at->depth == MEMORY_DEPTH && type != NULL && strcmp(type, "memory") == 0;
}

const struct vm_fdt_range *vm_fdt_ram_overlap(const struct vm_fdt_ram *ram,
                                              struct vm_fdt_range range)
{
    for (unsigned i = 0; i < ram->count; i++) {
        if (ranges_overlap(ram->piece[i].base, ram->piece[i].size, range.base, range.size))
            return &ram->piece[i];
    }
    return NULL;
}

static uint64_t end(struct vm_fdt_range range)
{
    return range.base + range.size;
}

static void remove_piece(struct vm_fdt_ram *ram, unsigned i)
{
    ram->count--;
    memmove(&ram->piece[i], &ram->piece[i + 1], (ram->count - i) * sizeof(ram->piece[0]));
}

int vm_fdt_ram_add(struct vm_fdt_ram *ram, struct vm_fdt_range range)
{
    unsigned i = 0;

    while (i < ram->count && ram->piece[i].base < range.base)
        i++;
    if (i > 0 && end(ram->piece[i - 1]) == range.base) {
        i--;
        range = (struct vm_fdt_range){ram->piece[i].base, ram->piece[i].size + range.size};
        remove_piece(ram, i);
    }
    if (i < ram->count && end(range) == ram->piece[i].base) {
        range.size += ram->piece[i].size;
        remove_piece(ram, i);
    }
    if (ram->count == VM_FDT_MAX_RAM)
        return -ERR_NOMEM;
    memmove(&ram->piece[i + 1], &ram->piece[i], (ram->count - i) * sizeof(ram->piece[0]));
    ram->piece[i] = range;
    ram->count++;
    return 0;
}
