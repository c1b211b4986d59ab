/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage 2 faults, from syndrome to outcome: what the device saw, what the guest's registers hold
 * afterwards, or which abort it got; and that each exit is counted once.
 */
#include "abort_fixture.h"

static void loads_and_stores(void **state)
{
    static const uint64_t written[] = {0x05, 0x8605, 0x84858605, 0x8081828384858605};
    static const uint64_t loaded[] = {0xf4, 0xf3f4, 0xf1f2f3f4, 0xe1e2e3e4f1f2f3f4};

    for (unsigned log2 = 0; log2 < 4; log2++) {
        scene(state);
        data_fault(ISS(log2, 5) | WRITE | (log2 == 3 ? WIDE : 0), DEV + 0x48);
        expect_done(EXIT_MMIO_DEVICE);
        expect_seen(&dev, 0, 0x48, 1u << log2, true, written[log2]);
        assert_int_equal(vcpu->regs.x[5], 0x8081828384858605);

        scene(state);
        dev.answer[0] = 0xe1e2e3e4f1f2f3f4; /* bytes beyond the size must not be seen */
        data_fault(ISS(log2, 30) | (log2 == 3 ? WIDE : 0), DEV + 0xff8);
        expect_done(EXIT_MMIO_DEVICE);
        expect_seen(&dev, 0, 0xff8, 1u << log2, false, 0);
        assert_int_equal(vcpu->regs.x[30], loaded[log2]);
        assert_int_equal(vcpu->regs.x[29], 0x808182838485861d);
        assert_int_equal(vcpu->regs.pstate, PSR_M_EL1h);
    }
}

