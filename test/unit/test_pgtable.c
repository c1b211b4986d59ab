/* SPDX-License-Identifier: Apache-2.0 */
/* mm/pgtable.c: what is mapped comes out of a walk of our own, by the largest leaves that fit. */
#include "pgtable_fixture.h"

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

static void test_no_leaf_at_level_0(void **state)
{
    (void)state;
    make_table(0, 48);
    map(GIB(512), GIB(1024), GIB(512)); /* one entry of level 0, but a block is 1 GiB at the most */
    expect(GIB(512), GIB(1024), 1, ATTR);
    expect(GIB(1024) - 1, GIB(1536) - 1, 1, ATTR);
    assert_int_equal(tables(), 1);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_each_size_gets_its_leaf, setup),
        cmocka_unit_test_setup(test_no_leaf_at_level_0, setup),
        cmocka_unit_test_setup(test_a_range_mixes_sizes, setup),
        cmocka_unit_test_setup(test_neighbours_share_tables, setup),
        cmocka_unit_test_setup(test_unmap_takes_holes_in_its_stride, setup),
        cmocka_unit_test_setup(test_every_shape_of_root, setup),
        cmocka_unit_test_setup(test_a_range_across_concatenated_roots, setup),
        cmocka_unit_test_setup(test_no_room_for_the_root, setup),
        cmocka_unit_test_setup(test_wrong_arguments_change_nothing, setup),
        cmocka_unit_test_setup(test_what_is_mapped_cannot_be_mapped_again, setup),
        cmocka_unit_test_setup(test_a_hole_cannot_be_protected, setup),
        cmocka_unit_test_setup(test_walk_goes_down_and_comes_back, setup),
        cmocka_unit_test_setup(test_walk_stops_when_told, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
