/* SPDX-License-Identifier: Apache-2.0 */
/* mm/stage2.c: registers from ID registers, rights to bits and back, the TLB told of each change.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/bits.h"
#include "mm/phys.h"
#include "mm/pte.h"
#include "mm/stage2.h"
#include "page_pool_available.h"
#include "regs.h"
#include "tlb.h"

#define PAGES 64
#define VMID  1

/* ID_AA64MMFR0_EL1 and ID_AA64MMFR1_EL1 as QEMU's CPU models have them. */
#define MMFR0_A53 UINT64_C(0x1122)
#define MMFR1_A53 UINT64_C(0)
#define MMFR0_A72 UINT64_C(0x1124)
#define MMFR0_N1  UINT64_C(0x101125)
#define MMFR1_N1  UINT64_C(0x10212122)
#define MMFR0_MAX UINT64_C(0x1000032310201126)
#define MMFR1_MAX UINT64_C(0x1000011011312122)

#define ALL (STAGE2_READ | STAGE2_WRITE | STAGE2_EXEC)

struct fake_tlb fake_tlb;

static _Alignas(65536) uint8_t memory[PAGES * PAGE_SIZE];
static struct page_pool pool;
static struct stage2 s2;

static int setup(void **state)
{
    (void)state;
    memset(&fake_tlb, 0, sizeof(fake_tlb));
    page_pool_init(&pool, memory, PAGES);
    return stage2_init(&s2, &pool, VMID, MMFR0_A53, MMFR1_A53);
}

/* ---- Registers ---- */

static void test_features(void **state)
{
    static const struct {
        uint64_t mmfr0, mmfr1;
        struct stage2_features want;
    } t[] = {
        {MMFR0_A53, MMFR1_A53, {40, 8, true}},
        {MMFR0_A72, MMFR1_A53, {44, 8, true}},
        {MMFR0_N1, MMFR1_N1, {48, 16, true}},
        {MMFR0_MAX, MMFR1_MAX, {48, 16, true}}, /* 52 bits are more than we can use */
        {0, 0, {32, 8, true}},
        {1, 0, {36, 8, true}},
        {3, 0, {42, 8, true}},
        {0xf, 0, {48, 8, true}},
        {UINT64_C(0xf) << 28, 0, {32, 8, false}},                      /* none at all */
        {UINT64_C(0xf) << 28 | UINT64_C(2) << 40, 0, {32, 8, true}},   /* stage 2 only */
        {UINT64_C(1) << 40, 0, {32, 8, false}},                        /* stage 1 only */
        {UINT64_C(1) << 28 | UINT64_C(3) << 40, 0x22, {32, 16, true}}, /* with 52 bits */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
        struct stage2_features got = stage2_features(t[i].mmfr0, t[i].mmfr1);

        assert_int_equal(got.pa_bits, t[i].want.pa_bits);
        assert_int_equal(got.vmid_bits, t[i].want.vmid_bits);
        assert_int_equal(got.granule_4k, t[i].want.granule_4k);
    }
}

static void test_vtcr(void **state)
{
    static const struct {
        uint64_t mmfr0, mmfr1;
        unsigned ipa_bits;
        uint64_t want; /* RES1, VS, PS, SH0 ORGN0 IRGN0 = 0x3500, SL0, T0SZ */
    } t[] = {
        {MMFR0_A53, MMFR1_A53, 40, UINT64_C(0x80023558)}, /* PS 40 bits, SL0 level 1, T0SZ 24 */
        {MMFR0_A72, MMFR1_A53, 40, UINT64_C(0x80043558)},
        {MMFR0_A72, MMFR1_A53, 43, UINT64_C(0x80043555)},
        {MMFR0_A72, MMFR1_A53, 44, UINT64_C(0x80043594)}, /* from level 0 */
        {MMFR0_N1, MMFR1_N1, 40, UINT64_C(0x800d3558)},
        {MMFR0_MAX, MMFR1_MAX, 48, UINT64_C(0x800d3590)},
        {0, 0, 32, UINT64_C(0x80003560)},
        {1, 0, 36, UINT64_C(0x8001355c)},
    };
    uint64_t vtcr;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
        assert_int_equal(stage2_vtcr(t[i].mmfr0, t[i].mmfr1, t[i].ipa_bits, &vtcr), 0);
        assert_int_equal(vtcr, t[i].want);
    }
    assert_int_equal(stage2_vtcr(MMFR0_A53, 0, 41, &vtcr), -ERR_RANGE);
    assert_int_equal(stage2_vtcr(MMFR0_A53, 0, 31, &vtcr), -ERR_RANGE);
    assert_int_equal(stage2_vtcr(MMFR0_MAX, 0, 49, &vtcr), -ERR_RANGE);
    assert_int_equal(stage2_vtcr(MMFR0_A53 | UINT64_C(1) << 40, 0, 40, &vtcr), -ERR_UNSUPPORTED);
}

