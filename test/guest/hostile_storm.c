/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Storms: interrupts without end and without a handler, timers that are always due, accesses of
 * devices from all CPUs. The heartbeat's CPU goes on all through them, and once the storm is over
 * the CPUs and their interrupts work as before.
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
#include "virtio_blk.h"
#include "worker.h"

#define STORM_US   400000
#define BEATS      20 /* of the heartbeat in a storm, at least */
#define NR_SGIS    16
#define SGI        5
#define SPI_FIRST  64
#define SPI_END    160
#define ROUNDS_MIN 50
#define STUCK      100 /* times that an interrupt is taken before its line goes down */

static volatile bool over;
static volatile uint32_t rounds[PLATFORM_MAX_CPUS], taken[PLATFORM_MAX_CPUS];

static void count(uint32_t intid)
{
    (void)intid;
    taken[smp_this_cpu()->index]++;
}

/* Let the storm blow; the heart beats all along and each CPU in it gets on. */
static void blow(smp_fn fn)
{
    uint32_t before = hostile_beats(), least = ROUNDS_MIN;
    uint64_t deadline = timer_deadline_us(STORM_US), last = timer_deadline_us(WAIT_US);

    over = false;
    for (unsigned cpu = 0; cpu < hostile_cpus(); cpu++)
        rounds[cpu] = taken[cpu] = 0;
    for (unsigned cpu = 1; cpu < hostile_cpus(); cpu++)
        worker_begin(cpu, fn, NULL);
    while (!timer_passed(last) &&
           (!timer_passed(deadline) || least < ROUNDS_MIN || hostile_beats() - before < BEATS)) {
        fn(NULL);
        least = rounds[0];
        for (unsigned cpu = 1; cpu < hostile_cpus(); cpu++)
            least = rounds[cpu] < least ? rounds[cpu] : least;
    }
    over = true;
    CHECK(hostile_beats() - before >= BEATS, "%u heartbeats in a storm", hostile_beats() - before);
    CHECK(least >= ROUNDS_MIN, "a CPU got no further than %u rounds", least);
    for (unsigned cpu = 1; cpu < hostile_cpus(); cpu++)
        CHECK(worker_wait(cpu), "CPU %u hangs", cpu);
}

/* The boot CPU makes a round at a time, the others go on until the storm is over. */
static bool goes_on(void)
{
    unsigned self = smp_this_cpu()->index;

    rounds[self]++;
    return self != 0 && !over;
}

static void calm_this_cpu(void *arg)
{
    (void)arg;
    irq_disable();
    write_sysreg(0, cntv_ctl_el0);
    write_sysreg(0, cntp_ctl_el0);
    gic_init_cpu();
    gic_wake_cpu();
    gicr_write(smp_this_cpu()->index, GICR_SGI_BASE + GICD_ICACTIVER, ~0U);
    gicr_write(smp_this_cpu()->index, GICR_SGI_BASE + GICD_ICPENDR, ~0U);
    gic_enable(SGI);
    irq_enable();
}

/* All is set up anew, and an SGI reaches each CPU just once. */
static void check_works(void)
{
    gic_set_handler(NULL);
    for (uint32_t bank = SPI_FIRST / 32; bank < SPI_END / 32; bank++) {
        gicd_write(GICD_ICENABLER + 4 * bank, ~0U);
        gicd_write(GICD_ICPENDR + 4 * bank, ~0U);
        gicd_write(GICD_ICACTIVER + 4 * bank, ~0U);
    }
    for (unsigned cpu = 1; cpu < hostile_cpus(); cpu++)
        CHECK(worker_run(cpu, calm_this_cpu, NULL), "CPU %u hangs", cpu);
    calm_this_cpu(NULL);
    gic_set_handler(count);
    for (unsigned cpu = 0; cpu < hostile_cpus(); cpu++) {
        taken[cpu] = 0;
        gic_send_sgi(SGI, cpu);
        CHECK(timer_wait_until(taken[cpu], WAIT_US), "CPU %u does not take its SGI", cpu);
        CHECK(taken[cpu] == 1, "CPU %u took it %u times", cpu, taken[cpu]);
    }
    gic_set_handler(NULL);
    irq_disable();
}

static void due_on(void *arg)
{
    (void)arg;
    irq_disable();
    gic_enable(TIMER_PPI_VIRTUAL);
    gic_enable(TIMER_PPI_PHYSICAL);
    write_sysreg(0, cntv_cval_el0);
    write_sysreg(0, cntp_cval_el0);
    write_sysreg(TIMER_CTL_ENABLE, cntv_ctl_el0);
    write_sysreg(TIMER_CTL_ENABLE, cntp_ctl_el0);
    do
        __asm__ volatile("isb\n wfi");
    while (goes_on());
}

