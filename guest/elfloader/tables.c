/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's first tables (Arm ARM, "The AArch64 Virtual Memory System Architecture"). See
 * tables.h. */
#include "tables.h"

#include "cache.h"
#include "lib/addr.h"
#include "lib/elf64.h"
#include "sysreg.h"

#define ENTRIES    512
#define NR_TABLES  96 /* one for 2 MiB that are mapped page by page, and some above */
#define LEAF_LEVEL 3
#define VA_BITS    48

#define PTE_VALID    (UINT64_C(1) << 0)
#define PTE_TABLE    (UINT64_C(1) << 1) /* also set in a page */
#define PTE_NORMAL   (UINT64_C(4) << 2) /* index into MAIR */
#define PTE_RDONLY   (UINT64_C(1) << 7)
#define PTE_SH_INNER (UINT64_C(3) << 8)
#define PTE_AF       (UINT64_C(1) << 10)
#define PTE_PXN      (UINT64_C(1) << 53)
#define PTE_UXN      (UINT64_C(1) << 54)
#define PTE_ADDRESS  UINT64_C(0x0000fffffffff000)

/* As seL4's loader leaves it: nGnRnE, nGnRE, GRE, not cached, write-back, write-through. */
#define MAIR_VALUE UINT64_C(0x0000aaff440c0400)

#define TCR_T0SZ         ((UINT64_C(64) - VA_BITS) << 0)
#define TCR_T1SZ         ((UINT64_C(64) - VA_BITS) << 16)
#define TCR_WALKS_CACHED (UINT64_C(0x35) << 8) /* inner and outer write-back, inner shareable */
#define TCR_TG1_4K       (UINT64_C(2) << 30)
#define TCR_IPS_SHIFT    32
#define TCR_IPS_48BIT    UINT64_C(5)
#define TCR_AS           (UINT64_C(1) << 36) /* 16 bits of ASID */
#define MMFR0_ASIDBITS   (UINT64_C(2) << 4)

#define SCTLR_RES1 UINT64_C(0x30d00800)
#define SCTLR_M    (UINT64_C(1) << 0)
#define SCTLR_C    (UINT64_C(1) << 2)
#define SCTLR_I    (UINT64_C(1) << 12)

typedef uint64_t table_t[ENTRIES];

static table_t roots[2] __attribute__((aligned(4096))); /* of the low half, of the high half */
static table_t pool[NR_TABLES] __attribute__((aligned(4096)));
static unsigned used;

bool tables_can_map(uint64_t va, uint64_t size)
{
    uint64_t last = va + (size - 1), top = va >> VA_BITS;

    return last >= va && last >> VA_BITS == top && (top == 0 || top == UINT64_MAX >> VA_BITS);
}

/* The page's entry, with the tables that lead to it; NULL: there are no more. */
static uint64_t *find_entry(uint64_t va)
{
    uint64_t *table = roots[va >> 63];

    for (unsigned level = 0; level < LEAF_LEVEL; level++) {
        uint64_t *entry = &table[va >> (12 + 9 * (LEAF_LEVEL - level)) & (ENTRIES - 1)];

        if ((*entry & PTE_VALID) == 0) {
            if (used == NR_TABLES)
                return NULL;
            *entry = (uintptr_t)pool[used++] | PTE_VALID | PTE_TABLE;
        }
        table = (uint64_t *)(*entry & PTE_ADDRESS);
    }
    return &table[va >> 12 & (ENTRIES - 1)];
}

bool tables_map(uint64_t va, uint64_t pa, uint64_t size, uint32_t flags)
{
    uint64_t end = align_up(va + size, PAGE_SIZE);
    uint64_t denied = PTE_UXN | ((flags & ELF64_WRITE) != 0 ? 0 : PTE_RDONLY) |
                      ((flags & ELF64_EXECUTE) != 0 ? 0 : PTE_PXN);

    if (va % PAGE_SIZE != pa % PAGE_SIZE)
        return false;
    pa = align_down(pa, PAGE_SIZE);
    for (va = align_down(va, PAGE_SIZE); va != end; va += PAGE_SIZE, pa += PAGE_SIZE) {
        uint64_t *entry = find_entry(va);
        uint64_t attributes = denied;

        if (entry == NULL || ((*entry & PTE_VALID) != 0 && (*entry & PTE_ADDRESS) != pa))
            return false;
        if ((*entry & PTE_VALID) != 0)
            attributes &= *entry;
        *entry =
            pa | PTE_VALID | PTE_TABLE | PTE_NORMAL | PTE_SH_INNER | PTE_AF | PTE_UXN | attributes;
    }
    return true;
}

unsigned tables_finish(struct handover *handover)
{
    uint64_t mmfr0 = read_sysreg(id_aa64mmfr0_el1);
    uint64_t ips = mmfr0 & 0xf;

    cache_clean_inval_poc(roots, sizeof(roots));
    cache_clean_inval_poc(pool, sizeof(pool));
    handover->ttbr[0] = (uintptr_t)roots[0];
    handover->ttbr[1] = (uintptr_t)roots[1];
    handover->mair = MAIR_VALUE;
    handover->tcr = TCR_T0SZ | TCR_T1SZ | TCR_WALKS_CACHED | TCR_WALKS_CACHED << 16 | TCR_TG1_4K |
                    (ips < TCR_IPS_48BIT ? ips : TCR_IPS_48BIT) << TCR_IPS_SHIFT |
                    ((mmfr0 & 0xf0) == MMFR0_ASIDBITS ? TCR_AS : 0);
    handover->sctlr = SCTLR_RES1 | SCTLR_M | SCTLR_C | SCTLR_I;
    return used + 2;
}
