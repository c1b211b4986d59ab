/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of mm/pgtable.c share: a table in a small pool, a TLB that tells when it is
 * flushed, a walk of our own as the hardware does it, a snapshot of all tables.
 */
#ifndef PGTABLE_FIXTURE_H
#define PGTABLE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/bits.h"
#include "mm/pgtable.h"
#include "mm/phys.h"
#include "mm/pte.h"
#include "page_pool_available.h"

#define PAGES    256
#define OUT_BITS 44
#define ATTR     (PTE_AF | PTE_SH_INNER)
#define RIGHT_A  BIT(6)
#define RIGHT_B  BIT(7)
#define RIGHTS   (RIGHT_A | RIGHT_B)
#define GIB(n)   ((uint64_t)(n)*SIZE_1G)
#define MIB(n)   ((uint64_t)(n) << 20)

static _Alignas(65536) uint8_t memory[PAGES * PAGE_SIZE];
static struct page_pool pool;
static struct pgtable pt;
static size_t root_pages;

/* ---- A TLB: what it is told, and who wants to look when ---- */

static unsigned flushes, flushes_all;
static uint64_t last_flush;
static void (*on_flush)(uint64_t ia);

static void flush(const struct pgtable *table, const uint64_t ia[], unsigned count)
{
    assert_ptr_equal(table, &pt);
    for (unsigned i = 0; i < count; i++) {
        flushes++;
        last_flush = ia[i];
        if (on_flush != NULL)
            on_flush(ia[i]);
    }
}

static void flush_all(const struct pgtable *table)
{
    assert_ptr_equal(table, &pt);
    flushes_all++;
    if (on_flush != NULL)
        on_flush(UINT64_MAX);
}

static const struct pgtable_tlb_ops tlb = {flush, flush_all};

/* ---- Set-up ---- */

static inline void make_table(unsigned start_level, unsigned in_bits)
{
    page_pool_init(&pool, memory, PAGES);
    flushes = flushes_all = 0;
    on_flush = NULL;
    assert_int_equal(pgtable_init(&pt, &pool, &tlb, start_level, in_bits, OUT_BITS), 0);
    root_pages = PAGES - page_pool_available(&pool);
}

static inline int setup(void **state)
{
    (void)state;
    make_table(1, 40);
    return 0;
}

/* Tables besides the root. */
static inline size_t tables(void)
{
    return PAGES - root_pages - page_pool_available(&pool);
}

/* ---- The oracle: as the hardware walks ---- */

struct result {
    bool mapped;
    unsigned level;
    uint64_t out;
    uint64_t attr;
};

static inline struct result oracle(uint64_t ia)
{
    const uint64_t *table = pt.root;
    unsigned level = pt.start_level;
    uint64_t index = ia >> (39 - 9 * level); /* concatenated roots are one long table */

    for (;; level++) {
        uint64_t desc = table[index];
        uint64_t offset_mask = (UINT64_C(1) << (39 - 9 * level)) - 1;

        if ((desc & 1) == 0) {
            assert_int_equal(desc, 0); /* the manual lets it hold anything; we keep it clean */
            return (struct result){.mapped = false, .level = level};
        }
        if (level == 3 || (desc & 2) == 0) {
            assert_true(level != 0);              /* no blocks at level 0 */
            assert_true(level < 3 || (desc & 2)); /* reserved at level 3 */
            assert_int_equal(desc & UINT64_C(0xfffffffff000) & offset_mask, 0);
            return (struct result){true, level,
                                   (desc & UINT64_C(0xfffffffff000)) | (ia & offset_mask),
                                   desc & UINT64_C(0xffff000000000ffc)};
        }
        table = (const uint64_t *)(uintptr_t)(desc & UINT64_C(0xfffffffff000));
        index = (ia >> (39 - 9 * (level + 1))) & 511;
    }
}

static inline void expect(uint64_t ia, uint64_t out, unsigned level, uint64_t attr)
{
    struct result hw = oracle(ia);
    struct pgtable_leaf leaf;

    assert_true(hw.mapped);
    assert_int_equal(hw.out, out);
    assert_int_equal(hw.level, level);
    assert_int_equal(hw.attr, attr);
    assert_int_equal(pgtable_lookup(&pt, ia, &leaf), 0);
    assert_int_equal(leaf.out.v, out);
    assert_int_equal(leaf.level, level);
    assert_int_equal(leaf.desc & PTE_LEAF_ATTR, attr);
}

static inline void expect_hole(uint64_t ia)
{
    struct pgtable_leaf leaf;

    assert_false(oracle(ia).mapped);
    assert_int_equal(pgtable_lookup(&pt, ia, &leaf), -ERR_NOENT);
}

static inline void map(uint64_t ia, uint64_t out, uint64_t size)
{
    assert_int_equal(pgtable_map(&pt, ia, pa(out), size, ATTR), 0);
}

/* ---- A snapshot of every table in use ---- */

static uint8_t snapshot[PAGES * PAGE_SIZE];
static struct page_pool snapshot_pool;

static inline void take_snapshot(void)
{
    memcpy(snapshot, memory, sizeof(memory));
    snapshot_pool = pool;
}

static inline void expect_snapshot(void)
{
    assert_memory_equal(&pool, &snapshot_pool, sizeof(pool));
    for (size_t i = 0; i < PAGES; i++)
        if ((pool.used[i / 64] & BIT(i % 64)) != 0)
            assert_memory_equal(memory + i * PAGE_SIZE, snapshot + i * PAGE_SIZE, PAGE_SIZE);
}

#endif
