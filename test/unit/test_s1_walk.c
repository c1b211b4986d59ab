/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's stage 1: where a walk leads, by which descriptors, with which rights, for each granule
 * and size of address space; and where it ends if it leads nowhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mm/phys.h"
#include "mm/s1_walk.h"
#include "regs.h"

_Thread_local struct fake_sysreg fake_sysreg;

#define RAM       UINT64_C(0x40000000)
#define OUTSIDE   UINT64_C(0x09000000)
#define HIGH      GENMASK(63, 48)
#define TG1_4K    UINT64_C(2)
#define AF        BIT(10)
#define PAGE_4K   (AF | 3)
#define BLOCK     (AF | 1)
#define IPS(n)    FIELD_PREP(TCR_EL1_IPS, n)
#define PARANGE   UINT64_C(6)
#define LPA2      (PARANGE | UINT64_C(1) << 28 | UINT64_C(2) << 20)
#define LVA       (UINT64_C(1) << 16)
#define MAX_STEPS 5

static uint64_t ram[64 * SIZE_4K / sizeof(uint64_t)] __attribute__((aligned(65536)));
static struct guest_mem mem;
static struct s1_regime regime;
static struct s1_leaf leaf;
static struct s1_step steps[MAX_STEPS];
static unsigned nr_steps;

static int scene(void **state)
{
    (void)state;
    memset(ram, 0, sizeof(ram));
    mem.count = 1;
    mem.region[0] = (struct ram_region){ipa(RAM), ptr_to_pa(ram), sizeof(ram)};
    regime = (struct s1_regime){.sctlr = SCTLR_EL1_M, .ttbr0 = RAM, .ttbr1 = RAM, .mmfr0 = PARANGE};
    return 0;
}

static void sizes(unsigned t0sz, unsigned tg0, unsigned t1sz, uint64_t tg1)
{
    regime.tcr = FIELD_PREP(TCR_EL1_T0SZ, t0sz) | FIELD_PREP(TCR_EL1_TG0, tg0) |
                 FIELD_PREP(TCR_EL1_T1SZ, t1sz) | FIELD_PREP(TCR_EL1_TG1, tg1) | IPS(5);
}

static void put(uint64_t table, uint64_t index, uint64_t desc)
{
    ram[(table - RAM) / 8 + index] = desc;
}

static int record(const struct s1_step *step, void *ctx)
{
    assert_null(ctx);
    assert_true(nr_steps < MAX_STEPS);
    steps[nr_steps++] = *step;
    return 0;
}

static int walk(uint64_t va)
{
    nr_steps = 0;
    return s1_walk(&regime, &mem, va, record, NULL, &leaf);
}

static void expect_fault(uint64_t va, int err, int level)
{
    assert_int_equal(walk(va), err);
    assert_int_equal(leaf.level, level);
}

static void expect_out(uint64_t va, uint64_t out, int level)
{
    assert_int_equal(walk(va), 0);
    assert_int_equal(leaf.out.v, out);
    assert_int_equal(leaf.level, level);
}

/* The level of a walk whose first table is outside RAM. */
static void first_level(void **state)
{
    static const struct {
        unsigned tsz, granule;
        bool large;
        int level;
    } cases[] = {
        {12, 0, true, -1}, {12, 0, false, 0}, {16, 0, true, 0},  {16, 0, false, 0},
        {24, 0, false, 0}, {25, 0, false, 1}, {33, 0, true, 1},  {34, 0, false, 2},
        {39, 0, false, 2}, {43, 0, false, 3}, {16, 2, false, 0}, {17, 2, false, 1},
        {27, 2, false, 1}, {28, 2, false, 2}, {39, 2, false, 3}, {12, 2, true, 0},
        {16, 1, false, 1}, {21, 1, false, 1}, {22, 1, false, 2}, {34, 1, false, 2},
        {35, 1, false, 3}, {12, 1, true, 1},  {0, 0, true, -1},  {0, 0, false, 0},
        {63, 0, false, 3},
    };
    static const unsigned tg1[] = {2, 3, 1}; /* TCR_EL1.TG1 for TG0's 4, 64, 16 KiB */

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        regime.mmfr0 = cases[i].large ? LPA2 : PARANGE;
        regime.mmfr2 = cases[i].large ? LVA : 0;
        regime.ttbr0 = OUTSIDE;
        regime.ttbr1 = RAM;
        sizes(cases[i].tsz, cases[i].granule, 25, TG1_4K);
        regime.tcr |= TCR_EL1_DS;
        expect_fault(0, -ERR_RANGE, cases[i].level);
        assert_int_equal(nr_steps, 1);
        assert_int_equal(steps[0].where.v, OUTSIDE);
        assert_false(steps[0].in_ram);
        regime.ttbr0 = RAM;
        regime.ttbr1 = OUTSIDE;
        sizes(25, 0, cases[i].tsz, tg1[cases[i].granule]);
        regime.tcr |= TCR_EL1_DS;
        assert_int_equal(walk(~UINT64_C(0)), -ERR_RANGE);
        assert_int_equal(leaf.level, cases[i].level);
    }
}

