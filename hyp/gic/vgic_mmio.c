/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registers of the virtual distributor and redistributors (GICv3, "The GIC register map"),
 * with one security state (GICD_CTLR.DS = 1), affinity routing always on and no LPIs.
 *
 * Reserved registers, and accesses of a size that a register does not have or that are not
 * aligned, read as zero and ignore writes. See vgic.h for the model; mmio_bus.c calls.
 */
#include "gic/gic.h"
#include "gic/vgic_internal.h"
#include "lib/addr.h"

#define GICD_TYPER_VALUE                                                                           \
    (FIELD_PREP(GICD_TYPER_ITLinesNumber, VGIC_BANKS - 1) | FIELD_PREP(GICD_TYPER_IDbits, 9) |     \
     GICD_TYPER_A3V)

/* A write to some interrupts of a bank. `cpu` is the redistributor's, for bank 0. */
struct bank_access {
    struct vgic *vgic;
    unsigned me;
    unsigned cpu;
    struct vgic_bank *bank;
};

static uint32_t hw_ppis(const struct bank_access *a)
{
    return a->bank->base == 0 ? VGIC_HW_PPIS : 0;
}

/* For each linked PPI of `mask`: the same done to the machine's own. */
static void for_hw_ppis(const struct bank_access *a, uint32_t mask,
                        void (*fn)(unsigned cpu, uint32_t intid, bool on), bool on)
{
    for (mask &= hw_ppis(a); mask != 0; mask &= mask - 1)
        fn(a->cpu, (uint32_t)__builtin_ctz(mask), on);
}

/* What is pending as ISPENDR shows it; nothing of the bank is in an LR. */
static uint32_t pending_word(const struct bank_access *a)
{
    uint32_t hw = hw_ppis(a);

    if (hw == 0)
        return vgic_bank_pending(a->bank);
    return (vgic_bank_pending(a->bank) & ~hw) | (gic_ppi_pending(a->cpu) & hw);
}

static void write_group(const struct bank_access *a, uint32_t v)
{
    a->bank->group1 = v;
}

static void write_enable(const struct bank_access *a, uint32_t v)
{
    a->bank->enabled |= v;
    for_hw_ppis(a, v, gic_ppi_set_enabled, true);
}

static void write_disable(const struct bank_access *a, uint32_t v)
{
    a->bank->enabled &= ~v;
    for_hw_ppis(a, v, gic_ppi_set_enabled, false);
}

static void write_set_pending(const struct bank_access *a, uint32_t v)
{
    a->bank->latch |= v & ~hw_ppis(a);
    for_hw_ppis(a, v, gic_ppi_set_pending, true);
}

static void write_clear_pending(const struct bank_access *a, uint32_t v)
{
    a->bank->latch &= ~(v & ~hw_ppis(a));
    for_hw_ppis(a, v, gic_ppi_set_pending, false);
}

/* An interrupt that becomes active so does it where it is routed to; 1 of N: at the caller. */
static void write_set_active(const struct bank_access *a, uint32_t v)
{
    for (uint32_t rest = v & ~a->bank->active; rest != 0; rest &= rest - 1) {
        unsigned n = (unsigned)__builtin_ctz(rest);
        unsigned target = a->bank->target[n] < VGIC_NO_TARGET ? a->bank->target[n] : a->me;

        a->bank->owner[n] = (uint8_t)target;
        if (target != a->me)
            gic_kick(target);
    }
    a->bank->active |= v;
    for_hw_ppis(a, v, gic_ppi_set_active, true);
    if (a->bank->base != 0)
        a->vgic->spi_hot |= UINT32_C(1) << (a->bank->base / 32 - 1);
}

static void write_clear_active(const struct bank_access *a, uint32_t v)
{
    for_hw_ppis(a, a->bank->active & v, gic_ppi_set_active, false);
    a->bank->active &= ~v;
}

/* The registers with a bit for each interrupt, in the order of their offsets. */
enum bit_reg { IGROUPR, ISENABLER, ICENABLER, ISPENDR, ICPENDR, ISACTIVER, ICACTIVER, BIT_REGS };

typedef void (*bit_write_fn)(const struct bank_access *a, uint32_t v);

