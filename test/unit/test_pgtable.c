/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mm/pgtable.c against two oracles: a table walk of our own, written as the hardware does it,
 * and a flat array that says for each page what should come out. A third keeps what a TLB may
 * still hold, and complains when that is not what the table says any more.
 */
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

static void flush(const uint64_t ia[], unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        flushes++;
        last_flush = ia[i];
        if (on_flush != NULL)
            on_flush(ia[i]);
    }
}

static void flush_all(void)
{
    flushes_all++;
    if (on_flush != NULL)
        on_flush(UINT64_MAX);
}

static const struct pgtable_tlb_ops tlb = {flush, flush_all};

/* ---- Set-up ---- */

static void make_table(unsigned start_level, unsigned in_bits)
{
    page_pool_init(&pool, memory, PAGES);
    flushes = flushes_all = 0;
    on_flush = NULL;
    assert_int_equal(pgtable_init(&pt, &pool, &tlb, start_level, in_bits, OUT_BITS), 0);
    root_pages = PAGES - page_pool_available(&pool);
}

static int setup(void **state)
{
    (void)state;
    make_table(1, 40);
    return 0;
}

/* Tables besides the root. */
static size_t tables(void)
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

static struct result oracle(uint64_t ia)
{
    const uint64_t *table = pt.root;
    unsigned level = pt.start_level;
    uint64_t index = ia >> (39 - 9 * level); /* concatenated roots are one long table */

