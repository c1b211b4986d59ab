/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's stage 1 in software. See s1_walk.h; pte.h has the formats of our own tables. */
#include "mm/s1_walk.h"

#include <stddef.h>

#include "lib/bits.h"
#include "mm/pte.h"
#include "regs.h"

#define VA_SELECTS_TTBR1 BIT(55)
#define DESC_SIZE        8
#define LAST_LEVEL       3

/* ID_AA64MMFR0_EL1 and ID_AA64MMFR2_EL1 */
#define TGRAN4_LPA2   1
#define TGRAN16_LPA2  2
#define VA_BITS       48u /* of an output address, too */
#define VA_BITS_LARGE 52u

/* Descriptors, beyond what pte.h has. Tables with address bits up to 51 keep those low. */
#define DESC_TYPE       (PTE_VALID | PTE_TYPE)
#define DESC_BLOCK      PTE_VALID
#define DESC_TABLE      (PTE_VALID | PTE_TYPE) /* at the last level: a page */
#define DESC_64K_HIGH   GENMASK(15, 12)        /* address bits 51 to 48 */
#define DESC_DS_ADDR    GENMASK(49, 12)
#define DESC_DS_HIGH    GENMASK(9, 8) /* address bits 51 and 50 */
#define DESC_AP_EL0     BIT(6)
#define DESC_PXN        BIT(53)
#define DESC_UXN        BIT(54)
#define DESC_PXNTABLE   BIT(59)
#define DESC_APTABLE_NO BIT(61) /* no access from EL0 */
#define DESC_APTABLE_RO BIT(62)
#define TTBR_HIGH       GENMASK(5, 2) /* address bits 51 to 48 */

/* The walk of one of the two halves of the address space. */
struct walk {
    const struct s1_regime *regime;
    uint64_t table;     /* the one to be looked into */
    unsigned bits;      /* of the address, that are not yet translated */
    unsigned page_bits; /* 12, 14 or 16: the granule */
    unsigned out_bits;  /* of an output address */
    bool ds;            /* TCR_EL1.DS: 52 bits with granules of 4 or 16 KiB */
    bool large;         /* addresses in descriptors have 52 bits */
    bool hierarchy;     /* tables can take rights away */
    uint64_t taken;     /* what they have: DESC_PXN, DESC_UXN, PTE_S1_AP_RO; given: DESC_AP_EL0 */
};

static unsigned granule_bits(unsigned tg, unsigned tg_16k, unsigned tg_64k)
{
    if (tg == tg_64k)
        return 16;
    return tg == tg_16k ? 14 : 12;
}

static bool has_lpa2(uint64_t mmfr0, unsigned page_bits)
{
    if (page_bits == 12)
        return FIELD_GET(ID_AA64MMFR0_EL1_TGran4, mmfr0) == TGRAN4_LPA2;
    return page_bits == 14 && FIELD_GET(ID_AA64MMFR0_EL1_TGran16, mmfr0) == TGRAN16_LPA2;
}

/* TCR_EL1.IPS, as far as the CPU goes. */
static unsigned out_bits(const struct s1_regime *regime)
{
    uint64_t ips = FIELD_GET(TCR_EL1_IPS, regime->tcr);
    uint64_t cpu = FIELD_GET(ID_AA64MMFR0_EL1_PARange, regime->mmfr0);
    unsigned bits = pte_parange_bits(ips < cpu ? ips : cpu);

    return bits < VA_BITS_LARGE ? bits : VA_BITS_LARGE;
}

static struct walk start(const struct s1_regime *regime, bool high)
{
    uint64_t tcr = regime->tcr;
    unsigned tg = (unsigned)FIELD_GET(high ? TCR_EL1_TG1 : TCR_EL1_TG0, tcr);
    unsigned tsz = (unsigned)FIELD_GET(high ? TCR_EL1_T1SZ : TCR_EL1_T0SZ, tcr);
    struct walk walk = {.regime = regime, .bits = 64 - tsz, .out_bits = out_bits(regime)};
    unsigned most = VA_BITS;

