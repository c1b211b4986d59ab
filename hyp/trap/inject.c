/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking an exception to EL1 on the guest's behalf. See inject.h; the registers that vectors.S
 * reloads are set here, the others are the hardware's own.
 */
#include "trap/inject.h"

#include "regs.h"
#include "sysreg.h"
#include "trap/esr.h"
#include "vm/vcpu.h"

/* Of VBAR_EL1: synchronous exceptions, by where they come from (Arm ARM, "Exception vectors"). */
#define VECTOR_CURRENT_SP_EL0 UINT64_C(0x000)
#define VECTOR_CURRENT_SP_ELx UINT64_C(0x200)
#define VECTOR_LOWER_AARCH64  UINT64_C(0x400)
#define VECTOR_LOWER_AARCH32  UINT64_C(0x600)
#define VECTOR_TABLE_MASK     (~UINT64_C(0x7ff))

#define ISS_DATA_KEPT (ISS_ABORT_FnV | ISS_ABORT_EA | ISS_ABORT_CM | ISS_ABORT_WnR)
#define ISS_INSN_KEPT (ISS_ABORT_FnV | ISS_ABORT_EA)

/* AArch32's user mode, the only one that a guest can have, counts as EL0 by this field, too. */
static bool from_el0(uint64_t pstate)
{
    return (pstate & PSR_M_EL) == 0;
}

static uint64_t vector_of(uint64_t pstate)
{
    if ((pstate & PSR_M_nRW) != 0)
        return VECTOR_LOWER_AARCH32;
    if (from_el0(pstate))
        return VECTOR_LOWER_AARCH64;
    return (pstate & PSR_M_MASK) == PSR_M_EL1t ? VECTOR_CURRENT_SP_EL0 : VECTOR_CURRENT_SP_ELx;
}

/* PSTATE at the first instruction of the vector: these bits stay, the others are set or zero. */
static uint64_t pstate_at_vector(uint64_t old)
{
    uint64_t pfr1 = read_sysreg(id_aa64pfr1_el1);
    uint64_t sctlr = read_sysreg(sctlr_el1);
    uint64_t pstate = (old & (PSR_NZCV | PSR_PAN | PSR_DIT)) | PSR_DAIF | PSR_M_EL1h;

    if ((read_sysreg(id_aa64mmfr1_el1) & ID_AA64MMFR1_EL1_PAN) != 0 &&
        (sctlr & SCTLR_EL1_SPAN) == 0)
        pstate |= PSR_PAN;
    if ((pfr1 & ID_AA64PFR1_EL1_SSBS) != 0 && (sctlr & SCTLR_EL1_DSSBS) != 0)
        pstate |= PSR_SSBS;
    if ((pfr1 & ID_AA64PFR1_EL1_MTE) != 0)
        pstate |= PSR_TCO;
    if ((pfr1 & ID_AA64PFR1_EL1_NMI) != 0 && (sctlr & SCTLR_EL1_SPINTMASK) == 0)
        pstate |= PSR_ALLINT;
    return pstate;
}

void inject_sync(struct vcpu *vcpu, uint64_t esr)
{
    struct guest_regs *regs = &vcpu->regs;
    uint64_t pstate = regs->pstate;

    write_sysreg(esr, esr_el1);
    write_sysreg(regs->pc, elr_el1);
    write_sysreg(pstate, spsr_el1);
    regs->pc = (read_sysreg(vbar_el1) & VECTOR_TABLE_MASK) + vector_of(pstate);
    regs->pstate = pstate_at_vector(pstate);
}

/*
 * IL is 1 in all that follow, whatever the instruction's length: the manual has it so for an
 * unknown reason, an Instruction Abort, and a Data Abort without valid instruction syndrome.
 */
static uint64_t syndrome(unsigned ec, uint64_t iss)
{
    return FIELD_PREP(ESR_ELx_EC, ec) | ESR_ELx_IL | iss;
}

void inject_undefined(struct vcpu *vcpu)
{
    inject_sync(vcpu, syndrome(ESR_EC_UNKNOWN, 0));
}

/* `ec` is the class if it comes from EL0; one more it is if from EL1. */
static void inject_abort(struct vcpu *vcpu, unsigned ec, uint64_t far, unsigned fsc, uint64_t iss)
{
    write_sysreg(far, far_el1);
    inject_sync(vcpu, syndrome(from_el0(vcpu->regs.pstate) ? ec : ec + 1,
                               iss | FIELD_PREP(ISS_ABORT_FSC, fsc)));
}

void inject_data_abort(struct vcpu *vcpu, uint64_t far, unsigned fsc, uint64_t iss)
{
    inject_abort(vcpu, ESR_EC_DABT_LOW, far, fsc, iss & ISS_DATA_KEPT);
}

void inject_instruction_abort(struct vcpu *vcpu, uint64_t far, unsigned fsc, uint64_t iss)
{
    inject_abort(vcpu, ESR_EC_IABT_LOW, far, fsc, iss & ISS_INSN_KEPT);
}