    for (;; level++) {
        uint64_t desc = table[index];
        uint64_t offset_mask = (UINT64_C(1) << (39 - 9 * level)) - 1;

        if ((desc & 1) == 0)
            return (struct result){.mapped = false, .level = level};
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

static void expect(uint64_t ia, uint64_t out, unsigned level, uint64_t attr)
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

static void expect_hole(uint64_t ia)
{
    struct pgtable_leaf leaf;

    assert_false(oracle(ia).mapped);
    assert_int_equal(pgtable_lookup(&pt, ia, &leaf), -ERR_NOENT);
}

static void map(uint64_t ia, uint64_t out, uint64_t size)
{
    assert_int_equal(pgtable_map(&pt, ia, pa(out), size, ATTR), 0);
}

/* ---- A snapshot of every table in use ---- */

static uint8_t snapshot[PAGES * PAGE_SIZE];
static struct page_pool snapshot_pool;

static void take_snapshot(void)
{
    memcpy(snapshot, memory, sizeof(memory));
    snapshot_pool = pool;
}

static void expect_snapshot(void)
{
    assert_memory_equal(&pool, &snapshot_pool, sizeof(pool));
    for (size_t i = 0; i < PAGES; i++)
        if ((pool.used[i / 64] & BIT(i % 64)) != 0)
            assert_memory_equal(memory + i * PAGE_SIZE, snapshot + i * PAGE_SIZE, PAGE_SIZE);
}

/* ---- Leaves of every size ---- */

static void test_each_size_gets_its_leaf(void **state)
{
    static const struct {
        uint64_t ia, out, size;
        unsigned level, tables;
    } t[] = {
        {0, 0, SIZE_4K, 3, 2},
        {GIB(1), GIB(3), SIZE_1G, 1, 0},
        {MIB(2), MIB(4), SIZE_2M, 2, 1},
        {MIB(2), GIB(1) + SIZE_4K, SIZE_2M, 3, 2}, /* out not aligned to 2 MiB */
        {GIB(1), GIB(1) + SIZE_2M, SIZE_1G, 2, 1}, /* nor to 1 GiB */
        {GIB(1) + SIZE_2M, GIB(1), SIZE_2M, 2, 1},
        {SIZE_4K, GIB(5), SIZE_4K, 3, 2},
        {GIB(1023), GIB(1), SIZE_1G, 1, 0}, /* the last there is */
        {GIB(1024) - SIZE_4K, BIT(OUT_BITS) - SIZE_4K, SIZE_4K, 3, 2},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
        setup(NULL);
        map(t[i].ia, t[i].out, t[i].size);
        assert_int_equal(tables(), t[i].tables);
        expect(t[i].ia, t[i].out, t[i].level, ATTR);
        expect(t[i].ia + t[i].size / 2 + 5, t[i].out + t[i].size / 2 + 5, t[i].level, ATTR);
        expect(t[i].ia + t[i].size - 1, t[i].out + t[i].size - 1, t[i].level, ATTR);
        if (t[i].ia != 0)
            expect_hole(t[i].ia - 1);
        if (t[i].ia + t[i].size < BIT(40))
            expect_hole(t[i].ia + t[i].size);
        assert_int_equal(pgtable_unmap(&pt, t[i].ia, t[i].size), 0);
        expect_hole(t[i].ia);
        expect_hole(t[i].ia + t[i].size - 1);
        assert_int_equal(tables(), 0);
    }
}

static void test_a_range_mixes_sizes(void **state)
{
    uint64_t ia = GIB(1) - MIB(4) - SIZE_4K;
    uint64_t size = SIZE_4K + MIB(4) + GIB(2) + MIB(2) + 3 * SIZE_4K;
    uint64_t out = GIB(8) + ia;

    (void)state;
    map(ia, out, size);
    expect_hole(ia - 1);
    expect(ia, out, 3, ATTR);
    expect(GIB(1) - MIB(4), GIB(9) - MIB(4), 2, ATTR);
    expect(GIB(1) - 1, GIB(9) - 1, 2, ATTR);
    expect(GIB(1), GIB(9), 1, ATTR);
    expect(GIB(3) - 1, GIB(11) - 1, 1, ATTR);
    expect(GIB(3), GIB(11), 2, ATTR);
    expect(GIB(3) + MIB(2), GIB(11) + MIB(2), 3, ATTR);
    expect(ia + size - 1, out + size - 1, 3, ATTR);
    expect_hole(ia + size);
    assert_int_equal(tables(), 4);              /* two of level 2, two of level 3 */
    assert_int_equal(flushes + flushes_all, 0); /* no TLB holds a hole */
    assert_int_equal(pgtable_unmap(&pt, ia, size), 0);
    assert_int_equal(tables(), 0);
}

static void test_neighbours_share_tables(void **state)
{
    (void)state;
    map(0, GIB(1), SIZE_4K);
    map(SIZE_4K, GIB(2), SIZE_4K);
    map(511 * SIZE_4K, GIB(3), SIZE_4K);
    assert_int_equal(tables(), 2);
    expect(0, GIB(1), 3, ATTR);
    expect(SIZE_4K, GIB(2), 3, ATTR);
    expect(511 * SIZE_4K, GIB(3), 3, ATTR);
    expect_hole(2 * SIZE_4K);
    map(2 * SIZE_4K, GIB(4), 509 * SIZE_4K); /* just what is left between them */
    assert_int_equal(tables(), 2);
    assert_int_equal(pgtable_unmap(&pt, 0, 511 * SIZE_4K), 0);
    assert_int_equal(tables(), 2);
    assert_int_equal(pgtable_unmap(&pt, 511 * SIZE_4K, SIZE_4K), 0);
    assert_int_equal(tables(), 0);
}

static void test_unmap_takes_holes_in_its_stride(void **state)
{
    (void)state;
    assert_int_equal(pgtable_unmap(&pt, 0, BIT(40)), 0);
    map(GIB(7) + MIB(6), MIB(2), SIZE_2M);
    map(GIB(900), 0, SIZE_4K);
    assert_int_equal(pgtable_unmap(&pt, 0, BIT(40)), 0);
    assert_int_equal(tables(), 0);
    expect_hole(GIB(7) + MIB(6));
    expect_hole(GIB(900));
}

/* ---- Roots ---- */

static void test_every_shape_of_root(void **state)
{
    static const struct {
        unsigned level, bits, pages;
    } t[] = {
        {1, 32, 1},  {1, 36, 1}, {1, 39, 1}, {1, 40, 2}, {1, 42, 8},
        {1, 43, 16}, {0, 44, 1}, {0, 48, 1}, {2, 30, 1}, {2, 34, 16},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
        uint64_t end = BIT(t[i].bits);

        make_table(t[i].level, t[i].bits);
        assert_int_equal(root_pages, t[i].pages);
        assert_true(is_aligned((uintptr_t)pt.root, t[i].pages * PAGE_SIZE));
        map(0, MIB(2), SIZE_4K);
        map(end - SIZE_2M, GIB(2), SIZE_2M);
        expect(0, MIB(2), 3, ATTR);
        expect(end - 1, GIB(2) + SIZE_2M - 1, 2, ATTR);
        expect_hole(end - SIZE_2M - 1);
        assert_int_equal(pgtable_map(&pt, end, pa(0), SIZE_4K, ATTR), -ERR_RANGE);
        assert_int_equal(pgtable_unmap(&pt, 0, end), 0);
        assert_int_equal(tables(), 0);
    }
}

static void test_a_range_across_concatenated_roots(void **state)
{
    (void)state;
    map(GIB(511), GIB(100), GIB(2)); /* the last entry of the first, the first of the second */
    expect(GIB(512) - 1, GIB(101) - 1, 1, ATTR);
    expect(GIB(512), GIB(101), 1, ATTR);
    assert_true(pte_is_valid(pt.root[511]) && pte_is_valid(pt.root[512]));
    assert_int_equal(pgtable_unmap(&pt, GIB(512) - SIZE_4K, 2 * SIZE_4K), 0);
    expect_hole(GIB(512) - 1);
    expect_hole(GIB(512));
    expect(GIB(512) - SIZE_4K - 1, GIB(101) - SIZE_4K - 1, 3, ATTR);
    expect(GIB(512) + SIZE_4K, GIB(101) + SIZE_4K, 3, ATTR);
}

static void test_no_room_for_the_root(void **state)
{
    (void)state;
    page_pool_init(&pool, memory, 15);
    assert_int_equal(pgtable_init(&pt, &pool, &tlb, 1, 43, OUT_BITS), -ERR_NOMEM);
    assert_int_equal(page_pool_available(&pool), 15);
}

/* ---- What is refused ---- */

static void test_wrong_arguments_change_nothing(void **state)
{
    struct pgtable_leaf leaf;
    static const struct {
        uint64_t ia, out, size;
        int err;
    } t[] = {
        {1, 0, SIZE_4K, -ERR_INVAL},
        {0, 8, SIZE_4K, -ERR_INVAL},
        {0, 0, SIZE_4K + 1, -ERR_INVAL},
        {0, 0, 0, -ERR_INVAL},
        {BIT(40), 0, SIZE_4K, -ERR_RANGE},
        {BIT(40) - SIZE_4K, 0, 2 * SIZE_4K, -ERR_RANGE},
        {0, 0, BIT(41), -ERR_RANGE},
        {BIT(63), 0, SIZE_4K, -ERR_RANGE},
        {-SIZE_4K, 0, 2 * SIZE_4K, -ERR_RANGE}, /* wraps */
        {SIZE_4K, 0, -SIZE_4K, -ERR_RANGE},     /* so does this */
        {0, BIT(OUT_BITS), SIZE_4K, -ERR_RANGE},
        {0, BIT(OUT_BITS) - SIZE_4K, 2 * SIZE_4K, -ERR_RANGE},
        {0, -SIZE_4K, 2 * SIZE_4K, -ERR_RANGE},
    };

    (void)state;
    map(0, 0, SIZE_2M);
    map(BIT(40) - SIZE_2M, 0, SIZE_2M);
    take_snapshot();
    for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
        assert_int_equal(pgtable_map(&pt, t[i].ia, pa(t[i].out), t[i].size, ATTR), t[i].err);
        if (t[i].out != 0)
            continue;
        assert_int_equal(pgtable_unmap(&pt, t[i].ia, t[i].size), t[i].err);
        assert_int_equal(pgtable_protect(&pt, t[i].ia, t[i].size, RIGHTS, 0), t[i].err);
    }
    assert_int_equal(pgtable_lookup(&pt, BIT(40), &leaf), -ERR_RANGE);
    assert_int_equal(pgtable_lookup(&pt, UINT64_MAX, &leaf), -ERR_RANGE);
    expect_snapshot();
}

static void test_what_is_mapped_cannot_be_mapped_again(void **state)
{
    (void)state;
    map(GIB(2), GIB(2), SIZE_1G);
    map(MIB(6), MIB(6), SIZE_2M);
    map(GIB(5) + 7 * SIZE_4K, 0, SIZE_4K);
    take_snapshot();
    assert_int_equal(pgtable_map(&pt, GIB(2), pa(GIB(2)), SIZE_1G, ATTR), -ERR_EXIST);
    assert_int_equal(pgtable_map(&pt, GIB(3) - SIZE_4K, pa(0), SIZE_4K, ATTR), -ERR_EXIST);
    assert_int_equal(pgtable_map(&pt, 0, pa(0), GIB(10), ATTR), -ERR_EXIST);
    assert_int_equal(pgtable_map(&pt, MIB(4), pa(0), MIB(2) + SIZE_4K, ATTR), -ERR_EXIST);
    assert_int_equal(pgtable_map(&pt, GIB(5), pa(0), SIZE_1G, ATTR), -ERR_EXIST);
    assert_int_equal(pgtable_map(&pt, GIB(5) + 6 * SIZE_4K, pa(0), MIB(2), ATTR), -ERR_EXIST);
    expect_snapshot();
}

static void test_a_hole_cannot_be_protected(void **state)
{
    (void)state;
    map(0, 0, MIB(6));
    map(MIB(8), MIB(8), MIB(2));
    take_snapshot();
    assert_int_equal(pgtable_protect(&pt, SIZE_4K, MIB(9), RIGHTS, RIGHT_A), -ERR_NOENT);
    assert_int_equal(pgtable_protect(&pt, MIB(6), SIZE_4K, RIGHTS, RIGHT_A), -ERR_NOENT);
    assert_int_equal(pgtable_protect(&pt, GIB(3), SIZE_1G, RIGHTS, RIGHT_A), -ERR_NOENT);
    expect_snapshot();
    assert_int_equal(flushes + flushes_all, 0);
}

/* ---- Too few pages ---- */

typedef int (*op_fn)(void);

static int op_map_misaligned(void)
{
    return pgtable_map(&pt, GIB(20) + SIZE_4K, pa(GIB(1)), MIB(4), ATTR); /* 1 + 3 tables */
}

static int op_map_far_ends(void)
{
    return pgtable_map(&pt, GIB(30) - SIZE_4K, pa(GIB(2) - SIZE_4K), GIB(1) + 2 * SIZE_4K, ATTR);
}

static int op_unmap_both_edges(void)
{
    return pgtable_unmap(&pt, GIB(10) + SIZE_4K, GIB(1)); /* two GiB blocks, two tables each */
}

static int op_unmap_inside_one_block(void)
{
    return pgtable_unmap(&pt, GIB(10) + SIZE_4K, SIZE_4K);
}

static int op_protect_edges_of_one_block(void)
{
    return pgtable_protect(&pt, GIB(10) + SIZE_4K, MIB(8), RIGHTS, RIGHT_A); /* 1 + 2 tables */
}

static void test_too_few_pages_change_nothing(void **state)
{
    static const struct {
        op_fn op;
        size_t needs;
    } t[] = {
        {op_map_misaligned, 4},
        {op_map_far_ends, 4},
        {op_unmap_both_edges, 4},
        {op_unmap_inside_one_block, 2},
        {op_protect_edges_of_one_block, 3},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
        for (size_t left = 0; left <= t[i].needs; left++) {
            setup(NULL);
            map(GIB(10), GIB(10), GIB(2));
            while (page_pool_available(&pool) > left)
                assert_non_null(page_pool_alloc(&pool));
            take_snapshot();
            assert_int_equal(t[i].op(), left < t[i].needs ? -ERR_NOMEM : 0);
            if (left < t[i].needs) {
                expect_snapshot();
                assert_int_equal(flushes + flushes_all, 0);
            } else {
                assert_int_equal(page_pool_available(&pool), 0);
            }
        }
    }
}

/* ---- Split, with break before make ---- */

static unsigned breaks_seen;

/* While the TLB forgets the address, there must be nothing there to be fetched anew. */
static void expect_broken(uint64_t ia)
{
    assert_false(oracle(ia).mapped);
    breaks_seen++;
}

static void test_unmap_splits_a_block_twice(void **state)
{
    uint64_t hole = GIB(1) + MIB(64) + 3 * SIZE_4K;

    (void)state;
    map(GIB(1), GIB(9), SIZE_1G);
    on_flush = expect_broken;
    breaks_seen = 0;
    assert_int_equal(pgtable_unmap(&pt, hole, SIZE_4K), 0);
    assert_int_equal(breaks_seen, 3); /* the GiB, the 2 MiB, the page */
    assert_int_equal(flushes_all, 0);
    assert_int_equal(last_flush, hole);
    assert_int_equal(tables(), 2);
    expect_hole(hole);
    expect_hole(hole + SIZE_4K - 1);
    expect(hole - 1, GIB(9) + MIB(64) + 3 * SIZE_4K - 1, 3, ATTR);
    expect(hole + SIZE_4K, GIB(9) + MIB(64) + 4 * SIZE_4K, 3, ATTR);
    expect(GIB(1) + MIB(64) - 1, GIB(9) + MIB(64) - 1, 2, ATTR);
    expect(GIB(1) + MIB(66), GIB(9) + MIB(66), 2, ATTR);
    expect(GIB(1), GIB(9), 2, ATTR);
    expect(GIB(2) - 1, GIB(10) - 1, 2, ATTR);
}

static void test_a_split_keeps_every_attribute(void **state)
{
    uint64_t attr = ATTR | RIGHT_B | BIT(2) | BIT(54) | BIT(50);

    (void)state;
    assert_int_equal(pgtable_map(&pt, GIB(1), pa(GIB(9)), SIZE_1G, attr), 0);
    assert_int_equal(pgtable_unmap(&pt, GIB(1), SIZE_4K), 0);
    for (uint64_t ia = GIB(1) + SIZE_4K; ia < GIB(1) + SIZE_2M; ia += SIZE_4K)
        expect(ia, ia + GIB(8), 3, attr);
    for (uint64_t ia = GIB(1) + SIZE_2M; ia < GIB(2); ia += SIZE_2M)
        expect(ia, ia + GIB(8), 2, attr);
}

static void test_protect_splits_only_what_sticks_out(void **state)
{
    uint64_t from = MIB(2) - SIZE_4K, to = MIB(6) + SIZE_4K;

    (void)state;
    map(0, GIB(4), MIB(10));
    assert_int_equal(pgtable_protect(&pt, from, to - from, RIGHTS, RIGHT_A), 0);
    expect(from - 1, GIB(4) + from - 1, 3, ATTR);
    expect(from, GIB(4) + from, 3, ATTR | RIGHT_A);
    expect(MIB(2), GIB(4) + MIB(2), 2, ATTR | RIGHT_A);
    expect(MIB(6) - 1, GIB(4) + MIB(6) - 1, 2, ATTR | RIGHT_A);
    expect(MIB(6), GIB(4) + MIB(6), 3, ATTR | RIGHT_A);
    expect(to, GIB(4) + to, 3, ATTR);
    expect(MIB(8), GIB(4) + MIB(8), 2, ATTR);
    assert_int_equal(tables(), 3);
}

static bool seen_mapped;

static void note_mapped(uint64_t ia)
{
    seen_mapped = oracle(ia).mapped;
}

static void test_protect_of_whole_leaves_happens_in_place(void **state)
{
    (void)state;
    assert_int_equal(pgtable_map(&pt, GIB(1), pa(0), SIZE_1G, ATTR | RIGHTS), 0);
    on_flush = note_mapped;
    assert_int_equal(pgtable_protect(&pt, GIB(1), SIZE_1G, RIGHTS, RIGHT_B), 0);
    assert_true(seen_mapped);
    expect(GIB(1), 0, 1, ATTR | RIGHT_B);
    assert_int_equal(flushes, 1);
    assert_int_equal(last_flush, GIB(1));
    assert_int_equal(tables(), 0);
    /* Bits outside the mask stay as they are. */
    assert_int_equal(pgtable_protect(&pt, GIB(1), SIZE_1G, RIGHT_A, RIGHTS), 0);
    expect(GIB(1), 0, 1, ATTR | RIGHT_A | RIGHT_B);
    assert_int_equal(pgtable_protect(&pt, GIB(1), SIZE_1G, RIGHT_B, 0), 0);
    expect(GIB(1), 0, 1, ATTR | RIGHT_A);
}

static size_t available_at_flush;

static void note_available(uint64_t ia)
{
    (void)ia;
    available_at_flush = page_pool_available(&pool);
}

static void test_tables_are_freed_after_the_flush_not_before(void **state)
{
    (void)state;
    map(GIB(1), 0, SIZE_4K);
    size_t before = page_pool_available(&pool);
    on_flush = note_available;
    assert_int_equal(pgtable_unmap(&pt, GIB(1), SIZE_4K), 0);
    assert_int_equal(available_at_flush, before);
    assert_int_equal(page_pool_available(&pool), before + 2);
}

static void test_many_leaves_are_flushed_at_once(void **state)
{
    (void)state;
    map(0, 0, 9 * SIZE_4K);
    assert_int_equal(pgtable_unmap(&pt, 0, 8 * SIZE_4K), 0);
    assert_int_equal(flushes, 8);
    assert_int_equal(flushes_all, 0);
    map(0, 0, 8 * SIZE_4K);
    assert_int_equal(pgtable_unmap(&pt, 0, 9 * SIZE_4K), 0);
    assert_int_equal(flushes, 8);
    assert_int_equal(flushes_all, 1);
}

/* ---- The walk as others use it ---- */

struct trace {
    unsigned count;
    struct {
        uint64_t ia;
        unsigned level;
        bool leaving;
    } step[16];
};

static int record(const struct pgtable_visit *visit, void *ctx)
{
    struct trace *trace = ctx;

    assert_true(trace->count < ARRAY_SIZE(trace->step));
    trace->step[trace->count].ia = visit->ia;
    trace->step[trace->count].level = visit->level;
    trace->step[trace->count].leaving = visit->leaving;
    trace->count++;
    return 0;
}

static void test_walk_goes_down_and_comes_back(void **state)
{
    static const struct trace want = {
        .count = 8,
        .step = {{GIB(1), 1, false},           /* a table */
                 {GIB(2) - SIZE_2M, 2, false}, /* a table */
                 {GIB(2) - 2 * SIZE_4K, 3, false},
                 {GIB(2) - SIZE_4K, 3, false},
                 {GIB(2) - SIZE_2M, 2, true},
                 {GIB(1), 1, true},
                 {GIB(2), 1, false},  /* a block */
                 {GIB(3), 1, false}}, /* a hole */
    };
    struct trace got = {0};

    (void)state;
    map(GIB(2) - SIZE_4K, GIB(2) - SIZE_4K, SIZE_1G + SIZE_4K);
    assert_int_equal(pgtable_walk(&pt, GIB(2) - SIZE_4K - 1, SIZE_1G + SIZE_4K + 2, record, &got),
                     0);
    assert_int_equal(got.count, want.count);
    for (unsigned i = 0; i < want.count; i++) {
        assert_int_equal(got.step[i].ia, want.step[i].ia);
        assert_int_equal(got.step[i].level, want.step[i].level);
        assert_int_equal(got.step[i].leaving, want.step[i].leaving);
    }
}

static int stop_at_third(const struct pgtable_visit *visit, void *ctx)
{
    unsigned *calls = ctx;

    (void)visit;
    return ++*calls == 3 ? 42 : 0;
}

static void test_walk_stops_when_told(void **state)
{
    unsigned calls = 0;

    (void)state;
    map(0, 0, SIZE_4K);
    assert_int_equal(pgtable_walk(&pt, 0, BIT(40), stop_at_third, &calls), 42);
    assert_int_equal(calls, 3);
    calls = 0;
    assert_int_equal(pgtable_walk(&pt, 5, 0, stop_at_third, &calls), 0);
    assert_int_equal(calls, 0);
    assert_int_equal(pgtable_walk(&pt, 0, BIT(40) + 1, stop_at_third, &calls), -ERR_RANGE);
    assert_int_equal(calls, 0);
}

/* ---- At random, against a flat array and a TLB that remembers ---- */

#define BASE        GIB(510) /* across the two roots */
#define MODEL_PAGES (4 * SIZE_1G / SIZE_4K)
#define OPS         4000

static uint64_t model[MODEL_PAGES]; /* 0, or the page's output address and rights */

struct cached {
    uint64_t ia, desc;
    unsigned level;
};

static struct cached cached[MODEL_PAGES / 8];
static size_t nr_cached;

static int remember_leaf(const struct pgtable_visit *visit, void *ctx)
{
    (void)ctx;
    if (pte_is_leaf(*visit->slot, visit->level)) {
        assert_true(nr_cached < ARRAY_SIZE(cached));
        cached[nr_cached++] = (struct cached){visit->ia, *visit->slot, visit->level};
    }
    return 0;
}

/* What is flushed while another size of leaf is there may come back beside that leaf. */
static void forget_leaf(uint64_t ia)
{
    for (size_t i = 0; i < nr_cached; i++) {
        struct cached *c = &cached[i];

        if (ia != UINT64_MAX && (ia < c->ia || ia - c->ia >= pte_level_size(c->level)))
            continue;
        struct result now = oracle(c->ia);
        assert_true(!now.mapped || (now.level == c->level && now.out == pte_addr(c->desc).v));
        *c = cached[--nr_cached];
        i--;
    }
}

static void expect_nothing_stale(void)
{
    for (size_t i = 0; i < nr_cached; i++) {
        struct result now = oracle(cached[i].ia);

        assert_true(now.mapped);
        assert_int_equal(now.level, cached[i].level);
        assert_int_equal(now.out | now.attr, cached[i].desc & ~UINT64_C(3));
    }
}

static int compare_with_model(const struct pgtable_visit *visit, void *ctx)
{
    uint64_t desc = *visit->slot;
    uint64_t size = pte_level_size(visit->level);

    (void)ctx;
    if (pte_is_table(desc, visit->level))
        return 0;
    for (uint64_t offset = 0; offset < size; offset += SIZE_4K) {
        uint64_t want = !pte_is_valid(desc) ? 0 : (pte_addr(desc).v + offset) | (desc & RIGHTS);

        if (model[(visit->ia - BASE + offset) / SIZE_4K] != want)
            return -1;
    }
    return 0;
}

static uint64_t random_up_to(uint64_t limit)
{
    return ((uint64_t)rand() << 31 ^ (uint64_t)rand()) % limit;
}

/* Pages to start at and to take: often on, or next to, the boundary of a block. */
static void random_range(uint64_t *first, uint64_t *count)
{
    static const uint64_t unit[] = {1, 512, 512, 262144};
    uint64_t u = unit[random_up_to(ARRAY_SIZE(unit))];

    *first = random_up_to(MODEL_PAGES / u) * u;
    if (random_up_to(4) == 0)
        *first += random_up_to(3);
    *count = (1 + random_up_to(3)) * u + (random_up_to(3) == 0 ? random_up_to(3) : 0);
    if (*first >= MODEL_PAGES)
        *first = MODEL_PAGES - 1;
    if (*count > MODEL_PAGES - *first)
        *count = MODEL_PAGES - *first;
}

static int model_map(uint64_t first, uint64_t count, uint64_t out, uint64_t rights)
{
    for (uint64_t i = 0; i < count; i++)
        if (model[first + i] != 0)
            return -ERR_EXIST;
    for (uint64_t i = 0; i < count; i++)
        model[first + i] = (out + i * SIZE_4K) | rights;
    return 0;
}

static void model_unmap(uint64_t first, uint64_t count)
{
    memset(&model[first], 0, count * sizeof(model[0]));
}

static int model_protect(uint64_t first, uint64_t count, uint64_t rights)
{
    for (uint64_t i = 0; i < count; i++)
        if (model[first + i] == 0)
            return -ERR_NOENT;
    for (uint64_t i = 0; i < count; i++)
        model[first + i] = (model[first + i] & ~RIGHTS) | rights;
    return 0;
}

/* One operation on the table and, unless pages ran out, on the model. Was it out of pages? */
static bool random_op(void)
{
    uint64_t first, count, rights = RIGHT_A * (1 + random_up_to(3));
    static const uint64_t skew[] = {0, 0, 0, SIZE_2M, SIZE_4K};
    uint64_t out = GIB(4);
    int err, want = 0;

    random_range(&first, &count);
    uint64_t ia = BASE + first * SIZE_4K, size = count * SIZE_4K;
    out += first * SIZE_4K + skew[random_up_to(count <= 2048 ? ARRAY_SIZE(skew) : 4)];
    switch (random_up_to(4)) {
    case 0:
        err = pgtable_unmap(&pt, ia, size);
        if (err == 0)
            model_unmap(first, count);
        break;
    case 1:
        err = pgtable_protect(&pt, ia, size, RIGHTS, rights);
        want = err != -ERR_NOMEM ? model_protect(first, count, rights) : 0;
        break;
    default:
        err = pgtable_map(&pt, ia, pa(out), size, ATTR | rights);
        want = err != -ERR_NOMEM ? model_map(first, count, out, rights) : 0;
        break;
    }
    assert_int_equal(err == -ERR_NOMEM ? 0 : err, want);
    return err == -ERR_NOMEM;
}

static void test_random_operations(void **state)
{
    unsigned out_of_pages = 0;

    (void)state;
    srand(1);
    memset(model, 0, sizeof(model));
    for (size_t i = 0; i < PAGES - 40; i++) /* tight, so that some operations lack pages */
        assert_non_null(page_pool_alloc(&pool));
    size_t empty = page_pool_available(&pool);

    for (unsigned i = 0; i < OPS; i++) {
        nr_cached = 0;
        on_flush = NULL;
        assert_int_equal(pgtable_walk(&pt, BASE, GIB(4), remember_leaf, NULL), 0);
        on_flush = forget_leaf;
        take_snapshot();
        if (random_op()) {
            out_of_pages++;
            expect_snapshot();
        }
        expect_nothing_stale();
        if (i % 40 == 0)
            assert_int_equal(pgtable_walk(&pt, BASE, GIB(4), compare_with_model, NULL), 0);
        if (i % 400 == 399) {
            assert_int_equal(pgtable_unmap(&pt, BASE, GIB(4)), 0);
            model_unmap(0, MODEL_PAGES);
            assert_int_equal(page_pool_available(&pool), empty);
        }
    }
    assert_true(out_of_pages > 0);
    assert_true(flushes > 0 && flushes_all > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_each_size_gets_its_leaf, setup),
        cmocka_unit_test_setup(test_a_range_mixes_sizes, setup),
        cmocka_unit_test_setup(test_neighbours_share_tables, setup),
        cmocka_unit_test_setup(test_unmap_takes_holes_in_its_stride, setup),
        cmocka_unit_test_setup(test_every_shape_of_root, setup),
        cmocka_unit_test_setup(test_a_range_across_concatenated_roots, setup),
        cmocka_unit_test_setup(test_no_room_for_the_root, setup),
        cmocka_unit_test_setup(test_wrong_arguments_change_nothing, setup),
        cmocka_unit_test_setup(test_what_is_mapped_cannot_be_mapped_again, setup),
        cmocka_unit_test_setup(test_a_hole_cannot_be_protected, setup),
        cmocka_unit_test_setup(test_too_few_pages_change_nothing, setup),
        cmocka_unit_test_setup(test_unmap_splits_a_block_twice, setup),
        cmocka_unit_test_setup(test_a_split_keeps_every_attribute, setup),
        cmocka_unit_test_setup(test_protect_splits_only_what_sticks_out, setup),
        cmocka_unit_test_setup(test_protect_of_whole_leaves_happens_in_place, setup),
        cmocka_unit_test_setup(test_tables_are_freed_after_the_flush_not_before, setup),
        cmocka_unit_test_setup(test_many_leaves_are_flushed_at_once, setup),
        cmocka_unit_test_setup(test_walk_goes_down_and_comes_back, setup),
        cmocka_unit_test_setup(test_walk_stops_when_told, setup),
        cmocka_unit_test_setup(test_random_operations, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
