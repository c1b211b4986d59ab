/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock (Arm DDI 0224, PL031): it goes, can be set, and its alarm comes, to a CPU that works
 * and to one that sleeps, whichever CPU has set it. It counts seconds, so that each case takes one
 * or two.
 */
#include "barrier.h"
#include "console.h"
#include "gic.h"
#include "platform.h"
#include "smp.h"
#include "testcase.h"
#include "timer.h"
#include "worker.h"

enum { DR = 0, MR = 4, LR = 8, CR = 12, IMSC = 16, RIS = 20, MIS = 24, ICR = 28 };

#define SETTLE_US 2000
#define PERIPH_ID 0xfe0
#define YEAR_2020 1577836800

static volatile uint32_t taken[PLATFORM_MAX_CPUS];

static uint32_t rd(uint32_t offset)
{
    return *(volatile uint32_t *)(platform.rtc.regs.address + offset);
}

static void wr(uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)(platform.rtc.regs.address + offset) = value;
}

static void on_alarm(uint32_t intid)
{
    if (intid != platform.rtc.intid)
        return;
    wr(ICR, 1);
    (void)rd(RIS); /* the line is down before the interrupt ends */
    taken[smp_this_cpu()->index]++;
}

static void prepare(void)
{
    irq_disable();
    wr(IMSC, 0);
    wr(ICR, 1);
    for (unsigned i = 0; i < PLATFORM_MAX_CPUS; i++)
        taken[i] = 0;
    gic_set_handler(on_alarm);
    gic_enable(platform.rtc.intid);
}

/* In a case: leave it where there is no clock. */
#define NEED_CLOCK()                                                                               \
    do {                                                                                           \
        if (platform.rtc.regs.size == 0) {                                                         \
            test_fail("the tree has no clock");                                                    \
            return;                                                                                \
        }                                                                                          \
    } while (0)

static void goes(void)
{
    uint32_t first;
    uint64_t start, ticks;

    NEED_CLOCK();
    CHECK(rd(PERIPH_ID) == 0x31 && rd(PERIPH_ID + 4) == 0x10, "not a PL031");
    CHECK(rd(CR) == 1, "RTCCR is %x", rd(CR));
    first = rd(DR);
    CHECK(first > YEAR_2020, "the year is that of %u s after 1970", first);
    CHECK(timer_wait_until(rd(DR) != first, WAIT_US), "it stands");
    start = timer_count();
    CHECK(timer_wait_until(rd(DR) - first > 1, WAIT_US), "it stands after a second");
    ticks = timer_count() - start;
    CHECK(ticks > read_sysreg(cntfrq_el0) / 2, "a second has %lu ticks", ticks);
}

static void is_set(void)
{
    uint32_t before;

    NEED_CLOCK();
    before = rd(DR);
    wr(LR, 1000000);
    CHECK(rd(DR) - 1000000 < 10, "set to 1000000, it shows %u", rd(DR));
    wr(LR, before);
    CHECK(rd(DR) - before < 10, "set back to %u, it shows %u", before, rd(DR));
}

static void alarm(void)
{
    unsigned self = smp_this_cpu()->index;

    NEED_CLOCK();
    prepare();
    wr(MR, rd(DR) + 2);
    wr(IMSC, 1);
    irq_enable();
    timer_delay_us(SETTLE_US);
    CHECK(taken[self] == 0, "it comes at once");
    CHECK(timer_wait_until(taken[self] != 0, WAIT_US), "it does not come");
    timer_delay_us(SETTLE_US);
    CHECK(taken[self] == 1, "it comes %u times", taken[self]);
    CHECK(rd(DR) - rd(MR) < 10, "it comes at %u, not at %u", rd(DR), rd(MR));
    irq_disable();
}

static void alarm_wakes(void)
{
    unsigned self = smp_this_cpu()->index;

    NEED_CLOCK();
    prepare();
    wr(MR, rd(DR) + 2);
    wr(IMSC, 1);
    while (rd(RIS) == 0)
        __asm__ volatile("wfi" : : : "memory");
    CHECK(taken[self] == 0, "taken though masked");
    irq_enable();
    CHECK(timer_wait_until(taken[self] == 1, WAIT_US), "lost after WFI");
    irq_disable();
}

static void set_alarm(void *unused)
{
    (void)unused;
    wr(MR, rd(DR) + 1);
    wr(IMSC, 1);
}

/* One CPU sets it and goes off, another one waits for it. */
static void set_by_another(void)
{
    unsigned self = smp_this_cpu()->index;

    NEED_CLOCK();
    if (platform.nr_cpus < 2) {
        test_skip("one CPU");
        return;
    }
    prepare();
    CHECK(smp_start(1, set_alarm, NULL) == 0, "CPU 1 does not start");
    CHECK(smp_wait_off(1), "CPU 1 does not go off");
    irq_enable();
    CHECK(timer_wait_until(taken[self] != 0, WAIT_US), "it does not come");
    CHECK(taken[self] == 1 && taken[1] == 0, "%u and %u taken", taken[self], taken[1]);
    irq_disable();
}

static void masked(void)
{
    unsigned self = smp_this_cpu()->index;

    NEED_CLOCK();
    prepare();
    irq_enable();
    wr(MR, rd(DR) + 1);
    CHECK(timer_wait_until(rd(RIS) != 0, WAIT_US), "RTCRIS stays clear");
    CHECK(rd(MIS) == 0, "RTCMIS is %x", rd(MIS));
    CHECK(taken[self] == 0, "it comes though masked");
    wr(IMSC, 1);
    CHECK(timer_wait_until(taken[self] == 1, WAIT_US), "it does not come unmasked");
    irq_disable();
}

static const struct test_case cases[] = {
    {"goes", goes},
    {"is-set", is_set},
    {"alarm", alarm},
    {"alarm-wakes", alarm_wakes},
    {"set-by-another", set_by_another},
    {"masked", masked},
    {NULL, NULL},
};

void guest_main(void)
{
    TEST_RUN(cases);
}
