/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the guest's CPU finds when an exception was injected, against AArch64.TakeException() of
 * the Arm ARM's shared pseudocode: registers, vector and PSTATE, from each place it can come from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "regs.h"
#include "sysreg.h"
#include "trap/esr.h"
#include "trap/inject.h"
#include "vm/vcpu.h"

_Thread_local struct fake_sysreg fake_sysreg;

#define VECTORS UINT64_C(0xffff800010010000)
#define PC      UINT64_C(0xffff800008123454)
#define FAR     UINT64_C(0xffff00000900001c)
#define A32_USR PSR_M_nRW

static struct vcpu vcpu;

/* A CPU without extensions whose guest was at PC with `pstate`. */
static void scene(uint64_t pstate)
{
    fake_sysreg = (struct fake_sysreg){.vbar_el1 = VECTORS, .sctlr_el1 = SCTLR_EL1_SPAN};
    vcpu = (struct vcpu){.regs = {.pc = PC, .pstate = pstate}};
    vcpu.regs.x[0] = 0x1234;
}

static uint64_t pstate_after(uint64_t pstate)
{
    vcpu.regs.pstate = pstate;
    inject_sync(&vcpu, 0);
    return vcpu.regs.pstate;
}

static void vector_and_banked_registers(void **state)
{
    static const struct {
        uint64_t pstate, offset;
    } origin[] = {
        {PSR_M_EL1t, 0x000}, {PSR_M_EL1h, 0x200},        {PSR_M_EL0t, 0x400},
        {A32_USR, 0x600},    {A32_USR | PSR_T32, 0x600},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(origin); i++) {
        uint64_t pstate = origin[i].pstate | PSR_I | PSR_SS | PSR_IL | UINT64_C(0x60000000);

        scene(pstate);
        inject_sync(&vcpu, 0x56000042);
        assert_int_equal(vcpu.regs.pc, VECTORS + origin[i].offset);
        assert_int_equal(fake_sysreg.elr_el1, PC);
        assert_int_equal(fake_sysreg.spsr_el1, pstate);
        assert_int_equal(fake_sysreg.esr_el1, 0x56000042);
        assert_int_equal(fake_sysreg.far_el1, 0);
        assert_int_equal(vcpu.regs.pstate, PSR_M_EL1h | PSR_DAIF | UINT64_C(0x60000000));
        assert_int_equal(vcpu.regs.x[0], 0x1234);
    }
}

/* VBAR_EL1[10:0] read as what was written, but are not part of the address. */
static void odd_vector_base(void **state)
{
    (void)state;
    scene(PSR_M_EL1h);
    fake_sysreg.vbar_el1 = VECTORS | 0x7ff;
    inject_sync(&vcpu, 0);
    assert_int_equal(vcpu.regs.pc, VECTORS + 0x200);
}

static void pstate_without_extensions(void **state)
{
    (void)state;
    scene(0);
    fake_sysreg.sctlr_el1 = SCTLR_EL1_DSSBS; /* and SPAN is 0 */
    assert_int_equal(pstate_after(PSR_M_EL0t), PSR_M_EL1h | PSR_DAIF);
    /* What is set goes: BTYPE, SSBS, ALLINT, IL, SS, UAO, TCO. What stays: NZCV, PAN, DIT. */
    assert_int_equal(pstate_after(PSR_M_EL1t | PSR_BTYPE | PSR_SSBS | PSR_ALLINT | PSR_IL | PSR_SS |
                                  PSR_UAO | PSR_TCO | PSR_NZCV | PSR_PAN | PSR_DIT),
                     PSR_M_EL1h | PSR_DAIF | PSR_NZCV | PSR_PAN | PSR_DIT);
}

static void pan(void **state)
{
    (void)state;
    scene(0);
    fake_sysreg.id_aa64mmfr1_el1 = FIELD_PREP(ID_AA64MMFR1_EL1_PAN, 1);
    assert_int_equal(pstate_after(PSR_M_EL1h), PSR_M_EL1h | PSR_DAIF);
    assert_int_equal(pstate_after(PSR_M_EL1h | PSR_PAN), PSR_M_EL1h | PSR_DAIF | PSR_PAN);
    fake_sysreg.sctlr_el1 = 0;
    assert_int_equal(pstate_after(PSR_M_EL1h), PSR_M_EL1h | PSR_DAIF | PSR_PAN);
    assert_int_equal(pstate_after(A32_USR), PSR_M_EL1h | PSR_DAIF | PSR_PAN);
}

