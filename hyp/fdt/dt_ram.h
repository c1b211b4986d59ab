/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RAM in a device tree (Devicetree Specification, "/memory node"). Neighbours: dt_claims.c sees
 * that none is there twice; vm_fdt_memory.c, for the guest, and fdt/host_fdt.c, for the machine,
 * want to know.
 */
#ifndef FDT_DT_RAM_H
#define FDT_DT_RAM_H

#include <stdbool.h>

#include "fdt/dt_claims.h"
#include "fdt/dt_reg.h"
#include "lib/err.h"

#define DT_MAX_RAM 8

/* Pieces of RAM by rising address, none empty, with a gap after each. */
struct dt_ram {
    unsigned count;
    unsigned left_out; /* pieces that there was no room for */
    struct dt_range piece[DT_MAX_RAM];
};

/*
 * All of the tree's RAM. Where `align` is PAGE_SIZE each entry of a "reg" must be of whole pages;
 * where it is 1 it need not. Logged: -ERR_NOENT: there is none; -ERR_INVAL and those of
 * dt_reg_read() and dt_claims_add(): one is wrong.
 */
int must_check dt_ram_read(struct dt_claims *claims, uint64_t align, struct dt_ram *ram);

/* Does a piece hold this address? */
bool dt_ram_has(const struct dt_ram *ram, uint64_t address);

#endif