    walk.page_bits = high ? granule_bits(tg, TCR_EL1_TG1_16K, TCR_EL1_TG1_64K)
                          : granule_bits(tg, TCR_EL1_TG0_16K, TCR_EL1_TG0_64K);
    walk.ds = (tcr & TCR_EL1_DS) != 0 && has_lpa2(regime->mmfr0, walk.page_bits);
    walk.large = walk.ds || (walk.page_bits == 16 && walk.out_bits > VA_BITS);
    walk.hierarchy = (tcr & (high ? TCR_EL1_HPD1 : TCR_EL1_HPD0)) == 0;
    if (walk.ds || (walk.page_bits == 16 && FIELD_GET(ID_AA64MMFR2_EL1_VARange, regime->mmfr2) > 0))
        most = VA_BITS_LARGE;
    if (!walk.large && walk.out_bits > VA_BITS)
        walk.out_bits = VA_BITS;
    if (walk.bits > most) /* out of range: as the nearest that is in it */
        walk.bits = most;
    if (walk.bits <= walk.page_bits)
        walk.bits = walk.page_bits + 1;
    return walk;
}

/* Are the bits above the address's size all alike, but for a tag that is ignored? */
static bool in_range(const struct walk *walk, uint64_t va, bool high)
{
    bool tagged = (walk->regime->tcr & (high ? TCR_EL1_TBI1 : TCR_EL1_TBI0)) != 0;
    uint64_t above = GENMASK(tagged ? 55 : 63, walk->bits);

    return (va & above) == (high ? above : 0);
}

/* The lowest address bit that a descriptor of `level` translates. */
static unsigned level_shift(const struct walk *walk, int level)
{
    return walk->page_bits + (walk->page_bits - 3) * (unsigned)(LAST_LEVEL - level);
}

/* The first table: it is aligned to its size. */
static uint64_t root(const struct walk *walk, uint64_t ttbr, int level)
{
    unsigned size_bits = walk->bits - level_shift(walk, level) + 3;
    uint64_t base = ttbr & TTBR_EL1_BADDR;

    if (walk->large)
        base = (base & ~GENMASK(5, 0)) | FIELD_GET(TTBR_HIGH, ttbr) << VA_BITS;
    return align_down(base, BIT(size_bits));
}

static uint64_t desc_addr(const struct walk *walk, uint64_t desc)
{
    uint64_t addr = desc & (walk->ds ? DESC_DS_ADDR : PTE_ADDR);

    if (walk->ds)
        addr |= FIELD_GET(DESC_DS_HIGH, desc) << 50;
    else if (walk->large)
        addr |= FIELD_GET(DESC_64K_HIGH, desc) << VA_BITS;
    return align_down(addr, BIT(walk->page_bits));
}

/* Can a descriptor of this level be a block? Larger addresses allow it one level higher. */
static bool may_be_block(const struct walk *walk, int level)
{
    int first = (walk->page_bits == 12 ? 1 : 2) - (walk->large ? 1 : 0);

    return level >= first && level < LAST_LEVEL;
}

static struct s1_step read_step(const struct walk *walk, const struct guest_mem *mem, uint64_t va,
                                int level)
{
    uint64_t index = FIELD_GET(GENMASK(walk->bits - 1, level_shift(walk, level)), va);
    struct s1_step step = {.where = ipa(walk->table + index * DESC_SIZE), .level = level};
    const uint64_t *slot = guest_mem_readable(mem, step.where, DESC_SIZE);

    step.in_ram = slot != NULL;
    if (step.in_ram)
        step.desc = __atomic_load_n(slot, __ATOMIC_RELAXED);
    if ((walk->regime->sctlr & SCTLR_EL1_EE) != 0)
        step.desc = __builtin_bswap64(step.desc);
    return step;
}

/* Rights that the table takes away from all below it. */
static void enter_table(struct walk *walk, uint64_t desc)
{
    walk->table = desc_addr(walk, desc);
    if (!walk->hierarchy)
        return;
    walk->taken |= ((desc & DESC_PXNTABLE) != 0 ? DESC_PXN : 0) |
                   ((desc & PTE_S1_XNTABLE) != 0 ? DESC_UXN : 0) |
                   ((desc & DESC_APTABLE_RO) != 0 ? PTE_S1_AP_RO : 0) |
                   ((desc & DESC_APTABLE_NO) != 0 ? DESC_AP_EL0 : 0);
}