static void sign_extension(void **state)
{
    static const struct {
        uint64_t flags, answer, want;
        unsigned log2;
    } cases[] = {
        {SIGNED, 0x80, 0xffffff80, 0},
        {SIGNED | WIDE, 0x80, 0xffffffffffffff80, 0},
        {SIGNED | WIDE, 0x17f, 0x7f, 0},
        {SIGNED, 0x8000, 0xffff8000, 1},
        {SIGNED | WIDE, 0x8000, 0xffffffffffff8000, 1},
        {SIGNED | WIDE, 0x7fff, 0x7fff, 1},
        {SIGNED | WIDE, 0x80000000, 0xffffffff80000000, 2},
        {SIGNED | WIDE, 0x7fffffff, 0x7fffffff, 2},
        {WIDE, 0x80, 0x80, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        scene(state);
        dev.answer[0] = cases[i].answer;
        data_fault(ISS(cases[i].log2, 7) | cases[i].flags, DEV);
        expect_done(EXIT_MMIO_DEVICE);
        assert_int_equal(vcpu->regs.x[7], cases[i].want);
    }
}

static void zero_register(void **state)
{
    struct guest_regs before;

    data_fault(ISS(3, 31) | WRITE | WIDE, DEV);
    expect_done(EXIT_MMIO_DEVICE);
    expect_seen(&dev, 0, 0, 8, true, 0);
    for (unsigned plain = 0; plain < 2; plain++) {
        scene(state);
        before = vcpu->regs;
        dev.answer[0] = ~UINT64_C(0);
        data_fault(ISS(2, 31) | (plain ? 0 : SIGNED), DEV);
        expect_done(EXIT_MMIO_DEVICE);
        before.pc += 4;
        assert_memory_equal(&vcpu->regs, &before, sizeof(before));
    }
}

/* SAS, SRT and WnR of an ordered access are as of any other. */
static void ordered(void **state)
{
    (void)state;
    dev.answer[0] = 0x11223344;
    data_fault(ISS(2, 1) | ISS_ABORT_AR, DEV + 4);
    expect_done(EXIT_MMIO_DEVICE);
    assert_int_equal(vcpu->regs.x[1], 0x11223344);
    scene(state);
    data_fault(ISS(1, 2) | ISS_ABORT_AR | WRITE, DEV + 2);
    expect_done(EXIT_MMIO_DEVICE);
    expect_seen(&dev, 0, 2, 2, true, 0x8602);
    scene(state);
    data_fault(ISS(1, 2) | ISS_ABORT_AR | WRITE, NOTHING);
    expect_abort(0x96000050, NOTHING);
}

static void big_endian(void **state)
{
    (void)state;
    fake_sysreg.sctlr_el1 |= SCTLR_EL1_EE;
    data_fault(ISS(2, 5) | WRITE, DEV);
    expect_seen(&dev, 0, 0, 4, true, 0x05868584);
    dev.answer[1] = 0x80ff;
    data_fault(ISS(1, 6) | SIGNED | WIDE, DEV);
    assert_int_equal(vcpu->regs.x[6], 0xffffffffffffff80);
    /* EL0's is another bit. */
    vcpu->regs.pstate = PSR_M_EL0t;
    data_fault(ISS(2, 5) | WRITE, DEV);
    expect_seen(&dev, 2, 0, 4, true, 0x84858605);
    fake_sysreg.sctlr_el1 = SCTLR_EL1_E0E;
    data_fault(ISS(3, 5) | WRITE, DEV);
    expect_seen(&dev, 3, 0, 8, true, 0x0586858483828180);
}

static void aarch32(void **state)
{
    vcpu->regs.pstate = A32_USR | PSR_T32;
    dev.answer[0] = 0xf1f2f3f4;
    data_fault((ISS(2, 14) & ~ESR_ELx_IL), DEV);
    assert_int_equal(vcpu->regs.pc, PC + 2);
    assert_int_equal(vcpu->regs.x[14], 0xf1f2f3f4);
    assert_int_equal(vcpu->exits[EXIT_MMIO_DEVICE], 1);

    scene(state);
    vcpu->regs.pstate = A32_USR | PSR_E;
    data_fault(ISS(2, 5) | WRITE, DEV);
    expect_done(EXIT_MMIO_DEVICE);
    expect_seen(&dev, 0, 0, 4, true, 0x05868584);

    /* LDM has no syndrome, and A32 is not decoded. */
    scene(state);
    vcpu->regs.pstate = A32_USR;
    data_fault(NO_ISS, DEV);
    assert_int_equal(fake_sysreg.esr_el1, 0x92000010);
    assert_int_equal(vcpu->regs.pc, VECTORS + 0x600);
    assert_int_equal(dev.count, 0);
}

/* The vCPU's last device is tried first; it must not catch what belongs to another. */
static void alternating_devices(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        data_fault(ISS(2, 5) | WRITE, DEV + 0xffc);
        data_fault(ISS(2, 5) | WRITE, NEXT);
        expect_seen(&dev, i, 0xffc, 4, true, 0x84858605);
        expect_seen(&next, i, 0, 4, true, 0x84858605);
    }
    assert_int_equal(vcpu->exits[EXIT_MMIO_DEVICE], 2);
    assert_int_equal(vcpu->exits[EXIT_MMIO_DEVICE + 1], 2);
    assert_int_equal(vcpu->abort.esr, 0);
    data_fault(ISS(2, 5) | WRITE, NEXT + 0x200);
    assert_int_equal(vcpu->exits[EXIT_ABORT], 1);
    assert_int_equal(vcpu->abort.esr, ISS(2, 5) | WRITE);
    assert_int_equal(vcpu->abort.far, fake_sysreg.far_el2);
    assert_int_equal(vcpu->abort.hpfar, fake_sysreg.hpfar_el2);
    assert_int_equal(vcpu->abort.pc, PC + 16); /* behind four */
}

static void unclaimed(void **state)
{
    data_fault(ISS(2, 5), NOTHING + 0x10);
    expect_abort(0x96000010, NOTHING + 0x10);
    scene(state);
    data_fault(ISS(0, 31) | WRITE, NOTHING);
    expect_abort(0x96000050, NOTHING);
    assert_int_equal(vcpu->regs.x[5], 0x8081828384858605);
    scene(state);
    vcpu->regs.pstate = PSR_M_EL0t;
    data_fault(ISS(2, 5), NOTHING);
    assert_int_equal(fake_sysreg.esr_el1, 0x92000010);
    assert_int_equal(vcpu->regs.pc, VECTORS + 0x400);
}

