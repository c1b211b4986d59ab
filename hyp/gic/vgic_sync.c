/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of an interrupt that sits in a list register of another CPU.
 *
 * Only the owner of an LR can read or change it. Whoever needs the interrupt's state, to answer
 * a register read or to change it, holds the owner: it counts up `holds` and kicks it; the owner
 * comes to EL2, folds its LRs into memory and stays until nobody holds it. A CPU that waits for
 * another one first folds itself if it is held, so two that hold each other both go on.
 *
 * Neighbours: vgic_mmio.c holds and releases; trap/exit.c calls vgic_sync() on a kick.
 */
#include "cpu.h"
#include "gic/gic.h"
#include "gic/vgic_internal.h"
#include "gich.h"

static void fold_self(struct vgic *vgic, struct vgic_cpu *self)
{
    if (!self->folded) {
        vgic_lr_fold(vgic, self);
        self->folded = true;
    }
}

/* Stay folded until nobody holds us, then fill the LRs. */
static void unfold_self(struct vgic *vgic, struct vgic_cpu *self)
{
    while (self->holds != 0) {
        fold_self(vgic, self);
        spin_unlock(&vgic->lock);
        cpu_relax();
        spin_lock(&vgic->lock);
    }
    if (!self->off) {
        self->folded = false;
        vgic_lr_refill(vgic, self);
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
    other->holds++;
    if (!other->folded)
        gic_kick(cpu);
    while (!other->folded) {
        if (self->holds != 0)
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
        vgic->cpu[__builtin_ctz(held)].holds--;
    unfold_self(vgic, &vgic->cpu[me]);
}

void vgic_sync(struct vgic *vgic, unsigned cpu)
{
    struct vgic_cpu *self = &vgic->cpu[cpu];

    spin_lock(&vgic->lock);
    if (!self->off) {
        vgic_lr_fold(vgic, self);
        unfold_self(vgic, self);
    }
    spin_unlock(&vgic->lock);
}

/* What was pending for a CPU that goes and that any other could take. */
static void hand_over(struct vgic *vgic, unsigned me)
{
    for (unsigned i = 0; i < VGIC_SPI_BANKS; i++) {
        if ((vgic->spi_hot >> i & 1) != 0)
            vgic_deliver(vgic, me, &vgic->spi[i], ~UINT32_C(0));
    }
}

void vgic_cpu_off(struct vgic *vgic, unsigned cpu)
{
    spin_lock(&vgic->lock);
    fold_self(vgic, &vgic->cpu[cpu]);
    vgic->cpu[cpu].off = true;
    hand_over(vgic, cpu);
    spin_unlock(&vgic->lock);
}

void vgic_cpu_on(struct vgic *vgic, unsigned cpu)
{
    struct vgic_cpu *self = &vgic->cpu[cpu];

    spin_lock(&vgic->lock);
    gich_reset();
    self->hcr = ICH_HCR_En;
    self->off = false;
    unfold_self(vgic, self);
    spin_unlock(&vgic->lock);
}

bool vgic_has_pending(struct vgic *vgic, unsigned cpu)
{
    bool pending = false;

    spin_lock(&vgic->lock);
    for (uint32_t used = vgic->cpu[cpu].lr_used; used != 0; used &= used - 1) {
        if ((gich_read_lr((unsigned)__builtin_ctz(used)) & ICH_LR_Pending) != 0)
            pending = true;
    }
    spin_unlock(&vgic->lock);
    return pending;
}

void vgic_deactivate(struct vgic *vgic, unsigned cpu, uint64_t dir_value)
{
    uint32_t intid = (uint32_t)FIELD_GET(GIC_INTID_MASK, dir_value);
    struct vgic_bank *bank;
    uint32_t held = 0;
    uint32_t bit = UINT32_C(1) << intid % 32;

    if (intid >= VGIC_NR_IRQS)
        return;
    bank = vgic_bank_of(vgic, cpu, intid);
    spin_lock(&vgic->lock);
    vgic_claim(vgic, cpu, bank, bit, &held);
    bank->active &= ~bit;
    if (intid < VGIC_FIRST_SPI && (VGIC_HW_PPIS & bit) != 0)
        gic_ppi_set_active(cpu, intid, false);
    vgic_deliver(vgic, cpu, bank, bit);
    vgic_release(vgic, cpu, held);
    spin_unlock(&vgic->lock);
}
