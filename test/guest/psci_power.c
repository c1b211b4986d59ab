/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPUs turned off, on, and put to sleep by PSCI: the state in which they come, many
 * rounds, races. psci_entry.S is where started CPUs begin.
 */
#include "barrier.h"
#include "gic.h"
#include "psci.h"
#include "smp.h"
#include "string.h"
#include "testcase.h"
#include "timer.h"
#include "worker.h"

#define ROUNDS        100
#define STANDBY       0
#define PSR_DAIF_BITS 0x3c0

/* What a CPU found when it was started; psci_entry.S writes it. */
struct entry_state {
    uint64_t context;
    uint64_t level;
    uint64_t daif;
    uint64_t sctlr;
    uint64_t spsel;
    uint64_t mpidr;
    volatile uint64_t done;
};

extern char psci_entry[];
static struct entry_state entry __attribute__((aligned(64)));
extern const struct test_case psci_power_cases[];

/* Start CPU `cpu` in psci_entry.S and wait for what it writes. */
static bool start_raw(uint32_t function, unsigned cpu, int32_t *answer)
{
    memset(&entry, 0, sizeof(entry));
    /* The new CPU writes with its caches off: no stale line may hide that. */
    __asm__ volatile("dc civac, %0" : : "r"(&entry) : "memory");
    dsb(sy);
    *answer = psci_call(function, platform.mpidr[cpu], (uintptr_t)psci_entry, (uintptr_t)&entry);
    return timer_wait_until(({
                                __asm__ volatile("dc ivac, %0" : : "r"(&entry) : "memory");
                                entry.done;
                            }),
                            WAIT_US);
}

static void entry_of(uint32_t function)
{
    int32_t answer;

    CHECK(start_raw(function, 1, &answer), "CPU 1 does not come: %d", answer);
    CHECK(answer == PSCI_SUCCESS, "answer %d", answer);
    CHECK(entry.context == (uintptr_t)&entry, "x0 is %lx", entry.context);
    CHECK(entry.level >> 2 == 1 && entry.spsel == 1, "CurrentEL %lx, SPSel %lx", entry.level,
          entry.spsel);
    CHECK((entry.daif & PSR_DAIF_BITS) == PSR_DAIF_BITS, "DAIF is %lx", entry.daif);
    CHECK(!(entry.sctlr & 0x1005), "MMU or caches are on: SCTLR_EL1 %lx", entry.sctlr);
    CHECK((entry.mpidr & UINT64_C(0xff00ffffff)) == platform.mpidr[1], "MPIDR %lx", entry.mpidr);
    CHECK(smp_wait_off(1), "CPU 1 does not go off");
}

static void entry_state(void)
{
    entry_of(PSCI_CPU_ON64);
    if ((uintptr_t)psci_entry >> 32 == 0 && (uintptr_t)&entry >> 32 == 0)
        entry_of(PSCI_CPU_ON32);
}

static volatile uint32_t visits[PLATFORM_MAX_CPUS];

static void visit(void *arg)
{
    (void)arg;
    visits[smp_this_cpu()->index]++;
}

static void off_and_on(void)
{
    for (uint32_t round = 1; round <= ROUNDS; round++)
        for (unsigned cpu = 1; cpu < platform.nr_cpus; cpu++) {
            CHECK(smp_start_and_wait(cpu, visit, NULL), "round %u: CPU %u does not start", round,
                  cpu);
            CHECK(smp_wait_off(cpu), "round %u: CPU %u does not go off", round, cpu);
            CHECK(visits[cpu] == round, "round %u: CPU %u came %u times", round, cpu, visits[cpu]);
        }
}

static volatile bool release;

static void stay(void *arg)
{
    (void)arg;
    while (!release)
        timer_relax();
}

static void already_on(void)
{
    release = false;
    CHECK(smp_start_and_wait(1, stay, NULL), "CPU 1 does not start");
    int32_t answer =
        psci_call(PSCI_CPU_ON64, platform.mpidr[1], (uintptr_t)psci_entry, (uintptr_t)&entry);
    int32_t info = psci_call(PSCI_AFFINITY_INFO64, platform.mpidr[1], 0, 0);

    release = true;
    CHECK(smp_wait_off(1), "CPU 1 does not go off");
    CHECK(answer == PSCI_ALREADY_ON, "answer %d", answer);
    CHECK(info == AFFINITY_ON, "AFFINITY_INFO %d", info);
}

static uint32_t go_round;
static int32_t answers[PLATFORM_MAX_CPUS];
static struct cpu *victim;

/* All wait for one moment, then each tries to start the victim. */
static void race_once(void *arg)
{
    uint32_t round = (uint32_t)(uintptr_t)arg;

    while (__atomic_load_n(&go_round, __ATOMIC_ACQUIRE) != round)
        ;
    answers[smp_this_cpu()->index] = smp_start(victim->index, visit, NULL);
}

