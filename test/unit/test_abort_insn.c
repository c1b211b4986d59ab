/* SPDX-License-Identifier: Apache-2.0 */
/* Accesses whose syndrome says nothing: the guest's instruction is decoded and carried out. */
#include "abort_fixture.h"

#define X(n) (UINT64_C(0x8081828384858600) + (n))

/* Encodings as the GNU assembler makes them. */
#define LDP_W1_W3       UINT32_C(0x29400c41) /* ldp w1, w3, [x2] */
#define LDP_X1_X3       UINT32_C(0xa9400c41) /* ldp x1, x3, [x2] */
#define LDP_WZR_W3_POST UINT32_C(0x28c10fff) /* ldp wzr, w3, [sp], #8 */
#define LDPSW_X1_X3_PRE UINT32_C(0x69c10c41) /* ldpsw x1, x3, [x2, #8]! */
#define STP_X1_XZR_PRE  UINT32_C(0xa9bf7c41) /* stp x1, xzr, [x2, #-16]! */
#define STP_X29_X30_PRE UINT32_C(0xa9be7bfd) /* stp x29, x30, [sp, #-32]! */
#define STP_W1_W3_POST  UINT32_C(0x28810c41) /* stp w1, w3, [x2], #8 */
#define LDR_W1_POST     UINT32_C(0xb8404441) /* ldr w1, [x2], #4 */
#define LDRSB_W1_POST   UINT32_C(0x38c01441) /* ldrsb w1, [x2], #1 */
#define STRB_W1_PRE     UINT32_C(0x38100c41) /* strb w1, [x2, #-256]! */
#define LDR_W1_INDEX    UINT32_C(0xb8637841) /* ldr w1, [x2, x3, lsl #2] */
#define STRB_W1_SXTW    UINT32_C(0x3823c841) /* strb w1, [x2, w3, sxtw] */
#define LDR_X1_LITERAL  UINT32_C(0x58ffffc1) /* ldr x1, .-8 */
#define LDR_Q1          UINT32_C(0x3dc00041) /* ldr q1, [x2] */
#define LDXR_W1         UINT32_C(0x885f7c41) /* ldxr w1, [x2] */
#define LDADD           UINT32_C(0xb8210043) /* ldadd w1, w3, [x2] */
#define DC_ZVA          UINT32_C(0xd50b7422) /* dc zva, x2 */

/* The guest runs `code`; its x2 is at `base` as it maps it; the fault is at `where`. */
static void run(uint32_t code, uint64_t flags, uint64_t base, uint64_t where)
{
    guest_code = code;
    vcpu->regs.x[2] = VA_BASE + base;
    data_fault(NO_ISS | flags, where);
}

static void pair_loads(void **state)
{
    dev.answer[0] = 0xffffffff11223344;
    dev.answer[1] = 0x95667788;
    run(LDP_W1_W3, 0, DEV + 0xfe0, DEV + 0xfe0);
    expect_done(EXIT_MMIO_DEVICE);
    assert_int_equal(dev.count, 2);
    expect_seen(&dev, 0, 0xfe0, 4, false, 0);
    expect_seen(&dev, 1, 0xfe4, 4, false, 0);
    assert_int_equal(vcpu->regs.x[1], 0x11223344);
    assert_int_equal(vcpu->regs.x[3], 0x95667788);
    assert_int_equal(vcpu->regs.x[2], VA_BASE + DEV + 0xfe0);

    scene(state);
    dev.answer[0] = 0x1122334455667788;
    dev.answer[1] = 0x99aabbccddeeff00;
    run(LDP_X1_X3, 0, DEV + 8, DEV + 8);
    expect_done(EXIT_MMIO_DEVICE);
    expect_seen(&dev, 1, 16, 8, false, 0);
    assert_int_equal(vcpu->regs.x[1], 0x1122334455667788);
    assert_int_equal(vcpu->regs.x[3], 0x99aabbccddeeff00);

    scene(state);
    dev.answer[0] = 0x7fffffff;
    dev.answer[1] = 0x80000000;
    run(LDPSW_X1_X3_PRE, 0, DEV, DEV + 8);
    expect_done(EXIT_MMIO_DEVICE);
    expect_seen(&dev, 0, 8, 4, false, 0);
    assert_int_equal(vcpu->regs.x[1], 0x7fffffff);
    assert_int_equal(vcpu->regs.x[3], 0xffffffff80000000);
    assert_int_equal(vcpu->regs.x[2], VA_BASE + DEV + 8);
}

