/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPUs in a device tree, and the firmware that starts them (Devicetree Specification, "/cpus/cpu*
 * Node Properties"; Linux's bindings arm/cpus and arm/psci). Neighbours: vm_fdt.c and
 * board/host_fdt.c, which make lists of them.
 */
#ifndef FDT_DT_CPU_H
#define FDT_DT_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "fdt/dt_walk.h"
#include "lib/err.h"

/* Is the node that the walk is at a CPU? */
bool dt_cpu_is_one(const struct dt_walk *at);

/* The affinity fields of its MPIDR_EL1. -ERR_INVAL, logged: "reg" is no MPIDR. */
int must_check dt_cpu_mpidr(const struct dt_walk *at, uint64_t *mpidr);

/*
 * Is PSCI called by SMC, else HVC? -ERR_NOENT, not logged: the tree has no PSCI. Logged:
 * -ERR_INVAL: it has, by another method; -ERR_UNSUPPORTED: it has only that of version 0.1.
 */
int must_check dt_cpu_psci(const void *fdt, bool *smc);

#endif
