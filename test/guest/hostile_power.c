/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PSCI by a guest that does not mean well: CPUs started from everywhere while they go off, at
 * entries that no CPU can begin at, with every wrong identity and power state. At the end, all CPUs
 * turn themselves off, and the hypervisor stops the guest. hostile_reset.c has resets.
 */
#include "barrier.h"
#include "console.h"
#include "gic.h"
#include "guest.h"
#include "hostile.h"
#include "platform.h"
#include "psci.h"
#include "smp.h"
#include "sysreg.h"
#include "timer.h"
#include "worker.h"

#define STARTS      1500
#define SUSPENDS    150
#define SUSPEND_US  300
#define OFF_SGI     3
#define RESERVED    UINT64_C(0xfcfe0000) /* of power_state, in the original format */
#define POWERDOWN   (UINT64_C(1) << 16)
#define HIGH_HALF   UINT64_C(0xdeadbeef00000000)
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

extern char start_secondary_cpu[];

static volatile bool over;
static uint32_t successes, visits;

static void expect(int32_t answer, int32_t wanted, const char *what, uint64_t argument)
{
    CHECK(answer == wanted, "%s with %lx: %d instead of %d", what, argument, answer, wanted);
}

static void come_and_go(void *arg)
{
    (void)arg;
    __atomic_add_fetch(&visits, 1, __ATOMIC_RELAXED);
}

/* Start `cpu`, unless somebody else has. */
static void try_start(unsigned cpu, smp_fn fn)
{
    int32_t answer = smp_start(cpu, fn, NULL);

    if (answer == PSCI_SUCCESS)
        __atomic_add_fetch(&successes, 1, __ATOMIC_RELAXED);
    else
        CHECK(answer == PSCI_ALREADY_ON || answer == PSCI_ON_PENDING, "CPU_ON answers %d", answer);
}

/*
 * Each call that succeeded has started the CPU once. A CPU that was in the midst of a call may
 * start one more that was found off; that one sees that it is over.
 */
static void settle(const char *what)
{
    for (unsigned round = 0; round < 2; round++)
        for (unsigned cpu = 1; cpu < hostile_cpus(); cpu++)
            CHECK(smp_wait_off(cpu), "%s: CPU %u does not go off", what, cpu);
    CHECK(successes >= STARTS, "%s: %u starts only", what, successes);
    CHECK(successes == visits, "%s: %u starts, %u came", what, successes, visits);
}

/* Until enough were started, however slowly a busy host does it: each one is given its time. */
static bool wants_more(uint32_t *seen, uint64_t *deadline)
{
    uint32_t now = __atomic_load_n(&successes, __ATOMIC_RELAXED);

    if (now != *seen)
        *deadline = timer_deadline_us(WAIT_US);
    *seen = now;
    return now < STARTS && !timer_passed(*deadline);
}

static void starter(void *arg)
{
    (void)arg;
    while (!over)
        try_start(1, come_and_go);
}

/* Two CPUs start a third, which goes off as soon as it comes. */
static void on_against_off(void)
{
    uint64_t deadline = timer_deadline_us(WAIT_US);
    uint32_t seen = 0;

    over = false;
    successes = visits = 0;
    CHECK(smp_start_and_wait(2, starter, NULL), "CPU 2 does not start");
    while (wants_more(&seen, &deadline))
        try_start(1, come_and_go);
    over = true;
    settle("on against off");
}

static void start_others(void *arg)
{
    unsigned self = smp_this_cpu()->index;

    (void)arg;
    __atomic_add_fetch(&visits, 1, __ATOMIC_RELAXED);
    for (uint64_t n = hostile_random(self) & 3; n && !over; n--)
        try_start(1 + (unsigned)(hostile_random(self) & 1), start_others);
}

/* CPUs that start each other and themselves. */
static void all_on_all(void)
{
    uint64_t deadline = timer_deadline_us(WAIT_US);
    uint32_t seen = 0;

    over = false;
    successes = visits = 0;
    while (wants_more(&seen, &deadline))
        try_start(1 + (unsigned)(hostile_random(0) & 1), start_others);
    over = true;
    settle("all on all");
}

/* Entries outside RAM or at no instruction; CPU 1 stays off. */
static void entries(void)
{
    const uint64_t bad[] = {0,
                            0x08000000,
                            0x09000000,
                            0x0a000000,
                            0x40000000,
                            0x40200000,
                            0x40400000,
                            platform_ram_end(),
                            platform_ram_end() + 4,
                            platform.ram[0].address - 4,
                            platform.ram[0].address | UINT64_C(1) << 40,
                            platform.ram[0].address | UINT64_C(1) << 63,
                            (uintptr_t)start_secondary_cpu + 1,
                            (uintptr_t)start_secondary_cpu + 2,
                            (uintptr_t)start_secondary_cpu + 3,
                            platform_ram_end() - 1,
                            ~UINT64_C(0),
                            ~UINT64_C(3)};

    for (unsigned i = 0; i < COUNT(bad); i++) {
        expect(psci_call(PSCI_CPU_ON64, platform.mpidr[1], bad[i], 0), PSCI_INVALID_ADDRESS,
               "CPU_ON", bad[i]);
        if (bad[i] != (platform.ram[0].address | UINT64_C(1) << 40) &&
            bad[i] != (platform.ram[0].address | UINT64_C(1) << 63))
            expect(psci_call(PSCI_CPU_ON32, platform.mpidr[1] | HIGH_HALF, bad[i] | HIGH_HALF, 0),
                   PSCI_INVALID_ADDRESS, "CPU_ON, 32 bits,", bad[i]);
        expect(psci_call(PSCI_AFFINITY_INFO64, platform.mpidr[1], 0, 0), AFFINITY_OFF,
               "AFFINITY_INFO after an entry", bad[i]);
    }
}

