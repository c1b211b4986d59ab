/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What makes an interrupt of the guest pending: lines, SGIs, linked timers; and where it
 * goes from there. See vgic.h for the model and the neighbours.
 */
#include "gic/vgic.h"

#include "cpu.h"
#include "gic/gic.h"
#include "gic/vgic_internal.h"

#define SGIS UINT32_C(0xffff)

/* As firmware hands it over: in group 1, which is all that an operating system has (vgic.h). */
static void reset_bank(struct vgic_bank *bank, uint16_t base, uint8_t target)
{
    *bank = (struct vgic_bank){
        .base = base, .group1 = ~UINT32_C(0), .edge = base == 0 ? SGIS : 0, .linked = bank->linked};
    for (unsigned n = 0; n < 32; n++)
        bank->target[n] = target;
}

/* The machine's PPIs behind virtual ones become as those are after a reset. */
static void reset_hw_ppis(unsigned cpu, uint32_t ppis)
{
    for (; ppis != 0; ppis &= ppis - 1) {
        uint32_t intid = (uint32_t)__builtin_ctz(ppis);

        gic_ppi_set_enabled(cpu, intid, false);
        gic_ppi_set_pending(cpu, intid, false);
        gic_ppi_set_active(cpu, intid, false);
    }
}

static void reset_model(struct vgic *vgic)
{
    vgic->group0_on = 0;
    vgic->group1_on = 0;
    vgic->spi_hot = 0;
    for (unsigned i = 0; i < VGIC_SPI_BANKS; i++)
        reset_bank(&vgic->spi[i], (uint16_t)(VGIC_FIRST_SPI + 32 * i), 0);
    for (unsigned i = 0; i < VGIC_NR_SPIS; i++)
        vgic->irouter[i] = vgic->vcpu[0].mpidr;
    for (unsigned i = 0; i < vgic->nr_vcpus; i++) {
        reset_bank(&vgic->vcpu[i].bank, 0, (uint8_t)i);
        vgic->vcpu[i].incoming = 0;
        vgic->vcpu[i].asleep = false;
    }
}

void vgic_reset(struct vgic *vgic)
{
    spin_lock(&vgic->lock);
    reset_model(vgic);
    for (unsigned i = 0; i < vgic->nr_vcpus; i++)
        reset_hw_ppis(vgic->vcpu[i].cpu, vgic->vcpu[i].bank.linked);
    spin_unlock(&vgic->lock);
}

void vgic_init(struct vgic *vgic, unsigned nr_vcpus, const uint64_t *mpidr, unsigned nr_lrs,
               unsigned priority_bits)
{
    vgic->nr_vcpus = nr_vcpus;
    vgic->traps = ICH_HCR_TDIR;
    vgic->all_lrs = (uint32_t)(BIT(nr_lrs) - 1);
    vgic->priority_mask = (uint8_t)(0xff00 >> priority_bits);
    for (unsigned i = 0; i < nr_vcpus; i++) {
        vgic->vcpu[i] =
            (struct vgic_vcpu){.cpu = i, /* vCPU n runs on CPU n; that nobody else needs to know */
                               .bank = {.linked = VGIC_TIMER_PPIS},
                               .mpidr = mpidr[i] & GICD_IROUTER_AFF,
                               .sgir_target = gic_sgir_target(mpidr[i]),
                               .index = i,
                               .off = true,
                               .folded = true,
                               .hcr = VGIC_HCR_USUAL};
    }
    reset_model(vgic);
}

void vgic_link_ppi(struct vgic *vgic, uint32_t intid)
{
    for (unsigned i = 0; i < vgic->nr_vcpus; i++)
        vgic->vcpu[i].bank.linked |= UINT32_C(1) << intid;
}

void vgic_trap_common(struct vgic *vgic)
{
    vgic->traps = ICH_HCR_TC;
}

/* Who gets a 1-of-N interrupt: the caller if it is on and awake, else the first that is. */
static unsigned pick_any(const struct vgic *vgic, unsigned me)
{
    if (!vgic->vcpu[me].off && !vgic->vcpu[me].asleep)
        return me;
    for (unsigned i = 0; i < vgic->nr_vcpus; i++) {
        if (!vgic->vcpu[i].off && !vgic->vcpu[i].asleep)
            return i;
    }
    return VGIC_NO_TARGET;
}

static void deliver_one(struct vgic *vgic, unsigned me, struct vgic_bank *bank, unsigned n)
{
    unsigned target = bank->target[n];

    if (bank->base != 0)
        vgic->spi_hot |= UINT32_C(1) << (bank->base / 32 - 1);
    if (target == VGIC_TARGET_ANY)
        target = pick_any(vgic, me);
    if (target == VGIC_NO_TARGET)
        return;
    if (target == me) {
        struct vgic_vcpu *vcpu = &vgic->vcpu[me];

        /* A refill looks whether a linked PPI is still pending. */
        if (bank->base == 0 || !vgic_lr_insert(vgic, vcpu, bank, n)) {
            vgic_lr_fold(vgic, vcpu);
            vgic_lr_refill(vgic, vcpu, vgic->spi_hot);
        }
    } else if (!vgic->vcpu[target].folded) {
        vgic_kick(vgic, target);
    }
}

