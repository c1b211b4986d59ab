/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RAM in a device tree (Devicetree Specification, "/memory node"). Neighbours: vm_fdt_memory.c, for
 * the guest, and board/host_fdt.c, for the machine.
 */
#ifndef VM_VM_FDT_RAM_H
#define VM_VM_FDT_RAM_H

#include <stdbool.h>

#include "lib/err.h"
#include "vm/vm_fdt_addr.h"

#define VM_FDT_MAX_RAM 8

/* Pieces of RAM by rising address, none empty, with a gap after each. */
struct vm_fdt_ram {
    unsigned count;
    struct vm_fdt_range piece[VM_FDT_MAX_RAM];
};

/* Is the node that the walk is at one whose "reg" is RAM? */
bool vm_fdt_ram_is_one(const struct vm_fdt_walk *at);

/* A piece that shares a byte with `range`; NULL: none does. */
const struct vm_fdt_range *vm_fdt_ram_overlap(const struct vm_fdt_ram *ram,
                                              struct vm_fdt_range range);

/* Add `range`, not empty, which overlaps none. -ERR_NOMEM: too many pieces, nothing is added. */
int must_check vm_fdt_ram_add(struct vm_fdt_ram *ram, struct vm_fdt_range range);

#endif
