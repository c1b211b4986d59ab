/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EL2's own map: what its registers and attribute bits mean. The tables are mm/pgtable.c's;
 * main.c decides what is mapped and puts it to use.
 */
#include "mm/hyp_map.h"

#include "lib/bits.h"
#include "mm/phys.h"
#include "mm/pte.h"
#include "regs.h"
#include "tlb.h"

#define START_LEVEL 0

/* Places in MAIR_EL2. */
#define MAIR_INDEX_NORMAL 0
#define MAIR_INDEX_DEVICE 1

#define ATTR_NORMAL                                                                                \
    (FIELD_PREP(PTE_S1_ATTRINDX, MAIR_INDEX_NORMAL) | PTE_SH_INNER | PTE_AF | PTE_S1_AP_RES1)
#define ATTR_DEVICE (FIELD_PREP(PTE_S1_ATTRINDX, MAIR_INDEX_DEVICE) | PTE_AF | PTE_S1_AP_RES1)

/* What is executable is read-only, what is writable never executes. */
static const uint64_t attr_bits[] = {
    [HYP_TEXT] = ATTR_NORMAL | PTE_S1_AP_RO,
    [HYP_RODATA] = ATTR_NORMAL | PTE_S1_AP_RO | PTE_S1_XN,
    [HYP_DATA] = ATTR_NORMAL | PTE_S1_XN,
    [HYP_DEVICE] = ATTR_DEVICE | PTE_S1_XN,
};

static void hyp_map_flush(const struct pgtable *pt, const uint64_t va[], unsigned count)
{
    (void)pt;
    for (unsigned i = 0; i < count; i++)
        tlb_flush_el2_va(va[i]);
}

static void hyp_map_flush_all(const struct pgtable *pt)
{
    (void)pt;
    tlb_flush_el2_all();
}

static const struct pgtable_tlb_ops hyp_map_tlb_ops = {
    .flush_fn = hyp_map_flush,
    .flush_all_fn = hyp_map_flush_all,
};

int hyp_map_init(struct hyp_map *map, struct page_pool *pool)
{
    map->text_attr = 0;
    return pgtable_init(&map->table, pool, &hyp_map_tlb_ops, START_LEVEL, HYP_VA_BITS, HYP_VA_BITS);
}

void hyp_map_guard_text(struct hyp_map *map, uint64_t pfr1)
{
    map->text_attr = FIELD_GET(ID_AA64PFR1_EL1_BT, pfr1) != 0 ? PTE_S1_GP : 0;
}

int hyp_map_add(struct hyp_map *map, pa_t base, uint64_t size, enum hyp_map_attr attr)
{
    uint64_t bits = attr_bits[attr] | (attr == HYP_TEXT ? map->text_attr : 0);

    return pgtable_map(&map->table, base.v, base, size, bits);
}

int hyp_map_remove(struct hyp_map *map, pa_t base, uint64_t size)
{
    return pgtable_unmap(&map->table, base.v, size);
}

uint64_t hyp_map_ttbr0(const struct hyp_map *map)
{
    return ptr_to_pa(map->table.root).v;
}

uint64_t hyp_map_tcr(const struct hyp_map *map, uint64_t mmfr0)
{
    return TCR_EL2_RES1 | TCRx_EL2_WALKS | FIELD_PREP(TCRx_EL2_T0SZ, 64 - map->table.in_bits) |
           FIELD_PREP(TCRx_EL2_PS, pte_pa_size_field(mmfr0));
}

uint64_t hyp_map_mair(void)
{
    return MAIR_ATTR(MAIR_INDEX_NORMAL, MAIR_NORMAL_WB) |
           MAIR_ATTR(MAIR_INDEX_DEVICE, MAIR_DEVICE_NGNRE);
}
