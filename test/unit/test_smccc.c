/* SPDX-License-Identifier: Apache-2.0 */
/* Firmware calls: whose they are, both conduits, both conventions, what is kept and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "regs.h"
#include "trap/psci.h"
#include "trap/smccc.h"

#define PC      UINT64_C(0x48001000)
#define OLD     UINT64_C(0xf101010101010101)
#define ESR_HVC (UINT64_C(0x16) << 26 | 1u << 25)
#define ESR_SMC (UINT64_C(0x17) << 26 | 1u << 25)
#define ERROR   (~UINT64_C(0)) /* NOT_SUPPORTED, wherever the caller looks */

static struct vcpu vcpu;
static unsigned nr_psci;
static uint32_t last_function;
static uint64_t pc_at_call;

void psci_call(struct vcpu *v, uint32_t function)
{
    assert_ptr_equal(v, &vcpu);
    nr_psci++;
    last_function = function;
    pc_at_call = v->regs.pc;
}

static int set_up(void **state)
{
    (void)state;
    memset(&vcpu, 0, sizeof(vcpu));
    for (unsigned i = 0; i < 31; i++)
        vcpu.regs.x[i] = OLD * i;
    vcpu.regs.pc = PC;
    vcpu.regs.pstate = PSR_M_EL1h | PSR_NZCV | PSR_BTYPE;
    nr_psci = 0;
    return 0;
}

static uint64_t call(uint64_t esr, bool smc, uint64_t x0, uint64_t x1)
{
    set_up(NULL);
    vcpu.regs.x[0] = x0;
    vcpu.regs.x[1] = x1;
    smccc_call(&vcpu, esr, smc);
    assert_int_equal(vcpu.regs.x[1], x1);
    for (unsigned i = 2; i < 31; i++)
        assert_int_equal(vcpu.regs.x[i], OLD * i);
    assert_int_equal(vcpu.regs.pc, smc ? PC + 4 : PC);
    return vcpu.regs.x[0];
}

static uint64_t hvc(uint64_t x0, uint64_t x1)
{
    return call(ESR_HVC, false, x0, x1);
}

static uint64_t smc(uint64_t x0, uint64_t x1)
{
    return call(ESR_SMC, true, x0, x1);
}

static void version(void **state)
{
    (void)state;
    assert_int_equal(hvc(0x80000000, 0), 0x10001);
    assert_int_equal(smc(0x80000000, 0), 0x10001);
}

/* Only W0 names the function, only W1 is its argument. */
static void upper_halves(void **state)
{
    (void)state;
    assert_int_equal(hvc(UINT64_C(0xdeadbeef80000000), 0), 0x10001);
    assert_int_equal(hvc(UINT64_C(0xdeadbeef80000001), UINT64_C(0xdeadbeef80000000)), 0);
}

static void arch_features(void **state)
{
    static const uint32_t absent[] = {
        0x80000002, /* SMCCC_ARCH_SOC_ID */
        0x80003fff, /* SMCCC_ARCH_WORKAROUND_3 */
        0x80007fff, /* SMCCC_ARCH_WORKAROUND_2 */
        0x80008000, /* SMCCC_ARCH_WORKAROUND_1 */
        0xc0000000, 0, 0xffffffff, 0x84000000, 0x84000050,
    };

    (void)state;
    assert_int_equal(hvc(0x80000001, 0x80000000), 0);
    assert_int_equal(smc(0x80000001, 0x80000001), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(absent); i++)
        assert_true(hvc(0x80000001, absent[i]) == ERROR);
}

static void unknown(void **state)
{
    static const uint32_t functions[] = {
        0x80000002, 0x80007fff, 0x80008000, 0xc0000000, 0xc0000001, /* Arm architecture */
        0x81000000, 0x82000000, 0x83000000, 0x85000000,             /* CPU, SiP, OEM, hypervisor */
        0x8600ff01, 0x8600ff03, 0x86000000, 0xc6000042,             /* vendor's hypervisor */
        0x8400ff01, 0x84000020, 0x8400004f, 0xc4000020,             /* beside PSCI, */
        0x84000050, 0x84000051, 0xc4000053,                         /* the TRNG's */
        0x84010000, 0x80010000,                                     /* SMCCC 1.3's hint */
        0x04000000, 0x44000003, 0x00000000, 0x7fffffff, 0xffffffff, /* yielding, and the rest */
        0xb2000000, 0xbf00ffff,
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(functions); i++) {
        assert_true(hvc(functions[i], 1) == ERROR);
        assert_true(smc(functions[i], 1) == ERROR);
        assert_int_equal(nr_psci, 0);
    }
}

static void routes_psci(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 0x20; n++) {
        hvc(0x84000000 | n, 7);
        assert_int_equal(nr_psci, 1);
        assert_int_equal(last_function, 0x84000000 | n);
        assert_int_equal(pc_at_call, PC);
        smc(0xc4000000 | n, 7);
        assert_int_equal(nr_psci, 1);
        assert_int_equal(last_function, 0xc4000000 | n);
        assert_int_equal(pc_at_call, PC + 4); /* what the call does to pc comes after */
    }
}

static void immediates(void **state)
{
    static const uint16_t imm[] = {1, 0x100, 0x8000, 0xffff};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(imm); i++) {
        assert_true(call(ESR_HVC | imm[i], false, 0x84000000, 0) == ERROR);
        assert_true(call(ESR_SMC | imm[i], true, 0x80000000, 0) == ERROR);
        assert_int_equal(nr_psci, 0);
    }
}

/* A trapped SMC has not run on the CPU: what it would have done to PSTATE is done here. */
static void pstate(void **state)
{
    (void)state;
    smc(0x80000000, 0);
    assert_int_equal(vcpu.regs.pstate, PSR_M_EL1h | PSR_NZCV);
    hvc(0x80000000, 0);
    assert_int_equal(vcpu.regs.pstate, PSR_M_EL1h | PSR_NZCV | PSR_BTYPE);
}

static void arguments(void **state)
{
    (void)state;
    set_up(NULL);
    vcpu.regs.x[0] = 0x84000003;
    for (unsigned n = 1; n <= 6; n++)
        assert_int_equal(smccc_arg(&vcpu, n), (uint32_t)(OLD * n));
    vcpu.regs.x[0] = 0xc4000003;
    for (unsigned n = 1; n <= 6; n++)
        assert_true(smccc_arg(&vcpu, n) == OLD * n);
    vcpu.regs.x[0] = UINT64_C(0x4000000084000003); /* bit 62 says nothing */
    assert_int_equal(smccc_arg(&vcpu, 1), (uint32_t)OLD);
    smccc_return(&vcpu, -2);
    assert_true(vcpu.regs.x[0] == UINT64_C(0xfffffffffffffffe));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version), cmocka_unit_test(upper_halves), cmocka_unit_test(arch_features),
        cmocka_unit_test(unknown), cmocka_unit_test(routes_psci),  cmocka_unit_test(immediates),
        cmocka_unit_test(pstate),  cmocka_unit_test(arguments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
