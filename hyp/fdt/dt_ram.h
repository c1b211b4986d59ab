/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RAM in a device tree (Devicetree Specification, "/memory node"). Neighbours: vm_fdt_memory.c, for
 * the guest, and board/host_fdt.c, for the machine.
 */
#ifndef FDT_DT_RAM_H
#define FDT_DT_RAM_H

#include <stdbool.h>

#include "fdt/dt_reg.h"
#include "lib/err.h"

#define DT_MAX_RAM 8

/* Pieces of RAM by rising address, none empty, with a gap after each. */
struct dt_ram {
    unsigned count;
    struct dt_range piece[DT_MAX_RAM];
};

/* Is the node that the walk is at one whose "reg" is RAM? */
bool dt_ram_is_one(const struct dt_walk *at);

/* A piece that shares a byte with `range`; NULL: none does. */
const struct dt_range *dt_ram_overlap(const struct dt_ram *ram, struct dt_range range);

/* Add `range`, not empty, which overlaps none. -ERR_NOMEM: too many pieces, nothing is added. */
int must_check dt_ram_add(struct dt_ram *ram, struct dt_range range);

#endif
