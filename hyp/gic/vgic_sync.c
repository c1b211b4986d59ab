/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of an interrupt that sits in a list register of another CPU.
 *
 * Only the owner of an LR can read or change it. Whoever needs the interrupt's state, to answer
 * a register read or to change it, holds the owner: it counts up `holds` and kicks it; the owner
 * comes to EL2, folds its LRs into memory and stays until nobody holds it. A CPU that waits for
 * another one first folds itself if it is held, so two that hold each other both go on. One that is
 * off is folded for good.
 *
 * Neighbours: vgic_mmio.c holds and releases; trap/irq.c calls vgic_sync() on a kick.
 */
#include "cpu.h"
#include "gic/gic.h"
#include "gic/vgic_internal.h"
#include "gich.h"

static bool is_held(const struct vgic_cpu *cpu)
{
    return __atomic_load_n(&cpu->holds, __ATOMIC_RELAXED) != 0;
}

static void fold_self(struct vgic *vgic, struct vgic_cpu *self)
{
    if (!self->folded) {
        vgic_take_incoming(self);
        vgic_lr_fold(vgic, self);
        self->folded = true;
    }
}

/* Stay folded until nobody holds us, then fill the LRs. */
static void unfold_self(struct vgic *vgic, struct vgic_cpu *self)
{
    while (is_held(self)) {
        fold_self(vgic, self);
        spin_unlock(&vgic->lock);
        cpu_relax();
        spin_lock(&vgic->lock);
    }
    if (!self->off) {
        if (self->hcr != VGIC_HCR_USUAL)
            vgic_lr_fold(vgic, self); /* the refill weighs all, and resets EOIcount */
        self->folded = false;
        vgic_take_incoming(self);
        vgic_lr_refill(vgic, self, vgic->spi_hot);
    }
}

static void hold(struct vgic *vgic, unsigned me, unsigned cpu, uint32_t *held)
{
    struct vgic_cpu *self = &vgic->cpu[me];
    struct vgic_cpu *other = &vgic->cpu[cpu];

    if (cpu == me) {
        fold_self(vgic, self);
        return;
    }
    if ((*held >> cpu & 1) != 0)
        return;
    *held |= UINT32_C(1) << cpu;
    __atomic_fetch_add(&other->holds, 1, __ATOMIC_ACQ_REL);
    if (!other->folded)
        gic_kick(cpu);
    while (!other->folded) {
        if (is_held(self))
            fold_self(vgic, self);
        spin_unlock(&vgic->lock);
        cpu_relax();
        spin_lock(&vgic->lock);
    }
}

void vgic_claim(struct vgic *vgic, unsigned me, struct vgic_bank *bank, uint32_t mask,
                uint32_t *held)
{
    uint32_t elsewhere;

    if (bank->base == 0 && bank->target[0] != me)
        hold(vgic, me, bank->target[0], held);
    while ((elsewhere = bank->in_lr & mask) != 0)
        hold(vgic, me, bank->owner[__builtin_ctz(elsewhere)], held);
}

void vgic_claim_all(struct vgic *vgic, unsigned me, uint32_t *held)
{
    for (unsigned i = 0; i < vgic->nr_cpus; i++)
        hold(vgic, me, i, held);
}

void vgic_release(struct vgic *vgic, unsigned me, uint32_t held)
{
    for (; held != 0; held &= held - 1)
        __atomic_fetch_sub(&vgic->cpu[__builtin_ctz(held)].holds, 1, __ATOMIC_ACQ_REL);
    unfold_self(vgic, &vgic->cpu[me]);
}

/* With private interrupts alone, which are this CPU's own, there is nobody to lock out. */
static void sync_private(struct vgic *vgic, struct vgic_cpu *self)
{
    vgic_take_incoming(self);
    vgic_lr_fold(vgic, self);
    vgic_lr_refill(vgic, self, 0);
}

static void sync_all(struct vgic *vgic, struct vgic_cpu *self)
{
    spin_lock(&vgic->lock);
    vgic_take_incoming(self);
    vgic_lr_fold(vgic, self);
    unfold_self(vgic, self);
    spin_unlock(&vgic->lock);
}

void vgic_sync(struct vgic *vgic, unsigned cpu)
{
    struct vgic_cpu *self = &vgic->cpu[cpu];
    uint32_t spi_hot = __atomic_load_n(&vgic->spi_hot, __ATOMIC_ACQUIRE);

    if (self->off)
        return;
    if ((spi_hot | self->lr_spi) == 0 && self->hcr == VGIC_HCR_USUAL && !is_held(self))
        sync_private(vgic, self);
    else
        sync_all(vgic, self);
}

void vgic_hand_over(struct vgic *vgic, unsigned me)
{
    for (unsigned i = 0; i < VGIC_SPI_BANKS; i++) {
        if ((vgic->spi_hot >> i & 1) != 0)
            vgic_deliver(vgic, me, &vgic->spi[i], ~UINT32_C(0));
    }
}

void vgic_cpu_off(struct vgic *vgic, unsigned cpu)
{
    struct vgic_cpu *self = &vgic->cpu[cpu];

    spin_lock(&vgic->lock);
    fold_self(vgic, self);
    self->off = true;
    self->hcr = VGIC_HCR_USUAL;
    gich_write_hcr(self->hcr); /* with no LR in use, no maintenance interrupt either */
    vgic_hand_over(vgic, cpu);
    spin_unlock(&vgic->lock);
}

void vgic_cpu_on(struct vgic *vgic, unsigned cpu)
{
    struct vgic_cpu *self = &vgic->cpu[cpu];

    spin_lock(&vgic->lock);
    gich_reset();
    self->hcr = VGIC_HCR_USUAL;
    gich_write_hcr(self->hcr);
    self->off = false;
    self->asleep = false;
    unfold_self(vgic, self);
    spin_unlock(&vgic->lock);
}

bool vgic_has_pending(struct vgic *vgic, unsigned cpu)
{
    struct vgic_cpu *self = &vgic->cpu[cpu];
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

void vgic_deactivate(struct vgic *vgic, unsigned cpu, uint64_t dir_value)
{
    uint32_t intid = (uint32_t)FIELD_GET(GIC_INTID_MASK, dir_value);
    struct vgic_bank *bank;
    uint32_t held = 0;
    uint32_t bit = UINT32_C(1) << intid % 32;

    if (intid >= VGIC_NR_IRQS || (gich_read_vmcr() & ICH_VMCR_VEOIM) == 0)
        return;
    bank = vgic_bank_of(vgic, cpu, intid);
    spin_lock(&vgic->lock);
    vgic_claim(vgic, cpu, bank, bit, &held);
    if ((bank->active & bit) != 0 && intid < VGIC_FIRST_SPI && (VGIC_HW_PPIS & bit) != 0)
        gic_ppi_set_active(cpu, intid, false);
    bank->active &= ~bit;
    vgic_deliver(vgic, cpu, bank, bit);
    vgic_release(vgic, cpu, held);
    spin_unlock(&vgic->lock);
}
