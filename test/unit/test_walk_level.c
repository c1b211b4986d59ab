/* SPDX-License-Identifier: Apache-2.0 */
/* Where on its way a guest's table walk leaves RAM, for each granule and size of address space. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mm/phys.h"
#include "regs.h"
#include "sysreg.h"
#include "trap/walk_level.h"
#include "vm/vm.h"

_Thread_local struct fake_sysreg fake_sysreg;

#define RAM     UINT64_C(0x40000000)
#define OUTSIDE UINT64_C(0x09000000)
#define TTBR1   BIT(55)
#define TG1_4K  UINT64_C(2)

static uint64_t ram[8 * SIZE_4K / sizeof(uint64_t)] __attribute__((aligned(65536)));
static struct vm vm;
static struct vcpu vcpu = {.vm = &vm};

static int scene(void **state)
{
    (void)state;
    memset(ram, 0, sizeof(ram));
    vm.mem.count = 1;
    vm.mem.region[0] = (struct ram_region){ipa(RAM), ptr_to_pa(ram), sizeof(ram)};
    fake_sysreg = (struct fake_sysreg){.ttbr0_el1 = RAM, .ttbr1_el1 = RAM};
    return 0;
}

static void sizes(unsigned t0sz, unsigned tg0, unsigned t1sz, unsigned tg1)
{
    fake_sysreg.tcr_el1 = FIELD_PREP(TCR_EL1_T0SZ, t0sz) | FIELD_PREP(TCR_EL1_TG0, tg0) |
                          FIELD_PREP(TCR_EL1_T1SZ, t1sz) | FIELD_PREP(TCR_EL1_TG1, tg1);
}

static void put(uint64_t table, unsigned index, uint64_t desc)
{
    ram[(table - RAM) / 8 + index] = desc;
}

static int level(uint64_t va, uint64_t fault_at)
{
    return walk_level(&vcpu, va, ipa(align_down(fault_at, PAGE_SIZE)));
}

/* The level of a walk whose first table is outside RAM. */
static void first_level(void **state)
{
    static const struct {
        unsigned tsz, granule;
        int level;
    } cases[] = {
        {12, 0, -1}, {16, 0, 0}, {24, 0, 0}, {25, 0, 1}, {33, 0, 1}, {34, 0, 2}, {39, 0, 2},
        {43, 0, 3},  {16, 2, 0}, {17, 2, 1}, {27, 2, 1}, {28, 2, 2}, {39, 2, 3}, {16, 1, 1},
        {21, 1, 1},  {22, 1, 2}, {34, 1, 2}, {35, 1, 3}, {0, 0, -1}, {63, 0, 3},
    };
    static const unsigned tg1[] = {2, 3, 1}; /* TCR_EL1.TG1 for TG0's 4, 64, 16 KiB */

    (void)state;
    fake_sysreg.ttbr0_el1 = OUTSIDE;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        sizes(cases[i].tsz, cases[i].granule, 25, TG1_4K);
        assert_int_equal(level(0, OUTSIDE), cases[i].level);
        fake_sysreg.ttbr1_el1 = OUTSIDE;
        sizes(25, 0, cases[i].tsz, tg1[cases[i].granule]);
        assert_int_equal(level(TTBR1, OUTSIDE), cases[i].level);
        fake_sysreg.ttbr1_el1 = RAM;
    }
}

/* 48 bits in 4 KiB pages; the indexes differ at each level, so that none is mistaken. */
static void deeper(void **state)
{
    const uint64_t va = BIT(39) * 5 + BIT(30) * 6 + BIT(21) * 7 + BIT(12) * 8;

    (void)state;
    sizes(16, 0, 16, TG1_4K);
    put(RAM, 5, OUTSIDE | 3);
    assert_int_equal(level(va, OUTSIDE), 1);
    put(RAM, 5, (RAM + 0x1000) | 3 | BIT(59));
    put(RAM + 0x1000, 6, OUTSIDE | 3);
    assert_int_equal(level(va, OUTSIDE), 2);
    put(RAM + 0x1000, 6, (RAM + 0x2000) | 3);
    put(RAM + 0x2000, 7, OUTSIDE | 3);
    assert_int_equal(level(va, OUTSIDE), 3);
    /* A table in RAM that stage 2 does not let it reach. */
    assert_int_equal(level(va, RAM), 0);
    assert_int_equal(level(va, RAM + 0x1000), 1);
    assert_int_equal(level(va, RAM + 0x2000), 2);
    /* The tables changed since: where the walk ends now. */
    put(RAM + 0x1000, 6, RAM | 1);
    assert_int_equal(level(va, OUTSIDE), 1);
    put(RAM, 5, 0);
    assert_int_equal(level(va, OUTSIDE), 0);
}

static void other_granules(void **state)
{
    (void)state;
    sizes(16, 1, 17, 1);
    put(RAM, 3, OUTSIDE | 3); /* 64 KiB: level 1 has bits 47 to 42 */
    assert_int_equal(level(BIT(42) * 3, OUTSIDE), 2);
    put(RAM, 9, OUTSIDE | 3); /* 16 KiB: level 1 has bits 46 to 36 */
    assert_int_equal(level(TTBR1 | BIT(36) * 9, OUTSIDE), 2);
}

static void big_endian_tables(void **state)
{
    (void)state;
    sizes(16, 0, 16, TG1_4K);
    fake_sysreg.sctlr_el1 = SCTLR_EL1_EE;
    put(RAM, 5, __builtin_bswap64(OUTSIDE | 3));
    assert_int_equal(level(BIT(39) * 5, OUTSIDE), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(first_level, scene),
        cmocka_unit_test_setup(deeper, scene),
        cmocka_unit_test_setup(other_granules, scene),
        cmocka_unit_test_setup(big_endian_tables, scene),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