static void test_init_fits_the_cpu(void **state)
{
    static const struct {
        uint64_t mmfr0, mmfr1;
        unsigned ipa_bits, root_pages;
    } t[] = {{0, 0, 32, 1}, {1, 0, 36, 1}, {MMFR0_A53, 0, 40, 2}, {MMFR0_MAX, MMFR1_MAX, 40, 2}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
        page_pool_init(&pool, memory, PAGES);
        assert_int_equal(stage2_init(&s2, &pool, VMID, t[i].mmfr0, t[i].mmfr1), 0);
        assert_int_equal(s2.ipa_bits, t[i].ipa_bits);
        assert_int_equal(PAGES - page_pool_available(&pool), t[i].root_pages);
        assert_int_equal(FIELD_GET(TCRx_EL2_T0SZ, s2.vtcr), 64 - t[i].ipa_bits);
        assert_int_equal(stage2_map(&s2, ipa(BIT(t[i].ipa_bits) - SIZE_4K), pa(0), SIZE_4K, ALL),
                         0);
        assert_int_equal(stage2_map(&s2, ipa(BIT(t[i].ipa_bits)), pa(0), SIZE_4K, ALL), -ERR_RANGE);
    }
}

static void test_init_refuses(void **state)
{
    (void)state;
    page_pool_init(&pool, memory, 1);
    assert_int_equal(stage2_init(&s2, &pool, 0, MMFR0_A53, MMFR1_A53), -ERR_RANGE);
    assert_int_equal(stage2_init(&s2, &pool, 256, MMFR0_A53, MMFR1_A53), -ERR_RANGE);
    assert_int_equal(stage2_init(&s2, &pool, VMID, MMFR0_A53 | UINT64_C(1) << 40, MMFR1_A53),
                     -ERR_UNSUPPORTED);
    assert_int_equal(stage2_init(&s2, &pool, VMID, MMFR0_A53, MMFR1_A53), -ERR_NOMEM);
    assert_int_equal(page_pool_available(&pool), 1);
}

static void test_vttbr(void **state)
{
    uint64_t root = ptr_to_pa(s2.table.root).v;

    (void)state;
    assert_true(is_aligned(root, 2 * PAGE_SIZE)); /* as two tables in a row must be */
    assert_int_equal(stage2_vttbr(&s2), root | UINT64_C(1) << 48);
    assert_int_equal(stage2_init(&s2, &pool, 0xffff, MMFR0_N1, MMFR1_N1), 0);
    assert_int_equal(stage2_vttbr(&s2) >> 48, 0xffff);
}

/* ---- Rights ---- */

static uint64_t only_leaf(ipa_t at)
{
    struct pgtable_leaf leaf;

    assert_int_equal(pgtable_lookup(&s2.table, at.v, &leaf), 0);
    return leaf.desc;
}

