/* SPDX-License-Identifier: Apache-2.0 */
/* Trapped system registers: which are answered, with what, and which are UNDEFINED. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "regs.h"
#include "trap/esr.h"
#include "trap/id_regs.h"
#include "trap/inject.h"
#include "trap/pmu.h"
#include "trap/sysreg_trap.h"
#include "vm/vm.h"

#define PC              UINT64_C(0xffff800008001000)
#define OLD             UINT64_C(0x0101010101010101)
#define ID_OF(crm, op2) (UINT64_C(0xabcd0000) + (crm)*16 + (op2))
#define PMCR            UINT64_C(0x3020)
#define SELF            3
#define XZR             31

static struct vm vm;
static struct vcpu *vcpu;
static unsigned nr_undefined, nr_sgi, nr_deactivate, nr_pmu;
static uint64_t last_value;
static bool last_group1;

uint64_t id_regs_read(unsigned crm, unsigned op2)
{
    assert_in_range(crm, 1, 7);
    assert_in_range(op2, 0, 7);
    return ID_OF(crm, op2);
}

void inject_undefined(struct vcpu *v)
{
    assert_ptr_equal(v, vcpu);
    assert_int_equal(v->regs.pc, PC); /* inject.h wants pc at the instruction */
    nr_undefined++;
}

void vgic_send_sgi(struct vgic *vgic, unsigned from, uint64_t sgir, bool group1)
{
    assert_ptr_equal(vgic, &vm.vgic);
    assert_int_equal(from, SELF);
    last_value = sgir;
    last_group1 = group1;
    nr_sgi++;
}

void vgic_deactivate(struct vgic *vgic, unsigned cpu, uint64_t dir_value)
{
    assert_ptr_equal(vgic, &vm.vgic);
    assert_int_equal(cpu, SELF);
    last_value = dir_value;
    nr_deactivate++;
}

/* Of all the PMU's registers, those beside PMCR_EL0. */
bool pmu_access(uint64_t esr, uint64_t *value)
{
    if (FIELD_GET(ISS_SYS64_CRn, esr) != 9 || FIELD_GET(ISS_SYS64_CRm, esr) != 12)
        return false;
    last_value = *value;
    nr_pmu++;
    if ((esr & ISS_SYS64_Dir) != 0)
        *value = PMCR;
    return true;
}

#define ICC_READ 0x1cc

uint64_t vgic_icc_read_ctlr(void)
{
    return ICC_READ;
}

void vgic_icc_write_ctlr(uint64_t v)
{
    last_value = v;
}

uint64_t vgic_icc_read_pmr(void)
{
    return ICC_READ + 1;
}

void vgic_icc_write_pmr(uint64_t v)
{
    last_value = v + 1;
}

uint64_t vgic_icc_read_rpr(void)
{
    return ICC_READ + 2;
}

/* As the Arm ARM draws the ISS, independent of esr.h. */
static uint64_t syndrome(unsigned op0, unsigned op1, unsigned crn, unsigned crm, unsigned op2,
                         unsigned rt, bool read)
{
    return UINT64_C(0x18) << 26 | 1u << 25 | op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 |
           rt << 5 | crm << 1 | read;
}

static int set_up(void **state)
{
    (void)state;
    memset(&vm, 0, sizeof(vm));
    vcpu = &vm.vcpu[SELF];
    vcpu->vm = &vm;
    vcpu->index = SELF;
    for (unsigned i = 0; i < 31; i++)
        vcpu->regs.x[i] = OLD * i;
    vcpu->regs.pc = PC;
    vcpu->regs.pstate = PSR_M_EL1h | PSR_DAIF | PSR_NZCV | PSR_BTYPE | PSR_SS;
    nr_undefined = nr_sgi = nr_deactivate = nr_pmu = 0;
    last_value = 0;
    return 0;
}