/* 48 bits in 4 KiB pages; the indexes differ at each level, so that none is mistaken. */
static void four_levels(void **state)
{
    const uint64_t va = BIT(39) * 5 + BIT(30) * 6 + BIT(21) * 7 + BIT(12) * 8 + 0x123;

    (void)state;
    sizes(16, 0, 16, TG1_4K);
    expect_fault(va, -ERR_NOENT, 0);
    put(RAM, 5, OUTSIDE | 3);
    expect_fault(va, -ERR_RANGE, 1);
    put(RAM, 5, (RAM + 0x1000) | 3 | BIT(59));
    put(RAM + 0x1000, 6, (RAM + 0x2000) | 3);
    put(RAM + 0x2000, 7, (RAM + 0x3000) | 3);
    expect_fault(va, -ERR_NOENT, 3);
    put(RAM + 0x3000, 8, BIT(40) | 1); /* reserved at this level */
    expect_fault(va, -ERR_NOENT, 3);
    put(RAM + 0x3000, 8, BIT(40) | PAGE_4K);
    expect_out(va, BIT(40) | 0x123, 3);
    assert_int_equal(nr_steps, 4);
    for (int level = 0; level < 4; level++) {
        assert_int_equal(steps[level].level, level);
        assert_int_equal(steps[level].where.v,
                         RAM + 0x1000u * (unsigned)level + 8u * (5u + (unsigned)level));
    }
    assert_int_equal(steps[3].desc, BIT(40) | PAGE_4K);
    assert_int_equal(leaf.desc, BIT(40) | PAGE_4K);
    /* Blocks at levels 2 and 1, none at 0. */
    put(RAM + 0x2000, 7, (BIT(40) + SIZE_2M) | BLOCK);
    expect_out(va, BIT(40) + SIZE_2M + 0x8123, 2);
    put(RAM + 0x1000, 6, (BIT(40) + SIZE_1G) | BLOCK);
    expect_out(va, BIT(40) + SIZE_1G + 7 * SIZE_2M + 0x8123, 1);
    put(RAM, 5, BIT(40) | BLOCK);
    expect_fault(va, -ERR_NOENT, 0);
}

static int stop_at(const struct s1_step *step, void *ctx)
{
    return step->level == *(int *)ctx ? 77 : 0;
}

static void visitor_ends_the_walk(void **state)
{
    int level = 1;

    (void)state;
    sizes(16, 0, 16, TG1_4K);
    put(RAM, 0, (RAM + 0x1000) | 3);
    assert_int_equal(s1_walk(&regime, &mem, 0, stop_at, &level, &leaf), 77);
    assert_int_equal(leaf.level, 1);
    assert_int_equal(s1_walk(&regime, &mem, 0, NULL, NULL, &leaf), -ERR_NOENT);
}

static void other_granules(void **state)
{
    (void)state;
    sizes(16, 1, 17, 1);
    put(RAM, 3, (RAM + 0x10000) | 3); /* 64 KiB: level 1 has bits 47 to 42 */
    put(RAM + 0x10000, 2, BIT(41) | BLOCK);
    expect_out(BIT(42) * 3 + BIT(29) * 2 + 5, BIT(41) | 5, 2);
    put(RAM, 3, BIT(42) | BLOCK);
    expect_fault(BIT(42) * 3, -ERR_NOENT, 1);
    put(RAM, 9, (RAM + 0x4000) | 3); /* 16 KiB: level 1 has bits 46 to 36 */
    put(RAM + 0x4000, 4, BIT(41) | BLOCK);
    expect_out(GENMASK(63, 47) | BIT(36) * 9 | BIT(25) * 4 | 6, BIT(41) | 6, 2);
}