static bool is_cpu(uint64_t mpidr)
{
    for (unsigned i = 0; i < platform.nr_cpus; i++)
        if (platform.mpidr[i] == mpidr)
            return true;
    return false;
}

/* Every bit of a target that makes it no CPU's. */
static void targets(void)
{
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t target = platform.mpidr[1] ^ UINT64_C(1) << bit;

        if (is_cpu(target))
            continue;
        expect(psci_call(PSCI_CPU_ON64, target, (uintptr_t)start_secondary_cpu, 0),
               PSCI_INVALID_PARAMETERS, "CPU_ON", target);
        expect(psci_call(PSCI_AFFINITY_INFO64, target, 0, 0), PSCI_INVALID_PARAMETERS,
               "AFFINITY_INFO", target);
    }
    for (uint64_t level = 4; level < 1000; level++)
        expect(psci_call(PSCI_AFFINITY_INFO64, platform.mpidr[0], level, 0),
               PSCI_INVALID_PARAMETERS, "AFFINITY_INFO, level", level);
    for (unsigned cpu = 0; cpu < platform.nr_cpus; cpu++)
        if (cpu == 0 || cpu >= hostile_cpus())
            expect(psci_call(PSCI_CPU_ON64, platform.mpidr[cpu], (uintptr_t)start_secondary_cpu, 0),
                   PSCI_ALREADY_ON, "CPU_ON of a CPU that is on", cpu);
}

static void set_alarm(void)
{
    write_sysreg(timer_deadline_us(SUSPEND_US), cntv_cval_el0);
    write_sysreg(TIMER_CTL_ENABLE, cntv_ctl_el0);
    isb();
}

static void stop_alarm(uint32_t intid)
{
    if (intid == TIMER_PPI_VIRTUAL)
        write_sysreg(0, cntv_ctl_el0);
}

/* A state that is none, or an entry that is none where the state would lose all registers. */
static void try_suspend(uint64_t state)
{
    bool bad_entry = hostile_random(0) & 1;
    uint64_t entry = bad_entry ? 0x09000000 : (uintptr_t)start_secondary_cpu;
    int32_t wanted = PSCI_SUCCESS;

    if (state & RESERVED)
        wanted = PSCI_INVALID_PARAMETERS;
    else if (state & POWERDOWN && bad_entry)
        wanted = PSCI_INVALID_ADDRESS;
    set_alarm();
    /* Only the low 32 bits are the state's. */
    expect(psci_call(hostile_random(0) & 1 ? PSCI_CPU_SUSPEND64 : PSCI_CPU_SUSPEND32,
                     state | HIGH_HALF, entry, 0),
           wanted, "CPU_SUSPEND", state);
    irq_enable();
    timer_wait_until(!(read_sysreg(cntv_ctl_el0) & TIMER_CTL_ENABLE), WAIT_US);
    irq_disable();
}

static void suspends(void)
{
    gic_set_handler(stop_alarm);
    gic_enable(TIMER_PPI_VIRTUAL);
    for (unsigned bit = 0; bit < 32; bit++)
        try_suspend(UINT64_C(1) << bit);
    for (unsigned i = 0; i < SUSPENDS; i++)
        try_suspend(hostile_random(0) &
                    (hostile_random(0) & 1 ? UINT32_MAX : UINT32_MAX & ~RESERVED));
    gic_disable(TIMER_PPI_VIRTUAL);
    gic_set_handler(NULL);
}

static void off_now(uint32_t intid)
{
    (void)intid;
    psci_call(PSCI_CPU_OFF, 0, 0, 0);
}

static void wait_and_go(void *arg)
{
    (void)arg;
    while (!over)
        timer_relax();
}

/* The last to go ends the guest, whoever it is. The heartbeat goes by an interrupt. */
static void all_off(void)
{
    unsigned last = platform.nr_cpus - 1;

    over = false;
    for (unsigned cpu = 1; cpu < hostile_cpus(); cpu++)
        smp_start_and_wait(cpu, wait_and_go, NULL);
    gic_set_handler(off_now);
    gicr_write(last, GICR_SGI_BASE + GICD_ISENABLER, 1U << OFF_SGI);
    gic_send_sgi(OFF_SGI, last);
    over = true;
    psci_call(PSCI_CPU_OFF, 0, 0, 0);
    printf("CPU_OFF returns\n");
}

static void go_off(void *arg)
{
    (void)arg;
    psci_call(PSCI_CPU_OFF, 0, 0, 0);
}

static void workers_off(void)
{
    for (unsigned cpu = 1; cpu < hostile_cpus(); cpu++) {
        worker_begin(cpu, go_off, NULL);
        CHECK(smp_wait_off(cpu), "CPU %u does not go off", cpu);
    }
}

static const struct test_case cases[] = {
    {"workers-off", workers_off},
    {"on-against-off", on_against_off},
    {"all-on-all", all_on_all},
    {"entries", entries},
    {"targets", targets},
    {"suspends", suspends},
    {NULL, NULL},
};

void guest_main(void)
{
    if (!hostile_start() || platform.nr_cpus < 4)
        printf("four CPUs do not start\n");
    TEST_RUN(cases);
    all_off();
}
