/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPUs in a device tree, and the firmware that starts them (Devicetree Specification, "/cpus/cpu*
 * Node Properties"; Linux's bindings arm/cpus and arm/psci). Neighbours: vm_fdt.c and
 * fdt/host_fdt.c, which make lists of them.
 */
#ifndef FDT_DT_CPU_H
#define FDT_DT_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "fdt/dt_walk.h"
#include "lib/err.h"
#include "lib/limits.h"

/*
 * The affinity fields of each CPU's MPIDR_EL1, in the tree's order, of the first MAX_CPUS; *found:
 * how many there are. Logged: -ERR_NOENT: there is none; -ERR_INVAL: a "reg" is no MPIDR;
 * -ERR_EXIST: two have the same; -ERR_UNSUPPORTED: one is not started by PSCI.
 */
int must_check dt_cpu_read(const void *fdt, uint64_t mpidr[MAX_CPUS], unsigned *found);

/* Warn of CPUs after the first whose nodes do not say how they are started. */
void dt_cpu_warn_of_unstarted(const void *fdt);

/*
 * Is PSCI called by SMC, else HVC? -ERR_NOENT, not logged: the tree has no PSCI. Logged:
 * -ERR_INVAL: it has, by another method; -ERR_UNSUPPORTED: it has only that of version 0.1.
 */
int must_check dt_cpu_psci(const void *fdt, bool *smc);

#endif