static uint8_t permissions(const struct walk *walk, uint64_t desc)
{
    uint64_t bits = desc | (walk->taken & ~DESC_AP_EL0);
    bool el0 = (desc & ~walk->taken & DESC_AP_EL0) != 0;
    bool writable = (bits & PTE_S1_AP_RO) == 0;
    bool wxn = (walk->regime->sctlr & SCTLR_EL1_WXN) != 0;
    unsigned perms = S1_EL1_READ | (el0 ? S1_EL0_READ : 0);

    if (writable)
        perms |= S1_EL1_WRITE | (el0 ? S1_EL0_WRITE : 0);
    /* What EL0 may write, EL1 never executes. */
    if ((bits & DESC_PXN) == 0 && !(writable && (wxn || el0)))
        perms |= S1_EL1_EXEC;
    if ((bits & DESC_UXN) == 0 && !(writable && wxn && el0))
        perms |= S1_EL0_EXEC;
    if ((desc & PTE_AF) != 0)
        perms |= S1_ACCESSED;
    return (uint8_t)perms;
}

static int finish(const struct walk *walk, uint64_t va, uint64_t desc, int level,
                  struct s1_leaf *leaf)
{
    uint64_t size = BIT(level_shift(walk, level));
    uint64_t sh = FIELD_GET(PTE_SH, desc);

    if (walk->ds) /* its place in the descriptor is the address's */
        sh = FIELD_GET((va & VA_SELECTS_TTBR1) != 0 ? TCR_EL1_SH1 : TCR_EL1_SH0, walk->regime->tcr);
    leaf->desc = desc;
    leaf->out = ipa(align_down(desc_addr(walk, desc), size) | (va & (size - 1)));
    leaf->attr = (uint8_t)(walk->regime->mair >> 8 * FIELD_GET(PTE_S1_ATTRINDX, desc));
    leaf->sh = (uint8_t)sh;
    leaf->perms = permissions(walk, desc);
    return leaf->out.v >> walk->out_bits == 0 ? 0 : -ERR_INVAL;
}

/* With the MMU off an address translates to itself. */
static int untranslated(const struct s1_regime *regime, uint64_t va, struct s1_leaf *leaf)
{
    leaf->out = ipa(va & GENMASK(55, 0));
    leaf->perms = S1_ALL;
    return leaf->out.v >> out_bits(regime) == 0 ? 0 : -ERR_INVAL;
}

/* The walk proper, from the descriptor at `level` on. */
static int descend(struct walk *walk, const struct guest_mem *mem, uint64_t va, s1_step_fn fn,
                   void *ctx, struct s1_leaf *leaf)
{
    for (int level = leaf->level;; level++) {
        struct s1_step step = read_step(walk, mem, va, level);
        uint64_t type = step.desc & DESC_TYPE;
        int err = fn != NULL ? fn(&step, ctx) : 0;

        leaf->level = level;
        if (err != 0)
            return err;
        if (!step.in_ram)
            return -ERR_RANGE;
        if (type == (level == LAST_LEVEL ? DESC_TABLE : DESC_BLOCK) &&
            (level == LAST_LEVEL || may_be_block(walk, level)))
            return finish(walk, va, step.desc, level, leaf);
        if (type != DESC_TABLE || level == LAST_LEVEL)
            return -ERR_NOENT;
        enter_table(walk, step.desc);
        if (walk->table >> walk->out_bits != 0)
            return -ERR_INVAL;
        walk->bits = level_shift(walk, level);
    }
}

int s1_walk(const struct s1_regime *regime, const struct guest_mem *mem, uint64_t va, s1_step_fn fn,
            void *ctx, struct s1_leaf *leaf)
{
    bool high = (va & VA_SELECTS_TTBR1) != 0;
    struct walk walk = start(regime, high);

    *leaf = (struct s1_leaf){0};
    if ((regime->sctlr & SCTLR_EL1_M) == 0)
        return untranslated(regime, va, leaf);
    if (!in_range(&walk, va, high) || (regime->tcr & (high ? TCR_EL1_EPD1 : TCR_EL1_EPD0)) != 0)
        return -ERR_NOENT;
    leaf->level = LAST_LEVEL - (int)((walk.bits - walk.page_bits - 1) / (walk.page_bits - 3));
    walk.table = root(&walk, high ? regime->ttbr1 : regime->ttbr0, leaf->level);
    if (walk.table >> walk.out_bits != 0) {
        leaf->level = 0;
        return -ERR_INVAL;
    }
    return descend(&walk, mem, va, fn, ctx, leaf);
}
