/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's instruction, through its own stage 1. See trap/guest_insn.h; trap/abort.c calls. */
#include "trap/guest_insn.h"

#include "barrier.h"
#include "regs.h"
#include "sysreg.h"
#include "vm/vm.h"

#define INSN_SIZE 4

/*
 * Where the guest's stage 1 leads `va` (Arm ARM, "AT S1E1R"), PAR_EL1 left as the guest had it.
 * EL1's right to read is asked for, from EL0 too: code that EL0 may only execute is found then.
 */
static int translate(uint64_t va, ipa_t *found)
{
    uint64_t guest_par = read_sysreg(par_el1);
    uint64_t par;

    __asm__ volatile("at s1e1r, %0" : : "r"(va) : "memory");
    isb(); /* the translation is done before its result is read */
    par = read_sysreg(par_el1);
    write_sysreg(guest_par, par_el1);
    if ((par & PAR_EL1_F) != 0)
        return -ERR_RANGE;
    *found = ipa((par & PAR_EL1_PA) | (va & (PAGE_SIZE - 1)));
    return 0;
}

int guest_insn_fetch(const struct vcpu *vcpu, uint32_t *insn)
{
    uint64_t pc = vcpu->regs.pc;
    ipa_t where;
    int err;

    if ((vcpu->regs.pstate & PSR_M_nRW) != 0)
        return -ERR_UNSUPPORTED;
    if (!is_aligned(pc, INSN_SIZE))
        return -ERR_INVAL;
    err = translate(pc, &where);
    if (err != 0)
        return err;
    return guest_mem_read(&vcpu->vm->mem, where, insn, sizeof(*insn));
}
