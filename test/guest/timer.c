/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two EL1 timers: each fires in time and no sooner, its line is visible in the
 * redistributor, and a sleeping CPU wakes (Arm ARM, "The Generic Timer in AArch64 state").
 */
#include "timer.h"

#include "console.h"
#include "gic.h"
#include "smp.h"
#include "testcase.h"
#include "worker.h"

#define DELAY_US  2000
#define SETTLE_US 2000
#define LATE_US   20000000 /* more than a busy host needs; how late exactly, tools/bench tells */
#define ROUNDS    100

/* One of the two timers, by its registers. */
struct timer {
    const char *name;
    uint32_t ppi;
    void (*set_ctl)(uint64_t value);
    uint64_t (*get_ctl)(void);
    void (*set_cval)(uint64_t value);
    void (*set_tval)(uint64_t value);
    uint64_t (*get_tval)(void);
    uint64_t (*count)(void);
};

#define TIMER_ACCESSORS(prefix, ctl, cval, tval, counter)                                          \
    static void prefix##_set_ctl(uint64_t value)                                                   \
    {                                                                                              \
        write_sysreg(value, ctl);                                                                  \
        /* The timer's line follows before the next access. */                                     \
        isb();                                                                                     \
    }                                                                                              \
    static uint64_t prefix##_get_ctl(void)                                                         \
    {                                                                                              \
        isb();                                                                                     \
        return read_sysreg(ctl);                                                                   \
    }                                                                                              \
    static void prefix##_set_cval(uint64_t value)                                                  \
    {                                                                                              \
        write_sysreg(value, cval);                                                                 \
        isb();                                                                                     \
    }                                                                                              \
    static void prefix##_set_tval(uint64_t value)                                                  \
    {                                                                                              \
        write_sysreg(value, tval);                                                                 \
        isb();                                                                                     \
    }                                                                                              \
    static uint64_t prefix##_get_tval(void)                                                        \
    {                                                                                              \
        isb();                                                                                     \
        return read_sysreg(tval);                                                                  \
    }                                                                                              \
    static uint64_t prefix##_count(void)                                                           \
    {                                                                                              \
        isb();                                                                                     \
        return read_sysreg(counter);                                                               \
    }

TIMER_ACCESSORS(virtual, cntv_ctl_el0, cntv_cval_el0, cntv_tval_el0, cntvct_el0)
TIMER_ACCESSORS(physical, cntp_ctl_el0, cntp_cval_el0, cntp_tval_el0, cntpct_el0)

#define TIMER(prefix, id)                                                                          \
    {                                                                                              \
#prefix, id, prefix##_set_ctl, prefix##_get_ctl, prefix##_set_cval, prefix##_set_tval,     \
            prefix##_get_tval, prefix##_count                                                      \
    }

static const struct timer timers[] = {
    TIMER(virtual, TIMER_PPI_VIRTUAL),
    TIMER(physical, TIMER_PPI_PHYSICAL),
};

static volatile uint32_t taken[PLATFORM_MAX_CPUS];
static volatile uint64_t taken_at[PLATFORM_MAX_CPUS];

static uint64_t ticks(uint64_t microseconds)
{
    return microseconds * read_sysreg(cntfrq_el0) / 1000000;
}

static void stop_timer(uint32_t intid)
{
    unsigned self = smp_this_cpu()->index;

    for (unsigned i = 0; i < 2; i++)
        if (timers[i].ppi == intid) {
            taken_at[self] = timers[i].count();
            timers[i].set_ctl(0);
            taken[self]++;
        }
}

static void prepare(const struct timer *timer)
{
    irq_disable();
    timer->set_ctl(0);
    taken[smp_this_cpu()->index] = 0;
    gic_set_handler(stop_timer);
    gic_enable(timer->ppi);
}

static void both(void (*check)(const struct timer *timer))
{
    for (unsigned i = 0; i < 2; i++) {
        prepare(&timers[i]);
        check(&timers[i]);
        timers[i].set_ctl(0);
        irq_disable();
        gic_disable(timers[i].ppi);
    }
}

static void check_fires(const struct timer *timer)
{
    unsigned self = smp_this_cpu()->index;
    uint64_t deadline = timer->count() + ticks(DELAY_US);

    timer->set_cval(deadline);
    timer->set_ctl(TIMER_CTL_ENABLE);
    irq_enable();
    CHECK(timer_wait_until(taken[self] != 0, WAIT_US), "%s: does not fire", timer->name);
    CHECK(taken_at[self] >= deadline, "%s: fires early", timer->name);
    CHECK(taken_at[self] - deadline < ticks(LATE_US), "%s: fires %lu ticks late", timer->name,
          taken_at[self] - deadline);
    timer_delay_us(SETTLE_US);
    CHECK(taken[self] == 1, "%s: fires %u times", timer->name, taken[self]);
}