static const bit_write_fn bit_write[BIT_REGS] = {
    [IGROUPR] = write_group,          [ISENABLER] = write_enable,
    [ICENABLER] = write_disable,      [ISPENDR] = write_set_pending,
    [ICPENDR] = write_clear_pending,  [ISACTIVER] = write_set_active,
    [ICACTIVER] = write_clear_active,
};

static uint32_t read_bits(const struct bank_access *a, enum bit_reg reg)
{
    uint32_t held = 0;
    uint32_t v;

    if (reg == IGROUPR)
        return a->bank->group1;
    if (reg == ISENABLER || reg == ICENABLER)
        return a->bank->enabled;
    spin_lock(&a->vgic->lock);
    vgic_claim(a->vgic, a->me, a->bank, ~UINT32_C(0), &held);
    if (a->bank->base == 0)
        vgic_take_incoming(&a->vgic->cpu[a->cpu]);
    v = reg == ISPENDR || reg == ICPENDR ? pending_word(a) : a->bank->active;
    vgic_release(a->vgic, a->me, held);
    spin_unlock(&a->vgic->lock);
    return v;
}

/* A write changes those interrupts whose bit is set; one to IGROUPR, all. */
static void write_bits(const struct bank_access *a, enum bit_reg reg, uint32_t v)
{
    uint32_t mask = reg == IGROUPR ? v ^ a->bank->group1 : v;
    uint32_t held = 0;

    spin_lock(&a->vgic->lock);
    vgic_claim(a->vgic, a->me, a->bank, mask, &held);
    if (a->bank->base == 0)
        vgic_take_incoming(&a->vgic->cpu[a->cpu]);
    bit_write[reg](a, v);
    vgic_deliver(a->vgic, a->me, a->bank, mask);
    vgic_release(a->vgic, a->me, held);
    spin_unlock(&a->vgic->lock);
}

/* IPRIORITYR: a byte for each interrupt; `size` 1 or 4. */
static uint64_t access_priority(const struct bank_access *a, unsigned first, unsigned size,
                                bool write, uint64_t value)
{
    uint32_t mask = (size == 4 ? UINT32_C(0xf) : 1) << first;
    uint32_t held = 0;
    uint64_t old = 0;

    for (unsigned i = 0; i < size; i++)
        old |= (uint64_t)a->bank->priority[first + i] << 8 * i;
    if (!write)
        return old;
    spin_lock(&a->vgic->lock);
    vgic_claim(a->vgic, a->me, a->bank, mask, &held);
    for (unsigned i = 0; i < size; i++)
        a->bank->priority[first + i] = (uint8_t)(value >> 8 * i) & a->vgic->priority_mask;
    vgic_deliver(a->vgic, a->me, a->bank, mask);
    vgic_release(a->vgic, a->me, held);
    spin_unlock(&a->vgic->lock);
    return 0;
}

/* ICFGR: two bits for 16 interrupts, of which the upper says edge. SGIs are edges for good. */
static uint32_t access_config(const struct bank_access *a, unsigned first, bool write,
                              uint32_t value)
{
    uint32_t fixed = a->bank->base == 0 ? UINT32_C(0xffff) | VGIC_HW_PPIS : 0;
    uint32_t mask = (UINT32_C(0xffff) << first) & ~fixed;
    uint32_t edge = 0;
    uint32_t held = 0;
    uint32_t v = 0;

    for (unsigned i = 0; i < 16; i++) {
        edge |= (value >> (2 * i + 1) & 1) << (first + i);
        v |= (a->bank->edge >> (first + i) & 1) << (2 * i + 1);
    }
    if (!write)
        return v;
    spin_lock(&a->vgic->lock);
    vgic_claim(a->vgic, a->me, a->bank, mask, &held);
    a->bank->edge = (a->bank->edge & ~mask) | (edge & mask);
    vgic_deliver(a->vgic, a->me, a->bank, mask);
    vgic_release(a->vgic, a->me, held);
    spin_unlock(&a->vgic->lock);
    return 0;
}

/*
 * From IGROUPR to ICFGR the distributor and the redistributor's second frame have the same
 * layout; `bank` 0 is only in the latter, the others only in the former.
 */
