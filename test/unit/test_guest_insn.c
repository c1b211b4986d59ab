/* SPDX-License-Identifier: Apache-2.0 */
/* The instruction at the guest's pc, through its own stage 1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mm/phys.h"
#include "regs.h"
#include "sysreg.h"
#include "trap/guest_insn.h"
#include "vm/vm.h"

_Thread_local struct fake_sysreg fake_sysreg;

#define RAM   UINT64_C(0x40000000)
#define CODE  (RAM + 0x1000)
#define LDP   0xa9400440u
#define BLOCK UINT64_C(0x401) /* with its access flag */

static uint64_t ram[2 * SIZE_4K / sizeof(uint64_t)] __attribute__((aligned(SIZE_4K)));
static struct vm vm;
static struct vcpu vcpu = {.vm = &vm};

/* One level-1 table: the GiB of RAM where it is, and at the very top. */
static int scene(void **state)
{
    (void)state;
    memset(ram, 0, sizeof(ram));
    vm.mem.count = 1;
    vm.mem.region[0] = (struct ram_region){ipa(RAM), ptr_to_pa(ram), sizeof(ram)};
    fake_sysreg = (struct fake_sysreg){.sctlr_el1 = SCTLR_EL1_M,
                                       .ttbr0_el1 = RAM,
                                       .ttbr1_el1 = RAM,
                                       .tcr_el1 = UINT64_C(2) << 30 | 25 << 16 | 25,
                                       .id_aa64mmfr0_el1 = 5};
    ram[1] = ram[511] = RAM | BLOCK;
    ram[512] = LDP;
    vcpu.regs.pc = CODE;
    vcpu.regs.pstate = PSR_M_EL1h;
    return 0;
}

static void found(void **state)
{
    uint32_t insn = 0;

    (void)state;
    assert_int_equal(guest_insn_fetch(&vcpu, &insn), 0);
    assert_int_equal(insn, LDP);
    vcpu.regs.pc = ~UINT64_C(0) - SIZE_1G + 1 + 0x1000;
    insn = 0;
    assert_int_equal(guest_insn_fetch(&vcpu, &insn), 0);
    assert_int_equal(insn, LDP);
    fake_sysreg.sctlr_el1 = 0;
    vcpu.regs.pc = CODE;
    insn = 0;
    assert_int_equal(guest_insn_fetch(&vcpu, &insn), 0);
    assert_int_equal(insn, LDP);
}

/* Tables that lead to a device, or lie there, make EL2 read nothing. */
static void not_found(void **state)
{
    uint32_t insn = 0;

    (void)state;
    ram[1] = BLOCK;
    assert_int_equal(guest_insn_fetch(&vcpu, &insn), -ERR_RANGE);
    ram[1] = 0;
    assert_int_equal(guest_insn_fetch(&vcpu, &insn), -ERR_RANGE);
    fake_sysreg.ttbr0_el1 = UINT64_C(0x09000000);
    assert_int_equal(guest_insn_fetch(&vcpu, &insn), -ERR_RANGE);
    vcpu.regs.pc = CODE + 2;
    assert_int_equal(guest_insn_fetch(&vcpu, &insn), -ERR_INVAL);
    vcpu.regs.pstate = PSR_M_nRW;
    assert_int_equal(guest_insn_fetch(&vcpu, &insn), -ERR_UNSUPPORTED);
    assert_int_equal(insn, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(found, scene),
        cmocka_unit_test_setup(not_found, scene),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