static void fires(void)
{
    both(check_fires);
}

static void check_tval(const struct timer *timer)
{
    unsigned self = smp_this_cpu()->index;
    uint64_t start = timer->count(), left;

    timer->set_tval(ticks(DELAY_US));
    left = timer->get_tval();
    CHECK(left && left <= ticks(DELAY_US), "%s: TVAL is %lx", timer->name, left);
    timer->set_ctl(TIMER_CTL_ENABLE);
    irq_enable();
    CHECK(timer_wait_until(taken[self] != 0, WAIT_US), "%s: does not fire", timer->name);
    CHECK(taken_at[self] - start >= ticks(DELAY_US), "%s: fires early", timer->name);
    CHECK(timer->get_tval() >> 31, "%s: TVAL is not negative afterwards", timer->name);
}

static void tval(void)
{
    both(check_tval);
}

static void check_past(const struct timer *timer)
{
    static const uint64_t pasts[] = {0, 1, 1000};
    unsigned self = smp_this_cpu()->index;

    irq_enable();
    for (uint32_t i = 0; i < 3; i++) {
        timer->set_cval(i == 2 ? timer->count() - pasts[i] : pasts[i]);
        timer->set_ctl(TIMER_CTL_ENABLE);
        CHECK(timer_wait_until(taken[self] == i + 1, WAIT_US), "%s: past %u does not fire",
              timer->name, i);
    }
}

static void past(void)
{
    both(check_past);
}

static void check_far(const struct timer *timer)
{
    irq_enable();
    timer->set_cval(~UINT64_C(0));
    timer->set_ctl(TIMER_CTL_ENABLE);
    timer_delay_us(SETTLE_US);
    CHECK(taken[smp_this_cpu()->index] == 0, "%s: fires ages too early", timer->name);
}

static void far_future(void)
{
    both(check_far);
}

static void check_mask(const struct timer *timer)
{
    unsigned self = smp_this_cpu()->index;

    irq_enable();
    timer->set_cval(0);
    timer->set_ctl(TIMER_CTL_ENABLE | TIMER_CTL_IMASK);
    timer_delay_us(SETTLE_US);
    CHECK(taken[self] == 0, "%s: fires though IMASK is set", timer->name);
    CHECK(timer->get_ctl() & TIMER_CTL_ISTATUS, "%s: ISTATUS is clear", timer->name);
    timer->set_ctl(TIMER_CTL_ENABLE);
    CHECK(timer_wait_until(taken[self] == 1, WAIT_US), "%s: does not fire unmasked", timer->name);
}

static void mask(void)
{
    both(check_mask);
}

/* The line, with nobody to take the interrupt: up and down in GICR_ISPENDR0. */
static void check_line(const struct timer *timer)
{
    bool pending_disabled, pending_enabled;

    gic_disable(timer->ppi);
    CHECK(!gic_get_bit(GICD_ISPENDR, timer->ppi), "%s: pending before", timer->name);
    timer->set_cval(0);
    timer->set_ctl(TIMER_CTL_ENABLE);
    pending_disabled = timer_wait_until(gic_get_bit(GICD_ISPENDR, timer->ppi), SETTLE_US);
    gic_set_bit(GICD_ISENABLER, timer->ppi);
    pending_enabled = timer_wait_until(gic_get_bit(GICD_ISPENDR, timer->ppi), SETTLE_US);
    timer->set_ctl(0);
    CHECK(pending_disabled, "%s: line up, disabled, is not pending", timer->name);
    CHECK(pending_enabled, "%s: line up, enabled, is not pending", timer->name);
    CHECK(timer_wait_until(!gic_get_bit(GICD_ISPENDR, timer->ppi), SETTLE_US),
          "%s: line down is pending", timer->name);
    irq_enable();
    timer_delay_us(SETTLE_US);
    CHECK(taken[smp_this_cpu()->index] == 0, "%s: taken though the line is down", timer->name);
}

static void line(void)
{
    both(check_line);
}

static volatile uint32_t level_rounds;

static void leave_line_up(uint32_t intid)
{
    (void)intid;
    if (++level_rounds == 3)
        stop_timer(intid);
}

/* A level: taken again until the handler stops it. */
static void check_level(const struct timer *timer)
{
    level_rounds = 0;
    gic_set_handler(leave_line_up);
    timer->set_cval(0);
    timer->set_ctl(TIMER_CTL_ENABLE);
    irq_enable();
    timer_wait_until(level_rounds == 3, WAIT_US);
    timer_delay_us(SETTLE_US);
    CHECK(level_rounds == 3, "%s: taken %u times, not 3", timer->name, level_rounds);
}

static void level(void)
{
    both(check_level);
}

