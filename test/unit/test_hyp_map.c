/* SPDX-License-Identifier: Apache-2.0 */
/* mm/hyp_map.c: every address its own, no page both writable and executable, guard pages,
 * registers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/bits.h"
#include "mm/hyp_map.h"
#include "mm/phys.h"
#include "mm/pte.h"
#include "page_pool_available.h"
#include "tlb.h"

#define PAGES 64

struct fake_tlb fake_tlb;

static _Alignas(4096) uint8_t memory[PAGES * PAGE_SIZE];
static struct page_pool pool;
static struct hyp_map map;

static int setup(void **state)
{
    (void)state;
    memset(&fake_tlb, 0, sizeof(fake_tlb));
    page_pool_init(&pool, memory, PAGES);
    return hyp_map_init(&map, &pool);
}

static struct pgtable_leaf lookup(uint64_t va)
{
    struct pgtable_leaf leaf;

    assert_int_equal(pgtable_lookup(&map.table, va, &leaf), 0);
    assert_int_equal(leaf.out.v, va);
    return leaf;
}

static void expect_hole(uint64_t va)
{
    struct pgtable_leaf leaf;

    assert_int_equal(pgtable_lookup(&map.table, va, &leaf), -ERR_NOENT);
}

static void test_attributes_bit_by_bit(void **state)
{
    /* 10 accessed, 9:8 inner shareable, 7 read-only, 6 RES1, 4:2 memory type, 1:0 a page; 54 never
     * executed. */
    static const uint64_t want[] = {
        [HYP_TEXT] = UINT64_C(0x7c3),
        [HYP_RODATA] = UINT64_C(0x400000000007c3),
        [HYP_DATA] = UINT64_C(0x40000000000743),
        [HYP_DEVICE] = UINT64_C(0x40000000000447),
    };

    (void)state;
    for (uint64_t i = HYP_TEXT; i <= HYP_DEVICE; i++) {
        uint64_t base = 0x40200000 + i * SIZE_4K;

        assert_int_equal(hyp_map_add(&map, pa(base), SIZE_4K, (enum hyp_map_attr)i), 0);
        assert_int_equal(lookup(base).desc, base | want[i]);
    }
}

static void test_never_writable_and_executable(void **state)
{
    (void)state;
    for (unsigned i = HYP_TEXT; i <= HYP_DEVICE; i++) {
        setup(NULL);
        hyp_map_guard_text(&map, 1);
        assert_int_equal(hyp_map_add(&map, pa(SIZE_1G), SIZE_1G, (enum hyp_map_attr)i), 0);
        uint64_t desc = lookup(SIZE_1G).desc;
        bool writable = (desc & PTE_S1_AP_RO) == 0, executable = (desc & PTE_S1_XN) == 0;

        assert_false(writable && executable);
        assert_int_equal(executable, i == HYP_TEXT);
        assert_int_equal(writable, i == HYP_DATA || i == HYP_DEVICE);
    }
}

static void test_text_is_guarded_where_the_cpu_has_bti(void **state)
{
    (void)state;
    hyp_map_guard_text(&map, 0xfffffffffffffff0); /* all but BT */
    assert_int_equal(hyp_map_add(&map, pa(0), SIZE_4K, HYP_TEXT), 0);
    assert_int_equal(lookup(0).desc & PTE_S1_GP, 0);
    hyp_map_guard_text(&map, 1);
    assert_int_equal(hyp_map_add(&map, pa(SIZE_4K), SIZE_4K, HYP_TEXT), 0);
    assert_int_equal(hyp_map_add(&map, pa(2 * SIZE_4K), SIZE_4K, HYP_RODATA), 0);
    assert_int_equal(lookup(SIZE_4K).desc & PTE_S1_GP, PTE_S1_GP);
    assert_int_equal(lookup(2 * SIZE_4K).desc & PTE_S1_GP, 0);
}

static void test_a_hypervisor_and_its_machine(void **state)
{
    (void)state;
    assert_int_equal(hyp_map_add(&map, pa(0x40200000), 0x18000, HYP_TEXT), 0);
    assert_int_equal(hyp_map_add(&map, pa(0x40218000), 0x8000, HYP_RODATA), 0);
    assert_int_equal(hyp_map_add(&map, pa(0x40220000), 0x100000, HYP_DATA), 0);
    assert_int_equal(hyp_map_add(&map, pa(0x40400000), 0x3fc00000, HYP_DATA), 0);
    assert_int_equal(hyp_map_add(&map, pa(0x09000000), SIZE_4K, HYP_DEVICE), 0);
    assert_int_equal(lookup(0x40217fff).level, 3);
    assert_int_equal(lookup(0x40400000).level, 2);
    assert_int_equal(lookup(0x7fffffff).level, 2);
    expect_hole(0x401fffff);
    expect_hole(0x40320000);
    expect_hole(0x80000000);
    expect_hole(0x09001000);
    assert_int_equal(hyp_map_add(&map, pa(0x40300000), SIZE_4K, HYP_TEXT), -ERR_EXIST);
}

