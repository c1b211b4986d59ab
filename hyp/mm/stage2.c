/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's map: what stage 2's registers and attribute bits mean, and the lock. The tables
 * themselves are mm/pgtable.c's.
 */
#include "mm/stage2.h"

#include "check/invariants.h"
#include "mm/phys.h"
#include "mm/pte.h"
#include "regs.h"
#include "tlb.h"

#define PERMS_ALL (STAGE2_READ | STAGE2_WRITE | STAGE2_EXEC)

/* All that a leaf says besides rights. With AF clear each first access would trap. */
#define LEAF_ATTR  (PTE_S2_MEMATTR_WB | PTE_SH_INNER | PTE_AF)
#define PERMS_ATTR (PTE_S2_S2AP | PTE_S2_XN)

#define IPA_BITS_MIN    32
#define LEVEL1_BITS     43 /* 16 level-1 tables in a row; longer addresses start at level 0 */
#define VMID_BITS_SHORT 8
#define VMID_BITS_LONG  16
#define VMIDBITS_16     2
#define TGRAN4_2_AS_1   0 /* as TGran4 has it for stage 1 */
#define TGRAN4_2_NONE   1
#define TGRAN4_NONE     0xf

static uint64_t vttbr(const struct pgtable *pt)
{
    return FIELD_PREP(VTTBR_EL2_VMID, pt->vmid) | (ptr_to_pa(pt->root).v & VTTBR_EL2_BADDR);
}

static void stage2_flush(const struct pgtable *pt, const uint64_t ipa[], unsigned count)
{
    tlb_flush_ipa(vttbr(pt), ipa, count);
}

static void stage2_flush_all(const struct pgtable *pt)
{
    tlb_flush_vmid(vttbr(pt));
}

static const struct pgtable_tlb_ops stage2_tlb_ops = {
    .flush_fn = stage2_flush,
    .flush_all_fn = stage2_flush_all,
};

/* ---- Registers ---- */

static bool has_granule_4k(uint64_t mmfr0)
{
    uint64_t stage2 = FIELD_GET(ID_AA64MMFR0_EL1_TGran4_2, mmfr0);

    if (stage2 == TGRAN4_2_AS_1)
        return FIELD_GET(ID_AA64MMFR0_EL1_TGran4, mmfr0) != TGRAN4_NONE;
    return stage2 != TGRAN4_2_NONE;
}

struct stage2_features stage2_features(uint64_t mmfr0, uint64_t mmfr1)
{
    bool long_vmid = FIELD_GET(ID_AA64MMFR1_EL1_VMIDBits, mmfr1) == VMIDBITS_16;

    return (struct stage2_features){
        .pa_bits = pte_pa_bits(mmfr0),
        .vmid_bits = long_vmid ? VMID_BITS_LONG : VMID_BITS_SHORT,
        .granule_4k = has_granule_4k(mmfr0),
    };
}

/*
 * A table of level 1 translates 39 bits. For up to 43, level 1 has as many tables in a row as it
 * takes, and the walk is a step shorter than from level 0.
 */
static unsigned start_level(unsigned ipa_bits)
{
    return ipa_bits <= LEVEL1_BITS ? 1 : 0;
}

int stage2_vtcr(uint64_t mmfr0, uint64_t mmfr1, unsigned ipa_bits, uint64_t *vtcr)
{
    struct stage2_features cpu = stage2_features(mmfr0, mmfr1);

    if (!cpu.granule_4k)
        return -ERR_UNSUPPORTED;
    if (ipa_bits < IPA_BITS_MIN || ipa_bits > cpu.pa_bits)
        return -ERR_RANGE;
    *vtcr = VTCR_EL2_RES1 | TCRx_EL2_WALKS | FIELD_PREP(TCRx_EL2_T0SZ, 64 - ipa_bits) |
            FIELD_PREP(VTCR_EL2_SL0, 2 - start_level(ipa_bits)) |
            FIELD_PREP(TCRx_EL2_PS, pte_pa_size_field(mmfr0)) |
            (cpu.vmid_bits == VMID_BITS_LONG ? VTCR_EL2_VS : 0);
    return 0;
}

uint64_t stage2_vttbr(const struct stage2 *s2)
{
    return vttbr(&s2->table);
}