static void check_sleep(const struct timer *timer)
{
    unsigned self = smp_this_cpu()->index;

    for (uint32_t round = 1; round <= ROUNDS; round++) {
        uint64_t deadline = timer->count() + ticks(100);

        timer->set_cval(deadline);
        timer->set_ctl(TIMER_CTL_ENABLE);
        while (taken[self] < round) {
            /* WFI wakes on a masked interrupt too: none is lost between test and sleep. */
            irq_disable();
            if (taken[self] < round)
                __asm__ volatile("wfi" : : : "memory");
            irq_enable();
        }
        CHECK(taken_at[self] >= deadline, "%s: round %u: early", timer->name, round);
    }
}

static void sleep(void)
{
    both(check_sleep);
}

/* WFI with the interrupt masked: wakes, and the interrupt still waits. */
static void check_sleep_masked(const struct timer *timer)
{
    unsigned self = smp_this_cpu()->index;

    timer->set_tval(ticks(DELAY_US));
    timer->set_ctl(TIMER_CTL_ENABLE);
    while (!(timer->get_ctl() & TIMER_CTL_ISTATUS))
        __asm__ volatile("wfi" : : : "memory");
    CHECK(taken[self] == 0, "%s: taken though masked", timer->name);
    irq_enable();
    CHECK(timer_wait_until(taken[self] == 1, WAIT_US), "%s: lost after WFI", timer->name);
}

static void sleep_masked(void)
{
    both(check_sleep_masked);
}

static void on_worker(void *arg)
{
    const struct timer *timer = arg;
    unsigned self = smp_this_cpu()->index;

    taken[self] = 0;
    gic_enable(timer->ppi);
    timer->set_tval(ticks(DELAY_US));
    timer->set_ctl(TIMER_CTL_ENABLE);
    timer_wait_until(taken[self] == 1, WAIT_US);
    timer->set_ctl(0);
    gic_disable(timer->ppi);
}

/* All CPUs at once: each its own. */
static void every_cpu(void)
{
    unsigned self = smp_this_cpu()->index;

    for (unsigned i = 0; i < 2; i++) {
        prepare(&timers[i]);
        for (unsigned cpu = 0; cpu < platform.nr_cpus; cpu++)
            if (cpu != self)
                worker_begin(cpu, on_worker, (void *)(uintptr_t)&timers[i]);
        irq_enable();
        on_worker((void *)(uintptr_t)&timers[i]);
        irq_disable();
        for (unsigned cpu = 0; cpu < platform.nr_cpus; cpu++) {
            CHECK(cpu == self || worker_wait(cpu), "%s: CPU %u hangs", timers[i].name, cpu);
            CHECK(taken[cpu] == 1, "%s: CPU %u took %u", timers[i].name, cpu, taken[cpu]);
        }
    }
}

static void both_at_once(void)
{
    unsigned self = smp_this_cpu()->index;

    prepare(&timers[0]);
    prepare(&timers[1]);
    for (unsigned i = 0; i < 2; i++) {
        timers[i].set_cval(0);
        timers[i].set_ctl(TIMER_CTL_ENABLE);
    }
    irq_enable();
    timer_wait_until(taken[self] == 2, WAIT_US);
    timer_delay_us(SETTLE_US);
    irq_disable();
    CHECK(taken[self] == 2, "%u taken", taken[self]);
}

/* What CNTPCT_EL0 is ahead of CNTVCT_EL0, at least and at most: a busy host stops us anywhere. */
struct lead {
    int64_t least, most;
};

static struct lead physical_lead(void)
{
    uint64_t before = virtual_count(), physical = physical_count(), after = virtual_count();

    return (struct lead){(int64_t)(physical - after), (int64_t)(physical - before)};
}

static void counters(void)
{
    uint64_t frequency = read_sysreg(cntfrq_el0), before, middle, after;
    struct lead first, then;

    CHECK(frequency >= 1000000 && frequency <= 1000000000, "CNTFRQ_EL0 is %lu", frequency);
    before = virtual_count();
    middle = virtual_count();
    timer_delay_us(10);
    after = virtual_count();
    CHECK(before <= middle && middle < after, "the counter stands or goes back");
    first = physical_lead();
    timer_delay_us(SETTLE_US);
    then = physical_lead();
    CHECK(then.least <= first.most && first.least <= then.most,
          "CNTPCT_EL0 and CNTVCT_EL0 drift apart");
}

static const struct test_case cases[] = {
    {"counters", counters},
    {"fires", fires},
    {"tval", tval},
    {"past", past},
    {"far-future", far_future},
    {"mask", mask},
    {"line", line},
    {"level", level},
    {"sleep", sleep},
    {"sleep-masked", sleep_masked},
    {"both-at-once", both_at_once},
    {"every-cpu", every_cpu},
    {NULL, NULL},
};

void guest_main(void)
{
    if (!worker_start_all())
        printf("a CPU did not start\n");
    TEST_RUN(cases);
}
