/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the machine has, from the device tree that its boot loader hands over. Neighbours: main.c
 * calls, once, and docs/adding-a-board.md says what a machine needs; dt_*.h read the tree's parts.
 */
#ifndef FDT_HOST_FDT_H
#define FDT_HOST_FDT_H

#include <stdbool.h>
#include <stdint.h>

#include "fdt/dt_ram.h"
#include "gic/gic.h"
#include "lib/addr.h"
#include "lib/err.h"
#include "lib/limits.h"

#define HOST_MAX_RESERVED 16
#define HOST_MODEL_SIZE   64
#define HOST_MAX_VIRTIO   32
#define HOST_NAME_SIZE    64

/* Where the boot loader puts a bundle beside us, unless /chosen traproom,bundle says so. */
#define HOST_BUNDLE UINT64_C(0x47000000)

/* A virtio-mmio slot of the machine's, with or without a device in it. */
struct host_virtio {
    struct pa_range regs;
    uint32_t intid;
    bool edge; /* its interrupt's trigger */
};

struct host_info {
    char model[HOST_MODEL_SIZE]; /* the root's "model", else the first of its "compatible" */

    unsigned nr_ram;
    struct pa_range ram[DT_MAX_RAM]; /* whole pages, by rising address, disjoint */

    /* What nobody may use of the RAM, without the tree itself: disjoint. */
    unsigned nr_reserved;
    struct pa_range reserved[HOST_MAX_RESERVED];

    /* What of that may not even be mapped ("no-map"): whole pages, without the tree's. */
    unsigned nr_no_map;
    struct pa_range no_map[HOST_MAX_RESERVED];

    unsigned nr_cpus;
    uint64_t mpidr[MAX_CPUS]; /* affinity fields, in the tree's order */

    struct gic_config gic;

    uint32_t pmu_intid; /* of the performance monitors' PPI; 0: the tree names none */

    struct pa_range uart; /* the PL011 that is the console */
    uint32_t uart_intid;

    unsigned nr_virtio;
    struct host_virtio virtio[HOST_MAX_VIRTIO];

    pa_t clock; /* the first PL031, if it has a page to itself */
    bool has_clock;

    bool psci_smc; /* PSCI is called by SMC; false: by HVC */

    uint64_t seed; /* random bits, from "kaslr-seed" in /chosen; 0: there are none */

    char configuration[HOST_NAME_SIZE]; /* /chosen bootargs, traproom.config=NAME; "": none */

    uint64_t fdt_size; /* bytes of the machine's own tree */

    struct pa_range
        bundle; /* where one may lie beside us, to the end of that RAM; size 0: no RAM */
};

/*
 * Read the machine's tree at `fdt`, which lies at its own physical address. What is missing or
 * broken is logged, -ERR_x; if info->uart has a size by then, there is a console to show it on. RAM
 * and CPUs that there is no room for here are left unused.
 */
int must_check host_fdt_parse(const void *fdt, struct host_info *info);

#endif
