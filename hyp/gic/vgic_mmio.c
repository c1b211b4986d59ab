/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registers of the virtual distributor and redistributors (GICv3, "The GIC register map"),
 * with one security state (GICD_CTLR.DS = 1), affinity routing always on and no LPIs.
 *
 * Two tables at the end say what there is. Reserved registers, and accesses of a size that a
 * register does not have or that are not aligned, read as zero and ignore writes. See vgic.h for
 * the model; trap/abort.c calls.
 */
#include <stddef.h>

#include "gic/gic.h"
#include "gic/vgic_internal.h"
#include "lib/addr.h"

#define ALL UINT32_MAX

/* Lengths in bytes that a register's name has in the map, for all of its instances. */
#define BITS_LENGTH     0x80 /* of a register with a bit for each interrupt: IGROUPR to ICACTIVER */
#define PRIORITY_LENGTH 0x400
#define CONFIG_LENGTH   0x100
#define ROUTER_LENGTH   0x2000

#define GICD_TYPER_VALUE                                                                           \
    (FIELD_PREP(GICD_TYPER_ITLinesNumber, VGIC_BANKS - 1) | FIELD_PREP(GICD_TYPER_IDbits, 9) |     \
     GICD_TYPER_A3V | GICD_TYPER_RSS)

/* The registers of one name, side by side. */
struct reg {
    uint32_t offset;
    uint32_t length;
    unsigned sizes; /* of accesses: their sum */
    /* An access of such a size, aligned: a read puts the answer into access->value. `vcpu` is the
     * redistributor's. */
    enum mmio_result (*access_fn)(const struct reg *reg, struct vgic *vgic, unsigned vcpu,
                                  struct mmio_access *access);
    /* With a bit for each interrupt: the word of claim->bank, which is not claimed yet; */
    uint32_t (*read_fn)(struct vgic_claim *claim);
    /* and what a write of `v` does, when it is. */
    void (*write_fn)(const struct vgic_claim *claim, uint32_t v);
};

/* For each linked PPI of `mask`: the same done to the machine's own. */
static void for_hw_ppis(const struct vgic_claim *claim, uint32_t mask,
                        void (*fn)(unsigned cpu, uint32_t intid, bool on), bool on)
{
    for (mask &= claim->bank->linked; mask != 0; mask &= mask - 1)
        fn(claim->vgic->vcpu[vgic_bank_vcpu(claim->bank)].cpu, (uint32_t)__builtin_ctz(mask), on);
}

static uint32_t read_group(struct vgic_claim *claim)
{
    return claim->bank->group1;
}

static uint32_t read_enabled(struct vgic_claim *claim)
{
    return claim->bank->enabled;
}

static uint32_t read_pending(struct vgic_claim *claim)
{
    const struct vgic_bank *bank = claim->bank;
    uint32_t hw = bank->linked;
    uint32_t v;

    vgic_claim(claim);
    v = vgic_bank_pending(bank);
    if (hw != 0)
        v = (v & ~hw) | (gic_ppi_pending(claim->vgic->vcpu[vgic_bank_vcpu(bank)].cpu) & hw);
    vgic_release(claim, 0);
    return v;
}

static uint32_t read_active(struct vgic_claim *claim)
{
    uint32_t v;

    vgic_claim(claim);
    v = claim->bank->active;
    vgic_release(claim, 0);
    return v;
}

static void write_group(const struct vgic_claim *claim, uint32_t v)
{
    claim->bank->group1 = v;
}

static void write_enable(const struct vgic_claim *claim, uint32_t v)
{
    claim->bank->enabled |= v;
    for_hw_ppis(claim, v, gic_ppi_set_enabled, true);
}

static void write_disable(const struct vgic_claim *claim, uint32_t v)
{
    claim->bank->enabled &= ~v;
    for_hw_ppis(claim, v, gic_ppi_set_enabled, false);
}

static void write_set_pending(const struct vgic_claim *claim, uint32_t v)
{
    claim->bank->latch |= v & ~claim->bank->linked;
    for_hw_ppis(claim, v, gic_ppi_set_pending, true);
}

static void write_clear_pending(const struct vgic_claim *claim, uint32_t v)
{
    claim->bank->latch &= ~(v & ~claim->bank->linked);
    for_hw_ppis(claim, v, gic_ppi_set_pending, false);
}