/* Address bits 51 to 48, in the places that each granule has for them. */
static void large_addresses(void **state)
{
    const uint64_t out = BIT(51) | BIT(48);

    (void)state;
    regime.mmfr0 = LPA2;
    regime.mmfr2 = LVA;
    sizes(12, 0, 12, 1); /* 4 KiB below, 16 KiB above */
    regime.tcr |= TCR_EL1_DS | FIELD_PREP(TCR_EL1_SH0, 3);
    regime.tcr = (regime.tcr & ~TCR_EL1_IPS) | IPS(6);
    put(RAM, 5, (RAM + 0x1000) | 3);                /* level -1: bits 51 to 48 */
    put(RAM + 0x1000, 6, BIT(48) | BIT(9) | BLOCK); /* level 0 */
    expect_out(BIT(48) * 5 + BIT(39) * 6 + 7, out | 7, 0);
    assert_int_equal(leaf.sh, 3);
    put(RAM, 1, (RAM + 0x4000) | 3); /* level 0: bits 51 to 47 */
    put(RAM + 0x4000, 2, BIT(48) | BIT(9) | BLOCK);
    expect_out(GENMASK(63, 52) | BIT(55) | BIT(47) | BIT(36) * 2 | 9, out | 9, 1);
    sizes(12, 1, 12, 3); /* 64 KiB */
    regime.tcr = (regime.tcr & ~TCR_EL1_IPS) | IPS(6);
    put(RAM, 3, 9u << 12 | BLOCK);
    expect_out(BIT(42) * 3 + 11, out | 11, 1);
    regime.ttbr0 = RAM | BIT(2); /* a table at bit 48 */
    expect_fault(BIT(42) * 3, -ERR_RANGE, 1);
    assert_int_equal(steps[0].where.v, BIT(48) | (RAM + 24));
}

static void big_endian_tables(void **state)
{
    (void)state;
    sizes(25, 0, 16, TG1_4K);
    regime.sctlr |= SCTLR_EL1_EE;
    put(RAM, 5, __builtin_bswap64(BIT(40) | BLOCK));
    expect_out(BIT(30) * 5, BIT(40), 1);
}

/* Each half has its range, its tag and its switch; what is between them is nobody's. */
static void halves(void **state)
{
    (void)state;
    sizes(25, 0, 25, TG1_4K);
    regime.ttbr1 = RAM + 0x1000;
    put(RAM, 0, BLOCK);
    put(RAM + 0x1000, 511, SIZE_1G | BLOCK);
    expect_out(1, 1, 1);
    expect_out(~UINT64_C(0), 2 * SIZE_1G - 1, 1);
    expect_fault(BIT(39), -ERR_NOENT, 0);
    expect_fault(~BIT(39), -ERR_NOENT, 0);
    expect_fault(BIT(60), -ERR_NOENT, 0);
    expect_fault(~BIT(60), -ERR_NOENT, 0);
    assert_int_equal(nr_steps, 0);
    regime.tcr |= TCR_EL1_TBI0;
    expect_out(BIT(60), 0, 1);
    expect_fault(~BIT(60), -ERR_NOENT, 0);
    regime.tcr |= TCR_EL1_TBI1 | TCR_EL1_EPD0;
    expect_out(~BIT(60), 2 * SIZE_1G - 1, 1);
    expect_fault(0, -ERR_NOENT, 0);
    regime.tcr ^= TCR_EL1_EPD0 | TCR_EL1_EPD1;
    expect_out(0, 0, 1);
    expect_fault(~UINT64_C(0), -ERR_NOENT, 0);
}

static void output_size(void **state)
{
    (void)state;
    sizes(25, 0, 25, TG1_4K);
    put(RAM, 0, BIT(40) | BLOCK);
    put(RAM, 1, BIT(40) | 3);
    regime.tcr = (regime.tcr & ~TCR_EL1_IPS) | IPS(3); /* 42 bits */
    expect_out(0, BIT(40), 1);
    regime.tcr = (regime.tcr & ~TCR_EL1_IPS) | IPS(2); /* 40 bits */
    expect_fault(0, -ERR_INVAL, 1);
    expect_fault(SIZE_1G, -ERR_INVAL, 1);
    regime.tcr |= IPS(7); /* as the CPU has them */
    regime.mmfr0 = 2;
    expect_fault(0, -ERR_INVAL, 1);
    regime.ttbr0 = BIT(41);
    expect_fault(0, -ERR_INVAL, 0);
}

