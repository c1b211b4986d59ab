/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which interrupts sit in the list registers of this CPU.
 *
 * When there are more than fit: one LR goes to the most urgent pending interrupt, then come
 * active ones, then the rest of the pending, each by priority. For those left out there are
 * maintenance interrupts (GICv3, "ICH_HCR_EL2"): NPIE comes once no LR is pending any more, LRENPIE
 * once the guest has ended an interrupt that has no LR.
 *
 * Neighbours: vgic.c and vgic_sync.c decide when; gich.h is the hardware.
 */
#include <stddef.h>

#include "gic/gic.h"
#include "gic/vgic_internal.h"
#include "gich.h"

struct choice {
    struct vgic_bank *bank; /* NULL: none */
    unsigned n;
    unsigned count; /* how many there were to choose from */
};

/*
 * An SPI leaves the LRs of this CPU. If it is routed elsewhere by now, that vCPU shall look at it.
 * Not if it is active: then it comes back to this vCPU's LRs, and two CPUs that have such
 * interrupts would kick each other for ever.
 */
static void spi_leaves(struct vgic *vgic, const struct vgic_vcpu *vcpu,
                       const struct vgic_bank *bank, unsigned n)
{
    vgic->spi_hot |= UINT32_C(1) << (bank->base / 32 - 1);
    if (!vgic_bank_is_for(bank, n, vcpu->index) && bank->target[n] != VGIC_NO_TARGET &&
        (bank->active >> n & 1) == 0)
        vgic_kick(vgic, bank->target[n]);
}

/* The interrupt in LR `i` goes back to memory, in the state that `lr`, read from the LR, shows. */
static void retire(struct vgic *vgic, struct vgic_vcpu *vcpu, unsigned i, uint64_t lr)
{
    uint32_t intid = (uint32_t)FIELD_GET(ICH_LR_vINTID, vcpu->lr_value[i]);
    struct vgic_bank *bank = vgic_bank_of(vgic, vcpu->index, intid);
    uint32_t bit = UINT32_C(1) << intid % 32;
    bool latched = (bank->edge & bit) != 0 || (lr & ICH_LR_HW) != 0;

    vcpu->lr_used &= ~(UINT32_C(1) << i);
    vcpu->lr_spi &= ~(UINT32_C(1) << i);
    bank->in_lr &= ~bit;
    if ((lr & ICH_LR_Active) != 0)
        bank->active |= bit;
    if ((lr & ICH_LR_Pending) != 0 && latched)
        bank->latch |= bit;
    else if ((lr & ICH_LR_Pending) == 0 && !latched && (vcpu->lr_value[i] & ICH_LR_Pending) != 0)
        bank->latch &= ~bit; /* a level's latch ends when the guest acknowledges it */
    if (bank->base != 0)
        spi_leaves(vgic, vcpu, bank, intid % 32);
}

void vgic_lr_set_pending(struct vgic_vcpu *vcpu, struct vgic_bank *bank, unsigned n)
{
    unsigned i = bank->lr[n];

    if ((vcpu->lr_value[i] & ICH_LR_Pending) != 0)
        gich_write_lr(i, vcpu->lr_value[i] | (gich_read_lr(i) & ICH_LR_State));
    else
        bank->latch |= UINT32_C(1) << n;
}

void vgic_lr_follow_line(struct vgic_vcpu *vcpu, struct vgic_bank *bank, unsigned n)
{
    unsigned i = bank->lr[n];
    uint32_t bit = UINT32_C(1) << n;
    uint64_t may_pend = vcpu->lr_value[i] & ICH_LR_Pending;
    uint64_t state = gich_read_lr(i) & ICH_LR_State;

    if (may_pend != 0 && (state & ICH_LR_Pending) == 0)
        bank->latch &= ~bit; /* acknowledged */
    vcpu->lr_value[i] &= ~ICH_LR_EOI;
    if ((bank->line & bit) != 0) {
        vcpu->lr_value[i] |= ICH_LR_EOI;
        state |= may_pend;
    } else if ((bank->latch & bit) == 0) {
        state &= ~ICH_LR_Pending;
    }
    gich_write_lr(i, (vcpu->lr_value[i] & ~ICH_LR_State) | state);
}

/* May bit `n` of `bank` be pending in an LR of `vcpu`? */
static bool may_pend(const struct vgic *vgic, const struct vgic_vcpu *vcpu,
                     const struct vgic_bank *bank, unsigned n)
{
    return vgic_bank_is_for(bank, n, vcpu->index) && (vgic_bank_enabled(vgic, bank) >> n & 1) != 0;
}