/* Timers in the past, that nobody takes: WFI does not wait. */
static void due_timers(void)
{
    blow(due_on);
    check_works();
}

/* The level stays as it is for many interrupts: while it does, no other instruction may run. */
static void ignore_level(uint32_t intid)
{
    (void)intid;
    if (++taken[smp_this_cpu()->index] % STUCK == 0) {
        write_sysreg(0, cntv_ctl_el0);
        write_sysreg(0, cntp_ctl_el0);
    }
}

static void stuck_on(void *arg)
{
    (void)arg;
    irq_disable();
    gic_enable(TIMER_PPI_VIRTUAL);
    gic_enable(TIMER_PPI_PHYSICAL);
    write_sysreg(0, cntv_cval_el0);
    write_sysreg(0, cntp_cval_el0);
    do {
        write_sysreg(TIMER_CTL_ENABLE, cntv_ctl_el0);
        write_sysreg(TIMER_CTL_ENABLE, cntp_ctl_el0);
        irq_enable();
        isb();
        irq_disable();
    } while (goes_on());
}

/* Levels that stay: the interrupt comes again as soon as it has been ended. */
static void stuck_timers(void)
{
    gic_set_handler(ignore_level);
    blow(stuck_on);
    for (unsigned cpu = 0; cpu < hostile_cpus(); cpu++)
        CHECK(taken[cpu] > STUCK, "CPU %u took %u interrupts", cpu, taken[cpu]);
    check_works();
}

static void past_on(void *arg)
{
    (void)arg;
    irq_disable();
    gic_enable(TIMER_PPI_VIRTUAL);
    do {
        write_sysreg(timer_count() - (hostile_random(smp_this_cpu()->index) & 0xffff),
                     cntv_cval_el0);
        write_sysreg(TIMER_CTL_ENABLE, cntv_ctl_el0);
        isb();
        write_sysreg(0, cntv_ctl_el0);
        isb();
        irq_enable();
        irq_disable();
    } while (goes_on());
}

/* Timers that are due and not, before anybody can take them. */
static void flickering_timers(void)
{
    gic_set_handler(count);
    blow(past_on);
    check_works();
}

static void sgis_on(void *arg)
{
    (void)arg;
    for (uint32_t intid = 0; intid < NR_SGIS; intid++)
        gic_enable(intid);
    irq_enable();
    do {
        for (unsigned cpu = 0; cpu < platform.nr_cpus; cpu++)
            gic_send_sgi((uint32_t)hostile_random(smp_this_cpu()->index) % NR_SGIS, cpu);
        write_sysreg(SGI1R_IRM | (uint64_t)SGI << 24, icc_sgi1r_el1);
    } while (goes_on());
    irq_disable();
}

/* From all to all, the heartbeat's CPU too. */
static void sgis(void)
{
    unsigned last = platform.nr_cpus - 1;

    gic_set_handler(count);
    taken[last] = 0;
    gicr_write(last, GICR_SGI_BASE + GICD_ISENABLER, 0xffff);
    blow(sgis_on);
    gicr_write(last, GICR_SGI_BASE + GICD_ICENABLER, 0xffff);
    CHECK(taken[last], "the heartbeat's CPU takes no SGI");
    check_works();
}

/* Interrupts that stay pending, below priority masks that come and go. */
static void masked_on(void *arg)
{
    unsigned self = smp_this_cpu()->index;

    (void)arg;
    irq_disable();
    for (uint32_t intid = 0; intid < NR_SGIS; intid++)
        gic_enable(intid);
    do {
        gic_send_sgi((uint32_t)hostile_random(self) % NR_SGIS,
                     (unsigned)(hostile_random(self) % hostile_cpus()));
        write_sysreg(hostile_random(self) & 0xff, icc_pmr_el1);
        (void)read_sysreg(icc_hppir1_el1);
        write_sysreg(0xff, icc_pmr_el1);
        gic_send_sgi(SGI, self);
        __asm__ volatile("wfi");
    } while (goes_on());
}

static void masked(void)
{
    blow(masked_on);
    check_works();
}