static void mmu_off(void **state)
{
    (void)state;
    regime.sctlr = 0;
    regime.tcr = IPS(2);
    expect_out(BIT(39) + 5, BIT(39) + 5, 0);
    assert_int_equal(leaf.perms, S1_ALL);
    assert_int_equal(nr_steps, 0);
    expect_fault(BIT(40), -ERR_INVAL, 0);
}

#define EL1_RWX (S1_EL1_READ | S1_EL1_WRITE | S1_EL1_EXEC)
#define EL1_RW  (S1_EL1_READ | S1_EL1_WRITE)
#define EL1_RX  (S1_EL1_READ | S1_EL1_EXEC)
#define EL0_RWX (S1_EL0_READ | S1_EL0_WRITE | S1_EL0_EXEC)

#define AP_EL0 BIT(6)
#define AP_RO  BIT(7)
#define PXN    BIT(53)
#define UXN    BIT(54)

static void rights(void **state)
{
    static const struct {
        uint64_t table, block, sctlr, tcr;
        unsigned perms;
    } cases[] = {
        {0, 0, 0, 0, EL1_RWX | S1_EL0_EXEC},
        {0, AP_EL0, 0, 0, EL1_RW | EL0_RWX},
        {0, AP_RO, 0, 0, EL1_RX | S1_EL0_EXEC},
        {0, AP_RO | AP_EL0, 0, 0, EL1_RX | S1_EL0_READ | S1_EL0_EXEC},
        {0, PXN, 0, 0, EL1_RW | S1_EL0_EXEC},
        {0, UXN, 0, 0, EL1_RWX},
        {BIT(59), 0, 0, 0, EL1_RW | S1_EL0_EXEC},
        {BIT(60), 0, 0, 0, EL1_RWX},
        {BIT(61), AP_EL0, 0, 0, EL1_RWX | S1_EL0_EXEC},
        {BIT(62), AP_EL0, 0, 0, EL1_RX | S1_EL0_READ | S1_EL0_EXEC},
        {GENMASK(62, 59), AP_EL0, 0, TCR_EL1_HPD0, EL1_RW | EL0_RWX},
        {0, 0, SCTLR_EL1_WXN, 0, EL1_RW | S1_EL0_EXEC},
        {0, AP_EL0, SCTLR_EL1_WXN, 0, EL1_RW | S1_EL0_READ | S1_EL0_WRITE},
        {0, AP_RO, SCTLR_EL1_WXN, 0, EL1_RX | S1_EL0_EXEC},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        scene(state);
        sizes(25, 0, 25, TG1_4K);
        regime.sctlr |= cases[i].sctlr;
        regime.tcr |= cases[i].tcr;
        put(RAM, 0, (RAM + 0x1000) | cases[i].table | 3);
        put(RAM + 0x1000, 0, cases[i].block | BLOCK);
        expect_out(0, 0, 2);
        assert_int_equal(leaf.perms, cases[i].perms | S1_ACCESSED);
        put(RAM + 0x1000, 0, (cases[i].block | BLOCK) & ~AF);
        expect_out(0, 0, 2);
        assert_int_equal(leaf.perms, cases[i].perms);
    }
}

static void attributes(void **state)
{
    (void)state;
    sizes(25, 0, 25, TG1_4K);
    regime.mair = UINT64_C(0x0807060504030201);
    put(RAM, 0, BLOCK | 2 << 8 | 6 << 2);
    expect_out(0, 0, 1);
    assert_int_equal(leaf.attr, 7);
    assert_int_equal(leaf.sh, 2);
}

/* A level-1 table of 4 entries is aligned to 32 bytes; lower bits of TTBR0_EL1 are not address. */
static void small_root(void **state)
{
    (void)state;
    sizes(32, 0, 25, TG1_4K);
    regime.ttbr0 = (RAM + 0x60) | 1;
    put(RAM + 0x60, 3, BIT(40) | BLOCK);
    expect_out(BIT(30) * 3, BIT(40), 1);
    regime.ttbr0 = RAM + 0x70;
    expect_out(BIT(30) * 3, BIT(40), 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, scene)
    const struct CMUnitTest tests[] = {
        TEST(first_level),    TEST(four_levels),     TEST(visitor_ends_the_walk),
        TEST(other_granules), TEST(large_addresses), TEST(big_endian_tables),
        TEST(halves),         TEST(output_size),     TEST(mmu_off),
        TEST(rights),         TEST(attributes),      TEST(small_root),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
