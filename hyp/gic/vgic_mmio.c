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

#define GICD_TYPER_VALUE                                                                           \
    (FIELD_PREP(GICD_TYPER_ITLinesNumber, VGIC_BANKS - 1) | FIELD_PREP(GICD_TYPER_IDbits, 9) |     \
     GICD_TYPER_A3V | GICD_TYPER_RSS)

/* An access to a register that has a field for each interrupt. */
struct op {
    struct vgic_claim claim; /* the interrupts that it is about */
    unsigned n;              /* the first of them, a bit of claim.bank */
    struct mmio_access *access;
};

/* The registers of one name, side by side. */
struct reg {
    uint32_t offset;
    uint32_t length; /* bytes */
    uint32_t first;  /* INTID */
    unsigned bits;   /* of an interrupt's field */
    unsigned sizes;  /* of accesses: their sum */
    /* The answer to a read. It claims what it has to have in memory. */
    uint64_t (*read_fn)(struct op *op);
    /* What a write does to the claimed interrupts: in registers that set or clear, the 1 bits. */
    void (*write_fn)(const struct op *op);
};

/* For each linked PPI of `mask`: the same done to the machine's own. */
static void for_hw_ppis(const struct op *op, uint32_t mask,
                        void (*fn)(unsigned cpu, uint32_t intid, bool on), bool on)
{
    const struct vgic_claim *claim = &op->claim;

    for (mask &= claim->bank->linked; mask != 0; mask &= mask - 1)
        fn(claim->vgic->vcpu[vgic_bank_vcpu(claim->bank)].cpu, (uint32_t)__builtin_ctz(mask), on);
}

static uint64_t read_group(struct op *op)
{
    return op->claim.bank->group1;
}

static uint64_t read_enabled(struct op *op)
{
    return op->claim.bank->enabled;
}

static uint64_t read_pending(struct op *op)
{
    const struct vgic_bank *bank = op->claim.bank;
    uint32_t hw = bank->linked;
    uint32_t v;

    vgic_claim(&op->claim);
    v = vgic_bank_pending(bank);
    if (hw != 0)
        v = (v & ~hw) | (gic_ppi_pending(op->claim.vgic->vcpu[vgic_bank_vcpu(bank)].cpu) & hw);
    vgic_release(&op->claim, 0);
    return v;
}

static uint64_t read_active(struct op *op)
{
    uint32_t v;

    vgic_claim(&op->claim);
    v = op->claim.bank->active;
    vgic_release(&op->claim, 0);
    return v;
}

static void write_group(const struct op *op)
{
    op->claim.bank->group1 = (uint32_t)op->access->value;
}

static void write_enable(const struct op *op)
{
    op->claim.bank->enabled |= op->claim.mask;
    for_hw_ppis(op, op->claim.mask, gic_ppi_set_enabled, true);
}

static void write_disable(const struct op *op)
{
    op->claim.bank->enabled &= ~op->claim.mask;
    for_hw_ppis(op, op->claim.mask, gic_ppi_set_enabled, false);
}

static void write_set_pending(const struct op *op)
{
    op->claim.bank->latch |= op->claim.mask & ~op->claim.bank->linked;
    for_hw_ppis(op, op->claim.mask, gic_ppi_set_pending, true);
}

static void write_clear_pending(const struct op *op)
{
    op->claim.bank->latch &= ~op->claim.mask | op->claim.bank->linked;
    for_hw_ppis(op, op->claim.mask, gic_ppi_set_pending, false);
}

/* As if the vCPU that it is routed to had acknowledged it; if that may be any, the caller. */
static void write_set_active(const struct op *op)
{
    struct vgic_bank *bank = op->claim.bank;

    for (uint32_t rest = op->claim.mask & ~bank->active; rest != 0; rest &= rest - 1) {
        unsigned n = (unsigned)__builtin_ctz(rest);
        unsigned target = bank->target[n] < VGIC_NO_TARGET ? bank->target[n] : op->claim.me;

        bank->owner[n] = (uint8_t)target;
        if (target != op->claim.me)
            vgic_kick(op->claim.vgic, target);
    }
    bank->active |= op->claim.mask;
    for_hw_ppis(op, op->claim.mask, gic_ppi_set_active, true);
    if (bank->base != 0)
        op->claim.vgic->spi_hot |= UINT32_C(1) << (bank->base / 32 - 1);
}

static void write_clear_active(const struct op *op)
{
    for_hw_ppis(op, op->claim.mask & op->claim.bank->active, gic_ppi_set_active, false);
    op->claim.bank->active &= ~op->claim.mask;
}

static uint64_t read_priority(struct op *op)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < op->access->size; i++)
        v |= (uint64_t)op->claim.bank->priority[op->n + i] << 8 * i;
    return v;
}

static void write_priority(const struct op *op)
{
    for (unsigned i = 0; i < op->access->size; i++)
        op->claim.bank->priority[op->n + i] =
            (uint8_t)(op->access->value >> 8 * i) & op->claim.vgic->priority_mask;
}