static void ssbs(void **state)
{
    (void)state;
    scene(0);
    fake_sysreg.id_aa64pfr1_el1 = FIELD_PREP(ID_AA64PFR1_EL1_SSBS, 2);
    assert_int_equal(pstate_after(PSR_M_EL1h | PSR_SSBS), PSR_M_EL1h | PSR_DAIF);
    fake_sysreg.sctlr_el1 |= SCTLR_EL1_DSSBS;
    assert_int_equal(pstate_after(PSR_M_EL1h), PSR_M_EL1h | PSR_DAIF | PSR_SSBS);
}

static void tag_checks_and_nmi(void **state)
{
    (void)state;
    scene(0);
    fake_sysreg.id_aa64pfr1_el1 = FIELD_PREP(ID_AA64PFR1_EL1_MTE, 2);
    assert_int_equal(pstate_after(PSR_M_EL1h), PSR_M_EL1h | PSR_DAIF | PSR_TCO);
    fake_sysreg.id_aa64pfr1_el1 = FIELD_PREP(ID_AA64PFR1_EL1_NMI, 1);
    assert_int_equal(pstate_after(PSR_M_EL1h), PSR_M_EL1h | PSR_DAIF | PSR_ALLINT);
    fake_sysreg.sctlr_el1 |= SCTLR_EL1_SPINTMASK;
    assert_int_equal(pstate_after(PSR_M_EL1h | PSR_ALLINT), PSR_M_EL1h | PSR_DAIF);
}

static void undefined(void **state)
{
    (void)state;
    scene(PSR_M_EL0t);
    fake_sysreg.far_el1 = FAR;
    inject_undefined(&vcpu);
    assert_int_equal(fake_sysreg.esr_el1, 0x02000000); /* EC 0, IL */
    assert_int_equal(fake_sysreg.far_el1, FAR);
    assert_int_equal(fake_sysreg.elr_el1, PC);
    assert_int_equal(vcpu.regs.pc, VECTORS + 0x400);
}

static uint64_t data_abort_from(uint64_t pstate, unsigned fsc, uint64_t iss)
{
    scene(pstate);
    inject_data_abort(&vcpu, FAR, fsc, iss);
    assert_int_equal(fake_sysreg.far_el1, FAR);
    return fake_sysreg.esr_el1;
}

static void data_abort(void **state)
{
    (void)state;
    assert_int_equal(data_abort_from(PSR_M_EL1h, 0x10, 0), 0x96000010);
    assert_int_equal(data_abort_from(PSR_M_EL1t, 0x10, 0), 0x96000010);
    assert_int_equal(data_abort_from(PSR_M_EL0t, 0x10, 0), 0x92000010);
    assert_int_equal(data_abort_from(A32_USR | PSR_T32, 0x10, 0), 0x92000010);
    assert_int_equal(data_abort_from(PSR_M_EL1h, 0x17, ISS_ABORT_WnR), 0x96000057);
    assert_int_equal(data_abort_from(PSR_M_EL1h, 0x10, ISS_ABORT_FnV), 0x96000410);
    assert_int_equal(data_abort_from(PSR_M_EL1h, 0x10, ISS_ABORT_EA), 0x96000210);
    assert_int_equal(data_abort_from(PSR_M_EL1h, 0x10, ISS_ABORT_CM | ISS_ABORT_WnR), 0x96000150);
    /* Nothing of stage 2's syndrome shows: its class, instruction, S1PTW and fault status. */
    assert_int_equal(data_abort_from(PSR_M_EL1h, 0x10, 0xff93ffffff), 0x96000750);
}

static uint64_t insn_abort_from(uint64_t pstate, unsigned fsc, uint64_t iss)
{
    scene(pstate);
    inject_instruction_abort(&vcpu, FAR, fsc, iss);
    assert_int_equal(fake_sysreg.far_el1, FAR);
    return fake_sysreg.esr_el1;
}

static void instruction_abort(void **state)
{
    (void)state;
    assert_int_equal(insn_abort_from(PSR_M_EL1h, 0x10, 0), 0x86000010);
    assert_int_equal(insn_abort_from(PSR_M_EL1t, 0x10, 0), 0x86000010);
    assert_int_equal(insn_abort_from(PSR_M_EL0t, 0x10, 0), 0x82000010);
    assert_int_equal(insn_abort_from(A32_USR, 0x16, 0), 0x82000016);
    assert_int_equal(insn_abort_from(PSR_M_EL1h, 0x10, 0xff83ffffff), 0x86000610);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vector_and_banked_registers),
        cmocka_unit_test(odd_vector_base),
        cmocka_unit_test(pstate_without_extensions),
        cmocka_unit_test(pan),
        cmocka_unit_test(ssbs),
        cmocka_unit_test(tag_checks_and_nmi),
        cmocka_unit_test(undefined),
        cmocka_unit_test(data_abort),
        cmocka_unit_test(instruction_abort),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
