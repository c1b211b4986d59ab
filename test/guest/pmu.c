/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The performance monitors (Arm ARM, "The Performance Monitors Extension"): they count what the
 * guest does and nothing of EL2, their overflow interrupts, a CPU that is turned on finds them as
 * after a reset. Time is the count of instructions (run.py), so that a cycle is one. On a CPU
 * without, every case is skipped.
 */
#include "barrier.h"
#include "console.h"
#include "gic.h"
#include "psci.h"
#include "smp.h"
#include "sysreg.h"
#include "testcase.h"
#include "timer.h"
#include "worker.h"

#define PPI         23
#define OVERFLOW_US 30000 /* of the time that instructions make */
#define SETTLE_US   2000
#define ROUNDS      1000
#define PER_ROUND   4      /* instructions of loop_plain() and loop_hvc() */
#define TOLERANCE   ROUNDS /* half of it is what QEMU is off by; EL2 takes 80 an exit and more */

#define PMUVER_OTHER 15

#define PMCR_E  (1U << 0)
#define PMCR_P  (1U << 1)
#define PMCR_C  (1U << 2)
#define PMCR_LC (1U << 6)
#define PMCR_N  (0x1fU << 11)

#define CYCLE_COUNTER   31
#define BIT_OF(counter) (UINT64_C(1) << (counter))
#define FILTER_NSH      (1U << 27) /* count at EL2, too */
#define EVENT_INSTR     0x08
#define EVENT_CYCLES    0x11

struct counts {
    uint64_t cycles;     /* PMCCNTR_EL0 */
    uint64_t cpu_cycles; /* counter 0 */
    uint64_t instructions;
};

static volatile uint32_t taken[PLATFORM_MAX_CPUS];
static volatile uint64_t overflowed[PLATFORM_MAX_CPUS];

static unsigned version(void)
{
    unsigned field = read_sysreg(id_aa64dfr0_el1) >> 8 & 0xf;

    return field == PMUVER_OTHER ? 0 : field;
}

/* In a case: leave it where there is nothing to be tested. */
#define NEED_PMU()                                                                                 \
    do {                                                                                           \
        if (version() == 0) {                                                                      \
            test_skip("no PMU");                                                                   \
            return;                                                                                \
        }                                                                                          \
    } while (0)

static void set_event(unsigned counter, uint64_t type)
{
    write_sysreg(counter, pmselr_el0);
    isb(); /* the next one is that counter's */
    write_sysreg(type, pmxevtyper_el0);
}

static void stop(void)
{
    write_sysreg(PMCR_LC, pmcr_el0);
    write_sysreg(~0U, pmcntenclr_el0);
    write_sysreg(~0U, pmintenclr_el1);
    write_sysreg(~0U, pmovsclr_el0);
    isb(); /* all is quiet before what follows */
}

static void start(uint64_t filter)
{
    stop();
    write_sysreg(filter, pmccfiltr_el0);
    set_event(0, EVENT_CYCLES | filter);
    set_event(1, EVENT_INSTR | filter);
    write_sysreg(PMCR_LC | PMCR_P | PMCR_C, pmcr_el0);
    write_sysreg(BIT_OF(CYCLE_COUNTER) | BIT_OF(0) | BIT_OF(1), pmcntenset_el0);
    isb(); /* what is counted begins here */
    write_sysreg(PMCR_LC | PMCR_E, pmcr_el0);
    isb();
}

static struct counts finish(void)
{
    struct counts counts;

    isb(); /* what is counted ends here */
    write_sysreg(PMCR_LC, pmcr_el0);
    isb();
    counts = (struct counts){read_sysreg(pmccntr_el0), read_sysreg(pmevcntr0_el0),
                             read_sysreg(pmevcntr1_el0)};
    stop();
    return counts;
}

/* The same number of instructions, with an exit in each round and without. */
#define LOOP(name, insn)                                                                           \
    static void name(void)                                                                         \
    {                                                                                              \
        uint64_t left = ROUNDS;                                                                    \
                                                                                                   \
        __asm__ volatile("1: mov x0, %1\n" insn "\n"                                               \
                         "subs %0, %0, #1\n"                                                       \
                         "b.ne 1b"                                                                 \
                         : "+r"(left)                                                              \
                         : "r"(UINT64_C(0x84000000)) /* PSCI_VERSION */                            \
                         : "x0", "x1", "x2", "x3", "cc");                                          \
    }

LOOP(loop_plain, "nop")
LOOP(loop_hvc, "hvc #0")

static struct counts count(void (*loop)(void), uint64_t filter)
{
    start(filter);
    loop();
    return finish();
}

static void present(void)
{
    uint64_t counters;

    NEED_PMU();
    counters = (read_sysreg(pmcr_el0) & PMCR_N) >> 11;
    CHECK(version() <= 6, "PMUVer is %u", version());
    CHECK(counters >= 2, "%lu counters", counters);
}

/* None of the counts may differ from `b` by more than TOLERANCE. */
static void expect_alike(const char *what, struct counts a, struct counts b)
{
    CHECK(a.cycles - b.cycles + TOLERANCE <= 2 * TOLERANCE, "%s: %lu cycles, not %lu", what,
          a.cycles, b.cycles);
    CHECK(a.cpu_cycles - b.cpu_cycles + TOLERANCE <= 2 * TOLERANCE,
          "%s: %lu cycles by event, not %lu", what, a.cpu_cycles, b.cpu_cycles);
    CHECK(a.instructions - b.instructions + TOLERANCE <= 2 * TOLERANCE,
          "%s: %lu instructions, not %lu", what, a.instructions, b.instructions);
}

