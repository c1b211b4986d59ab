/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtual CPU. Each belongs to one physical CPU of the same index for good, so
 * its EL1 registers stay in the hardware; what is here is what EL2 must hold.
 * Neighbours: vectors.S fills and reloads `regs`; trap/exit.c works on them.
 */
#ifndef VM_VCPU_H
#define VM_VCPU_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/limits.h"
#include "trap/exit_reason.h"

struct mmio_region;
struct vm;

/* What the guest's CPU held when it trapped. vectors.S knows the layout. */
struct guest_regs {
    uint64_t x[31];
    uint64_t pc;     /* ELR_EL2 */
    uint64_t pstate; /* SPSR_EL2 */
};

#define GUEST_REG_ZERO 31 /* as the number of a register: reads as 0, is not written */

/* A register of the guest by its number in an instruction or a syndrome. */
static inline uint64_t guest_reg(const struct guest_regs *regs, unsigned reg)
{
    return reg == GUEST_REG_ZERO ? 0 : regs->x[reg];
}

static inline void guest_reg_set(struct guest_regs *regs, unsigned reg, uint64_t v)
{
    if (reg != GUEST_REG_ZERO)
        regs->x[reg] = v;
}

enum vcpu_power {
    VCPU_OFF,
    VCPU_ON_PENDING, /* CPU_ON has won; the CPU has not entered the guest yet */
    VCPU_ON,
};

/* The trap for which the guest got an abort. */
struct vcpu_abort {
    uint64_t esr, far, hpfar; /* ESR_EL2 and so on */
    uint64_t pc;
};

struct vcpu {
    struct guest_regs
        regs;              /* first: vectors.S has it in SP_EL2, and in TPIDR_EL2 on the way back */
    unsigned index;        /* arch/aarch64/vcpu_layout.h names the place of this one */
    uint64_t stack;        /* and of these: the top of EL2's stack on its CPU */
    uint64_t guest_key[2]; /* APIAKeyLo_EL1 and APIAKeyHi_EL1 while the guest runs */
    uint64_t el2_key[2];   /* and while EL2 does, where the CPU has them: pauth.h */
    struct vm *vm;
    uint64_t mpidr;        /* VMPIDR_EL2: affinity fields and the RES1 bit 31 */
    enum vcpu_power power; /* protected by vm->power_lock */
    bool parked;           /* so is this: it waits in power_park(), its LRs folded */
    uint64_t entry;        /* where CPU_ON starts it, and x0 there */
    uint64_t context;
    const struct mmio_region *last_region; /* its latest device access went there, NULL: none */
    uint64_t exits[EXIT_REASON_COUNT];     /* written by its own CPU only */
    struct vcpu_abort abort;               /* the latest since the guest has started; esr 0: none */
};

#endif