/*
 * The value of an LR of `vcpu` for bit `n` of `bank`, as memory has it. A linked one is never
 * pending and active at once (GICv3, "ICH_LR<n>_EL2", HW). Of others EL2 must know the end in two
 * cases: the line of a level is up, so that the interrupt comes again; or it is pending for another
 * vCPU, where it can only go then.
 */
static inline uint64_t lr_for(const struct vgic_vcpu *vcpu, const struct vgic_bank *bank,
                              unsigned n, bool may_pend)
{
    bool pending = (vgic_bank_pending(bank) >> n & 1) != 0;
    uint64_t lr =
        FIELD_PREP(ICH_LR_vINTID, bank->base + n) | FIELD_PREP(ICH_LR_Priority, bank->priority[n]);

    if ((bank->active >> n & 1) != 0)
        lr |= ICH_LR_Active;
    if ((bank->group1 >> n & 1) != 0)
        lr |= ICH_LR_Group;
    if ((bank->linked >> n & 1) != 0) {
        lr |= ICH_LR_HW | FIELD_PREP(ICH_LR_pINTID, bank->base + n);
        pending &= (lr & ICH_LR_Active) == 0;
    } else if (((bank->line & ~bank->edge) >> n & 1) != 0 ||
               (pending && !vgic_bank_is_for(bank, n, vcpu->index))) {
        lr |= ICH_LR_EOI;
    }
    return lr | (pending && may_pend ? ICH_LR_Pending : 0);
}

/* Bit `n` of `bank` goes from memory into the free LR `i`. */
static void place(struct vgic *vgic, struct vgic_vcpu *vcpu, unsigned i, struct vgic_bank *bank,
                  unsigned n)
{
    uint32_t bit = UINT32_C(1) << n;
    bool pend = may_pend(vgic, vcpu, bank, n);
    uint64_t lr = lr_for(vcpu, bank, n, pend);

    vcpu->lr_value[i] = (lr & ~ICH_LR_State) | (pend ? ICH_LR_Pending : 0);
    gich_write_lr(i, lr);
    vcpu->lr_used |= UINT32_C(1) << i;
    if (bank->base != 0)
        vcpu->lr_spi |= UINT32_C(1) << i;
    bank->in_lr |= bit;
    bank->owner[n] = (uint8_t)vcpu->index;
    bank->lr[n] = (uint8_t)i;
    bank->active &= ~bit;
    if ((lr & ICH_LR_HW) != 0 || ((bank->edge & bit) != 0 && (lr & ICH_LR_Pending) != 0))
        bank->latch &= ~bit;
}

bool vgic_lr_insert(struct vgic *vgic, struct vgic_vcpu *vcpu, struct vgic_bank *bank, unsigned n)
{
    uint32_t free_lrs = vgic->all_lrs & ~vcpu->lr_used;

    if (free_lrs == 0 || vcpu->hcr != VGIC_HCR_USUAL || vcpu->folded || vcpu->asleep)
        return false;
    place(vgic, vcpu, (unsigned)__builtin_ctz(free_lrs), bank, n);
    return true;
}

/*
 * Compare the interrupts `mask` of `bank` with the best so far. `whose` is NULL for private ones;
 * for SPIs it is the bank's target[] or owner[], and only those count that it gives to `vcpu`.
 */
static inline void consider(struct choice *best, struct vgic_bank *bank, uint32_t mask,
                            const uint8_t *whose, unsigned vcpu)
{
    for (; mask != 0; mask &= mask - 1) {
        unsigned n = (unsigned)__builtin_ctz(mask);

        if (whose != NULL && whose[n] != vcpu && whose[n] != VGIC_TARGET_ANY)
            continue;
        best->count++;
        if (best->bank == NULL || bank->priority[n] < best->bank->priority[best->n]) {
            best->bank = bank;
            best->n = n;
        }
    }
}

/*
 * A linked PPI whose line has dropped since it was latched is pending no more. The machine's PPI is
 * then no longer active either, unless the guest's is: without that it would be signalled again.
 */
static void check_hw_lines(struct vgic_vcpu *vcpu)
{
    uint32_t gone = vcpu->bank.latch & vcpu->bank.linked;

    if (gone == 0)
        return;
    gone &= ~gic_ppi_pending(vcpu->cpu);
    vcpu->bank.latch &= ~gone;
    for (gone &= ~vcpu->bank.active; gone != 0; gone &= gone - 1)
        gic_ppi_set_active(vcpu->cpu, (uint32_t)__builtin_ctz(gone), false);
}

static struct choice best_pending(struct vgic *vgic, struct vgic_vcpu *vcpu, uint32_t spi_hot)
{
    struct choice best = {.bank = NULL};