/* Of an interrupt's two bits the upper says edge. */
static uint64_t read_edges(struct op *op)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < 16; i++)
        v |= (uint64_t)(op->claim.bank->edge >> (op->n + i) & 1) << (2 * i + 1);
    return v;
}

/* What SGIs and linked PPIs are can't be changed. */
static void write_edges(const struct op *op)
{
    struct vgic_bank *bank = op->claim.bank;
    uint32_t mask = op->claim.mask & ~(bank->base == 0 ? UINT32_C(0xffff) | bank->linked : 0);
    uint32_t edge = 0;

    for (unsigned i = 0; i < 16; i++)
        edge |= (uint32_t)(op->access->value >> (2 * i + 1) & 1) << (op->n + i);
    bank->edge = (bank->edge & ~mask) | (edge & mask);
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

static uint64_t *router_of(const struct op *op)
{
    return &op->claim.vgic->irouter[op->claim.bank->base + op->n - VGIC_FIRST_SPI];
}

/* IROUTER<n>: as a whole, or either half of it. */
static uint64_t read_router(struct op *op)
{
    return *router_of(op) >> op->access->offset % 8 * 8;
}

static void write_router(const struct op *op)
{
    const struct mmio_access *access = op->access;
    unsigned shift = (unsigned)(access->offset % 8) * 8;
    uint64_t part = access->size == 8 ? ~UINT64_C(0) : UINT64_C(0xffffffff) << shift;
    uint64_t *router = router_of(op);

    *router = ((*router & ~part) | (access->value << shift & part)) &
              (GICD_IROUTER_AFF | GICD_IROUTER_IRM);
    op->claim.bank->target[op->n] = route_to(op->claim.vgic, *router);
}

/*
 * From IGROUPR to ICFGR the distributor and the redistributor's second frame have the same layout.
 * The distributor has the INTIDs from 32 on, the redistributor those below.
 */
/* clang-format off */
#define REG(at, intid, count, field, access_sizes, read, write)                                    \
    {.offset = (at) + (intid) * (field) / 8, .length = (count) * (field) / 8, .first = (intid),    \
     .bits = (field), .sizes = (access_sizes), .read_fn = (read), .write_fn = (write)}
#define PER_INTERRUPT(frame, first, count)                                                         \
    REG((frame) + GICD_IGROUPR, first, count, 1, 4, read_group, write_group),                      \
    REG((frame) + GICD_ISENABLER, first, count, 1, 4, read_enabled, write_enable),                 \
    REG((frame) + GICD_ICENABLER, first, count, 1, 4, read_enabled, write_disable),                \
    REG((frame) + GICD_ISPENDR, first, count, 1, 4, read_pending, write_set_pending),              \
    REG((frame) + GICD_ICPENDR, first, count, 1, 4, read_pending, write_clear_pending),            \
    REG((frame) + GICD_ISACTIVER, first, count, 1, 4, read_active, write_set_active),              \
    REG((frame) + GICD_ICACTIVER, first, count, 1, 4, read_active, write_clear_active),            \
    REG((frame) + GICD_IPRIORITYR, first, count, 8, 1 | 4, read_priority, write_priority),         \
    REG((frame) + GICD_ICFGR, first, count, 2, 4, read_edges, write_edges)
/* clang-format on */

static const struct reg dist_regs[] = {
    PER_INTERRUPT(0, VGIC_FIRST_SPI, VGIC_NR_SPIS),
    REG(GICD_IROUTER, VGIC_FIRST_SPI, VGIC_NR_SPIS, 64, 4 | 8, read_router, write_router),
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

/* An access that `reg` has, on behalf of the redistributor of `vcpu` or of the distributor. */
static enum mmio_result access_reg(const struct reg *reg, uint32_t offset, struct vgic *vgic,
                                   unsigned vcpu, struct mmio_access *access)
{
    uint32_t intid = reg->first + (offset - reg->offset) * 8 / reg->bits;
    unsigned count = reg->bits < 32 ? 8U * access->size / reg->bits : 1;
    struct op op = {.claim = {.vgic = vgic,
                              .me = access->vcpu,
                              .bank = vgic_bank_of(vgic, vcpu, intid),
                              .mask = (uint32_t)(BIT(count) - 1) << intid % 32},
                    .n = intid % 32,
                    .access = access};

    if (!access->write) {
        access->value = reg->read_fn(&op);
        return MMIO_OK;
    }
    if (reg->bits == 1 && reg->write_fn != write_group)
        op.claim.mask = (uint32_t)access->value;
    vgic_claim(&op.claim);
    reg->write_fn(&op);
    vgic_release(&op.claim, op.claim.mask);
    return MMIO_OK;
}

/* By the register of `regs` in which all of the access lies; where none is, there is only zero. */
static RARE enum mmio_result access_table(const struct reg *regs, unsigned count, struct vgic *vgic,
                                          unsigned vcpu, struct mmio_access *access)
{
    uint32_t offset = (uint32_t)(access->offset % GICR_SIZE);

    for (const struct reg *reg = regs; reg < regs + count; reg++) {
        if (offset - reg->offset < reg->length && (reg->sizes & access->size) != 0 &&
            is_aligned(offset, access->size))
            return access_reg(reg, offset, vgic, vcpu, access);
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
