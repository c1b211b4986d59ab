/* SPDX-License-Identifier: Apache-2.0 */
/* Alarms: the timer is set for the earliest, and is off with none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drv/alarm.h"
#include "sysreg.h"

#define COUNT 3

_Thread_local struct fake_sysreg fake_sysreg;

static struct alarm alarms[COUNT];
static unsigned rung[COUNT];
static uint64_t next_due[COUNT]; /* what each sets when it rings */

static void ring(void *ctx)
{
    size_t n = (size_t)((struct alarm *)ctx - alarms);

    rung[n]++;
    alarm_set(&alarms[n], next_due[n]);
}

static int set_up_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COUNT; i++)
        alarm_add(&alarms[i], ring, &alarms[i]);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    memset(&fake_sysreg, 0, sizeof(fake_sysreg));
    memset(rung, 0, sizeof(rung));
    for (unsigned i = 0; i < COUNT; i++) {
        alarm_set(&alarms[i], 0);
        alarm_set(&alarms[i], ALARM_NEVER);
        next_due[i] = ALARM_NEVER;
    }
    return 0;
}

/* NEVER: off. */
static void assert_timer(uint64_t due)
{
    assert_int_equal(fake_sysreg.cnthp_ctl_el2, due == ALARM_NEVER ? 0 : 1);
    if (due != ALARM_NEVER)
        assert_int_equal(fake_sysreg.cnthp_cval_el2, due);
}

static void earliest(void **state)
{
    (void)state;
    assert_timer(ALARM_NEVER);
    alarm_set(&alarms[1], 500);
    assert_timer(500);
    alarm_set(&alarms[0], 700);
    assert_timer(500);
    alarm_set(&alarms[2], 300);
    assert_timer(300);
    alarm_set(&alarms[2], ALARM_NEVER);
    assert_timer(500);
    alarm_set(&alarms[1], 900);
    assert_timer(700);
    alarm_set(&alarms[0], ALARM_NEVER);
    alarm_set(&alarms[1], ALARM_NEVER);
    assert_timer(ALARM_NEVER);
}

static void fires(void **state)
{
    (void)state;
    alarm_set(&alarms[0], 100);
    alarm_set(&alarms[1], 200);
    alarm_set(&alarms[2], 300);
    next_due[1] = 1000;
    fake_sysreg.cntpct_el0 = 200;
    alarm_fired();
    assert_int_equal(rung[0], 1);
    assert_int_equal(rung[1], 1);
    assert_int_equal(rung[2], 0);
    assert_timer(300);
    fake_sysreg.cntpct_el0 = 300;
    alarm_fired();
    assert_int_equal(rung[2], 1);
    assert_timer(1000);
}

/* On a CPU whose timer was set for what another CPU has moved. */
static void fires_for_nothing(void **state)
{
    (void)state;
    alarm_set(&alarms[0], 100);
    memset(&fake_sysreg, 0, sizeof(fake_sysreg));
    fake_sysreg.cntpct_el0 = 50;
    fake_sysreg.cnthp_ctl_el2 = 1;
    alarm_fired();
    assert_int_equal(rung[0], 0);
    assert_timer(100);
    alarm_set(&alarms[0], ALARM_NEVER);
    fake_sysreg.cnthp_ctl_el2 = 1;
    alarm_fired();
    assert_timer(ALARM_NEVER);
}

static void clock_of(void **state)
{
    (void)state;
    fake_sysreg.cntpct_el0 = 12345;
    fake_sysreg.cntfrq_el0 = 62500000;
    assert_int_equal(alarm_now(), 12345);
    assert_int_equal(alarm_frequency(), 62500000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(earliest, set_up),
        cmocka_unit_test_setup(fires, set_up),
        cmocka_unit_test_setup(fires_for_nothing, set_up),
        cmocka_unit_test_setup(clock_of, set_up),
    };

    return cmocka_run_group_tests(tests, set_up_once, NULL);
}
