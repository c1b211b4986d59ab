/* SPDX-License-Identifier: Apache-2.0 */
/* Stage 1 with 4 KiB pages and 39-bit addresses, three levels: see mmu.h. */
#include "mmu.h"

#include <stdbool.h>

#include "barrier.h"
#include "platform.h"
#include "sysreg.h"

#define PAGE_SIZE    UINT64_C(4096)
#define ENTRIES      512
#define NR_TABLES    48
#define FIRST_LEVEL  1
#define LAST_LEVEL   3
#define DEVICE_SPACE UINT64_C(0x40000000) /* all below is devices, on the machines we know */

#define PTE_VALID       (UINT64_C(1) << 0)
#define PTE_TABLE       (UINT64_C(1) << 1) /* also set in a level 3 page */
#define PTE_ATTRINDX(i) ((uint64_t)(i) << 2)
#define PTE_AP_EL0      (UINT64_C(1) << 6)
#define PTE_SH_INNER    (UINT64_C(3) << 8)
#define PTE_AF          (UINT64_C(1) << 10)
#define PTE_PXN         (UINT64_C(1) << 53)
#define PTE_UXN         (UINT64_C(1) << 54)
#define PTE_ADDRESS     UINT64_C(0x0000fffffffff000)

/* MAIR_EL1, one byte an index */
#define MAIR_DEVICE_nGnRE UINT64_C(0x04)
#define MAIR_NORMAL_WB    UINT64_C(0xff)
#define MAIR_NORMAL_NC    UINT64_C(0x44)
#define INDEX_DEVICE      0
#define INDEX_NORMAL      1
#define INDEX_NC          2
#define MAIR_VALUE        (MAIR_DEVICE_nGnRE | MAIR_NORMAL_WB << 8 | MAIR_NORMAL_NC << 16)

/* TCR_EL1 */
#define TCR_T0SZ(bits) (UINT64_C(64) - (bits))
#define TCR_IRGN0_WBWA (UINT64_C(1) << 8)
#define TCR_ORGN0_WBWA (UINT64_C(1) << 10)
#define TCR_SH0_INNER  (UINT64_C(3) << 12)
#define TCR_EPD1       (UINT64_C(1) << 23)
#define TCR_IPS_SHIFT  32
#define TCR_IPS_48BIT  UINT64_C(5)
#define VA_BITS        39

/* SCTLR_EL1: the bits that are RES1 in Armv8.0, and what we turn on */
#define SCTLR_RES1 UINT64_C(0x30d00800)
#define SCTLR_M    (UINT64_C(1) << 0)
#define SCTLR_C    (UINT64_C(1) << 2)
#define SCTLR_I    (UINT64_C(1) << 12)

typedef uint64_t table_t[ENTRIES];

static table_t root __attribute__((aligned(4096)));
static table_t pool[NR_TABLES] __attribute__((aligned(4096)));
static unsigned pool_used;

static unsigned level_shift(unsigned level)
{
    return 12 + 9 * (LAST_LEVEL - level);
}

static uint64_t attributes(enum mmu_type type)
{
    static const uint64_t bits[] = {
        [MMU_DEVICE] = PTE_ATTRINDX(INDEX_DEVICE) | PTE_PXN | PTE_UXN,
        [MMU_DEVICE_EXEC] = PTE_ATTRINDX(INDEX_DEVICE) | PTE_UXN,
        [MMU_NORMAL] = PTE_ATTRINDX(INDEX_NORMAL) | PTE_SH_INNER | PTE_UXN,
        [MMU_NORMAL_NC] = PTE_ATTRINDX(INDEX_NC) | PTE_UXN,
        [MMU_USER] = PTE_ATTRINDX(INDEX_NORMAL) | PTE_SH_INNER | PTE_AP_EL0 | PTE_PXN,
        [MMU_USER_DEVICE] = PTE_ATTRINDX(INDEX_DEVICE) | PTE_AP_EL0 | PTE_PXN | PTE_UXN,
    };

    return bits[type] | PTE_AF | PTE_VALID;
}

static uint64_t *next_table(uint64_t *entry)
{
    if (!(*entry & PTE_VALID)) {
        if (pool_used == NR_TABLES)
            return NULL;
        *entry = (uintptr_t)pool[pool_used++] | PTE_VALID | PTE_TABLE;
    }
    return (uint64_t *)(*entry & PTE_ADDRESS);
}

/* Map one leaf, the largest that fits; its size, or 0 when tables have run out. */
static uint64_t map_one(uint64_t va, uint64_t pa, uint64_t size, uint64_t attr)
{
    uint64_t *table = root;

    for (unsigned level = FIRST_LEVEL; table; level++) {
        uint64_t leaf = UINT64_C(1) << level_shift(level);
        uint64_t *entry = &table[(va >> level_shift(level)) % ENTRIES];

        if (level == LAST_LEVEL || (!(*entry & PTE_VALID) && !((va | pa) % leaf) && size >= leaf)) {
            *entry = pa | attr | (level == LAST_LEVEL ? PTE_TABLE : 0);
            return leaf;
        }
        table = next_table(entry);
    }
    return 0;
}

void mmu_map(uint64_t va, uint64_t pa, uint64_t size, enum mmu_type type)
{
    uint64_t attr = attributes(type);

    while (size) {
        uint64_t done = map_one(va, pa, size, attr);

        if (!done)
            return;
        va += done;
        pa += done;
        size -= done < size ? done : size;
    }
    /* The walker sees the new entries before any access after this. */
    dsb(ishst);
    isb();
}

void mmu_set_l1_table(uint64_t va, uint64_t table_pa)
{
    root[(va >> level_shift(FIRST_LEVEL)) % ENTRIES] = table_pa | PTE_VALID | PTE_TABLE;
    /* The walker sees the new entry before any access after this. */
    dsb(ishst);
    isb();
}

static bool in_ram(uint64_t address)
{
    for (unsigned i = 0; i < platform.nr_ram; i++)
        if (address - platform.ram[i].address < platform.ram[i].size)
            return true;
    return false;
}

void mmu_build(void)
{
    uint64_t dtb_start = platform.dtb.address & ~(PAGE_SIZE - 1);
    uint64_t dtb_end = platform.dtb.address + platform.dtb.size;

    mmu_map(0, 0, DEVICE_SPACE, MMU_DEVICE);
    for (unsigned i = 0; i < platform.nr_ram; i++)
        mmu_map(platform.ram[i].address, platform.ram[i].address, platform.ram[i].size, MMU_NORMAL);
    if (!in_ram(platform.dtb.address))
        mmu_map(dtb_start, dtb_start, (dtb_end - dtb_start + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1),
                MMU_NORMAL);
}

void mmu_enable(void)
{
    uint64_t ips = read_sysreg(id_aa64mmfr0_el1) & 0xf;

    if (ips > TCR_IPS_48BIT)
        ips = TCR_IPS_48BIT;
    write_sysreg(MAIR_VALUE, mair_el1);
    write_sysreg(TCR_T0SZ(VA_BITS) | TCR_IRGN0_WBWA | TCR_ORGN0_WBWA | TCR_SH0_INNER | TCR_EPD1 |
                     ips << TCR_IPS_SHIFT,
                 tcr_el1);
    write_sysreg((uintptr_t)root, ttbr0_el1);
    __asm__ volatile("tlbi vmalle1" : : : "memory");
    /* The tables are written and old translations gone before the MMU is on. */
    dsb(nsh);
    isb();
    write_sysreg(SCTLR_RES1 | SCTLR_M | SCTLR_C | SCTLR_I, sctlr_el1);
    /* The next instruction is fetched through the tables. */
    isb();
}
