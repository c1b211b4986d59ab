/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The GICv3 of a device tree (Linux's binding arm,gic-v3). Neighbours: vm_fdt_device.c, for the
 * guest, and board/host_fdt.c, for the machine.
 */
#ifndef FDT_DT_GIC_H
#define FDT_DT_GIC_H

#include "fdt/dt_reg.h"
#include "lib/err.h"

#define DT_MAX_REDIST 8

struct dt_gic {
    struct dt_range dist;
    unsigned nr_redist; /* at least 1 */
    struct dt_range redist[DT_MAX_REDIST];
};

/* Bring `at` to the one GICv3. Logged: -ERR_NOENT: there is none; -ERR_EXIST: more than one. */
int must_check dt_gic_find(const void *fdt, struct dt_walk *at);

/*
 * Its distributor and the regions of its redistributors, all of whole 64 KiB pages and frames of
 * two. Errors are logged.
 */
int must_check dt_gic_read(const struct dt_walk *at, struct dt_gic *gic);

#endif