static void unaligned_or_beyond(void **state)
{
    static const struct {
        uint64_t where;
        unsigned log2;
    } cases[] = {{DEV + 1, 1},  {DEV + 2, 2}, {DEV + 4, 3},  {DEV + 0xffd, 2},
                 {TINY + 4, 2}, {TINY, 3},    {TINY + 6, 0}, {DEV - 4, 3}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        for (unsigned sign = 0; sign < 2; sign++) {
            scene(state);
            data_fault(ISS(cases[i].log2, 5) | (sign ? SIGNED : 0), cases[i].where);
            expect_abort(0x96000010, cases[i].where);
            assert_int_equal(dev.count, 0);
        }
    scene(state);
    data_fault(ISS(1, 5), TINY + 4);
    expect_done(EXIT_MMIO_GICD);
}

static void device_refuses(void **state)
{
    for (unsigned sign = 0; sign < 2; sign++) {
        scene(state);
        dev.abort_at = 0;
        dev.answer[0] = 0x1234;
        data_fault(ISS(1, 5) | (sign ? SIGNED : 0), DEV + 8);
        expect_abort(0x96000010, DEV + 8);
        assert_int_equal(vcpu->regs.x[5], 0x8081828384858605);
    }
}

#define PERMISSION_L3 UINT64_C(0x0f)

/* Faults of stage 2 that are not for a device, and real external aborts. */
static void other_faults(void **state)
{
    static const struct {
        uint64_t fsc, want;
    } cases[] = {
        {0x00, 0x10}, {0x09, 0x10}, {0x30, 0x10}, {0x10, 0x10},
        {0x15, 0x15}, {0x18, 0x18}, {0x21, 0x21}, {0x35, 0x35},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        scene(state);
        data_fault((ISS(2, 5) & ~ISS_ABORT_FSC) | cases[i].fsc | WRITE, DEV);
        expect_abort(0x96000040 | cases[i].want, DEV);
        assert_int_equal(dev.count, 0);
    }
    scene(state);
    data_fault(ISS(2, 5) - TRANSLATION_L3 + PERMISSION_L3, DEV); /* a read */
    expect_abort(0x96000010, DEV);
    scene(state);
    data_fault(ISS(2, 5) - TRANSLATION_L3 + PERMISSION_L3 + WRITE, NOTHING);
    expect_abort(0x96000050, NOTHING);
    scene(state);
    data_fault(DABT | ISS_ABORT_FnV | ISS_ABORT_EA | 0x10, DEV);
    expect_abort(0x96000610, DEV);
}

static void cache_maintenance(void **state)
{
    static const uint64_t places[] = {DEV, NOTHING};

    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        scene(state);
        data_fault(NO_ISS | ISS_ABORT_CM | WRITE, places[i]);
        expect_done(EXIT_ABORT_CACHE);
        assert_int_equal(dev.count, 0);
    }
    scene(state);
    data_fault(DABT | ISS_ABORT_CM | WRITE | FSC_ADDRESS_SIZE, DEV);
    expect_abort(0x96000150, DEV);
}

#define TOP_39 UINT64_C(0x7fc000000000) /* from VA_BASE to where the last 39 bits begin */

/* A fault of the guest's own walk for the last 39 bits of address, on a table at `table`. */
static void walk_at(uint64_t table)
{
    fake_sysreg.far_el2 = VA_BASE + TOP_39;
    fake_sysreg.hpfar_el2 = table >> 12 << 4;
    fake_sysreg.ttbr1_el1 = table;
}

/* Stage 1 with a table at NOTHING: 4 KiB pages, 39 bits of address, so that walks begin at level 1.
 */
static void stage1_walk(void **state)
{
    (void)state;
    fake_sysreg.tcr_el1 = UINT64_C(25) << 16 | UINT64_C(2) << 30 | 25;
    walk_at(NOTHING);
    take_data_abort(vcpu, NO_ISS | ISS_ABORT_S1PTW | WRITE);
    expect_abort(0x96000055, TOP_39);
    assert_int_equal(dev.count, 0);
    /* Even where a device would answer, and for maintenance. */
    scene(state);
    fake_sysreg.tcr_el1 = UINT64_C(25) << 16 | UINT64_C(2) << 30 | 25;
    walk_at(DEV);
    take_data_abort(vcpu, NO_ISS | ISS_ABORT_S1PTW | WRITE | ISS_ABORT_CM);
    expect_abort(0x96000155, TOP_39);
    assert_int_equal(dev.count, 0);
}