int stage2_init(struct stage2 *s2, struct page_pool *pool, uint16_t vmid, uint64_t mmfr0,
                uint64_t mmfr1)
{
    struct stage2_features cpu = stage2_features(mmfr0, mmfr1);
    int err;

    *s2 = (struct stage2){0};
    s2->ipa_bits = cpu.pa_bits < STAGE2_IPA_BITS ? cpu.pa_bits : STAGE2_IPA_BITS;
    if (vmid == 0 || vmid >= BIT(cpu.vmid_bits))
        return -ERR_RANGE;
    err = stage2_vtcr(mmfr0, mmfr1, s2->ipa_bits, &s2->vtcr);
    if (err != 0)
        return err;
    err = pgtable_init(&s2->table, pool, &stage2_tlb_ops, start_level(s2->ipa_bits), s2->ipa_bits,
                       cpu.pa_bits);
    s2->table.vmid = vmid;
    return err;
}

/* ---- Rights ---- */

static uint64_t perms_to_attr(unsigned perms)
{
    return ((perms & STAGE2_READ) != 0 ? PTE_S2_S2AP_R : 0) |
           ((perms & STAGE2_WRITE) != 0 ? PTE_S2_S2AP_W : 0) |
           ((perms & STAGE2_EXEC) != 0 ? PTE_S2_XN_NONE : PTE_S2_XN_ALL);
}

static unsigned attr_to_perms(uint64_t attr)
{
    return ((attr & PTE_S2_S2AP_R) != 0 ? STAGE2_READ : 0) |
           ((attr & PTE_S2_S2AP_W) != 0 ? STAGE2_WRITE : 0) |
           ((attr & PTE_S2_XN) == PTE_S2_XN_NONE ? STAGE2_EXEC : 0);
}

/* ---- Changing and reading the map ---- */

static int tell_change(const struct stage2 *s2, int err, enum stage2_change change, ipa_t ipa,
                       uint64_t size, unsigned perms)
{
    if (err == 0 && s2->changed_fn != NULL)
        s2->changed_fn(change, ipa, size, perms);
    return err;
}

int stage2_map(struct stage2 *s2, ipa_t ipa, pa_t pa, uint64_t size, unsigned perms)
{
    int err;

    if ((perms & ~PERMS_ALL) != 0)
        return -ERR_INVAL;
    spin_lock(&s2->lock);
    err = pgtable_map(&s2->table, ipa.v, pa, size, LEAF_ATTR | perms_to_attr(perms));
    invariants_expect(&s2->table);
    spin_unlock(&s2->lock);
    return tell_change(s2, err, STAGE2_MAPPED, ipa, size, perms);
}

int stage2_unmap(struct stage2 *s2, ipa_t ipa, uint64_t size)
{
    int err;

    spin_lock(&s2->lock);
    err = pgtable_unmap(&s2->table, ipa.v, size);
    invariants_expect(&s2->table);
    spin_unlock(&s2->lock);
    return tell_change(s2, err, STAGE2_UNMAPPED, ipa, size, 0);
}

int stage2_protect(struct stage2 *s2, ipa_t ipa, uint64_t size, unsigned perms)
{
    int err;

    if ((perms & ~PERMS_ALL) != 0)
        return -ERR_INVAL;
    spin_lock(&s2->lock);
    err = pgtable_protect(&s2->table, ipa.v, size, PERMS_ATTR, perms_to_attr(perms));
    invariants_expect(&s2->table);
    spin_unlock(&s2->lock);
    return tell_change(s2, err, STAGE2_PROTECTED, ipa, size, perms);
}

int stage2_lookup(struct stage2 *s2, ipa_t ipa, pa_t *pa, unsigned *perms, unsigned *level)
{
    struct pgtable_leaf leaf;
    int err;

    spin_lock(&s2->lock);
    err = pgtable_lookup(&s2->table, ipa.v, &leaf);
    spin_unlock(&s2->lock);
    if (err != 0)
        return err;
    if (pa != NULL)
        *pa = leaf.out;
    if (perms != NULL)
        *perms = attr_to_perms(leaf.desc);
    if (level != NULL)
        *level = leaf.level;
    return 0;
}