static uint64_t access_banked(struct vgic *vgic, unsigned cpu, bool redist,
                              const struct mmio_access *access, uint32_t offset)
{
    struct bank_access a = {.vgic = vgic, .me = access->vcpu, .cpu = cpu};
    bool bits = offset < GICD_IPRIORITYR;
    bool priority = offset >= GICD_IPRIORITYR && offset < GICD_IPRIORITYR + VGIC_NR_IRQS;
    bool config = offset >= GICD_ICFGR && offset < GICD_ICFGR + VGIC_NR_IRQS / 4;
    unsigned intid = bits       ? offset % 0x80 * 8
                     : priority ? offset - GICD_IPRIORITYR
                                : (offset - GICD_ICFGR) * 4;

    if (!(bits || priority || config) || intid >= VGIC_NR_IRQS || (intid < 32) != redist)
        return 0;
    if ((access->size != 4 && !(priority && access->size == 1)) ||
        !is_aligned(offset, access->size))
        return 0;
    a.bank = vgic_bank_of(vgic, cpu, intid);
    if (priority)
        return access_priority(&a, intid % 32, access->size, access->write, access->value);
    if (config)
        return access_config(&a, intid % 32, access->write, (uint32_t)access->value);
    if (!access->write)
        return read_bits(&a, (enum bit_reg)((offset - GICD_IGROUPR) / 0x80));
    write_bits(&a, (enum bit_reg)((offset - GICD_IGROUPR) / 0x80), (uint32_t)access->value);
    return 0;
}

static uint8_t route_to(const struct vgic *vgic, uint64_t irouter)
{
    if ((irouter & GICD_IROUTER_IRM) != 0)
        return VGIC_TARGET_ANY;
    for (unsigned i = 0; i < vgic->nr_cpus; i++) {
        if (vgic->cpu[i].mpidr == (irouter & GICD_IROUTER_AFF))
            return (uint8_t)i;
    }
    return VGIC_NO_TARGET;
}

/* IROUTER<n>: as a whole, or either half of it. */
static uint64_t access_router(struct vgic *vgic, const struct mmio_access *access)
{
    unsigned intid = (unsigned)(access->offset - GICD_IROUTER) / 8;
    unsigned shift = (unsigned)(access->offset % 8) * 8;
    uint64_t part = access->size == 8 ? ~UINT64_C(0) : UINT64_C(0xffffffff) << shift;
    struct vgic_bank *bank;
    uint32_t held = 0;
    uint64_t *router;

    if (intid < VGIC_FIRST_SPI || intid >= VGIC_NR_IRQS || access->size < 4 ||
        !is_aligned(access->offset, access->size))
        return 0;
    router = &vgic->irouter[intid - VGIC_FIRST_SPI];
    if (!access->write)
        return (*router & part) >> shift;
    bank = vgic_bank_of(vgic, 0, intid);
    spin_lock(&vgic->lock);
    vgic_claim(vgic, access->vcpu, bank, UINT32_C(1) << intid % 32, &held);
    *router = ((*router & ~part) | (access->value << shift & part)) &
              (GICD_IROUTER_AFF | GICD_IROUTER_IRM);
    bank->target[intid % 32] = route_to(vgic, *router);
    vgic_deliver(vgic, access->vcpu, bank, UINT32_C(1) << intid % 32);
    vgic_release(vgic, access->vcpu, held);
    spin_unlock(&vgic->lock);
    return 0;
}

static uint64_t read_dist_ctlr(const struct vgic *vgic)
{
    return GICD_CTLR_DS | GICD_CTLR_ARE | (vgic->group0_on & GICD_CTLR_EnableGrp0) |
           (vgic->group1_on & GICD_CTLR_EnableGrp1);
}

static void write_dist_ctlr(struct vgic *vgic, unsigned me, uint64_t value)
{
    uint32_t held = 0;

    spin_lock(&vgic->lock);
    vgic_claim_all(vgic, me, &held);
    vgic->group0_on = (value & GICD_CTLR_EnableGrp0) != 0 ? ~UINT32_C(0) : 0;
    vgic->group1_on = (value & GICD_CTLR_EnableGrp1) != 0 ? ~UINT32_C(0) : 0;
    for (unsigned i = 0; i < VGIC_SPI_BANKS; i++)
        vgic_deliver(vgic, me, &vgic->spi[i], ~UINT32_C(0));
    vgic_release(vgic, me, held);
    spin_unlock(&vgic->lock);
}