static uint64_t exits_but(enum exit_reason reason)
{
    uint64_t others = 0;

    for (unsigned r = 0; r < EXIT_REASON_COUNT; r++) {
        if (r != reason)
            others += vcpu->exits[r];
    }
    return others;
}

/* Only register `changed` (31: none) differs from what set_up() made. */
static void expect_kept_but(unsigned changed)
{
    for (unsigned i = 0; i < 31; i++) {
        if (i != changed)
            assert_int_equal(vcpu->regs.x[i], OLD * i);
    }
}

static void expect_done(enum exit_reason reason)
{
    assert_int_equal(vcpu->regs.pc, PC + 4);
    assert_int_equal(vcpu->regs.pstate, PSR_M_EL1h | PSR_DAIF | PSR_NZCV);
    assert_int_equal(nr_undefined, 0);
    assert_int_equal(vcpu->exits[reason], 1);
    assert_int_equal(exits_but(reason), 0);
}

static void expect_undefined(void)
{
    assert_int_equal(nr_undefined, 1);
    assert_int_equal(nr_sgi + nr_deactivate, 0);
    assert_int_equal(vcpu->regs.pc, PC);
    assert_int_equal(vcpu->exits[EXIT_SYSREG_OTHER], 1);
    assert_int_equal(exits_but(EXIT_SYSREG_OTHER), 0);
    expect_kept_but(XZR);
}

static void id_space(void **state)
{
    for (unsigned crm = 1; crm <= 7; crm++) {
        for (unsigned op2 = 0; op2 < 8; op2++) {
            unsigned rt = (crm * 8 + op2) % 31;

            set_up(state);
            sysreg_trap(vcpu, syndrome(3, 0, 0, crm, op2, rt, true));
            assert_int_equal(vcpu->regs.x[rt], ID_OF(crm, op2));
            expect_kept_but(rt);
            expect_done(EXIT_SYSREG_ID);
        }
    }
}

static void every_target(void **state)
{
    for (unsigned rt = 0; rt < 31; rt++) {
        set_up(state);
        sysreg_trap(vcpu, syndrome(3, 0, 0, 4, 0, rt, true));
        assert_int_equal(vcpu->regs.x[rt], ID_OF(4, 0));
        expect_kept_but(rt);
    }
}

static void id_to_xzr(void **state)
{
    (void)state;
    sysreg_trap(vcpu, syndrome(3, 0, 0, 6, 1, XZR, true));
    expect_kept_but(XZR);
    expect_done(EXIT_SYSREG_ID);
    assert_int_equal(vcpu->regs.pc, PC + 4); /* x[31] would be pc */
}

static void id_neighbours(void **state)
{
    static const struct {
        unsigned op0, op1, crn, crm, op2;
        bool read;
    } not_ids[] = {
        {3, 0, 0, 4, 0, false}, /* a write */
        {3, 0, 0, 0, 0, true},  /* MIDR_EL1 */
        {3, 0, 0, 8, 0, true},  {3, 0, 0, 15, 7, true}, {3, 1, 0, 1, 0, true},
        {3, 3, 0, 4, 0, true},  {3, 4, 0, 4, 0, true},  {2, 0, 0, 4, 0, true},
        {1, 0, 0, 4, 0, true},  {3, 0, 1, 4, 0, true},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(not_ids); i++) {
        set_up(state);
        sysreg_trap(vcpu, syndrome(not_ids[i].op0, not_ids[i].op1, not_ids[i].crn, not_ids[i].crm,
                                   not_ids[i].op2, 5, not_ids[i].read));
        expect_undefined();
    }
}

