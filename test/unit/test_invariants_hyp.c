/* SPDX-License-Identifier: Apache-2.0 */
/* check/invariants.c: each rule of tables, and of EL2's own map, broken in turn. */
#include "invariants_fixture.h"

#define GIB_BEYOND (4 * SIZE_1G) /* nothing is there in EL2's map */

/* ---- Tables, of either stage ---- */

static void test_table_from_elsewhere(void **state)
{
    (void)state;
    *stage2_slot(IPA, 1) = pte_make_table(pa(GUEST));
    expect_breach("stage 2: the table at 0x48000000 is no page that the pool gave out");
}

static void test_table_given_back(void **state)
{
    uint64_t table = pte_addr(*stage2_slot(IPA, 1)).v;

    (void)state;
    page_pool_free(&pool, pa_to_ptr(pa(table)));
    expect_words("is no page that the pool gave out");
}

/* A table without leaves: with some, their pages would be what is found twice. */
static uint64_t empty_table(void)
{
    const void *page = page_pool_alloc(&pool);

    assert_non_null(page);
    return pte_make_table(ptr_to_pa(page));
}

static void test_table_twice(void **state)
{
    (void)state;
    *stage2_slot(0, 1) = empty_table();
    expect_whole();
    *stage2_slot(SIZE_1G, 1) = *stage2_slot(0, 1);
    expect_words("stage 2: the table at ");
    expect_words(" is in use twice");
}

/* A table that is its own child, and the second of the two roots as a child. */
static void test_table_loops(void **state)
{
    (void)state;
    *stage2_slot(0, 1) = pte_make_table(ptr_to_pa(s2.table.root));
    expect_words(" is in use twice");
    *stage2_slot(0, 1) = pte_make_table(ptr_to_pa(s2.table.root + PTE_TABLE_ENTRIES));
    expect_words(" is in use twice");
}

static void test_table_of_both(void **state)
{
    (void)state;
    *stage2_slot(0, 1) = empty_table();
    *slot_of(&hyp.table, GIB_BEYOND, 1) = *stage2_slot(0, 1);
    expect_words(" is in use twice");
    *stage2_slot(0, 1) = 0;
    expect_whole();
}

static void test_root_given_back(void **state)
{
    (void)state;
    page_pool_free(&pool, s2.table.root + PTE_TABLE_ENTRIES);
    expect_words("stage 2: the table at ");
    page_pool_free(&pool, hyp.table.root);
    expect_words("EL2's map: the table at ");
}

static void test_table_with_rights(void **state)
{
    (void)state;
    *stage2_slot(IPA, 1) |= PTE_S1_XNTABLE;
    expect_words("at 0x80000000 has rights of its own");
}

static void test_bad_leaves(void **state)
{
    uint64_t *slot = stage2_slot(IPA, 2);
    uint64_t right = *slot;

    (void)state;
    *slot = right + PAGE_SIZE; /* a block in the midst of a block */
    expect_words("for 0x80000000, is no descriptor of level 2");
    *slot = right;
    assert_int_equal(stage2_protect(&s2, ipa(IPA), PAGE_SIZE, STAGE2_READ), 0);
    *stage2_slot(IPA, 3) &= ~PTE_TYPE; /* reserved at level 3 */
    expect_words("for 0x80000000, is no descriptor of level 3");
    *slot_of(&hyp.table, BIT(40), 0) = pte_make_leaf(pa(BIT(40)), 0, PTE_AF | PTE_S1_XN);
    expect_words("EL2's map: ");
    expect_words("is no descriptor of level 0");
}

/* ---- EL2's own map ---- */

static void set_rights(uint64_t page, uint64_t set, uint64_t clear)
{
    assert_int_equal(pgtable_protect(&hyp.table, page, PAGE_SIZE, set | clear, set), 0);
}

static void test_write_and_execute(void **state)
{
    (void)state;
    set_rights(TEXT + PAGE_SIZE, 0, PTE_S1_AP_RO);
    expect_breach("EL2's map: page 0x40201000, of the hypervisor, is both writable and executable");
    set_rights(TEXT + PAGE_SIZE, PTE_S1_XN, 0);
    expect_breach("EL2's map: page 0x40201000, code or constants, is writable");
    set_rights(TEXT + PAGE_SIZE, PTE_S1_AP_RO, 0); /* neither: useless, but safe */
    expect_whole();
    set_rights(RODATA, 0, PTE_S1_AP_RO);
    expect_breach("EL2's map: page 0x40204000, code or constants, is writable");
}

static void test_execute_elsewhere(void **state)
{
    (void)state;
    set_rights(RODATA, 0, PTE_S1_XN);
    expect_breach("EL2's map: page 0x40204000, of the hypervisor, is executable and not code");
    set_rights(RODATA, PTE_S1_XN, 0);
    set_rights(GUEST + PAGE_SIZE, PTE_S1_AP_RO, PTE_S1_XN);
    expect_breach("EL2's map: page 0x48001000, of the guest's RAM, is executable and not code");
    set_rights(GUEST + PAGE_SIZE, 0, PTE_S1_AP_RO);
    expect_breach(
        "EL2's map: page 0x48001000, of the guest's RAM, is both writable and executable");
}

static void test_guard(void **state)
{
    (void)state;
    add(GUARD, GUARD + PAGE_SIZE, HYP_RODATA);
    expect_breach("EL2's map: the guard page 0x4020e000 of stack 1 is mapped");
}

static void test_not_its_own_address(void **state)
{
    (void)state;
    *slot_of(&hyp.table, DATA, 3) += PAGE_SIZE;
    expect_breach("EL2's map: page 0x40209000, of the hypervisor, is at another address: "
                  "0x40208000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_table_from_elsewhere, setup),
        cmocka_unit_test_setup(test_table_given_back, setup),
        cmocka_unit_test_setup(test_table_twice, setup),
        cmocka_unit_test_setup(test_table_loops, setup),
        cmocka_unit_test_setup(test_table_of_both, setup),
        cmocka_unit_test_setup(test_root_given_back, setup),
        cmocka_unit_test_setup(test_table_with_rights, setup),
        cmocka_unit_test_setup(test_bad_leaves, setup),
        cmocka_unit_test_setup(test_write_and_execute, setup),
        cmocka_unit_test_setup(test_execute_elsewhere, setup),
        cmocka_unit_test_setup(test_guard, setup),
        cmocka_unit_test_setup(test_not_its_own_address, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
