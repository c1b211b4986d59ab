/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letting the guest go on behind an instruction that EL2 has carried out for it, with PSTATE as its
 * CPU would leave it. Used by whoever emulates: abort.c, sysreg_trap.c, smccc.c.
 */
#ifndef TRAP_SKIP_H
#define TRAP_SKIP_H

#include "regs.h"
#include "trap/esr.h"
#include "vm/vcpu.h"

/* ITSTATE in an AArch32 state's SPSR (Arm ARM, "SPSR_EL2, exception taken from AArch32 state"). */
#define SKIP_PSR_IT_LOW  GENMASK(26, 25) /* IT[1:0] */
#define SKIP_PSR_IT_HIGH GENMASK(15, 10) /* IT[7:2] */

/* One instruction on within a T32 IT block, if it is in one (Arm ARM, AArch32.ITAdvance()). */
static inline uint64_t skip_it_advance(uint64_t pstate)
{
    uint64_t it = FIELD_GET(SKIP_PSR_IT_HIGH, pstate) << 2 | FIELD_GET(SKIP_PSR_IT_LOW, pstate);

    if ((it & GENMASK(2, 0)) == 0)
        it = 0;
    else
        it = (it & GENMASK(7, 5)) | (it << 1 & GENMASK(4, 0));
    return (pstate & ~(SKIP_PSR_IT_HIGH | SKIP_PSR_IT_LOW)) |
           FIELD_PREP(SKIP_PSR_IT_HIGH, it >> 2) | FIELD_PREP(SKIP_PSR_IT_LOW, it);
}

/* Let the guest go on behind an A64 instruction. See skip_insn(). */
static inline void skip_a64_insn(struct vcpu *vcpu)
{
    vcpu->regs.pc += 4;
    vcpu->regs.pstate &= ~(PSR_SS | PSR_BTYPE);
}

/*
 * Let the guest go on behind the instruction that trapped with syndrome `esr`, whose IL gives its
 * length: 4 bytes, or 2 in T32. Not for HVC, whose preferred return address is past it already.
 * A guest that is single-stepped takes its step exception next.
 */
static inline void skip_insn(struct vcpu *vcpu, uint64_t esr)
{
    uint64_t pstate = vcpu->regs.pstate;

    if ((pstate & PSR_M_nRW) == 0) {
        skip_a64_insn(vcpu);
        return;
    }
    vcpu->regs.pc += esr_insn_length(esr);
    vcpu->regs.pstate = skip_it_advance(pstate) & ~PSR_SS;
}

#endif