/* Acknowledged and never ended: each may only be preempted by what is more urgent. */
static void unended_on(void *arg)
{
    unsigned self = smp_this_cpu()->index;

    (void)arg;
    irq_disable();
    for (uint32_t intid = 0; intid < NR_SGIS; intid++) {
        gic_enable(intid);
        gic_set_priority(intid, (uint8_t)(hostile_random(self) & 0xf8));
    }
    do {
        gic_send_sgi((uint32_t)hostile_random(self) % NR_SGIS,
                     (unsigned)(hostile_random(self) % hostile_cpus()));
        (void)read_sysreg(icc_iar1_el1);
        if (!(hostile_random(self) & 7))
            write_sysreg(hostile_random(self) & 31, icc_eoir1_el1);
        if (!(hostile_random(self) & 31))
            write_sysreg(hostile_random(self) & 2, icc_ctlr_el1);
        write_sysreg(hostile_random(self) & 31, icc_dir_el1);
    } while (goes_on());
}

static void drain_this_cpu(void *arg)
{
    (void)arg;
    write_sysreg(0, icc_ctlr_el1);
    /* Every priority that is still active is dropped by an end; more ends than that do nothing. */
    for (unsigned i = 0; i < 64; i++)
        write_sysreg(i & 15, icc_eoir1_el1);
    isb();
}

static void unended(void)
{
    blow(unended_on);
    for (unsigned cpu = 1; cpu < hostile_cpus(); cpu++)
        CHECK(worker_run(cpu, drain_this_cpu, NULL), "CPU %u hangs", cpu);
    drain_this_cpu(NULL);
    check_works();
}

static void spis_on(void *arg)
{
    unsigned self = smp_this_cpu()->index;

    (void)arg;
    irq_enable();
    do {
        uint32_t intid = SPI_FIRST + (uint32_t)hostile_random(self) % (SPI_END - SPI_FIRST);

        gic_enable(intid);
        gic_set_bit(GICD_ISPENDR, intid);
        gic_route(intid, (unsigned)(hostile_random(self) % hostile_cpus()));
        gic_set_bit(hostile_random(self) & 1 ? GICD_ISACTIVER : GICD_ICACTIVER, intid);
    } while (goes_on());
    irq_disable();
}

/* Shared interrupts that all CPUs make pending, active and somebody else's. */
static void spis(void)
{
    gic_init();
    gic_set_handler(count);
    blow(spis_on);
    check_works();
}

static void devices_on(void *arg)
{
    struct virtio_blk slot = {.base = platform.virtio[0].regs.address};

    (void)arg;
    do {
        uint64_t random = hostile_random(smp_this_cpu()->index);

        gicd_read((uint32_t)random & 0xfffc);
        uart_read((uint32_t)(random >> 16 & 0xffc) | UARTPERIPHID0);
        virtio_write(&slot, VIRTIO_MMIO_STATUS, (uint32_t)(random >> 32 & 1));
        virtio_write(&slot, VIRTIO_MMIO_QUEUE_NOTIFY, (uint32_t)(random >> 33 & 7));
        virtio_read(&slot, VIRTIO_MMIO_CONFIG);
        gicr_read((unsigned)(random >> 40) % platform.nr_cpus, (uint32_t)(random >> 44 & 0xfffc));
        psci_call(PSCI_AFFINITY_INFO64, platform.mpidr[random >> 60 & 3], 0, 0);
    } while (goes_on());
}

/* Every device and PSCI, from all CPUs at once. */
static void devices(void)
{
    blow(devices_on);
    check_works();
}

static void ignore(void)
{
}

static void take_for_ever(void *arg)
{
    (void)arg;
    gic_enable(SGI);
    gic_send_sgi(SGI, smp_this_cpu()->index);
    irq_enable();
    for (;;)
        rounds[smp_this_cpu()->index]++;
}

/* CPUs that take an interrupt without an end, for their handler does not acknowledge it. */
static void unhandled(void)
{
    uint32_t before = hostile_beats();

    gic_set_raw_handler(ignore);
    for (unsigned cpu = 1; cpu < hostile_cpus(); cpu++)
        worker_begin(cpu, take_for_ever, NULL);
    CHECK(timer_wait_until(hostile_beats() - before > 10 * BEATS, WAIT_US), "no heartbeat");
}

static const struct test_case cases[] = {
    {"due-timers", due_timers},
    {"stuck-timers", stuck_timers},
    {"flickering-timers", flickering_timers},
    {"sgis", sgis},
    {"masked", masked},
    {"unended", unended},
    {"spis", spis},
    {"devices", devices},
    {"unhandled", unhandled},
    {NULL, NULL},
};

void guest_main(void)
{
    if (!hostile_start() || platform.nr_cpus < 4)
        printf("four CPUs do not start\n");
    TEST_RUN(cases);
}