enum mmio_result vgic_dist_access(void *dev, struct mmio_access *access)
{
    struct vgic *vgic = dev;
    uint32_t offset = (uint32_t)access->offset;
    uint64_t value = 0;

    if (offset >= GICD_IROUTER && offset < GICD_IROUTER + 8 * 1024)
        value = access_router(vgic, access);
    else if (offset >= GICD_IGROUPR && offset < GICD_IROUTER)
        value = access_banked(vgic, 0, false, access, offset);
    else if (access->size != 4)
        value = 0;
    else if (offset == GICD_CTLR && access->write)
        write_dist_ctlr(vgic, access->vcpu, access->value);
    else if (offset == GICD_CTLR)
        value = read_dist_ctlr(vgic);
    else if (offset == GICD_TYPER)
        value = GICD_TYPER_VALUE;
    else if (offset == GICD_PIDR2)
        value = PIDR2_ArchRev_GICv3;
    if (!access->write)
        access->value = value;
    return MMIO_OK;
}

/* GICR_TYPER: who this redistributor belongs to. */
static uint64_t read_redist_typer(const struct vgic *vgic, unsigned cpu)
{
    const struct vgic_cpu *c = &vgic->cpu[cpu];
    uint64_t affinity = (c->mpidr & GENMASK(23, 0)) | FIELD_GET(MPIDR_Aff3, c->mpidr) << 24;

    return FIELD_PREP(GICR_TYPER_Affinity_Value, affinity) |
           FIELD_PREP(GICR_TYPER_Processor_Number, cpu) | (c->last ? GICR_TYPER_Last : 0);
}

/* While ProcessorSleep is set no interrupt reaches the CPU; ChildrenAsleep follows at once. */
static void write_waker(struct vgic *vgic, unsigned me, unsigned cpu, bool asleep)
{
    uint32_t held = 0;

    spin_lock(&vgic->lock);
    vgic_claim(vgic, me, &vgic->cpu[cpu].bank, ~UINT32_C(0), &held);
    for (unsigned i = 0; i < VGIC_SPI_BANKS; i++)
        vgic_claim(vgic, me, &vgic->spi[i], ~UINT32_C(0), &held);
    vgic->cpu[cpu].asleep = asleep;
    vgic_hand_over(vgic, me);
    vgic_release(vgic, me, held);
    spin_unlock(&vgic->lock);
}

static uint64_t access_redist_control(struct vgic *vgic, unsigned cpu,
                                      const struct mmio_access *access, uint32_t offset)
{
    if (offset == GICR_TYPER && access->size == 8)
        return read_redist_typer(vgic, cpu);
    if (access->size != 4)
        return 0;
    switch (offset) {
    case GICR_TYPER:
        return read_redist_typer(vgic, cpu) & GENMASK(31, 0);
    case GICR_TYPER + 4:
        return read_redist_typer(vgic, cpu) >> 32;
    case GICR_PIDR2:
        return PIDR2_ArchRev_GICv3;
    case GICR_WAKER:
        if (access->write)
            write_waker(vgic, access->vcpu, cpu, (access->value & GICR_WAKER_ProcessorSleep) != 0);
        return vgic->cpu[cpu].asleep ? GICR_WAKER_ProcessorSleep | GICR_WAKER_ChildrenAsleep : 0;
    default:
        return 0;
    }
}

enum mmio_result vgic_redist_access(void *dev, struct mmio_access *access)
{
    const struct vgic_redist_region *region = dev;
    unsigned frame = (unsigned)(access->offset / GICR_SIZE);
    uint32_t offset = (uint32_t)(access->offset % GICR_SIZE);
    uint64_t value = 0;

    if (frame < region->count) {
        unsigned cpu = region->first + frame;

        if (offset < GICR_SGI_BASE)
            value = access_redist_control(region->vgic, cpu, access, offset);
        else if (offset - GICR_SGI_BASE >= GICD_IGROUPR)
            value =
                access_banked(region->vgic, cpu, true, access, offset - (uint32_t)GICR_SGI_BASE);
    }
    if (!access->write)
        access->value = value;
    return MMIO_OK;
}