    consider(&best, &vcpu->bank, vgic_bank_deliverable(vgic, &vcpu->bank), NULL, 0);
    for (; spi_hot != 0; spi_hot &= spi_hot - 1) {
        struct vgic_bank *bank = &vgic->spi[__builtin_ctz(spi_hot)];
        uint32_t ready = vgic_bank_deliverable(vgic, bank);

        if (ready == 0 && bank->active == 0)
            vgic->spi_hot &= ~(spi_hot & -spi_hot);
        consider(&best, bank, ready, bank->target, vcpu->index);
    }
    return best;
}

bool vgic_lr_is_waited_for(struct vgic *vgic, struct vgic_vcpu *vcpu)
{
    return best_pending(vgic, vcpu, vgic->spi_hot).bank != NULL;
}

/* Active interrupts that this CPU acknowledged and that have no LR. */
static struct choice best_active(struct vgic *vgic, struct vgic_vcpu *vcpu, uint32_t spi_hot)
{
    struct choice best = {.bank = NULL};

    consider(&best, &vcpu->bank, vcpu->bank.active & ~vcpu->bank.in_lr, NULL, 0);
    for (; spi_hot != 0; spi_hot &= spi_hot - 1) {
        struct vgic_bank *bank = &vgic->spi[__builtin_ctz(spi_hot)];

        consider(&best, bank, bank->active & ~bank->in_lr, bank->owner, vcpu->index);
    }
    return best;
}

static void update_hcr(const struct vgic *vgic, struct vgic_vcpu *vcpu, bool overflow, bool spilled)
{
    uint64_t hcr = VGIC_HCR_USUAL;

    if (overflow)
        hcr |= ICH_HCR_NPIE;
    if (spilled)
        hcr |= ICH_HCR_LRENPIE;
    if (hcr != vcpu->hcr)
        gich_write_hcr(hcr | vgic->traps);
    vcpu->hcr = hcr;
}

void vgic_lr_refill(struct vgic *vgic, struct vgic_vcpu *vcpu, uint32_t spi_hot)
{
    struct choice pending = {.bank = NULL};
    struct choice active;
    uint32_t free_lrs = vgic->all_lrs & ~vcpu->lr_used;
    bool first = true;

    if (vcpu->folded)
        return;
    check_hw_lines(vcpu);
    if (!vcpu->asleep)
        pending = best_pending(vgic, vcpu, spi_hot);
    active = best_active(vgic, vcpu, spi_hot);
    for (; free_lrs != 0; free_lrs &= free_lrs - 1) {
        struct choice *next =
            active.bank != NULL && !(first && pending.bank != NULL) ? &active : &pending;

        if (next->bank == NULL)
            break;
        place(vgic, vcpu, (unsigned)__builtin_ctz(free_lrs), next->bank, next->n);
        first = false;
        if (next->count == 1)
            next->bank = NULL;
        else
            *next = next == &active ? best_active(vgic, vcpu, spi_hot)
                                    : best_pending(vgic, vcpu, spi_hot);
    }
    update_hcr(vgic, vcpu, pending.bank != NULL, active.bank != NULL);
}

/* The guest has ended interrupts that had no LR: the most urgent active ones. */
static void end_spilled(struct vgic *vgic, struct vgic_vcpu *vcpu)
{
    uint64_t hcr = gich_read_hcr();

    for (uint64_t ended = FIELD_GET(ICH_HCR_EOIcount, hcr); ended != 0; ended--) {
        struct choice active = best_active(vgic, vcpu, vgic->spi_hot);

        if (active.bank == NULL)
            break;
        active.bank->active &= ~(UINT32_C(1) << active.n);
        if (active.bank->base != 0)
            spi_leaves(vgic, vcpu, active.bank, active.n);
        else if ((active.bank->linked >> active.n & 1) != 0)
            gic_ppi_set_active(vcpu->cpu, active.n, false);
    }
    gich_write_hcr(hcr & ~ICH_HCR_EOIcount);
}

void vgic_lr_fold(struct vgic *vgic, struct vgic_vcpu *vcpu)
{
    if ((vcpu->hcr & ICH_HCR_LRENPIE) != 0)
        end_spilled(vgic, vcpu);
    for (uint32_t used = vcpu->lr_used; used != 0; used &= used - 1) {
        unsigned i = (unsigned)__builtin_ctz(used);
        uint64_t lr = gich_read_lr(i);

        retire(vgic, vcpu, i, lr);
        if ((lr & (ICH_LR_State | ICH_LR_EOI)) != 0)
            gich_write_lr(i, 0); /* it would ask for maintenance for ever, or be taken twice */
    }
}
