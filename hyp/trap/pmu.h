/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The performance monitors: the CPU's own, given to a guest whose tree has a node for them.
 *
 * All counters are the guest's, and their overflow interrupt comes through a linked list register
 * as the timers' do. What EL2 does is not counted. From PMUv3p5 on MDCR_EL2 sees to that (HPMD for
 * events, HCCD for cycles), and no access traps. On older CPUs all accesses do, so that no filter
 * has its bit NSH set, with which it would count at EL2 (Arm ARM, "MDCR_EL2", "PMCCFILTR_EL0").
 *
 * Nobody else uses the PMU, so there is nothing to save or to switch on the way of an exit. To a
 * guest without the node every access is undefined.
 *
 * Neighbours: main.c offers it and sets the CPUs up; pmu_trap.c has the registers where they trap;
 * id_regs.c shows the version; arch/aarch64/pmuv3.h resets; vgic_link_ppi() links the interrupt.
 */
#ifndef TRAP_PMU_H
#define TRAP_PMU_H

#include <stdbool.h>
#include <stdint.h>

struct vm_config;

/*
 * At boot, after id_regs_init(): does the guest get the PMU that config->pmu_intid asks for? If so
 * its ID registers show it; if not, pmu_intid becomes 0, with a warning that says why.
 * `machine_intid` is the PPI of the machine's own; 0: its tree names none.
 */
void pmu_offer(struct vm_config *config, uint32_t machine_intid);

/* MDCR_EL2 for the calling CPU, but for what is not about its PMU. */
uint64_t pmu_mdcr(bool offered);

/*
 * The access to a PMU register that `esr` describes, by the guest that has the PMU, on its CPU.
 * `value` is what is written, or becomes what is read. False: there is no such register, or not in
 * this direction.
 */
bool pmu_access(uint64_t esr, uint64_t *value);

#endif
