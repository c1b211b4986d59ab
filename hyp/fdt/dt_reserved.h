/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory that a device tree keeps free: the blob's memory reservation block and the static
 * regions of /reserved-memory (Devicetree Specification, "Memory Reservation Block" and
 * "/reserved-memory Node"). Neighbours: vm_fdt_memory.c, for the guest, and fdt/host_reserved.c,
 * for the machine.
 */
#ifndef FDT_DT_RESERVED_H
#define FDT_DT_RESERVED_H

#include <stdbool.h>

#include "fdt/dt_reg.h"
#include "lib/err.h"

#define DT_MAX_RESERVED 32

struct dt_reserved {
    struct dt_range range; /* not empty */
    int node;              /* negative: of the memory reservation block */
    bool no_map;           /* not even to be mapped */
};

/*
 * Read them into `list`, in the tree's order: first the block. Returns how many. Logged:
 * -ERR_NOMEM: more than DT_MAX_RESERVED; others: one is broken.
 */
int must_check dt_reserved_read(const void *fdt, struct dt_reserved list[DT_MAX_RESERVED]);

#endif
