/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check/invariants.c: maps as they should be, and each rule of a guest's map broken in turn.
 * test_invariants_hyp.c does the same to tables and to EL2's own map.
 */
#include "invariants_fixture.h"

/* ---- Maps as they should be ---- */

static void test_whole(void **state)
{
    (void)state;
    expect_whole();
    assert_int_equal(stage2_protect(&s2, ipa(IPA), PAGE_SIZE, STAGE2_READ), 0);
    assert_int_equal(stage2_protect(&s2, ipa(IPA + SIZE_2M), PAGE_SIZE, 0), 0);
    expect_whole();
    assert_int_equal(stage2_unmap(&s2, ipa(IPA + PAGE_SIZE), PAGE_SIZE), 0);
    expect_whole();
    map(IPA_B + SIZE_2M, GUEST + PAGE_SIZE, PAGE_SIZE); /* elsewhere, but only there */
    expect_whole();
    assert_int_equal(stage2_unmap(&s2, ipa(0), BIT(s2.ipa_bits)), 0);
    expect_whole();
}

/* ---- Stage 2 ---- */

static void test_foreign_pages(void **state)
{
    (void)state;
    map(0, TEXT + PAGE_SIZE, PAGE_SIZE);
    expect_breach("stage 2: page 0x40201000, of the hypervisor, is mapped to the guest at IPA 0x0");
    assert_int_equal(stage2_unmap(&s2, ipa(0), PAGE_SIZE), 0);
    map(0, IMAGE & ~UINT64_C(0xfff), PAGE_SIZE); /* its first half is nobody's */
    expect_breach("stage 2: page 0x4c000000, of nobody, is mapped to the guest at IPA 0x0");
    assert_int_equal(stage2_unmap(&s2, ipa(0), PAGE_SIZE), 0);
    map(0, 0x9000000, PAGE_SIZE); /* a device */
    expect_breach("stage 2: page 0x9000000, of nobody, is mapped to the guest at IPA 0x0");
}

/* The foreign page is in the midst of what is mapped, or just behind it. */
static void test_one_page_too_many(void **state)
{
    (void)state;
    map(0, GUEST + 2 * SIZE_2M, PAGE_SIZE);
    expect_breach("stage 2: page 0x48400000, of nobody, is mapped to the guest at IPA 0x0");
    assert_int_equal(stage2_unmap(&s2, ipa(0), PAGE_SIZE), 0);
    assert_int_equal(stage2_unmap(&s2, ipa(IPA), 2 * SIZE_2M), 0);
    phys.owner[1].range.size = SIZE_2M + PAGE_SIZE; /* the guest's RAM ends inside a block */
    map(IPA, GUEST, 2 * SIZE_2M);
    expect_breach("stage 2: page 0x48201000, of nobody, is mapped to the guest at IPA 0x80201000");
    claim(GUEST + SIZE_2M + PAGE_SIZE, PAGE_SIZE, "a disk");
    expect_breach("stage 2: page 0x48201000, of a disk, is mapped to the guest at IPA 0x80201000");
}

static void test_nothing_given(void **state)
{
    (void)state;
    phys.owner[1].guest = false;
    expect_breach("stage 2: page 0x48000000, of the guest's RAM, is mapped to the guest at IPA "
                  "0x80000000");
}

static void test_twice(void **state)
{
    (void)state;
    map(IPA_B + SIZE_2M, GUEST + PAGE_SIZE, PAGE_SIZE);
    expect_breach("stage 2: page 0x48001000, of the guest's RAM, is mapped twice, at 0x80001000 "
                  "and 0x90200000");
    assert_int_equal(stage2_unmap(&s2, ipa(IPA_B + SIZE_2M), PAGE_SIZE), 0);
    map(0, GUEST + SIZE_2M, SIZE_2M);
    expect_breach("stage 2: page 0x48200000, of the guest's RAM, is mapped twice, at 0x0 and "
                  "0x80200000");
    assert_int_equal(stage2_unmap(&s2, ipa(IPA + SIZE_2M), SIZE_2M), 0);
    expect_whole();
}

/* The same leaf twice in a row is no run. */
static void test_twice_in_a_row(void **state)
{
    (void)state;
    *stage2_slot(IPA + SIZE_2M, 2) = *stage2_slot(IPA, 2);
    expect_breach("stage 2: page 0x48000000, of the guest's RAM, is mapped twice, at 0x80000000 "
                  "and 0x80200000");
}

static void test_last_page_again(void **state)
{
    (void)state;
    map(BIT(s2.ipa_bits) - PAGE_SIZE, GUEST_B + SIZE_2M - PAGE_SIZE, PAGE_SIZE);
    expect_breach("stage 2: page 0x4a1ff000, of more of the guest's RAM, is mapped twice, at "
                  "0x901ff000 and 0xfffffff000");
}

static void test_stage2_attributes(void **state)
{
    static const struct {
        uint64_t clear, set;
    } wrong[] = {
        {PTE_S2_MEMATTR, PTE_S2_MEMATTR_NGNRE},
        {PTE_AF, 0},
        {PTE_SH, 0},
        {0, FIELD_PREP(PTE_S2_XN, 1)},
        {0, PTE_DBM},
        {0, PTE_CONTIG},
        {0, FIELD_PREP(PTE_SW, 1)},
        {0, BIT(63)},
    };
    uint64_t *slot = stage2_slot(IPA, 2);
    uint64_t right = *slot;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        *slot = (right & ~wrong[i].clear) | wrong[i].set;
        expect_words("of page 0x48000000, at IPA 0x80000000, are not allowed");
    }
    *slot = right & ~(PTE_S2_S2AP | PTE_S2_XN);
    expect_whole();
    *slot |= PTE_S2_XN_ALL | PTE_S2_S2AP_W;
    expect_whole();
}

/* ---- Who asks ---- */

static void test_asked_at_each_change(void **state)
{
    (void)state;
    map(0, TEXT, PAGE_SIZE); /* nobody watches yet */
    assert_int_equal(breaches, 0);
    invariants_watch(&rules);
    assert_int_equal(stage2_protect(&s2, ipa(0), PAGE_SIZE, STAGE2_READ), 0);
    assert_int_equal(breaches, 1);
    assert_string_equal(text, "stage 2: page 0x40200000, of the hypervisor, is mapped to the guest "
                              "at IPA 0x0");
    assert_int_equal(stage2_unmap(&s2, ipa(PAGE_SIZE), PAGE_SIZE), 0);
    assert_int_equal(breaches, 2);
    assert_int_equal(stage2_unmap(&s2, ipa(0), PAGE_SIZE), 0);
    assert_int_equal(breaches, 2);
    assert_int_equal(stage2_map(&s2, ipa(0), pa(GUEST), PAGE_SIZE, ALL), 0);
    assert_int_equal(breaches, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_whole, setup),
        cmocka_unit_test_setup(test_foreign_pages, setup),
        cmocka_unit_test_setup(test_one_page_too_many, setup),
        cmocka_unit_test_setup(test_nothing_given, setup),
        cmocka_unit_test_setup(test_twice, setup),
        cmocka_unit_test_setup(test_twice_in_a_row, setup),
        cmocka_unit_test_setup(test_last_page_again, setup),
        cmocka_unit_test_setup(test_stage2_attributes, setup),
        cmocka_unit_test_setup(test_asked_at_each_change, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
