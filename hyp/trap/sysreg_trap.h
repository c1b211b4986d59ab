/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System registers and instructions of the guest that EL2 has trapped (el1_ctx.c says which):
 * ID registers, SGIs, and what the guest is not offered. exit.c calls; id_regs.c has the values.
 */
#ifndef TRAP_SYSREG_TRAP_H
#define TRAP_SYSREG_TRAP_H

#include <stdint.h>

struct vcpu;

/*
 * An exit of class ESR_EC_SYS64 with this syndrome. On return the guest goes on at vcpu->regs.pc:
 * past the instruction, or at its exception vector since the register is UNDEFINED for it. Counts
 * the exit. No lock may be held.
 */
void sysreg_trap(struct vcpu *vcpu, uint64_t esr);

#endif
