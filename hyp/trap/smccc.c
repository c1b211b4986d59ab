/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a firmware call is. See smccc.h; psci.c answers for what is its. */
#include "trap/smccc.h"

#include "trap/esr.h"
#include "trap/psci.h"
#include "trap/skip.h"

/*
 * The architecture's own functions. SMCCC_ARCH_FEATURES says which there are. The workarounds of
 * speculation faults are not: EL2 has nothing to do on this guest's behalf.
 */
static int64_t arch_call(const struct vcpu *vcpu, uint32_t function)
{
    uint32_t asked = (uint32_t)smccc_arg(vcpu, 1);

    if (function == SMCCC_VERSION)
        return SMCCC_VERSION_1_1;
    if (function == SMCCC_ARCH_FEATURES && (asked == SMCCC_VERSION || asked == SMCCC_ARCH_FEATURES))
        return SMCCC_SUCCESS;
    return SMCCC_NOT_SUPPORTED;
}

void smccc_call(struct vcpu *vcpu, uint64_t esr, bool smc)
{
    uint32_t function = (uint32_t)vcpu->regs.x[0];

    if (smc)
        skip_insn(vcpu, esr);
    if (FIELD_GET(ISS_CALL_imm16, esr) != 0)
        smccc_return(vcpu, SMCCC_NOT_SUPPORTED); /* the convention's calls have immediate 0 */
    else if (psci_owns(function))
        psci_call(vcpu, function);
    else
        smccc_return(vcpu, arch_call(vcpu, function));
}