/* An interrupt that becomes active so does it where it is routed to; 1 of N: at the caller. */
static void write_set_active(const struct vgic_claim *claim, uint32_t v)
{
    struct vgic_bank *bank = claim->bank;

    for (uint32_t rest = v & ~bank->active; rest != 0; rest &= rest - 1) {
        unsigned n = (unsigned)__builtin_ctz(rest);
        unsigned target = bank->target[n] < VGIC_NO_TARGET ? bank->target[n] : claim->me;

        bank->owner[n] = (uint8_t)target;
        if (target != claim->me)
            vgic_kick(claim->vgic, target);
    }
    bank->active |= v;
    for_hw_ppis(claim, v, gic_ppi_set_active, true);
    if (bank->base != 0)
        claim->vgic->spi_hot |= UINT32_C(1) << (bank->base / 32 - 1);
}

static void write_clear_active(const struct vgic_claim *claim, uint32_t v)
{
    for_hw_ppis(claim, claim->bank->active & v, gic_ppi_set_active, false);
    claim->bank->active &= ~v;
}

/* A write changes those interrupts whose bit is set; one to IGROUPR, all. */
static enum mmio_result access_bits(const struct reg *reg, struct vgic *vgic, unsigned vcpu,
                                    struct mmio_access *access)
{
    uint32_t intid = (uint32_t)(access->offset % BITS_LENGTH * 8);
    uint32_t v = (uint32_t)access->value;
    struct vgic_claim claim = {.vgic = vgic,
                               .me = access->vcpu,
                               .bank = vgic_bank_of(vgic, vcpu, intid),
                               .mask = access->write && reg->write_fn != write_group ? v : ALL};

    if (access->write) {
        vgic_claim(&claim);
        reg->write_fn(&claim, v);
        vgic_release(&claim, claim.mask);
    } else {
        access->value = reg->read_fn(&claim);
    }
    return MMIO_OK;
}

/* IPRIORITYR: a byte for each interrupt. */
static enum mmio_result access_priority(const struct reg *reg, struct vgic *vgic, unsigned vcpu,
                                        struct mmio_access *access)
{
    uint32_t intid = (uint32_t)(access->offset % PRIORITY_LENGTH);
    unsigned first = intid % 32;
    struct vgic_claim claim = {.vgic = vgic,
                               .me = access->vcpu,
                               .bank = vgic_bank_of(vgic, vcpu, intid),
                               .mask = (uint32_t)(BIT(access->size) - 1) << first};
    uint8_t *priority = &claim.bank->priority[first];

    (void)reg;
    if (access->write) {
        vgic_claim(&claim);
        for (unsigned i = 0; i < access->size; i++)
            priority[i] = (uint8_t)(access->value >> 8 * i) & vgic->priority_mask;
        vgic_release(&claim, claim.mask);
    } else {
        access->value = 0;
        for (unsigned i = 0; i < access->size; i++)
            access->value |= (uint64_t)priority[i] << 8 * i;
    }
    return MMIO_OK;
}

/* ICFGR: two bits for 16 interrupts, of which the upper says edge. SGIs are edges for good. */
static enum mmio_result access_config(const struct reg *reg, struct vgic *vgic, unsigned vcpu,
                                      struct mmio_access *access)
{
    uint32_t intid = (uint32_t)(access->offset % CONFIG_LENGTH * 4);
    struct vgic_bank *bank = vgic_bank_of(vgic, vcpu, intid);
    uint32_t fixed = bank->base == 0 ? UINT32_C(0xffff) | bank->linked : 0;
    unsigned first = intid % 32;
    struct vgic_claim claim = {.vgic = vgic,
                               .me = access->vcpu,
                               .bank = bank,
                               .mask = (UINT32_C(0xffff) << first) & ~fixed};
    uint32_t edge = 0;
    uint32_t v = 0;

    (void)reg;
    for (unsigned i = 0; i < 16; i++) {
        edge |= (uint32_t)(access->value >> (2 * i + 1) & 1) << (first + i);
        v |= (bank->edge >> (first + i) & 1) << (2 * i + 1);
    }
    if (access->write) {
        vgic_claim(&claim);
        bank->edge = (bank->edge & ~claim.mask) | (edge & claim.mask);
        vgic_release(&claim, claim.mask);
    } else {
        access->value = v;
    }
    return MMIO_OK;
}

