/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Syndromes: fields and names, and the way past an emulated instruction. The syndromes are what
 * QEMU's CPU gives for the instruction beside them, or are put together from the manual's picture.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "trap/esr.h"
#include "trap/skip.h"

static void access_of(uint64_t esr, unsigned size, unsigned reg, bool write, bool sign, bool wide)
{
    struct insn_access access = esr_access(esr);

    assert_int_equal(esr_ec(esr), ESR_EC_DABT_LOW);
    assert_int_equal(access.size, size);
    assert_int_equal(access.count, 1);
    assert_int_equal(access.reg[0], reg);
    assert_int_equal(access.write, write);
    assert_int_equal(access.sign_extend, sign);
    assert_int_equal(access.wide, wide);
}

static void data_aborts(void **state)
{
    (void)state;
    access_of(0x93810007, 4, 1, false, false, false); /* ldr w1, [x2] */
    access_of(0x93c18007, 8, 1, false, false, true);  /* ldr x1, [x2] */
    access_of(0x93df8047, 8, 31, true, false, true);  /* str xzr, [x2] */
    access_of(0x93030047, 1, 3, true, false, false);  /* strb w3, [x2] */
    access_of(0x93430007, 2, 3, false, false, false); /* ldrh w3, [x2] */
    access_of(0x93230007, 1, 3, false, true, false);  /* ldrsb w3, [x2] */
    access_of(0x93be8007, 4, 30, false, true, true);  /* ldrsw x30, [x2] */
}

static void fault_status(void **state)
{
    (void)state;
    assert_int_equal(esr_fsc(0x93810007), 0x07);
    assert_true(esr_fsc_is(0x04, FSC_TRANSLATION));
    assert_true(esr_fsc_is(0x07, FSC_TRANSLATION));
    assert_false(esr_fsc_is(0x08, FSC_TRANSLATION));
    assert_false(esr_fsc_is(0x03, FSC_TRANSLATION));
    assert_true(esr_fsc_is(0x0f, FSC_PERMISSION));
    assert_false(esr_fsc_is(0x10, FSC_PERMISSION));
    assert_false(esr_fsc_is(0x24, FSC_TRANSLATION));
}

static void system_registers(void **state)
{
    /* mrs x5, id_aa64mmfr1_el1 (S3_0_C0_C7_1); msr s3_7_c15_c2_4, xzr */
    const uint64_t read = 0x623200af, write = 0x6239ffe4;

    (void)state;
    assert_int_equal(esr_ec(read), ESR_EC_SYS64);
    assert_int_equal(FIELD_GET(ISS_SYS64_Op0, read), 3);
    assert_int_equal(FIELD_GET(ISS_SYS64_Op1, read), 0);
    assert_int_equal(FIELD_GET(ISS_SYS64_CRn, read), 0);
    assert_int_equal(FIELD_GET(ISS_SYS64_CRm, read), 7);
    assert_int_equal(FIELD_GET(ISS_SYS64_Op2, read), 1);
    assert_int_equal(FIELD_GET(ISS_SYS64_Rt, read), 5);
    assert_true((read & ISS_SYS64_Dir) != 0);
    assert_int_equal(FIELD_GET(ISS_SYS64_Op0, write), 3);
    assert_int_equal(FIELD_GET(ISS_SYS64_Op1, write), 7);
    assert_int_equal(FIELD_GET(ISS_SYS64_CRn, write), 15);
    assert_int_equal(FIELD_GET(ISS_SYS64_CRm, write), 2);
    assert_int_equal(FIELD_GET(ISS_SYS64_Op2, write), 4);
    assert_int_equal(FIELD_GET(ISS_SYS64_Rt, write), 31);
    assert_true((write & ISS_SYS64_Dir) == 0);
    assert_int_equal(FIELD_GET(ISS_CALL_imm16, 0x5a001234), 0x1234);
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(esr_ec_name(ESR_EC_DABT_CUR), "data abort");
    assert_string_equal(esr_ec_name(0x3c), "BRK");
    assert_string_equal(esr_ec_name(0x00), "undefined instruction");
    assert_string_equal(esr_ec_name(0x02), "unexpected exception class");
    assert_string_equal(esr_ec_name(0x3f), "unexpected exception class");
    assert_string_equal(esr_ec_name(~0u), "unexpected exception class");
    for (unsigned i = 0; i < 100; i++)
        assert_true(strlen(esr_ec_name(i)) > 2);
}

static void fault_names(void **state)
{
    static const struct {
        unsigned fsc;
        const char *name;
    } want[] = {
        {0x00, "address size fault"},
        {0x07, "translation fault"},
        {0x09, "access flag fault"},
        {0x0e, "permission fault"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(want); i++)
        assert_string_equal(esr_fsc_name(want[i].fsc), want[i].name);
}

static void skip_a64(void **state)
{
    struct vcpu vcpu = {.regs = {.pc = 0xffff800000001000}};

    (void)state;
    vcpu.regs.pstate = PSR_NZCV | PSR_SS | PSR_BTYPE | PSR_DAIF | PSR_M_EL1h;
    skip_insn(&vcpu, ESR_ELx_IL);
    assert_int_equal(vcpu.regs.pc, 0xffff800000001004);
    assert_int_equal(vcpu.regs.pstate, PSR_NZCV | PSR_DAIF | PSR_M_EL1h);
}

#define A32_USER (PSR_M_nRW | UINT64_C(0))

/* IT[7:0] as the SPSR has it. */
static uint64_t with_it(unsigned it)
{
    return A32_USER | PSR_T32 | (uint64_t)(it >> 2) << 10 | (uint64_t)(it & 3) << 25;
}

static uint64_t it_after(unsigned it)
{
    struct vcpu vcpu = {.regs = {.pc = 0x8000, .pstate = with_it(it) | PSR_SS | PSR_NZCV}};

    skip_insn(&vcpu, 0);
    assert_int_equal(vcpu.regs.pc, 0x8002);
    return vcpu.regs.pstate;
}

static void skip_aarch32(void **state)
{
    struct vcpu vcpu = {.regs = {.pc = 0x8000, .pstate = A32_USER | PSR_E}};

    (void)state;
    skip_insn(&vcpu, ESR_ELx_IL);
    assert_int_equal(vcpu.regs.pc, 0x8004);
    assert_int_equal(vcpu.regs.pstate, A32_USER | PSR_E);
    assert_int_equal(it_after(0), with_it(0) | PSR_NZCV);
    /* ITTEE EQ, its four instructions one after the other, then out of the block. */
    assert_int_equal(it_after(0x07), with_it(0x0e) | PSR_NZCV);
    assert_int_equal(it_after(0x0e), with_it(0x1c) | PSR_NZCV);
    assert_int_equal(it_after(0x1c), with_it(0x18) | PSR_NZCV);
    assert_int_equal(it_after(0x18), with_it(0) | PSR_NZCV);
    /* The condition's upper bits stay: IT LE, then two. */
    assert_int_equal(it_after(0xdc), with_it(0xd8) | PSR_NZCV);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_aborts),      cmocka_unit_test(fault_status),
        cmocka_unit_test(system_registers), cmocka_unit_test(names),
        cmocka_unit_test(fault_names),      cmocka_unit_test(skip_a64),
        cmocka_unit_test(skip_aarch32),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