static void sgis(void **state)
{
    static const struct {
        unsigned op2;
        bool group1;
    } registers[] = {{5, true}, {6, false}, {7, false}};

    for (unsigned i = 0; i < ARRAY_SIZE(registers); i++) {
        set_up(state);
        vcpu->regs.x[9] = UINT64_C(0x00ff010007020003);
        sysreg_trap(vcpu, syndrome(3, 0, 12, 11, registers[i].op2, 9, false));
        assert_int_equal(nr_sgi, 1);
        assert_int_equal(last_value, UINT64_C(0x00ff010007020003));
        assert_int_equal(last_group1, registers[i].group1);
        expect_kept_but(9);
        expect_done(EXIT_SYSREG_SGI);

        set_up(state);
        sysreg_trap(vcpu, syndrome(3, 0, 12, 11, registers[i].op2, 9, true));
        expect_undefined();
    }
}

static void sgi_from_xzr(void **state)
{
    (void)state;
    sysreg_trap(vcpu, syndrome(3, 0, 12, 11, 5, XZR, false));
    assert_int_equal(nr_sgi, 1);
    assert_int_equal(last_value, 0);
    expect_done(EXIT_SYSREG_SGI);
}

static void sgi_from_each(void **state)
{
    for (unsigned rt = 0; rt < 31; rt++) {
        set_up(state);
        sysreg_trap(vcpu, syndrome(3, 0, 12, 11, 5, rt, false));
        assert_int_equal(last_value, OLD * rt);
    }
}

static void dir(void **state)
{
    vcpu->regs.x[30] = 77;
    sysreg_trap(vcpu, syndrome(3, 0, 12, 11, 1, 30, false));
    assert_int_equal(nr_deactivate, 1);
    assert_int_equal(last_value, 77);
    expect_done(EXIT_SYSREG_OTHER);

    set_up(state);
    sysreg_trap(vcpu, syndrome(3, 0, 12, 11, 1, 30, true));
    expect_undefined();
}

static void actlr(void **state)
{
    sysreg_trap(vcpu, syndrome(3, 0, 1, 0, 1, 7, true));
    assert_int_equal(vcpu->regs.x[7], 0);
    expect_kept_but(7);
    expect_done(EXIT_SYSREG_OTHER);

    set_up(state);
    sysreg_trap(vcpu, syndrome(3, 0, 1, 0, 1, 7, false));
    expect_kept_but(XZR);
    expect_done(EXIT_SYSREG_OTHER);
}

/* On some CPUs they trap for a guest that has the PMU. Without one, they are among the hidden. */
static void pmu(void **state)
{
    vm.config.pmu_intid = 23;
    sysreg_trap(vcpu, syndrome(3, 3, 9, 12, 0, 7, true));
    assert_int_equal(vcpu->regs.x[7], PMCR);
    expect_kept_but(7);
    expect_done(EXIT_SYSREG_OTHER);

    set_up(state);
    vm.config.pmu_intid = 23;
    sysreg_trap(vcpu, syndrome(3, 3, 9, 12, 0, 7, false));
    assert_int_equal(last_value, OLD * 7);
    assert_int_equal(nr_pmu, 1);
    expect_kept_but(XZR);
    expect_done(EXIT_SYSREG_OTHER);

    set_up(state);
    vm.config.pmu_intid = 23;
    sysreg_trap(vcpu, syndrome(3, 3, 9, 13, 7, 7, true)); /* there is none of that name */
    expect_undefined();
}

