/* SPDX-License-Identifier: Apache-2.0 */
/* mm/pgtable.c: unmap, protect and the splits they take; what the TLB is told; too few pages. */
#include "pgtable_fixture.h"

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
    assert_int_equal(pgtable_protect(&pt, GIB(1), SIZE_1G, RIGHT_A, RIGHTS), 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_too_few_pages_change_nothing, setup),
        cmocka_unit_test_setup(test_unmap_splits_a_block_twice, setup),
        cmocka_unit_test_setup(test_a_split_keeps_every_attribute, setup),
        cmocka_unit_test_setup(test_protect_splits_only_what_sticks_out, setup),
        cmocka_unit_test_setup(test_protect_of_whole_leaves_happens_in_place, setup),
        cmocka_unit_test_setup(test_tables_are_freed_after_the_flush_not_before, setup),
        cmocka_unit_test_setup(test_many_leaves_are_flushed_at_once, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
