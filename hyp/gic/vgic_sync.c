/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of an interrupt that sits in a list register of another CPU.
 *
 * Only the owner of an LR can read or change it. Whoever needs the interrupt's state, to answer
 * a register read or to change it, holds the owner: it counts up `holds` and kicks it; the owner
 * comes to EL2, folds its LRs into memory and stays until nobody holds it. A CPU that waits for
 * another one first folds itself if it is held, so two that hold each other both go on. A vCPU that
 * is off stays folded.
 *
 * Neighbours: vgic_mmio.c holds and releases; trap/irq.c calls vgic_sync() on a kick.
 */
#include <stddef.h>

#include "cpu.h"
#include "gic/gic.h"
#include "gic/vgic_internal.h"
#include "gich.h"

static bool is_held(const struct vgic_vcpu *vcpu)
{
    return __atomic_load_n(&vcpu->holds, __ATOMIC_RELAXED) != 0;
}

static bool is_folded(const struct vgic_vcpu *vcpu)
{
    return __atomic_load_n(&vcpu->folded, __ATOMIC_RELAXED);
}

static void set_folded(struct vgic_vcpu *vcpu, bool folded)
{
    __atomic_store_n(&vcpu->folded, folded, __ATOMIC_RELAXED);
}

static void fold_self(struct vgic *vgic, struct vgic_vcpu *self)
{
    if (!self->folded) {
        vgic_take_incoming(self);
        vgic_lr_fold(vgic, self);
        set_folded(self, true);
    }
}

/* Stay folded until nobody holds us, then fill the LRs. */
static void unfold_self(struct vgic *vgic, struct vgic_vcpu *self)
{
    while (is_held(self)) {
        fold_self(vgic, self);
        spin_unlock(&vgic->lock);
        while (is_held(self))
            cpu_relax();
        spin_lock(&vgic->lock);
    }
    if (!self->off) {
        if (self->hcr != VGIC_HCR_USUAL)
            vgic_lr_fold(vgic, self); /* the refill weighs all, and resets EOIcount */
        set_folded(self, false);
        vgic_take_incoming(self);
        vgic_lr_refill(vgic, self, vgic->spi_hot);
    }
}

/* Wait until `other`, which we hold, is folded; it stays so. */
static void wait_for(struct vgic *vgic, struct vgic_vcpu *self, const struct vgic_vcpu *other)
{
    while (!is_folded(other)) {
        if (is_held(self))
            fold_self(vgic, self);
        spin_unlock(&vgic->lock);
        while (!is_folded(other) && (is_folded(self) || !is_held(self)))
            cpu_relax();
        spin_lock(&vgic->lock);
    }
}

static void hold(struct vgic_claim *claim, unsigned vcpu)
{
    struct vgic *vgic = claim->vgic;
    struct vgic_vcpu *self = &vgic->vcpu[claim->me];
    struct vgic_vcpu *other = &vgic->vcpu[vcpu];

    if (other == self) {
        fold_self(vgic, self);
    } else if ((claim->held >> vcpu & 1) == 0) {
        claim->held |= UINT32_C(1) << vcpu;
        __atomic_fetch_add(&other->holds, 1, __ATOMIC_ACQ_REL);
        if (!other->folded)
            vgic_kick(vgic, vcpu);
        wait_for(vgic, self, other);
    }
}

void vgic_claim(struct vgic_claim *claim)
{
    struct vgic *vgic = claim->vgic;
    struct vgic_bank *bank = claim->bank;
    uint32_t elsewhere;

    spin_lock(&vgic->lock);
    if (bank == NULL) {
        for (unsigned i = 0; i < vgic->nr_vcpus; i++)
            hold(claim, i);
        return;
    }
    if (bank->base == 0) {
        if (vgic_bank_vcpu(bank) != claim->me)
            hold(claim, vgic_bank_vcpu(bank));
        vgic_take_incoming(&vgic->vcpu[vgic_bank_vcpu(bank)]);
    }
    while ((elsewhere = bank->in_lr & claim->mask) != 0)
        hold(claim, bank->owner[__builtin_ctz(elsewhere)]);
}

static void deliver_spis(struct vgic *vgic, unsigned me)
{
    for (unsigned i = 0; i < VGIC_SPI_BANKS; i++)
        vgic_deliver(vgic, me, &vgic->spi[i], UINT32_MAX);
}