static void instruction_aborts(void **state)
{
    fault_at(DEV);
    abort_instruction(vcpu, IABT | TRANSLATION_L3);
    expect_abort(0x86000010, DEV);
    assert_int_equal(dev.count, 0);
    scene(state);
    fault_at(DEV);
    vcpu->regs.pstate = PSR_M_EL0t;
    abort_instruction(vcpu, IABT | 0x0f);
    assert_int_equal(fake_sysreg.esr_el1, 0x82000010);
    scene(state);
    fake_sysreg.tcr_el1 = UINT64_C(16) << 16 | UINT64_C(2) << 30;
    walk_at(DEV);
    abort_instruction(vcpu, IABT | ISS_ABORT_S1PTW | TRANSLATION_L3);
    expect_abort(0x86000014, TOP_39);
}

static void map(uint64_t where, unsigned perms)
{
    assert_int_equal(stage2_map(&vm.stage2, ipa(where), pa(SIZE_1G), SIZE_4K, perms), 0);
}

/* Nothing has happened; the guest tries again. */
static void expect_retry(void)
{
    assert_int_equal(vcpu->exits[EXIT_ABORT_RETRY], 1);
    assert_int_equal(total_exits(), 1);
    assert_int_equal(vcpu->regs.pc, PC);
    assert_int_equal(fake_sysreg.esr_el1, 0);
}