static void test_far_addresses(void **state)
{
    (void)state;
    assert_int_equal(hyp_map_add(&map, pa(BIT(48) - SIZE_1G), SIZE_1G, HYP_DATA), 0);
    assert_int_equal(lookup(BIT(48) - 1).level, 1);
    assert_int_equal(hyp_map_add(&map, pa(BIT(48)), SIZE_4K, HYP_DATA), -ERR_RANGE);
    assert_int_equal(hyp_map_add(&map, pa(0), 0, HYP_DATA), -ERR_INVAL);
    assert_int_equal(hyp_map_add(&map, pa(8), SIZE_4K, HYP_DATA), -ERR_INVAL);
}

static bool seen_broken;

static void look_during_flush(enum fake_tlb_op op, uint64_t va)
{
    struct pgtable_leaf leaf;

    assert_int_equal(op, FAKE_TLB_EL2_VA);
    seen_broken = pgtable_lookup(&map.table, va, &leaf) == -ERR_NOENT;
    assert_true(seen_broken);
}

static void test_a_guard_page_inside_a_block(void **state)
{
    uint64_t guard = 0x40400000 + 5 * SIZE_4K;

    (void)state;
    assert_int_equal(hyp_map_add(&map, pa(0x40400000), SIZE_2M, HYP_DATA), 0);
    fake_tlb.flush_fn = look_during_flush;
    assert_int_equal(hyp_map_remove(&map, pa(guard), SIZE_4K), 0);
    assert_true(seen_broken);
    assert_int_equal(fake_tlb.count[FAKE_TLB_EL2_VA], 2); /* the block, the page */
    assert_int_equal(fake_tlb.count[FAKE_TLB_IPA] + fake_tlb.count[FAKE_TLB_VMID], 0);
    expect_hole(guard);
    expect_hole(guard + SIZE_4K - 1);
    assert_int_equal(lookup(guard - 1).desc & PTE_LEAF_ATTR, UINT64_C(0x40000000000740));
    assert_int_equal(lookup(guard + SIZE_4K).desc & PTE_LEAF_ATTR, UINT64_C(0x40000000000740));
    assert_int_equal(hyp_map_add(&map, pa(guard), SIZE_4K, HYP_RODATA), 0); /* or other rights */
    assert_int_equal(lookup(guard).desc & PTE_LEAF_ATTR, UINT64_C(0x400000000007c0));
}

static void test_removing_all_gives_every_page_back(void **state)
{
    size_t before = page_pool_available(&pool);

    (void)state;
    assert_int_equal(hyp_map_add(&map, pa(SIZE_4K), 3 * SIZE_1G, HYP_DATA), 0);
    assert_true(page_pool_available(&pool) < before);
    assert_int_equal(hyp_map_remove(&map, pa(0), 4 * SIZE_1G), 0);
    assert_int_equal(page_pool_available(&pool), before);
    assert_int_equal(fake_tlb.count[FAKE_TLB_EL2_ALL], 1);
}

static void test_no_pages(void **state)
{
    (void)state;
    page_pool_init(&pool, memory, 0);
    assert_int_equal(hyp_map_init(&map, &pool), -ERR_NOMEM);
    page_pool_init(&pool, memory, 3);
    assert_int_equal(hyp_map_init(&map, &pool), 0);
    assert_int_equal(hyp_map_add(&map, pa(0), SIZE_4K, HYP_DATA), -ERR_NOMEM);
    expect_hole(0);
    assert_int_equal(hyp_map_add(&map, pa(0), SIZE_2M, HYP_DATA), 0);
}

static void test_registers(void **state)
{
    (void)state;
    assert_int_equal(hyp_map_ttbr0(&map), ptr_to_pa(map.table.root).v);
    /* RES1, PS, inner shareable write-back walks, T0SZ 16: 48 bits */
    assert_int_equal(hyp_map_tcr(&map, 0x1122), UINT64_C(0x80823510));
    assert_int_equal(hyp_map_tcr(&map, 0), UINT64_C(0x80803510));
    assert_int_equal(hyp_map_tcr(&map, 0x1126), UINT64_C(0x80853510)); /* 52 bits: 48 are used */
    assert_int_equal(hyp_map_mair(), 0x04ff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_attributes_bit_by_bit, setup),
        cmocka_unit_test_setup(test_never_writable_and_executable, setup),
        cmocka_unit_test_setup(test_text_is_guarded_where_the_cpu_has_bti, setup),
        cmocka_unit_test_setup(test_a_hypervisor_and_its_machine, setup),
        cmocka_unit_test_setup(test_far_addresses, setup),
        cmocka_unit_test_setup(test_a_guard_page_inside_a_block, setup),
        cmocka_unit_test_setup(test_removing_all_gives_every_page_back, setup),
        cmocka_unit_test_setup(test_no_pages, setup),
        cmocka_unit_test_setup(test_registers, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