static void test_descriptor_bits(void **state)
{
    /* Bits 1:0 block, 5:2 write-back, 7:6 rights, 9:8 inner shareable, 10 accessed, 54 never
     * executed. */
    static const uint64_t want[8] = {
        [0] = 0x40000000073d,
        [STAGE2_READ] = 0x40000000077d,
        [STAGE2_WRITE] = 0x4000000007bd,
        [STAGE2_READ | STAGE2_WRITE] = 0x4000000007fd,
    };

    (void)state;
    for (unsigned perms = 0; perms <= ALL; perms++) {
        uint64_t expected = want[perms & 3] & UINT64_C(0xfff);
        unsigned got_perms, level;
        pa_t out;

        assert_int_equal(stage2_map(&s2, ipa(SIZE_1G), pa(2 * SIZE_1G), SIZE_1G, perms), 0);
        expected |= 2 * SIZE_1G | ((perms & STAGE2_EXEC) != 0 ? 0 : UINT64_C(1) << 54);
        assert_int_equal(only_leaf(ipa(SIZE_1G)), expected);
        assert_int_equal(stage2_lookup(&s2, ipa(SIZE_1G + 3), &out, &got_perms, &level), 0);
        assert_int_equal(out.v, 2 * SIZE_1G + 3);
        assert_int_equal(got_perms, perms);
        assert_int_equal(level, 1);
        assert_int_equal(stage2_unmap(&s2, ipa(SIZE_1G), SIZE_1G), 0);
    }
}

static void test_protect_changes_rights_only(void **state)
{
    unsigned perms, level;
    pa_t out;

    (void)state;
    assert_int_equal(stage2_map(&s2, ipa(0), pa(SIZE_1G), 2 * SIZE_2M, ALL), 0);
    for (unsigned p = 0; p <= ALL; p++) {
        uint64_t before = only_leaf(ipa(0));

        assert_int_equal(stage2_protect(&s2, ipa(0), SIZE_2M, p), 0);
        assert_int_equal(stage2_lookup(&s2, ipa(5), &out, &perms, &level), 0);
        assert_int_equal(perms, p);
        assert_int_equal(out.v, SIZE_1G + 5);
        assert_int_equal(level, 2);
        assert_int_equal((before ^ only_leaf(ipa(0))) & ~(PTE_S2_S2AP | PTE_S2_XN), 0);
        assert_int_equal(stage2_lookup(&s2, ipa(SIZE_2M), NULL, &perms, NULL), 0);
        assert_int_equal(perms, ALL);
    }
    assert_int_equal(stage2_protect(&s2, ipa(SIZE_2M), 2 * SIZE_2M, STAGE2_READ), -ERR_NOENT);
}

static void test_wrong_arguments(void **state)
{
    unsigned level = 77;

    (void)state;
    assert_int_equal(stage2_map(&s2, ipa(0), pa(0), SIZE_4K, ALL + 1), -ERR_INVAL);
    assert_int_equal(stage2_map(&s2, ipa(0), pa(0), 0, ALL), -ERR_INVAL);
    assert_int_equal(stage2_map(&s2, ipa(0), pa(BIT(40)), SIZE_4K, ALL), -ERR_RANGE);
    assert_int_equal(stage2_map(&s2, ipa(0), pa(0), SIZE_4K, ALL), 0);
    assert_int_equal(stage2_map(&s2, ipa(0), pa(0), SIZE_4K, ALL), -ERR_EXIST);
    assert_int_equal(stage2_protect(&s2, ipa(0), SIZE_4K, 8), -ERR_INVAL);
    assert_int_equal(stage2_unmap(&s2, ipa(1), SIZE_4K), -ERR_INVAL);
    assert_int_equal(stage2_lookup(&s2, ipa(SIZE_4K), NULL, NULL, &level), -ERR_NOENT);
    assert_int_equal(stage2_lookup(&s2, ipa(BIT(40)), NULL, NULL, &level), -ERR_RANGE);
    assert_int_equal(level, 77);
    assert_int_equal(stage2_lookup(&s2, ipa(0), NULL, NULL, NULL), 0);
    assert_int_equal(s2.lock.locked, 0); /* each way out has let go of it */
}

/* ---- The machine that Traproom makes by default ---- */

static void test_ram_at_another_place(void **state)
{
    unsigned level;
    pa_t out;

    (void)state;
    assert_int_equal(stage2_map(&s2, ipa(0x48000000), pa(0x88000000), 512 << 20, ALL), 0);
    assert_int_equal(stage2_map(&s2, ipa(0x47000000), pa(0x87000000), SIZE_2M, ALL), 0);
    assert_int_equal(stage2_lookup(&s2, ipa(0x48000000), &out, NULL, &level), 0);
    assert_int_equal(out.v, 0x88000000);
    assert_int_equal(level, 2);
    assert_int_equal(stage2_lookup(&s2, ipa(0x67ffffff), &out, NULL, NULL), 0);
    assert_int_equal(out.v, 0xa7ffffff);
    assert_int_equal(stage2_lookup(&s2, ipa(0x68000000), &out, NULL, NULL), -ERR_NOENT);
    assert_int_equal(stage2_lookup(&s2, ipa(0x47fff000), &out, NULL, NULL), -ERR_NOENT);
    assert_int_equal(PAGES - page_pool_available(&pool), 3); /* the root's two, and one */
}

