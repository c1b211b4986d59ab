/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the vgic's files share. What is said to concern the caller's own CPU wants no lock where it
 * is about private interrupts alone, else vgic->lock.
 */
#ifndef GIC_VGIC_INTERNAL_H
#define GIC_VGIC_INTERNAL_H

#include "gic/gic_regs.h"
#include "gic/vgic.h"

/* ICH_HCR_EL2, but for traps, while all that is pending or active for a vCPU is in its LRs. */
#define VGIC_HCR_USUAL ICH_HCR_En

static inline struct vgic_bank *vgic_bank_of(struct vgic *vgic, unsigned vcpu, uint32_t intid)
{
    return intid < VGIC_FIRST_SPI ? &vgic->vcpu[vcpu].bank : &vgic->spi[intid / 32 - 1];
}

/* Whose bank 0 it is. */
static inline unsigned vgic_bank_vcpu(const struct vgic_bank *bank)
{
    return bank->target[0];
}

/* Pending in memory: for a level-sensitive interrupt by latch or line. */
static inline uint32_t vgic_bank_pending(const struct vgic_bank *bank)
{
    return bank->latch | (bank->line & ~bank->edge);
}

/* Neither the interrupt nor its group is disabled. */
static inline uint32_t vgic_bank_enabled(const struct vgic *vgic, const struct vgic_bank *bank)
{
    uint32_t group_on = (bank->group1 & vgic->group1_on) | (~bank->group1 & vgic->group0_on);

    return bank->enabled & group_on;
}

/* What of the bank can be given to a CPU now. */
static inline uint32_t vgic_bank_deliverable(const struct vgic *vgic, const struct vgic_bank *bank)
{
    return vgic_bank_pending(bank) & vgic_bank_enabled(vgic, bank) & ~bank->in_lr & ~bank->active;
}

/* May `vcpu` take bit `n` of `bank`, by its routing? */
static inline bool vgic_bank_is_for(const struct vgic_bank *bank, unsigned n, unsigned vcpu)
{
    return bank->target[n] == vcpu || bank->target[n] == VGIC_TARGET_ANY;
}

/* vgic_lr.c, about the LRs of the calling CPU */

/* Take all of them back into memory. With the lock if lr_spi is not 0. */
void vgic_lr_fold(struct vgic *vgic, struct vgic_vcpu *vcpu);
/*
 * Give it what it should see, into free LRs; fold first to have everything weighed anew. `spi_hot`
 * are the SPIs' banks to look at: none without the lock.
 */
void vgic_lr_refill(struct vgic *vgic, struct vgic_vcpu *vcpu, uint32_t spi_hot);
/*
 * Put this one deliverable interrupt, bit `n` of `bank`, into a free LR. False: it is in none, and
 * the caller has to fold and refill. If there is no room, or others wait already, these weigh it
 * with all others. If the vCPU is folded or asleep they do nothing: it gets the interrupt once it
 * no longer is.
 */
bool vgic_lr_insert(struct vgic *vgic, struct vgic_vcpu *vcpu, struct vgic_bank *bank, unsigned n);
/* Has it a deliverable interrupt that is in no LR? With the lock. */
bool vgic_lr_is_waited_for(struct vgic *vgic, struct vgic_vcpu *vcpu);
/*
 * For bit `n` of `bank`, which is in an LR of this CPU and routed to it: it is pending again; its
 * line has changed. The guest may have ended it by now. That makes no difference: nothing else
 * about it has changed, or it would have been folded.
 */
void vgic_lr_set_pending(struct vgic_vcpu *vcpu, struct vgic_bank *bank, unsigned n);
void vgic_lr_follow_line(struct vgic_vcpu *vcpu, struct vgic_bank *bank, unsigned n);

/* vgic.c */

/* What other CPUs have sent to this one, which calls or is folded, becomes pending in its bank 0.
 */
static inline void vgic_take_incoming(struct vgic_vcpu *vcpu)
{
    if (__atomic_load_n(&vcpu->incoming, __ATOMIC_RELAXED) != 0)
        vcpu->bank.latch |= __atomic_exchange_n(&vcpu->incoming, 0, __ATOMIC_ACQ_REL);
}

/* The interrupts `mask` of `bank` have changed: those now deliverable find their CPUs. Lock held.
 */
void vgic_deliver(struct vgic *vgic, unsigned me, struct vgic_bank *bank, uint32_t mask);

/* vgic_sync.c */

/*
 * Interrupts that vCPU `me`, the caller's, looks at or changes: from vgic_claim() to vgic_release()
 * their state is in memory and in nobody's LRs, and the lock is held.
 */
struct vgic_claim {
    struct vgic *vgic;
    unsigned me;
    struct vgic_bank *bank; /* NULL: all banks; if a bank 0, its vCPU is held whatever the mask */
    uint32_t mask;          /* of the bank */
    uint32_t held;          /* the other vCPUs that are folded for this; 0 before vgic_claim() */
};

/* Takes the lock, and may drop it while it waits for others. */
void vgic_claim(struct vgic_claim *claim);
/*
 * Deliver those of the claimed that are in `changed`, let the held go on, bring the caller's LRs up
 * to date, and drop the lock.
 */
void vgic_release(struct vgic_claim *claim, uint32_t changed);

#endif