/* What el1_ctx.c traps in order to hide it. */
static void hidden(void **state)
{
    static const uint8_t names[][5] = {
        {3, 3, 9, 12, 0},                                        /* PMCR_EL0 */
        {3, 3, 9, 13, 0},                                        /* PMCCNTR_EL0 */
        {3, 3, 9, 14, 0},                                        /* PMUSERENR_EL0 */
        {3, 0, 9, 14, 1},                                        /* PMINTENSET_EL1 */
        {3, 3, 14, 15, 7},                                       /* PMCCFILTR_EL0 */
        {3, 0, 9, 9, 0},                                         /* PMSCR_EL1 */
        {3, 0, 1, 2, 1},                                         /* TRFCR_EL1 */
        {2, 1, 0, 0, 6},                                         /* TRCAUXCTLR */
        {3, 3, 13, 2, 0},                                        /* AMCR_EL0 */
        {3, 0, 10, 4, 0},                                        /* LORSA_EL1 */
        {3, 0, 10, 4, 7},                                        /* LORID_EL1 */
        {3, 0, 5, 3, 0},                                         /* ERRIDR_EL1 */
        {3, 0, 5, 4, 0},                                         /* ERXFR_EL1 */
        {3, 0, 13, 0, 7},                                        /* SCXTNUM_EL1 */
        {3, 0, 15, 0, 0},                                        /* IMPLEMENTATION DEFINED */
        {3, 1, 11, 0, 2},  {1, 0, 15, 0, 0},  {3, 0, 12, 11, 0}, /* beside ICC_DIR_EL1 */
        {3, 0, 12, 11, 4}, {3, 3, 12, 11, 5}, /* as ICC_SGI1R_EL1 but for op1, op0, CRm */
        {2, 0, 12, 11, 5}, {3, 0, 12, 10, 5}, {3, 0, 1, 0, 2}, /* CPACR_EL1, beside ACTLR_EL1 */
        {3, 4, 1, 0, 1},                                       /* ACTLR_EL2 */
    };

    for (unsigned i = 0; i < 2 * ARRAY_SIZE(names); i++) {
        const uint8_t *n = names[i / 2];

        set_up(state);
        sysreg_trap(vcpu, syndrome(n[0], n[1], n[2], n[3], n[4], 2, i % 2));
        expect_undefined();
    }
}

/* Whatever the syndrome says: it ends in an answer or in UNDEFINED, never in both or in none. */
static void all_syndromes(void **state)
{
    for (uint32_t iss = 0; iss < 1u << 22; iss++) {
        if ((iss & 0x3e0) != 0x3e0 && (iss & 0x3e0) != 0x60)
            continue; /* Rt 31 and 3 will do */
        vcpu->regs.pc = PC;
        nr_undefined = 0;
        sysreg_trap(vcpu, UINT64_C(0x62000000) | iss);
        if (nr_undefined != (vcpu->regs.pc == PC) || nr_undefined > 1)
            fail_msg("ISS %x", iss);
    }
    (void)state;
}

static void cpu_interface(void **state)
{
    static const struct {
        unsigned crn, crm, op2;
        uint64_t read, written; /* 0: can't be */
    } regs[] = {
        {12, 12, 4, ICC_READ, 77}, {4, 6, 0, ICC_READ + 1, 78}, {12, 11, 3, ICC_READ + 2, 0}};

    for (unsigned i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
        set_up(state);
        sysreg_trap(vcpu, syndrome(3, 0, regs[i].crn, regs[i].crm, regs[i].op2, 5, true));
        assert_int_equal(vcpu->regs.x[5], regs[i].read);
        assert_int_equal(vcpu->regs.pc, PC + 4);
        set_up(state);
        vcpu->regs.x[5] = 77;
        sysreg_trap(vcpu, syndrome(3, 0, regs[i].crn, regs[i].crm, regs[i].op2, 5, false));
        assert_int_equal(last_value, regs[i].written);
        assert_int_equal(nr_undefined, regs[i].written == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(id_space, set_up),
        cmocka_unit_test_setup(every_target, set_up),
        cmocka_unit_test_setup(id_to_xzr, set_up),
        cmocka_unit_test_setup(id_neighbours, set_up),
        cmocka_unit_test_setup(sgis, set_up),
        cmocka_unit_test_setup(sgi_from_xzr, set_up),
        cmocka_unit_test_setup(sgi_from_each, set_up),
        cmocka_unit_test_setup(dir, set_up),
        cmocka_unit_test_setup(actlr, set_up),
        cmocka_unit_test_setup(pmu, set_up),
        cmocka_unit_test_setup(hidden, set_up),
        cmocka_unit_test_setup(all_syndromes, set_up),
        cmocka_unit_test(cpu_interface),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
