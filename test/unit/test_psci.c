/* SPDX-License-Identifier: Apache-2.0 */
/* PSCI but for turning CPUs on and off: answers, errors, what is asked of vm/power.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "psci_common.h"

static void version(void **state)
{
    (void)state;
    assert_int_equal(call(VERSION, 1, 2, 3), 0x10001);
    assert_int_equal(call(MIGRATE_TYPE, 0, 0, 0), 2);
    assert_int_equal(all_requests(), 0);
}

/* What PSCI_FEATURES promises is there, and what is there it promises. */
static void features(void **state)
{
    static const uint32_t served[] = {VERSION,    SUSPEND32,    SUSPEND64,    OFF,
                                      ON32,       ON64,         AFFINITY32,   AFFINITY64,
                                      SYSTEM_OFF, SYSTEM_RESET, MIGRATE_TYPE, FEATURES};
    unsigned found = 0;

    (void)state;
    for (uint32_t n = 0; n < 0x400; n++) {
        uint32_t function = (n & 0x200 ? 0xc4000000 : 0x84000000) | (n & 0x1ff);

        found += call(FEATURES, function, 0, 0) == SUCCESS;
    }
    assert_int_equal(found, ARRAY_SIZE(served));
    for (unsigned i = 0; i < ARRAY_SIZE(served); i++)
        assert_int_equal(call(FEATURES, served[i], 0, 0), SUCCESS);
    assert_int_equal(call(FEATURES, 0x80000000, 0, 0), SUCCESS); /* SMCCC_VERSION */
    assert_int_equal(call(FEATURES, UINT64_C(0xff00000084000000), 0, 0), SUCCESS);
    assert_int_equal(call(FEATURES, 0x80000001, 0, 0), NOT_SUPPORTED);
    assert_int_equal(call(FEATURES, 0, 0, 0), NOT_SUPPORTED);
    assert_int_equal(call(FEATURES, 0xffffffff, 0, 0), NOT_SUPPORTED);
}

static void unknown(void **state)
{
    static const uint32_t functions[] = {
        0xc4000000, 0xc4000002, 0xc4000006, 0xc4000008,
        0xc4000009, 0xc400000a, 0x84000005, 0xc4000005, /* MIGRATE */
        0x84000007, 0xc4000007,                         /* MIGRATE_INFO_UP_CPU */
        0x8400000b,                                     /* CPU_FREEZE */
        0x8400000c, 0xc400000c,                         /* CPU_DEFAULT_SUSPEND */
        0x8400000e, 0xc400000e,                         /* SYSTEM_SUSPEND */
        0x8400000f, 0x84000012,                         /* SET_SUSPEND_MODE, SYSTEM_RESET2 */
        0x84000013, 0x8400001f, 0xc400001f,
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(functions); i++)
        assert_int_equal(call(functions[i], 0, RAM, 0), NOT_SUPPORTED);
    assert_int_equal(all_requests(), 0);
    assert_false(psci_owns(0x84000020));
    assert_false(psci_owns(0x04000000));
    assert_false(psci_owns(0x80000000));
    assert_false(psci_owns(0x84010000));
}

static void affinity_level_0(void **state)
{
    static const enum vcpu_power power[] = {VCPU_ON, VCPU_OFF, VCPU_ON_PENDING};

    (void)state;
    for (int64_t i = 0; i < 3; i++) {
        vm.vcpu[3].power = power[i];
        assert_int_equal(call(AFFINITY64, 0x101, 0, 0), i);
        assert_int_equal(call(AFFINITY32, UINT64_C(0x700000101), UINT64_C(0x700000000), 0), i);
        /* The level has 32 bits in either convention. */
        assert_int_equal(call(AFFINITY64, 0x101, UINT64_C(0x700000000), 0), i);
    }
    assert_int_equal(call(AFFINITY64, 0, 0, 0), 0);
    assert_int_equal(call(AFFINITY64, UINT64_C(0x100000000), 0, 0), 1);
    assert_int_equal(all_requests(), 0);
}

static void affinity_groups(void **state)
{
    (void)state;
    vm.vcpu[3].power = VCPU_ON_PENDING;
    assert_int_equal(call(AFFINITY64, 0x0, 1, 0), 0);   /* 0 is on, 1 off */
    assert_int_equal(call(AFFINITY64, 0x100, 1, 0), 2); /* 2 is off, 3 pending */
    assert_int_equal(call(AFFINITY64, 0x1ff, 1, 0), 2); /* fields below the level do not count */
    assert_int_equal(call(AFFINITY64, 0x10000, 1, 0), 1);
    assert_int_equal(call(AFFINITY64, 0x200, 1, 0), INVALID_PARAMETERS);
    assert_int_equal(call(AFFINITY64, 0x200, 2, 0), 0); /* 0 to 3 */
    assert_int_equal(call(AFFINITY64, 0x10000, 2, 0), 1);
    assert_int_equal(call(AFFINITY64, 0x20000, 2, 0), INVALID_PARAMETERS);
    assert_int_equal(call(AFFINITY64, 0x20000, 3, 0), 0); /* all but the last */
    assert_int_equal(call(AFFINITY64, UINT64_C(0x100ffffff), 3, 0), 1);
    assert_int_equal(call(AFFINITY64, UINT64_C(0x200000000), 3, 0), INVALID_PARAMETERS);
}

