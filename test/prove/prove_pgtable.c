// SPDX-License-Identifier: Apache-2.0
/*
 * The walk of translation tables in which anything stands, anything else at each look, for every
 * size of address and every root that the two stages use: no look outside a table, four levels at
 * most. pgtable_lookup() with it.
 *
 * Assumed: the address in a table's descriptor is that of a table of 512, and the root is as long
 * as pgtable_init() makes it.
 *
 * Options: -eva-precision 0 -eva-unroll-recursive-calls 4 -eva-min-loop-unroll 4
 * Options: -eva-split-return full -eva-slevel-function lookup:10,pgtable_lookup:20
 */
#include "prove.h"

#define MM_PHYS_H /* below stands what replaces mm/phys.h */
#include "mm/pgtable.h"

static uint64_t *any_table(void)
{
    static uint64_t table[512];

    Frama_C_make_unknown((char *)table, sizeof(table));
    return table;
}

#define pa_to_ptr(address) any_table()
#define ptr_to_pa(pointer) pa(any_u64())

#include "mm/pgtable.c"

#define ROOT_MAX (16 * PTE_TABLE_ENTRIES)

static uint64_t root[ROOT_MAX];

/* One that rewrites what it is shown, or ends the walk. */
static int rewrite(const struct pgtable_visit *visit, void *ctx)
{
    (void)ctx;
    prove(visit->level <= PTE_LAST_LEVEL);
    if (any_bool())
        *visit->slot = any_u64();
    return any_bool() ? -ERR_EXIST : 0;
}

static void lookup(const struct pgtable *pt)
{
    struct pgtable_leaf leaf;
    uint64_t ia = any_u64();

    if (pgtable_lookup(pt, ia, &leaf) == 0) {
        prove(leaf.level <= PTE_LAST_LEVEL);
    }
}

/* From the root, which ends where its memory does. */
static void walk_root(unsigned start_level, unsigned in_bits)
{
    uint64_t entries = BIT(in_bits) / pte_level_size(start_level);
    struct pgtable pt = {.start_level = start_level, .in_bits = in_bits, .out_bits = 48};

    if (entries < PTE_TABLE_ENTRIES)
        entries = PTE_TABLE_ENTRIES;
    Frama_C_make_unknown((char *)root, sizeof(root));
    pt.root = &root[ROOT_MAX - entries];
    lookup(&pt);
    (void)pgtable_walk(&pt, any_u64(), any_u64(), rewrite, NULL);
    prove_end();
}

int main(void)
{
    /*@ loop unroll 12; */
    for (unsigned in_bits = 32; in_bits <= 43; in_bits++)
        walk_root(1, in_bits);
    /*@ loop unroll 5; */
    for (unsigned in_bits = 44; in_bits <= 48; in_bits++)
        walk_root(0, in_bits);
    return 0;
}