static void pair_stores(void **state)
{
    (void)state;
    run(STP_X1_XZR_PRE, WRITE, DEV + 0x20, DEV + 0x10);
    expect_done(EXIT_MMIO_DEVICE);
    assert_int_equal(dev.count, 2);
    expect_seen(&dev, 0, 0x10, 8, true, X(1));
    expect_seen(&dev, 1, 0x18, 8, true, 0);
    assert_int_equal(vcpu->regs.x[2], VA_BASE + DEV + 0x10);

    scene(state);
    run(STP_W1_W3_POST, WRITE, DEV + 0x20, DEV + 0x20);
    expect_done(EXIT_MMIO_DEVICE);
    expect_seen(&dev, 0, 0x20, 4, true, 0x84858601);
    expect_seen(&dev, 1, 0x24, 4, true, 0x84858603);
    assert_int_equal(vcpu->regs.x[2], VA_BASE + DEV + 0x28);
}

static void stack_pointer(void **state)
{
    fake_sysreg.sp_el1 = VA_BASE + DEV + 0x40;
    fake_sysreg.sp_el0 = 0x5555;
    run(STP_X29_X30_PRE, WRITE, 0, DEV + 0x20);
    expect_done(EXIT_MMIO_DEVICE);
    expect_seen(&dev, 1, 0x28, 8, true, X(30));
    assert_int_equal(fake_sysreg.sp_el1, VA_BASE + DEV + 0x20);
    assert_int_equal(fake_sysreg.sp_el0, 0x5555);

    for (unsigned el1 = 0; el1 < 2; el1++) {
        scene(state);
        vcpu->regs.pstate = el1 ? PSR_M_EL1t : PSR_M_EL0t;
        fake_sysreg.sp_el0 = VA_BASE + DEV + 0x40;
        fake_sysreg.sp_el1 = 0x5555;
        dev.answer[1] = 0x77;
        run(LDP_WZR_W3_POST, 0, 0, DEV + 0x40);
        expect_done(EXIT_MMIO_DEVICE);
        assert_int_equal(vcpu->regs.x[3], 0x77);
        assert_int_equal(fake_sysreg.sp_el0, VA_BASE + DEV + 0x48);
        assert_int_equal(fake_sysreg.sp_el1, 0x5555);
    }
}

static void single_registers(void **state)
{
    dev.answer[0] = 0x1122334455667788;
    run(LDR_W1_POST, 0, DEV + 0x18, DEV + 0x18);
    expect_done(EXIT_MMIO_DEVICE);
    assert_int_equal(vcpu->regs.x[1], 0x55667788);
    assert_int_equal(vcpu->regs.x[2], VA_BASE + DEV + 0x1c);

    scene(state);
    dev.answer[0] = 0x88;
    run(LDRSB_W1_POST, 0, DEV + 0x19, DEV + 0x19);
    expect_done(EXIT_MMIO_DEVICE);
    assert_int_equal(vcpu->regs.x[1], 0xffffff88);

    /* The base begins in the page after the one that is written. */
    scene(state);
    run(STRB_W1_PRE, WRITE, NEXT + 0x10, DEV + 0xf10);
    expect_done(EXIT_MMIO_DEVICE);
    expect_seen(&dev, 0, 0xf10, 1, true, 0x01);
    assert_int_equal(vcpu->regs.x[2], VA_BASE + DEV + 0xf10);
}

static void index_registers(void **state)
{
    vcpu->regs.x[3] = 3;
    dev.answer[0] = 0x42;
    run(LDR_W1_INDEX, 0, DEV, DEV + 12);
    expect_done(EXIT_MMIO_DEVICE);
    expect_seen(&dev, 0, 12, 4, false, 0);
    assert_int_equal(vcpu->regs.x[1], 0x42);
    assert_int_equal(vcpu->regs.x[2], VA_BASE + DEV);

    scene(state);
    vcpu->regs.x[3] = 0x1fffffffe;
    run(STRB_W1_SXTW, WRITE, DEV + 8, DEV + 6);
    expect_done(EXIT_MMIO_DEVICE);
    expect_seen(&dev, 0, 6, 1, true, 0x01);
}

static void literal(void **state)
{
    (void)state;
    dev.answer[0] = 0x42;
    vcpu->regs.pc = VA_BASE + DEV + 0x108; /* code that runs from RAM beside the device */
    run(LDR_X1_LITERAL, 0, 0, DEV + 0x100);
    expect_seen(&dev, 0, 0x100, 8, false, 0);
    assert_int_equal(vcpu->regs.x[1], 0x42);
    assert_int_equal(vcpu->regs.pc, VA_BASE + DEV + 0x10c);
}

