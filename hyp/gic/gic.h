/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine's own GICv3: brought up for EL2, with the guest's timers linked through it.
 * Neighbours: gicc.h (this CPU's interface to it), vgic.c (the virtual one).
 */
#ifndef GIC_GIC_H
#define GIC_GIC_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/err.h"
#include "lib/limits.h"

#define GIC_MAX_REGIONS 8
#define GIC_SGI_KICK    0 /* from one CPU of Traproom's to another: look at what has changed */
#define GIC_SGI_SAMPLE  1 /* the same: take a sample of your vCPU (vm/watch.c) */
#define GIC_SGI_REPORT  2 /* the same: tell what the vCPU does (vm/report.c) */
#define GIC_SGI_MONITOR 3 /* the same: answer what a monitor asks (vm/monitor.c) */

/* Where it is, from the host's device tree. */
struct gic_config {
    struct pa_range dist;
    unsigned nr_redist_regions;
    struct pa_range redist[GIC_MAX_REGIONS];
    uint32_t maintenance; /* INTID of the maintenance interrupt, a PPI */
};

/* Bring up the distributor. Called once, before any CPU's gic_init_cpu(). -ERR_UNSUPPORTED: no
 * GICv3. */
int must_check gic_init(const struct gic_config *config);

/*
 * Bring up the redistributor and the CPU interface of the calling CPU, `cpu`, whose affinity
 * is `mpidr`. -ERR_NOENT: it has no redistributor.
 */
int must_check gic_init_cpu(unsigned cpu, uint64_t mpidr);

/* Forward the SPI `intid`, edge-triggered or level-sensitive, to the CPU of affinity `mpidr`. */
void gic_enable_spi(uint32_t intid, bool edge, uint64_t mpidr);

/* Make the SPI `intid` pending, as if its device had. */
void gic_set_pending(uint32_t intid);

/* Send GIC_SGI_KICK to `cpu`; what was written before is seen by its handler. */
void gic_kick(unsigned cpu);

/* The same with another SGI. */
void gic_send_sgi(unsigned cpu, uint32_t intid);

/* The PPI `intid` of `cpu`. Any CPU may call. */
void gic_ppi_set_enabled(unsigned cpu, uint32_t intid, bool enabled);
void gic_ppi_set_pending(unsigned cpu, uint32_t intid, bool pending);
void gic_ppi_set_active(unsigned cpu, uint32_t intid, bool active);
/* The PPIs of `cpu` that are pending, by latch or by line, each at the bit of its INTID. */
uint32_t gic_ppi_pending(unsigned cpu);

#endif
