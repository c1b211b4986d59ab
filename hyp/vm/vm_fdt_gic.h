/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The GICv3 of a device tree (Linux's binding arm,gic-v3). Neighbours: vm_fdt_device.c, for the
 * guest, and board/host_fdt.c, for the machine.
 */
#ifndef VM_VM_FDT_GIC_H
#define VM_VM_FDT_GIC_H

#include "lib/err.h"
#include "vm/vm_fdt_addr.h"

#define VM_FDT_MAX_REDIST 8

struct vm_fdt_gic {
    struct vm_fdt_range dist;
    unsigned nr_redist; /* at least 1 */
    struct vm_fdt_range redist[VM_FDT_MAX_REDIST];
};

/* Bring `at` to the one GICv3. Logged: -ERR_NOENT: there is none; -ERR_EXIST: more than one. */
int must_check vm_fdt_gic_find(const void *fdt, struct vm_fdt_walk *at);

/*
 * Its distributor and the regions of its redistributors, all of whole 64 KiB pages and frames of
 * two. Errors are logged.
 */
int must_check vm_fdt_gic_read(const struct vm_fdt_walk *at, struct vm_fdt_gic *gic);

#endif
