/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node of the CPUs' performance monitors (Linux's binding arm,pmu). Neighbours: dt_irq.h reads
 * its interrupt; fdt/host_fdt.c and fdt/vm_fdt_device.c ask.
 */
#ifndef FDT_DT_PMU_H
#define FDT_DT_PMU_H

#include <stdint.h>

#include "lib/err.h"

#define DT_PMU_COMPATIBLE "arm,armv8-pmuv3"

/*
 * The INTID of the overflow interrupt, in a tree whose GICv3 is the node `gic`. 0: there is no
 * enabled node, or its interrupt is not the one PPI that all CPUs have. -ERR_x as dt_irq_intid().
 */
int must_check dt_pmu_intid(const void *fdt, int gic, uint32_t *intid);

#endif