/* ---- The TLB ---- */

static unsigned mapped_during_flush;

static void look_during_flush(enum fake_tlb_op op, uint64_t address)
{
    struct pgtable_leaf leaf;

    (void)op;
    mapped_during_flush += pgtable_lookup(&s2.table, address, &leaf) == 0;
}

static void test_tlb_is_told_by_ipa(void **state)
{
    (void)state;
    assert_int_equal(stage2_map(&s2, ipa(SIZE_1G), pa(0), SIZE_1G, ALL), 0);
    assert_int_equal(fake_tlb.count[FAKE_TLB_IPA] + fake_tlb.count[FAKE_TLB_VMID], 0);
    fake_tlb.flush_fn = look_during_flush;
    mapped_during_flush = 0;
    assert_int_equal(stage2_unmap(&s2, ipa(SIZE_1G + SIZE_4K), SIZE_4K), 0);
    assert_int_equal(fake_tlb.count[FAKE_TLB_IPA], 3); /* two breaks and the page itself */
    assert_int_equal(mapped_during_flush, 0);
    assert_int_equal(stage2_unmap(&s2, ipa(SIZE_1G), SIZE_1G), 0);
    assert_int_equal(fake_tlb.count[FAKE_TLB_VMID],
                     1); /* more than a thousand leaves: all at once */
    assert_int_equal(fake_tlb.count[FAKE_TLB_EL2_VA] + fake_tlb.count[FAKE_TLB_EL2_ALL], 0);
    assert_int_equal(PAGES - page_pool_available(&pool), 2);
}

/* Whose entries go is said by VMID, whatever guest runs on this CPU. */
static void test_tlb_is_told_whose(void **state)
{
    static struct stage2 other;

    (void)state;
    assert_int_equal(stage2_init(&other, &pool, 7, MMFR0_A53, MMFR1_A53), 0);
    assert_int_equal(stage2_map(&other, ipa(SIZE_1G), pa(0), SIZE_1G, ALL), 0);
    assert_int_equal(stage2_map(&s2, ipa(SIZE_1G), pa(0), SIZE_1G, ALL), 0);
    assert_int_equal(stage2_unmap(&other, ipa(SIZE_1G + SIZE_4K), SIZE_4K), 0);
    assert_int_equal(fake_tlb.vttbr, stage2_vttbr(&other));
    assert_int_equal(FIELD_GET(VTTBR_EL2_VMID, fake_tlb.vttbr), 7);
    assert_int_equal(stage2_unmap(&s2, ipa(SIZE_1G + SIZE_4K), SIZE_4K), 0);
    assert_int_equal(fake_tlb.vttbr, stage2_vttbr(&s2));
    assert_int_equal(stage2_unmap(&other, ipa(SIZE_1G), SIZE_1G), 0);
    assert_int_equal(fake_tlb.count[FAKE_TLB_VMID], 1);
    assert_int_equal(fake_tlb.vttbr, stage2_vttbr(&other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_features, setup),
        cmocka_unit_test_setup(test_vtcr, setup),
        cmocka_unit_test_setup(test_init_fits_the_cpu, setup),
        cmocka_unit_test_setup(test_init_refuses, setup),
        cmocka_unit_test_setup(test_vttbr, setup),
        cmocka_unit_test_setup(test_descriptor_bits, setup),
        cmocka_unit_test_setup(test_protect_changes_rights_only, setup),
        cmocka_unit_test_setup(test_wrong_arguments, setup),
        cmocka_unit_test_setup(test_ram_at_another_place, setup),
        cmocka_unit_test_setup(test_tlb_is_told_by_ipa, setup),
        cmocka_unit_test_setup(test_tlb_is_told_whose, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