static void counts(void)
{
    uint64_t all = ROUNDS * PER_ROUND;
    struct counts expected = {all, all, all};

    NEED_PMU();
    expect_alike("a loop", count(loop_plain, 0), expected);
    start(0);
    write_sysreg(PMCR_LC | PMCR_P | PMCR_C, pmcr_el0); /* off again, all zero */
    isb();
    loop_plain();
    expect_alike("a loop while it is off", finish(), (struct counts){0, 0, 0});
}

static void el2_is_not_counted(void)
{
    NEED_PMU();
    expect_alike("exits", count(loop_hvc, 0), count(loop_plain, 0));
}

/* Linux sets NSH unless it is told to leave out a hypervisor. */
static void nor_where_asked_for(void)
{
    NEED_PMU();
    expect_alike("exits", count(loop_hvc, FILTER_NSH), count(loop_plain, FILTER_NSH));
}

static void pmcr(void)
{
    NEED_PMU();
    write_sysreg(PMCR_LC | PMCR_E, pmcr_el0);
    isb();
    CHECK((read_sysreg(pmcr_el0) & (PMCR_LC | PMCR_E)) == (PMCR_LC | PMCR_E), "PMCR_EL0 is %lx",
          read_sysreg(pmcr_el0));
    stop();
    CHECK((read_sysreg(pmcr_el0) & PMCR_E) == 0, "PMCR_EL0 is %lx", read_sysreg(pmcr_el0));
}

static void on_overflow(uint32_t intid)
{
    unsigned self = smp_this_cpu()->index;

    if (intid != PPI)
        return;
    overflowed[self] = read_sysreg(pmovsclr_el0);
    write_sysreg(overflowed[self], pmovsclr_el0);
    isb(); /* the line is down before the interrupt ends */
    taken[self]++;
}

/* The counter is about to overflow, and says so by its interrupt. */
static void arm(unsigned counter)
{
    taken[smp_this_cpu()->index] = 0;
    start(0);
    if (counter == CYCLE_COUNTER)
        write_sysreg(-(uint64_t)ROUNDS, pmccntr_el0);
    else
        write_sysreg((uint32_t)-ROUNDS, pmevcntr0_el0);
    write_sysreg(BIT_OF(counter), pmintenset_el1);
    isb();
}

/* QEMU 7.2 notices that an event counter has overflowed when the PMU is touched next. */
static bool touch(void)
{
    write_sysreg(PMCR_LC | PMCR_E, pmcr_el0);
    isb();
    return true;
}

static void check_overflow(unsigned counter)
{
    unsigned self = smp_this_cpu()->index;

    gic_set_handler(on_overflow);
    gic_enable(PPI);
    irq_enable();
    arm(counter);
    CHECK(timer_wait_until(touch() && taken[self] != 0, OVERFLOW_US), "counter %u: no interrupt",
          counter);
    CHECK(overflowed[self] & BIT_OF(counter), "counter %u: PMOVSCLR_EL0 is %lx", counter,
          overflowed[self]);
    timer_delay_us(SETTLE_US);
    CHECK(taken[self] == 1, "counter %u: %u interrupts", counter, taken[self]);
    arm(counter);
    CHECK(timer_wait_until(touch() && taken[self] != 0, OVERFLOW_US), "counter %u: no second one",
          counter);
    stop();
    irq_disable();
    gic_disable(PPI);
}

static void overflow(void)
{
    NEED_PMU();
    check_overflow(CYCLE_COUNTER);
    check_overflow(0);
}

/* The line, with nobody to take the interrupt. */
static void line(void)
{
    NEED_PMU();
    gic_disable(PPI);
    CHECK(!gic_get_bit(GICD_ISPENDR, PPI), "pending before");
    arm(CYCLE_COUNTER);
    CHECK(timer_wait_until(gic_get_bit(GICD_ISPENDR, PPI), OVERFLOW_US),
          "not pending after overflow");
    stop();
    CHECK(timer_wait_until(!gic_get_bit(GICD_ISPENDR, PPI), OVERFLOW_US),
          "pending after it is cleared");
}

static void on_worker(void *unused)
{
    unsigned self = smp_this_cpu()->index;

    (void)unused;
    gic_enable(PPI);
    arm(CYCLE_COUNTER);
    timer_wait_until(taken[self] != 0, OVERFLOW_US);
    stop();
    gic_disable(PPI);
}

static void every_cpu(void)
{
    unsigned self = smp_this_cpu()->index;

    NEED_PMU();
    gic_set_handler(on_overflow);
    for (unsigned cpu = 0; cpu < platform.nr_cpus; cpu++) {
        if (cpu == self)
            continue;
        taken[cpu] = 0;
        CHECK(worker_run(cpu, on_worker, NULL), "CPU %u hangs", cpu);
        CHECK(taken[cpu] == 1, "CPU %u took %u", cpu, taken[cpu]);
    }
    CHECK(taken[self] == 0, "CPU %u took another's", self);
}

static const struct test_case cases[] = {
    {"present", present},
    {"counts", counts},
    {"el2-is-not-counted", el2_is_not_counted},
    {"nor-where-asked-for", nor_where_asked_for},
    {"pmcr", pmcr},
    {"overflow", overflow},
    {"line", line},
    {"every-cpu", every_cpu},
    {NULL, NULL},
};

void guest_main(void)
{
    if (!worker_start_all())
        printf("a CPU did not start\n");
    TEST_RUN(cases);
}