void vgic_release(struct vgic_claim *claim, uint32_t changed)
{
    struct vgic *vgic = claim->vgic;

    if (claim->bank != NULL)
        vgic_deliver(vgic, claim->me, claim->bank, changed);
    else
        deliver_spis(vgic, claim->me);
    for (; claim->held != 0; claim->held &= claim->held - 1)
        __atomic_fetch_sub(&vgic->vcpu[__builtin_ctz(claim->held)].holds, 1, __ATOMIC_ACQ_REL);
    unfold_self(vgic, &vgic->vcpu[claim->me]);
    spin_unlock(&vgic->lock);
}

/* With private interrupts alone, which are this CPU's own, there is nobody to lock out. */
static void sync_private(struct vgic *vgic, struct vgic_vcpu *self)
{
    vgic_take_incoming(self);
    vgic_lr_fold(vgic, self);
    vgic_lr_refill(vgic, self, 0);
}

static void sync_all(struct vgic *vgic, struct vgic_vcpu *self)
{
    spin_lock(&vgic->lock);
    vgic_take_incoming(self);
    vgic_lr_fold(vgic, self);
    unfold_self(vgic, self);
    spin_unlock(&vgic->lock);
}

void vgic_sync(struct vgic *vgic, unsigned vcpu)
{
    struct vgic_vcpu *self = &vgic->vcpu[vcpu];
    uint32_t spi_hot = __atomic_load_n(&vgic->spi_hot, __ATOMIC_ACQUIRE);

    if (self->off)
        return;
    if ((spi_hot | self->lr_spi) == 0 && self->hcr == VGIC_HCR_USUAL && !is_held(self))
        sync_private(vgic, self);
    else
        sync_all(vgic, self);
}

void vgic_cpu_off(struct vgic *vgic, unsigned vcpu)
{
    struct vgic_vcpu *self = &vgic->vcpu[vcpu];

    spin_lock(&vgic->lock);
    fold_self(vgic, self);
    self->off = true;
    self->hcr = VGIC_HCR_USUAL;
    gich_write_hcr(self->hcr |
                   vgic->traps); /* with no LR in use, no maintenance interrupt either */
    deliver_spis(vgic, vcpu);    /* those that any other CPU can take */
    spin_unlock(&vgic->lock);
}

void vgic_cpu_on(struct vgic *vgic, unsigned vcpu)
{
    struct vgic_vcpu *self = &vgic->vcpu[vcpu];

    spin_lock(&vgic->lock);
    gich_reset();
    self->hcr = VGIC_HCR_USUAL;
    gich_write_hcr(self->hcr | vgic->traps);
    self->off = false;
    self->asleep = false;
    unfold_self(vgic, self);
    spin_unlock(&vgic->lock);
}

bool vgic_has_pending(struct vgic *vgic, unsigned vcpu)
{
    struct vgic_vcpu *self = &vgic->vcpu[vcpu];
    bool waiting = false;

    for (uint32_t used = self->lr_used; used != 0; used &= used - 1) {
        if ((gich_read_lr((unsigned)__builtin_ctz(used)) & ICH_LR_Pending) != 0)
            return true;
    }
    if (self->asleep) {
        spin_lock(&vgic->lock);
        vgic_take_incoming(self);
        waiting = vgic_lr_is_waited_for(vgic, self);
        spin_unlock(&vgic->lock);
    }
    return waiting;
}

/* Said to clang's analyser, which takes the address of a bank for one that may be NULL. */
__attribute__((nonnull)) void vgic_deactivate(struct vgic *vgic, unsigned vcpu, uint64_t dir_value)
{
    uint32_t intid = (uint32_t)FIELD_GET(GIC_INTID_MASK, dir_value);
    struct vgic_claim claim = {.vgic = vgic, .me = vcpu, .mask = UINT32_C(1) << intid % 32};

    if (intid >= VGIC_NR_IRQS || (gich_read_vmcr() & ICH_VMCR_VEOIM) == 0)
        return;
    claim.bank = vgic_bank_of(vgic, vcpu, intid);
    vgic_claim(&claim);
    if ((claim.bank->active & claim.bank->linked & claim.mask) != 0)
        gic_ppi_set_active(vgic->vcpu[vcpu].cpu, intid, false);
    claim.bank->active &= ~claim.mask;
    vgic_release(&claim, claim.mask);
}