/* An address tag, which the translation ignores, is no other page. */
static void tagged_address(void **state)
{
    const uint64_t tag = UINT64_C(0x5a00000000000000);

    (void)state;
    guest_code = LDR_W1_POST;
    vcpu->regs.x[2] = DEV | 0x10;
    fake_sysreg.far_el2 = tag | DEV | 0x10;
    fake_sysreg.hpfar_el2 = DEV >> 8;
    abort_data(vcpu, NO_ISS);
    expect_done(EXIT_MMIO_DEVICE);
    scene(state);
    guest_code = LDR_W1_POST;
    vcpu->regs.x[2] = tag | DEV | 0x10;
    fake_sysreg.far_el2 = DEV | 0x10;
    fake_sysreg.hpfar_el2 = DEV >> 8;
    abort_data(vcpu, NO_ISS);
    expect_done(EXIT_MMIO_DEVICE);
    assert_int_equal(vcpu->regs.x[2], tag | DEV | 0x14);
}

/* Nothing has happened to the guest but the abort: its base and targets are as before. */
static void expect_untouched(uint64_t esr, uint64_t where)
{
    expect_abort(esr, where);
    assert_int_equal(vcpu->regs.x[1], X(1));
    assert_int_equal(vcpu->regs.x[3], X(3));
}

static void from_device_to_device(void **state)
{
    /* The end of one device and the beginning of the next, on another page: not translated. */
    run(LDP_W1_W3, 0, NEXT - 4, NEXT - 4);
    expect_untouched(0x96000010, NEXT - 4);
    assert_int_equal(dev.count + next.count, 0);
    /* From either side of the boundary. */
    scene(state);
    run(LDP_W1_W3, 0, NEXT - 4, NEXT);
    expect_untouched(0x96000010, NEXT);
    /* Within a page, each half goes where it belongs. */
    scene(state);
    add(NEXT + 0x200, 0x100, &dev, EXIT_MMIO_GICD);
    run(LDP_W1_W3, 0, NEXT + 0x1fc, NEXT + 0x1fc);
    expect_done(EXIT_MMIO_DEVICE + 1);
    expect_seen(&next, 0, 0x1fc, 4, false, 0);
    expect_seen(&dev, 0, 0, 4, false, 0);
    /* The second half is nowhere: the first is not done either. */
    scene(state);
    run(STP_W1_W3_POST, WRITE, NEXT + 0x1fc, NEXT + 0x1fc);
    expect_untouched(0x96000050, NEXT + 0x1fc);
    assert_int_equal(next.count, 0);
    assert_int_equal(vcpu->regs.x[2], VA_BASE + NEXT + 0x1fc);
}

static void aborts_by_the_device(void **state)
{
    (void)state;
    dev.abort_at = 1;
    run(LDPSW_X1_X3_PRE, 0, DEV, DEV + 8);
    expect_untouched(0x96000010, DEV + 8);
    assert_int_equal(dev.count, 2);
    assert_int_equal(vcpu->regs.x[2], VA_BASE + DEV);
}

static void not_emulated(void **state)
{
    static const uint32_t codes[] = {LDR_Q1, LDXR_W1, LDADD, DC_ZVA, 0, 0xd503201f};

    for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
        for (unsigned write = 0; write < 2; write++) {
            scene(state);
            run(codes[i], write ? WRITE : 0, DEV, DEV);
            expect_untouched(write ? 0x96000050 : 0x96000010, DEV);
            assert_int_equal(dev.count, 0);
        }
    scene(state);
    run(LDP_W1_W3, 0, NOTHING, NOTHING);
    expect_untouched(0x96000010, NOTHING);
    scene(state);
    run(LDP_W1_W3, 0, DEV + 2, DEV + 2);
    expect_untouched(0x96000010, DEV + 2);
}

/* What is at pc now can't be what trapped: another vCPU changed it meanwhile. */
static void changed_under_our_feet(void **state)
{
    run(LDR_W1_POST, WRITE, DEV, DEV);
    expect_untouched(0x96000050, DEV);
    scene(state);
    run(STRB_W1_PRE, 0, DEV + 0x200, DEV + 0x100);
    expect_untouched(0x96000010, DEV + 0x100);
    scene(state);
    run(LDR_W1_POST, 0, DEV + 0x1000, DEV);
    expect_untouched(0x96000010, DEV);
    scene(state);
    fetch_result = -ERR_RANGE;
    run(LDR_W1_POST, 0, DEV, DEV);
    expect_untouched(0x96000010, DEV);
    assert_int_equal(dev.count, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, scene)
    const struct CMUnitTest tests[] = {
        TEST(pair_loads),
        TEST(pair_stores),
        TEST(stack_pointer),
        TEST(single_registers),
        TEST(index_registers),
        TEST(literal),
        TEST(tagged_address),
        TEST(from_device_to_device),
        TEST(aborts_by_the_device),
        TEST(not_emulated),
        TEST(changed_under_our_feet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