void vgic_deliver(struct vgic *vgic, unsigned me, struct vgic_bank *bank, uint32_t mask)
{
    uint32_t ready = vgic_bank_deliverable(vgic, bank) & mask;

    while (ready != 0) {
        deliver_one(vgic, me, bank, (unsigned)__builtin_ctz(ready));
        ready &= ready - 1;
        ready &= ~bank->in_lr; /* a refill takes more than one */
    }
}

/* The SPI that is bit `n` of `bank` has had an edge; `me` is the calling vCPU. */
static void pend_spi(struct vgic *vgic, unsigned me, struct vgic_bank *bank, unsigned n)
{
    uint32_t bit = UINT32_C(1) << n;

    if ((bank->in_lr & bit) == 0) {
        bank->latch |= bit;
        vgic_deliver(vgic, me, bank, bit);
    } else if (bank->owner[n] == me && vgic_bank_is_for(bank, n, me)) {
        vgic_lr_set_pending(&vgic->vcpu[me], bank, n);
    } else {
        bank->latch |= bit;
        vgic_kick(vgic, bank->owner[n]);
    }
}

/* The private interrupt `n` of the calling CPU became pending. No lock. */
static inline void pend_own(struct vgic *vgic, struct vgic_vcpu *vcpu, unsigned n)
{
    struct vgic_bank *bank = &vcpu->bank;
    uint32_t bit = UINT32_C(1) << n;

    if ((bank->in_lr & bit) != 0) {
        vgic_lr_set_pending(vcpu, bank, n);
        return;
    }
    bank->latch |= bit;
    if ((vgic_bank_deliverable(vgic, bank) & bit) != 0 && !vgic_lr_insert(vgic, vcpu, bank, n))
        vgic_sync(vgic, vcpu->index);
}

/* The private interrupt `n` of `vcpu`, from another CPU or while it is off. No lock. */
static void pend_incoming(const struct vgic *vgic, struct vgic_vcpu *vcpu, unsigned n)
{
    __atomic_fetch_or(&vcpu->incoming, UINT32_C(1) << n, __ATOMIC_ACQ_REL);
    vgic_kick(vgic, vcpu->index);
}

void vgic_set_line(void *ctx, uint32_t intid, bool level)
{
    struct vgic *vgic = ctx;
    struct vgic_bank *bank = vgic_bank_of(vgic, 0, intid);
    unsigned n = intid % 32;
    uint32_t bit = UINT32_C(1) << n;
    unsigned me = cpu_current_vcpu();

    spin_lock(&vgic->lock);
    if (((bank->line & bit) != 0) != level) {
        bank->line ^= bit;
        if ((bank->edge & bit) != 0) {
            if (level)
                pend_spi(vgic, me, bank, n);
        } else if ((bank->in_lr & bit) == 0) {
            vgic_deliver(vgic, me, bank, bit);
        } else if (bank->owner[n] == me && vgic_bank_is_for(bank, n, me)) {
            vgic_lr_follow_line(&vgic->vcpu[me], bank, n);
        } else {
            vgic_kick(vgic, bank->owner[n]);
        }
    }
    spin_unlock(&vgic->lock);
}

void vgic_hw_ppi_fired(struct vgic *vgic, unsigned vcpu, uint32_t intid)
{
    struct vgic_vcpu *own = &vgic->vcpu[vcpu];

    if (own->off)
        __atomic_fetch_or(&own->incoming, UINT32_C(1) << intid, __ATOMIC_ACQ_REL);
    else
        pend_own(vgic, own, intid);
}

/* Does this write to an SGI register, with IRM = 0, name `vcpu`? */
static inline bool sgi_names(const struct vgic_vcpu *vcpu, uint64_t sgir)
{
    return ((sgir ^ vcpu->sgir_target) & ICC_SGIR_CLUSTER) == 0 &&
           (sgir & vcpu->sgir_target & ICC_SGIR_TargetList) != 0;
}

void vgic_send_sgi(struct vgic *vgic, unsigned from, uint64_t sgir, bool group1)
{
    unsigned intid = (unsigned)FIELD_GET(ICC_SGIR_INTID, sgir);
    bool all_others = (sgir & ICC_SGIR_IRM) != 0;

    for (unsigned i = 0; i < vgic->nr_vcpus; i++) {
        struct vgic_vcpu *vcpu = &vgic->vcpu[i];
        bool named = all_others ? i != from : sgi_names(vcpu, sgir);

        if (!named || (!group1 && (vcpu->bank.group1 >> intid & 1) != 0))
            continue;
        if (i == from)
            pend_own(vgic, vcpu, intid);
        else
            pend_incoming(vgic, vcpu, intid);
    }
}