/* Each order of states gives the same. */
static void affinity_merges(void **state)
{
    static const int64_t result[3][3] = {{1, 2, 0}, {2, 2, 0}, {0, 0, 0}}; /* off, pending, on */

    (void)state;
    for (unsigned a = 0; a < 3; a++) {
        for (unsigned b = 0; b < 3; b++) {
            vm.vcpu[2].power = a;
            vm.vcpu[3].power = b;
            assert_int_equal(call(AFFINITY64, 0x100, 1, 0), result[a][b]);
        }
    }
}

static void affinity_errors(void **state)
{
    (void)state;
    assert_int_equal(call(AFFINITY64, 0x102, 0, 0), INVALID_PARAMETERS);
    assert_int_equal(call(AFFINITY64, 0, 4, 0), INVALID_PARAMETERS);
    assert_int_equal(call(AFFINITY64, 0, 0xffffffff, 0), INVALID_PARAMETERS);
    assert_int_equal(call(AFFINITY32, 0, 9, 0), INVALID_PARAMETERS);
    assert_int_equal(call(AFFINITY64, UINT64_C(0x80000000), 0, 0), INVALID_PARAMETERS);
    assert_int_equal(call(AFFINITY64, UINT64_C(0x80000000), 3, 0), INVALID_PARAMETERS);
    assert_int_equal(call(AFFINITY64, UINT64_C(0x10000000000), 3, 0), INVALID_PARAMETERS);
    assert_int_equal(call(AFFINITY64, ~UINT64_C(0), 3, 0), INVALID_PARAMETERS);
}

static void suspend(void **state)
{
    static const uint32_t functions[] = {SUSPEND32, SUSPEND64};
    static const uint32_t states[] = {0, 1, 0xffff, 0x01000000, 0x0300ffff};

    (void)state;
    for (unsigned f = 0; f < 2; f++) {
        for (unsigned i = 0; i < ARRAY_SIZE(states); i++) {
            nr_waits = 0;
            /* A standby's entry point does not matter. */
            assert_int_equal(call(functions[f], UINT64_C(0xff00000000) | states[i], 3, 0), SUCCESS);
            assert_int_equal(nr_waits, 1);
            assert_ptr_equal(asked, &vm.vcpu[0]);
            nr_waits = 0;
            assert_int_equal(call(functions[f], 0x10000 | states[i], RAM + 8, CONTEXT), SUCCESS);
            assert_int_equal(nr_waits, 1);
        }
    }
    nr_waits = 0;
    assert_int_equal(call(SUSPEND64, 0x10000, HIGH_RAM, CONTEXT), SUCCESS);
    nr_waits = 0;
    assert_int_equal(vm.vcpu[0].power, VCPU_ON);
    assert_int_equal(all_requests(), 0);
}

static void suspend_errors(void **state)
{
    (void)state;
    for (unsigned bit = 17; bit < 32; bit++) {
        if (bit != 24 && bit != 25)
            assert_int_equal(call(SUSPEND64, UINT64_C(1) << bit, RAM, 0), INVALID_PARAMETERS);
    }
    assert_int_equal(call(SUSPEND32, 0xffffffff, RAM, 0), INVALID_PARAMETERS);
    assert_int_equal(call(SUSPEND64, 0x10000, RAM + 1, 0), INVALID_ADDRESS);
    assert_int_equal(call(SUSPEND64, 0x1010000, RAM + RAM_SIZE, 0), INVALID_ADDRESS);
    assert_int_equal(call(SUSPEND32, 0x10000, HIGH_RAM, 0), INVALID_ADDRESS);
    assert_int_equal(all_requests(), 0);
}

/* A reset starts the guest again: no result goes over its registers. */
static void system_stops(void **state)
{
    (void)state;
    assert_int_equal(call_from(0, SYSTEM_OFF, 1, 2, 3), (int64_t)CONTEXT);
    assert_int_equal(nr_stops, 1);
    assert_false(stopped_for_reset);
    vm.vcpu[4].power = VCPU_ON;
    assert_int_equal(call_from(4, SYSTEM_RESET, 1, 2, 3), (int64_t)CONTEXT);
    assert_int_equal(nr_stops, 2);
    assert_true(stopped_for_reset);
    assert_ptr_equal(asked, &vm.vcpu[4]);
    assert_int_equal(vm.vcpu[4].regs.pc, RAM);
    assert_int_equal(all_requests(), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(version, psci_set_up),
        cmocka_unit_test_setup(features, psci_set_up),
        cmocka_unit_test_setup(unknown, psci_set_up),
        cmocka_unit_test_setup(affinity_level_0, psci_set_up),
        cmocka_unit_test_setup(affinity_groups, psci_set_up),
        cmocka_unit_test_setup(affinity_merges, psci_set_up),
        cmocka_unit_test_setup(affinity_errors, psci_set_up),
        cmocka_unit_test_setup(suspend, psci_set_up),
        cmocka_unit_test_setup(suspend_errors, psci_set_up),
        cmocka_unit_test_setup(system_stops, psci_set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
