/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets the performance monitors, and what keeps EL2 out of their counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fdt/vm_config.h"
#include "lib/log.h"
#include "regs.h"
#include "sysreg.h"
#include "trap/id_regs.h"
#include "trap/pmu.h"

#define PPI       UINT32_C(23)
#define COUNTERS  6
#define IMPDEF    15
#define V3        1
#define V3P1      4
#define V3P4      5
#define V3P5      6
#define V3P9      9
#define NO_EL2    (UINT64_C(1) << 17 | UINT64_C(1) << 23) /* HPMD, HCCD */
#define ALL_TRAPS (UINT64_C(1) << 6 | UINT64_C(1) << 5)   /* TPM, TPMCR */

_Thread_local struct fake_sysreg fake_sysreg;
static unsigned nr_warnings, nr_shown;

void log_print(enum log_kind kind, const char *fmt, ...)
{
    (void)fmt;
    nr_warnings += kind == LOG_WARNING;
}

void id_regs_show_pmu(void)
{
    nr_shown++;
}

static void cpu_has(uint64_t version)
{
    fake_sysreg.id_aa64dfr0_el1 = UINT64_C(0x10305006) | version << 8;
    fake_sysreg.pmcr_el0 = COUNTERS << 11;
}

static int set_up(void **state)
{
    (void)state;
    memset(&fake_sysreg, 0, sizeof(fake_sysreg));
    cpu_has(V3P5);
    nr_warnings = nr_shown = 0;
    return 0;
}

/* What becomes of a guest's wish. */
static uint32_t offered(uint32_t wanted, uint32_t machine)
{
    struct vm_config config = {.pmu_intid = wanted};

    pmu_offer(&config, machine);
    return config.pmu_intid;
}

static void given(void **state)
{
    static const uint64_t versions[] = {V3, V3P1, V3P4, V3P5, V3P9, 14};

    for (unsigned i = 0; i < ARRAY_SIZE(versions); i++) {
        set_up(state);
        cpu_has(versions[i]);
        assert_int_equal(offered(PPI, PPI), PPI);
        assert_int_equal(nr_shown, 1);
        assert_int_equal(nr_warnings, 0);
    }
}

static void not_asked_for(void **state)
{
    (void)state;
    assert_int_equal(offered(0, PPI), 0);
    cpu_has(0);
    assert_int_equal(offered(0, 0), 0);
    assert_int_equal(nr_shown, 0);
    assert_int_equal(nr_warnings, 0);
}

static void refused(void **state)
{
    (void)state;
    assert_int_equal(offered(PPI, PPI + 1), 0);
    assert_int_equal(offered(PPI, 0), 0);
    cpu_has(0);
    assert_int_equal(offered(PPI, PPI), 0);
    cpu_has(IMPDEF);
    assert_int_equal(offered(PPI, PPI), 0);
    assert_int_equal(nr_shown, 0);
    assert_int_equal(nr_warnings, 4);
}

static void mdcr_of_the_guests(void **state)
{
    static const struct {
        uint64_t version, mdcr;
    } cases[] = {
        {0, 0},
        {IMPDEF, 0},
        {V3, COUNTERS | ALL_TRAPS},
        {V3P1, COUNTERS | ALL_TRAPS},
        {V3P4, COUNTERS | ALL_TRAPS},
        {V3P5, COUNTERS | NO_EL2},
        {V3P9, COUNTERS | NO_EL2},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        cpu_has(cases[i].version);
        assert_int_equal(pmu_mdcr(true), cases[i].mdcr);
    }
}

static void mdcr_of_nobodys(void **state)
{
    (void)state;
    for (uint64_t version = 0; version <= IMPDEF; version++) {
        bool there = version != 0 && version != IMPDEF;

        cpu_has(version);
        assert_int_equal(pmu_mdcr(false), there ? COUNTERS | ALL_TRAPS : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(given, set_up),
        cmocka_unit_test_setup(not_asked_for, set_up),
        cmocka_unit_test_setup(refused, set_up),
        cmocka_unit_test_setup(mdcr_of_the_guests, set_up),
        cmocka_unit_test_setup(mdcr_of_nobodys, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