/* A fault for an access that stage 2 allows by now, as while a leaf is split. */
static void stage2_has_changed(void **state)
{
    static const struct {
        uint64_t iss;
        unsigned perms;
        bool retry;
    } cases[] = {
        {TRANSLATION_L3, STAGE2_READ, true},
        {TRANSLATION_L3 | WRITE, STAGE2_READ, false},
        {TRANSLATION_L3 | WRITE, STAGE2_READ | STAGE2_WRITE, true},
        {TRANSLATION_L3 | ISS_ABORT_CM | WRITE, STAGE2_READ, true},
        {PERMISSION_L3, STAGE2_READ, true},
        {PERMISSION_L3, STAGE2_WRITE, false},
        {PERMISSION_L3 | WRITE, STAGE2_READ | STAGE2_WRITE, true},
        {PERMISSION_L3 | WRITE, STAGE2_READ, false},
        {PERMISSION_L3 | ISS_ABORT_CM | WRITE, STAGE2_READ | STAGE2_WRITE, true},
        {TRANSLATION_L3 | ISS_ABORT_S1PTW, STAGE2_READ, true},
        {PERMISSION_L3 | ISS_ABORT_S1PTW, STAGE2_READ, false},
        {PERMISSION_L3 | ISS_ABORT_S1PTW, STAGE2_READ | STAGE2_WRITE, true},
        {FSC_ACCESS_FLAG | 3, STAGE2_READ, false},
        {FSC_EXTERNAL, STAGE2_READ, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        scene(state);
        map(MAPPED, cases[i].perms);
        data_fault(DABT | cases[i].iss, MAPPED + 0x18);
        if (cases[i].retry)
            expect_retry();
        else
            assert_int_equal(vcpu->exits[EXIT_ABORT], 1);
    }
    scene(state);
    map(MAPPED, STAGE2_READ | STAGE2_EXEC);
    fault_at(MAPPED);
    abort_instruction(vcpu, IABT | PERMISSION_L3);
    expect_retry();
    scene(state);
    map(MAPPED, STAGE2_READ | STAGE2_WRITE);
    fault_at(MAPPED);
    abort_instruction(vcpu, IABT | PERMISSION_L3);
    assert_int_equal(vcpu->exits[EXIT_ABORT], 1);
}

/* A device that shows its content is written to, where HPFAR_EL2 does not say; all else is refused.
 */
static void a_shown_device(void **state)
{
    (void)state;
    map(DEV, STAGE2_READ | STAGE2_EXEC);
    fake_sysreg.far_el2 = VA_BASE + DEV + 0x124;
    fake_sysreg.hpfar_el2 = MAPPED >> 8;
    take_data_abort(vcpu, ISS(2, 5) - TRANSLATION_L3 + PERMISSION_L3 + WRITE);
    expect_done(EXIT_MMIO_DEVICE);
    expect_seen(&dev, 0, 0x124, 4, true, 0x84858605);
    scene(state);
    map(DEV, STAGE2_READ | STAGE2_EXEC);
    guest_code = 0xb8004401; /* str w1, [x0], #4 */
    vcpu->regs.x[0] = VA_BASE + DEV + 0x40;
    data_fault(DABT | PERMISSION_L3 | WRITE, DEV + 0x40);
    expect_done(EXIT_MMIO_DEVICE);
    expect_seen(&dev, 0, 0x40, 4, true, 0x84858601);
    assert_int_equal(vcpu->regs.x[0], VA_BASE + DEV + 0x44);
    scene(state);
    map(DEV, STAGE2_READ | STAGE2_EXEC);
    data_fault(DABT | PERMISSION_L3 | ISS_ABORT_S1PTW | WRITE, DEV);
    assert_int_equal(vcpu->exits[EXIT_ABORT], 1);
    scene(state);
    map(DEV, STAGE2_READ | STAGE2_EXEC);
    data_fault(DABT | PERMISSION_L3 | ISS_ABORT_CM | WRITE, DEV);
    expect_done(EXIT_ABORT_CACHE);
    assert_int_equal(dev.count, 0);
}

/* HPFAR_EL2 is not to be looked at then; where the guest's tables lead by now, is. */
static void permission_fault_without_hpfar(void **state)
{
    (void)state;
    map(MAPPED, STAGE2_READ);
    fake_sysreg.far_el2 = VA_BASE + MAPPED;
    fake_sysreg.hpfar_el2 = DEV >> 8;
    take_data_abort(vcpu, DABT | PERMISSION_L3);
    expect_retry();
    scene(state);
    fake_sysreg.far_el2 = VA_BASE + DEV;
    map(MAPPED, STAGE2_READ);
    fake_sysreg.hpfar_el2 = MAPPED >> 8;
    take_data_abort(vcpu, DABT | PERMISSION_L3);
    expect_abort(0x96000010, DEV);
    scene(state);
    tables[512] = 0;
    data_fault(DABT | PERMISSION_L3, MAPPED);
    expect_retry();
}

/* The first abort of a guest that has printed nothing is told, once. */
static void first_abort(void **state)
{
    data_fault(ISS(2, 5) | WRITE, NOTHING + 8);
    assert_string_equal(logged, "before it has printed anything the guest gets an abort: vCPU 3, "
                                "pc 0xffff800008000100, write to 0xffff80000b000008, "
                                "IPA 0xb000008: translation fault");
    logged[0] = '\0';
    data_fault(ISS(2, 5), NOTHING);
    assert_string_equal(logged, "");
    scene(state);
    map(MAPPED, STAGE2_READ | STAGE2_WRITE);
    fault_at(MAPPED);
    fake_sysreg.hpfar_el2 = 0;
    abort_instruction(vcpu, IABT | PERMISSION_L3);
    assert_non_null(strstr(logged, "fetch of 0xffff80000c000000, IPA 0xc000000: permission fault"));
    scene(state);
    data_fault(ISS(2, 5), DEV);
    assert_string_equal(logged, "");
    guest_spoke = true;
    data_fault(ISS(2, 5), NOTHING);
    assert_string_equal(logged, "");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, scene)
    const struct CMUnitTest tests[] = {
        TEST(loads_and_stores),    TEST(sign_extension),
        TEST(zero_register),       TEST(ordered),
        TEST(big_endian),          TEST(aarch32),
        TEST(alternating_devices), TEST(unclaimed),
        TEST(unaligned_or_beyond), TEST(device_refuses),
        TEST(other_faults),        TEST(cache_maintenance),
        TEST(stage1_walk),         TEST(instruction_aborts),
        TEST(stage2_has_changed),  TEST(permission_fault_without_hpfar),
        TEST(a_shown_device),      TEST(first_abort),
    };

    int failed = cmocka_run_group_tests_name("by abort_fast()", tests, NULL, NULL);

    take_data_abort = abort_data;
    return failed + cmocka_run_group_tests_name("by abort_data() alone", tests, NULL, NULL);
}
