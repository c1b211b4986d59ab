/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The GICv3 of a device tree (Linux's binding arm,gic-v3). Neighbours: vm_fdt_gic.c, for the
 * guest, and fdt/host_fdt.c, for the machine.
 */
#ifndef FDT_DT_GIC_H
#define FDT_DT_GIC_H

#include "fdt/dt_reg.h"
#include "lib/err.h"

#define DT_MAX_REDIST 8

struct dt_gic {
    struct dt_walk at; /* its node */
    struct dt_range dist;
    unsigned nr_redist; /* at least 1 */
    struct dt_range redist[DT_MAX_REDIST];
};

/*
 * The tree's one GICv3: its distributor and the regions of its redistributors, all of whole 64 KiB
 * pages and frames of two. Logged: -ERR_NOENT: there is none, or part of it; -ERR_EXIST: there are
 * two; others: it is wrong.
 */
int must_check dt_gic_read(const void *fdt, struct dt_gic *gic);

#endif