static uint8_t route_to(const struct vgic *vgic, uint64_t irouter)
{
    if ((irouter & GICD_IROUTER_IRM) != 0)
        return VGIC_TARGET_ANY;
    for (unsigned i = 0; i < vgic->nr_vcpus; i++) {
        if (vgic->vcpu[i].mpidr == (irouter & GICD_IROUTER_AFF))
            return (uint8_t)i;
    }
    return VGIC_NO_TARGET;
}

/* IROUTER<n>: as a whole, or either half of it. */
static enum mmio_result access_router(const struct reg *reg, struct vgic *vgic, unsigned vcpu,
                                      struct mmio_access *access)
{
    uint32_t intid = (uint32_t)(access->offset % ROUTER_LENGTH / 8);
    unsigned shift = (unsigned)(access->offset % 8) * 8;
    uint64_t part = access->size == 8 ? ~UINT64_C(0) : UINT64_C(0xffffffff) << shift;
    uint64_t *router = &vgic->irouter[intid - VGIC_FIRST_SPI];
    struct vgic_claim claim = {.vgic = vgic,
                               .me = access->vcpu,
                               .bank = vgic_bank_of(vgic, vcpu, intid),
                               .mask = UINT32_C(1) << intid % 32};

    (void)reg;
    if (access->write) {
        vgic_claim(&claim);
        *router = ((*router & ~part) | (access->value << shift & part)) &
                  (GICD_IROUTER_AFF | GICD_IROUTER_IRM);
        claim.bank->target[intid % 32] = route_to(vgic, *router);
        vgic_release(&claim, claim.mask);
    } else {
        access->value = *router >> shift;
    }
    return MMIO_OK;
}

/*
 * From IGROUPR to ICFGR the distributor and the redistributor's second frame have the same
 * layout; the one has all INTIDs but those below 32, the other has these.
 */
/* clang-format off */
#define REG(at, bytes, access_sizes, fn)                                                           \
    {.offset = (at), .length = (bytes), .sizes = (access_sizes), .access_fn = (fn)}
#define BITS(at, count, read, write)                                                               \
    {.offset = (at), .length = (count) / 8, .sizes = 4, .access_fn = access_bits,                  \
     .read_fn = (read), .write_fn = (write)}
#define PER_INTERRUPT(frame, first, count)                                                         \
    BITS((frame) + GICD_IGROUPR + (first) / 8, count, read_group, write_group),                    \
    BITS((frame) + GICD_ISENABLER + (first) / 8, count, read_enabled, write_enable),               \
    BITS((frame) + GICD_ICENABLER + (first) / 8, count, read_enabled, write_disable),              \
    BITS((frame) + GICD_ISPENDR + (first) / 8, count, read_pending, write_set_pending),            \
    BITS((frame) + GICD_ICPENDR + (first) / 8, count, read_pending, write_clear_pending),          \
    BITS((frame) + GICD_ISACTIVER + (first) / 8, count, read_active, write_set_active),            \
    BITS((frame) + GICD_ICACTIVER + (first) / 8, count, read_active, write_clear_active),          \
    REG((frame) + GICD_IPRIORITYR + (first), count, 1 | 4, access_priority),                       \
    REG((frame) + GICD_ICFGR + (first) / 4, (count) / 4, 4, access_config)
/* clang-format on */

static const struct reg dist_regs[] = {
    PER_INTERRUPT(0, VGIC_FIRST_SPI, VGIC_NR_SPIS),
    REG(GICD_IROUTER + 8 * VGIC_FIRST_SPI, 8 * VGIC_NR_SPIS, 4 | 8, access_router),
};

static const struct reg redist_regs[] = {
    PER_INTERRUPT(GICR_SGI_BASE, 0, VGIC_FIRST_SPI),
};

/* A register of 32 bits that reads so. */
static inline enum mmio_result read_word(struct mmio_access *access, uint64_t v)
{
    access->value = access->size == 4 ? v : 0;
    return MMIO_OK;
}

/* Not inlined, so that the most usual reads need no frame. */
#define RARE __attribute__((noinline))

