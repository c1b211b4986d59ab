/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's instruction, through its own stage 1. See guest_insn.h; abort.c calls. */
#include "trap/guest_insn.h"

#include <stddef.h>

#include "mm/s1_walk.h"
#include "regs.h"
#include "vm/vm.h"

int guest_insn_at(const struct vcpu *vcpu, uint64_t pc, uint32_t *insn)
{
    const struct s1_regime regime = s1_regime_current();
    struct s1_leaf leaf;

    if ((vcpu->regs.pstate & PSR_M_nRW) != 0)
        return -ERR_UNSUPPORTED;
    if (!is_aligned(pc, INSN_SIZE))
        return -ERR_INVAL;
    if (s1_walk(&regime, &vcpu->vm->mem, pc, NULL, NULL, &leaf) != 0)
        return -ERR_RANGE;
    return guest_mem_read(&vcpu->vm->mem, leaf.out, insn, sizeof(*insn));
}

/*
 * Any right will do, and none is asked for: the CPU has fetched it already. What stands there now
 * is only carried out if it is the access that trapped (abort.c).
 */
int guest_insn_fetch(const struct vcpu *vcpu, uint32_t *insn)
{
    return guest_insn_at(vcpu, vcpu->regs.pc, insn);
}