static bool is_loser(int32_t answer)
{
    return answer == PSCI_ALREADY_ON || answer == PSCI_ON_PENDING;
}

static void judge_race(uint32_t round, unsigned racers)
{
    unsigned winners = 0;

    for (unsigned i = 0; i < racers; i++) {
        winners += answers[i] == PSCI_SUCCESS;
        CHECK(answers[i] == PSCI_SUCCESS || is_loser(answers[i]), "round %u: CPU %u got %d", round,
              i, answers[i]);
    }
    /* A CPU that is quick to go off again may be started by a second racer. */
    CHECK(winners >= 1, "round %u: nobody wins", round);
    CHECK(timer_wait_until(visits[victim->index] == winners, WAIT_US),
          "round %u: %u won, the CPU came %u times", round, winners, visits[victim->index]);
    CHECK(smp_wait_off(victim->index), "round %u: the CPU does not go off", round);
}

static void turn_off(void *arg)
{
    (void)arg;
    psci_call(PSCI_CPU_OFF, 0, 0, 0);
}

static void race(void)
{
    unsigned racers = platform.nr_cpus - 1;

    if (platform.nr_cpus < 3 || gic_is_qemus()) {
        test_skip("needs three CPUs and a PSCI that knows races");
        return;
    }
    victim = &smp_cpus[racers];
    CHECK(worker_start_all(), "a CPU does not start");
    worker_begin(victim->index, turn_off, NULL);
    CHECK(smp_wait_off(victim->index), "the CPU does not go off");
    go_round = 0;
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        visits[victim->index] = 0;
        for (unsigned i = 1; i < racers; i++)
            worker_begin(i, race_once, (void *)(uintptr_t)round);
        timer_delay_us(round * 7 % 100);
        __atomic_store_n(&go_round, round, __ATOMIC_RELEASE);
        race_once((void *)(uintptr_t)round);
        for (unsigned i = 1; i < racers; i++)
            CHECK(worker_wait(i), "round %u: CPU %u hangs", round, i);
        judge_race(round, racers);
    }
    for (unsigned i = 1; i < racers; i++) {
        worker_begin(i, turn_off, NULL);
        CHECK(smp_wait_off(i), "CPU %u does not go off", i);
    }
}

static volatile uint32_t woken;

static void wake(uint32_t intid)
{
    (void)intid;
    write_sysreg(0, cntv_ctl_el0);
    woken++;
}

static void suspend_with(uint32_t function)
{
    uint64_t deadline = timer_deadline_us(2000);
    int32_t answer;

    woken = 0;
    write_sysreg(deadline, cntv_cval_el0);
    write_sysreg(TIMER_CTL_ENABLE, cntv_ctl_el0);
    isb();
    answer = psci_call(function, STANDBY, 0, 0);
    CHECK(answer == PSCI_SUCCESS, "%x: %d", function, answer);
    CHECK(timer_passed(deadline), "%x: woke too early", function);
    irq_enable();
    CHECK(timer_wait_until(woken, WAIT_US), "%x: the interrupt is lost", function);
    irq_disable();
}

static void suspend(void)
{
    gic_set_handler(wake);
    gic_enable(TIMER_PPI_VIRTUAL);
    suspend_with(PSCI_CPU_SUSPEND32);
    suspend_with(PSCI_CPU_SUSPEND64);
    gic_disable(TIMER_PPI_VIRTUAL);
    gic_set_handler(NULL);
}

/* As Linux enters a deeper idle state: the redistributor sleeps, and asks to be woken. */
static void suspend_asleep(void)
{
    unsigned self = smp_this_cpu()->index;
    uint64_t deadline = timer_deadline_us(2000);

    gic_set_handler(wake);
    gic_enable(TIMER_PPI_VIRTUAL);
    woken = 0;
    gicr_write(self, GICR_WAKER, GICR_WAKER_SLEEP);
    write_sysreg(deadline, cntv_cval_el0);
    write_sysreg(TIMER_CTL_ENABLE, cntv_ctl_el0);
    isb();
    CHECK(psci_call(PSCI_CPU_SUSPEND64, STANDBY, 0, 0) == PSCI_SUCCESS, "refused");
    CHECK(timer_passed(deadline), "woke too early");
    gicr_write(self, GICR_WAKER, 0);
    irq_enable();
    CHECK(timer_wait_until(woken, WAIT_US), "the interrupt is lost");
    irq_disable();
    gic_disable(TIMER_PPI_VIRTUAL);
    gic_set_handler(NULL);
}

const struct test_case psci_power_cases[] = {
    {"entry-state", entry_state},
    {"off-and-on", off_and_on},
    {"already-on", already_on},
    {"race", race},
    {"suspend", suspend},
    {"suspend-asleep", suspend_asleep},
    {NULL, NULL},
};
