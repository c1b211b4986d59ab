/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alarms. See alarm.h. A CPU's timer may be set for an alarm that another CPU has moved since: it
 * then fires for nothing, which costs an interrupt. The list only grows, at boot.
 */
#include "drv/alarm.h"

#include <stddef.h>

#include "cpu.h"
#include "regs.h"
#include "sysreg.h"

static struct alarm *alarms;

static uint64_t due_of(const struct alarm *alarm)
{
    return __atomic_load_n(&alarm->due, __ATOMIC_RELAXED);
}

static void set_timer(void)
{
    uint64_t earliest = ALARM_NEVER;

    for (const struct alarm *alarm = alarms; alarm != NULL; alarm = alarm->next) {
        if (due_of(alarm) < earliest)
            earliest = due_of(alarm);
    }
    write_sysreg(earliest, cnthp_cval_el2);
    write_sysreg(earliest == ALARM_NEVER ? 0 : CNTHP_CTL_EL2_ENABLE, cnthp_ctl_el2);
}

uint64_t alarm_now(void)
{
    return cpu_counter();
}

uint64_t alarm_frequency(void)
{
    return read_sysreg(cntfrq_el0);
}

void alarm_add(struct alarm *alarm, void (*fn)(void *ctx), void *ctx)
{
    *alarm = (struct alarm){.fn = fn, .ctx = ctx, .due = ALARM_NEVER, .next = alarms};
    alarms = alarm;
}

void alarm_set(struct alarm *alarm, uint64_t due)
{
    if (due_of(alarm) == due)
        return;
    __atomic_store_n(&alarm->due, due, __ATOMIC_RELAXED);
    set_timer();
}

void alarm_fired(void)
{
    uint64_t now = alarm_now();

    for (struct alarm *alarm = alarms; alarm != NULL; alarm = alarm->next) {
        if (due_of(alarm) <= now)
            alarm->fn(alarm->ctx);
    }
    set_timer();
}