/* The register of `regs`, if there is one, that has all of an access at `offset`. */
static RARE enum mmio_result access_table(const struct reg *regs, unsigned count, struct vgic *vgic,
                                          unsigned vcpu, struct mmio_access *access)
{
    uint32_t offset = (uint32_t)(access->offset % GICR_SIZE);

    for (const struct reg *reg = regs; reg < regs + count; reg++) {
        if (offset - reg->offset < reg->length && (reg->sizes & access->size) != 0 &&
            is_aligned(offset, access->size))
            return reg->access_fn(reg, vgic, vcpu, access);
    }
    access->value = 0;
    return MMIO_OK;
}

static RARE enum mmio_result write_dist_ctlr(struct vgic *vgic, const struct mmio_access *access)
{
    struct vgic_claim claim = {.vgic = vgic, .me = access->vcpu};

    if (access->size == 4) {
        vgic_claim(&claim);
        vgic->group0_on = (access->value & GICD_CTLR_EnableGrp0) != 0 ? ALL : 0;
        vgic->group1_on = (access->value & GICD_CTLR_EnableGrp1) != 0 ? ALL : 0;
        vgic_release(&claim, ALL);
    }
    return MMIO_OK;
}

enum mmio_result vgic_dist_access(void *dev, struct mmio_access *access)
{
    struct vgic *vgic = dev;

    switch (access->offset) {
    case GICD_CTLR:
        if (access->write)
            return write_dist_ctlr(vgic, access);
        return read_word(access, GICD_CTLR_DS | GICD_CTLR_ARE |
                                     (vgic->group0_on & GICD_CTLR_EnableGrp0) |
                                     (vgic->group1_on & GICD_CTLR_EnableGrp1));
    case GICD_TYPER:
        return read_word(access, GICD_TYPER_VALUE);
    case GICD_PIDR2:
        return read_word(access, PIDR2_ArchRev_GICv3);
    default:
        return access_table(dist_regs, ARRAY_SIZE(dist_regs), vgic, 0, access);
    }
}

/* GICR_TYPER, as a whole or either half of it: whose redistributor this is. */
static enum mmio_result read_redist_typer(const struct vgic_vcpu *own, struct mmio_access *access)
{
    uint64_t affinity = (own->mpidr & GENMASK(23, 0)) | FIELD_GET(MPIDR_Aff3, own->mpidr) << 24;
    uint64_t v = FIELD_PREP(GICR_TYPER_Affinity_Value, affinity) |
                 FIELD_PREP(GICR_TYPER_Processor_Number, own->index) |
                 (own->last ? GICR_TYPER_Last : 0);

    if (access->size == 8 && access->offset % 8 == 0)
        access->value = v;
    else
        read_word(access, v >> access->offset % 8 * 8);
    return MMIO_OK;
}

/* While ProcessorSleep is set no interrupt reaches the vCPU; ChildrenAsleep follows at once. */
static enum mmio_result access_waker(struct vgic *vgic, struct vgic_vcpu *own,
                                     struct mmio_access *access)
{
    struct vgic_claim claim = {.vgic = vgic, .me = access->vcpu};

    if (access->write && access->size == 4) {
        vgic_claim(&claim);
        own->asleep = (access->value & GICR_WAKER_ProcessorSleep) != 0;
        vgic_release(&claim, ALL);
    }
    return read_word(access,
                     own->asleep ? GICR_WAKER_ProcessorSleep | GICR_WAKER_ChildrenAsleep : 0);
}

enum mmio_result vgic_redist_access(void *dev, struct mmio_access *access)
{
    const struct vgic_redist_region *region = dev;
    unsigned frame = (unsigned)(access->offset / GICR_SIZE);
    unsigned vcpu = region->first + frame;

    if (frame >= region->count)
        return read_word(access, 0);
    switch (access->offset % GICR_SIZE) {
    case GICR_TYPER:
    case GICR_TYPER + 4:
        return read_redist_typer(&region->vgic->vcpu[vcpu], access);
    case GICR_WAKER:
        return access_waker(region->vgic, &region->vgic->vcpu[vcpu], access);
    case GICR_PIDR2:
        return read_word(access, PIDR2_ArchRev_GICv3);
    default:
        return access_table(redist_regs, ARRAY_SIZE(redist_regs), region->vgic, vcpu, access);
    }
}
