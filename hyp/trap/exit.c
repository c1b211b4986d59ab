/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where each synchronous exit from the guest begins in C: by the exception class it goes to who
 * handles it. Interrupts begin in irq.c.
 * Neighbours: vectors.S calls and returns to the guest afterwards; abort.c takes memory
 * accesses, sysreg_trap.c system registers, smccc.c calls.
 */
#include "trap/exit.h"

#include "check/sabotage.h"
#include "lib/log.h"
#include "regs.h"
#include "sysreg.h"
#include "trap/abort.h"
#include "trap/esr.h"
#include "trap/inject.h"
#include "trap/smccc.h"
#include "trap/sysreg_trap.h"
#include "vm/power.h"
#include "vm/vm.h"

/*
 * What has no handler above: an instruction that the guest's CPU, as it is shown, does not have.
 * Not inlined: its registers would be saved on the way of every exit.
 */
static __attribute__((noinline)) void exit_other(struct vcpu *vcpu, uint64_t esr)
{
    if (vm_watcher_takes(vcpu, esr)) {
        vcpu->exits[EXIT_WATCHED]++;
        return;
    }
    vcpu->exits[EXIT_UNDEF]++;
    if (esr_ec(esr) == ESR_EC_ILLEGAL)
        power_kill_vm(vcpu, "it ran with an illegal PSTATE that EL1 did not take");
    else
        inject_undefined(vcpu);
}

void exit_sync(struct vcpu *vcpu)
{
    uint64_t esr = read_sysreg(esr_el2);

    sabotage_exit(vcpu->vm, true);
    if (esr_ec(esr) == ESR_EC_DABT_LOW) { /* the most frequent by far */
        abort_fast(vcpu, esr);
        return;
    }
    switch (esr_ec(esr)) {
    case ESR_EC_SYS64:
        sysreg_trap(vcpu, esr);
        break;
    case ESR_EC_HVC64:
        vcpu->exits[EXIT_HVC]++;
        smccc_call(vcpu, esr, false);
        break;
    case ESR_EC_SMC64:
        vcpu->exits[EXIT_SMC]++;
        smccc_call(vcpu, esr, true);
        break;
    case ESR_EC_IABT_LOW:
        abort_instruction(vcpu, esr);
        break;
    default:
        exit_other(vcpu, esr);
        break;
    }
}

/* A system error while the guest ran is the guest's: it finds it pending, as it would without us.
 */
void exit_serror(struct vcpu *vcpu)
{
    vcpu->exits[EXIT_SERROR]++;
    write_sysreg(read_sysreg(hcr_el2) | HCR_EL2_VSE, hcr_el2);
}
