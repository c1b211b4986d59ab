/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The GIC's whole address ranges in every size, at every alignment, and all CPUs at once at
 * each other's interrupts: whatever was written, the GIC works once it is set up again.
 */
#include "barrier.h"
#include "console.h"
#include "gic.h"
#include "guest.h"
#include "hostile.h"
#include "mmu.h"
#include "platform.h"
#include "smp.h"
#include "sysreg.h"
#include "timer.h"
#include "worker.h"

#define WINDOW_GICD   (MMU_WINDOW_BASE)
#define WINDOW_GICR   (MMU_WINDOW_BASE + UINT64_C(0x40000000))
#define GICD_SIZE     0x10000
#define GICR_SIZE     0x20000
#define SPI           96
#define NR_SPIS       64 /* the stress has these */
#define SGI           5
#define STRESS_ROUNDS 4000
#define SGI_WRITES    20000

static volatile uint32_t taken[PLATFORM_MAX_CPUS];

static void count_sgi(uint32_t intid)
{
    if (intid == SGI)
        taken[smp_this_cpu()->index]++;
}

static void init_this_cpu(void *arg)
{
    (void)arg;
    irq_disable();
    gic_init_cpu();
    gic_wake_cpu();
    /* What the stress left active is no more; the redistributor's registers are in reach. */
    gicr_write(smp_this_cpu()->index, GICR_SGI_BASE + GICD_ICACTIVER, ~0U);
    gicr_write(smp_this_cpu()->index, GICR_SGI_BASE + GICD_ICPENDR, ~0U);
    gic_enable(SGI);
    irq_enable();
}

/* Everything as a kernel would set it up, and an SGI from here to each CPU. */
static void check_works(void)
{
    gic_init();
    for (uint32_t bank = 1; bank < 9; bank++) {
        gicd_write(GICD_ICENABLER + 4 * bank, ~0U);
        gicd_write(GICD_ICPENDR + 4 * bank, ~0U);
        gicd_write(GICD_ICACTIVER + 4 * bank, ~0U);
    }
    gic_set_handler(count_sgi);
    for (unsigned cpu = 1; cpu < hostile_cpus(); cpu++)
        CHECK(worker_run(cpu, init_this_cpu, NULL), "CPU %u hangs", cpu);
    init_this_cpu(NULL);
    for (unsigned cpu = 0; cpu < hostile_cpus(); cpu++) {
        taken[cpu] = 0;
        gic_send_sgi(SGI, cpu);
        CHECK(timer_wait_until(taken[cpu] == 1, WAIT_US), "CPU %u took the SGI %u times", cpu,
              taken[cpu]);
    }
    irq_disable();
    gic_set_handler(NULL);
}

/* One access of 1 << log bytes; a fault of EL1's own is as good. */
static void access(uint64_t at, unsigned log, bool write)
{
    uint64_t value = hostile_random(0);
    struct fault fault = {.taken = false};

    switch (log + (write ? 4 : 0)) {
    case 0:
        fault = FAULT_OF("ldrb %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
        break;
    case 1:
        fault = FAULT_OF("ldrh %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
        break;
    case 2:
        fault = FAULT_OF("ldr %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
        break;
    case 3:
        fault = FAULT_OF("ldr %0, [%1]" : "=r"(value) : "r"(at) : "memory");
        break;
    case 4:
        fault = FAULT_OF("strb %w0, [%1]" : : "r"(value), "r"(at) : "memory");
        break;
    case 5:
        fault = FAULT_OF("strh %w0, [%1]" : : "r"(value), "r"(at) : "memory");
        break;
    case 6:
        fault = FAULT_OF("str %w0, [%1]" : : "r"(value), "r"(at) : "memory");
        break;
    default:
        fault = FAULT_OF("str %0, [%1]" : : "r"(value), "r"(at) : "memory");
        break;
    }
    CHECK(!fault.taken || ESR_EC(fault.esr) == ESR_EC_DABT_CUR, "at %lx: ESR %lx", at, fault.esr);
}

static void sweep(uint64_t base, uint64_t size, bool write)
{
    for (uint64_t offset = 0; offset < size; offset += write ? 4 : 1)
        for (unsigned log = 0; log < 4; log++)
            if (!(offset % 4) || log == 0 || !(offset % 37))
                access(base + offset, log, write);
}

static void whole_distributor(void)
{
    mmu_map(WINDOW_GICD, platform.gicd.address, GICD_SIZE, MMU_NORMAL_NC);
    sweep(WINDOW_GICD, GICD_SIZE, false);
    sweep(WINDOW_GICD, GICD_SIZE, true);
    sweep(WINDOW_GICD, GICD_SIZE, false);
    check_works();
}

static void whole_redistributors(void)
{
    uint64_t size = (uint64_t)GICR_SIZE * platform.nr_cpus;

    mmu_map(WINDOW_GICR, platform.gicr[0].address, size, MMU_NORMAL_NC);
    /* The heartbeat's frame too: it does not depend on interrupts. */
    for (uint64_t frame = 0; frame < size; frame += 0x10000) {
        sweep(WINDOW_GICR + frame, 0x1000, false);
        sweep(WINDOW_GICR + frame, 0x1000, true);
        sweep(WINDOW_GICR + frame + 0xf000, 0x1000, false);
        sweep(WINDOW_GICR + frame + 0xf000, 0x1000, true);
    }
    /* The last frame's end, and what lies behind it. */
    sweep(WINDOW_GICR + size - 0x100, 0x100, true);
    check_works();
}

static uint32_t random_register(unsigned cpu)
{
    static const uint32_t registers[] = {
        GICD_IGROUPR,   GICD_ISENABLER, GICD_ICENABLER, GICD_ISPENDR,    GICD_ICPENDR,
        GICD_ISACTIVER, GICD_ICACTIVER, GICD_ICACTIVER, GICD_IPRIORITYR, GICD_ICFGR};

    return registers[hostile_random(cpu) % (sizeof(registers) / sizeof(registers[0]))];
}

/* One write or read of what may be in the list registers of any CPU. */
static void stress_step(unsigned self)
{
    uint64_t random = hostile_random(self);
    unsigned other = (unsigned)(random >> 8) % hostile_cpus();
    uint32_t value = (uint32_t)(random >> 32), reg = random_register(self);

    switch (random & 7) {
    case 0:
        gic_route(SPI + value % NR_SPIS, other);
        break;
    case 1:
        write_sysreg((uint64_t)value << 24 | (1U << other), icc_sgi1r_el1);
        break;
    case 2:
        gicd_write(GICD_ISPENDR + 4 * (SPI / 32) + (value & 4), value);
        gicd_write(GICD_ISENABLER + 4 * (SPI / 32) + (value & 4), value);
        break;
    case 3:
        gicd_write(reg + (reg == GICD_IPRIORITYR ? SPI : 4 * (SPI / 32)) + (value & 4), value);
        break;
    case 4:
        (void)gicd_read(reg + 4 * (SPI / 32));
        (void)gicr_read(other, GICR_SGI_BASE + reg);
        break;
    default:
        gicr_write(other, GICR_SGI_BASE + reg + (reg == GICD_IPRIORITYR ? value & 28 : 0), value);
        break;
    }
}

static volatile uint32_t steps[PLATFORM_MAX_CPUS];

static void stress(void *arg)
{
    unsigned self = smp_this_cpu()->index;

    (void)arg;
    irq_enable();
    for (steps[self] = 0; steps[self] < STRESS_ROUNDS; steps[self]++)
        stress_step(self);
}

/* All CPUs write to each other's redistributors and to what the others have pending or active. */
static void all_at_once(void)
{
    uint64_t deadline = timer_deadline_us(WAIT_US);

    check_works();
    for (unsigned cpu = 1; cpu < hostile_cpus(); cpu++)
        worker_begin(cpu, stress, NULL);
    stress(NULL);
    irq_disable();
    for (unsigned cpu = 1; cpu < hostile_cpus(); cpu++)
        while (steps[cpu] < STRESS_ROUNDS)
            CHECK(!timer_passed(deadline), "CPU %u hangs after %u steps", cpu, steps[cpu]);
    for (unsigned cpu = 1; cpu < hostile_cpus(); cpu++)
        CHECK(worker_wait(cpu), "CPU %u hangs", cpu);
    check_works();
}

/* SGIs to anybody: CPUs that are absent, off, or everywhere. */
static void absent_targets(void)
{
    for (unsigned i = 0; i < SGI_WRITES; i++) {
        write_sysreg(hostile_random(0), icc_sgi1r_el1);
        __asm__ volatile("msr S3_0_C12_C11_7, %0" : : "r"(hostile_random(0)));
        __asm__ volatile("msr S3_0_C12_C11_6, %0" : : "r"(hostile_random(0)));
    }
    for (uint64_t affinity = 0; affinity < 256; affinity++)
        write_sysreg(UINT64_C(0xffff) | affinity << 16 | affinity << 32 | affinity << 48,
                     icc_sgi1r_el1);
    check_works();
}

static volatile uint32_t stage, first, second;

static void acknowledge(void *arg)
{
    (void)arg;
    irq_disable();
    stage = 1;
    timer_wait_until((first = (uint32_t)read_sysreg(icc_iar1_el1)) < 1020, WAIT_US);
    stage = 2;
    while (stage != 3)
        timer_relax();
    write_sysreg(first, icc_eoir1_el1);
    isb();
    irq_enable();
}

static void note_second(uint32_t intid)
{
    if (intid == SPI)
        second = smp_this_cpu()->index + 1;
}

/* An interrupt that goes to another CPU while it is active: pending again, it waits for its end. */
static void retargeted_while_active(void)
{
    if (hostile_cpus() < 3) {
        test_skip("needs four CPUs");
        return;
    }
    check_works();
    stage = second = 0;
    gic_set_handler(note_second);
    gic_set_edge(SPI, true);
    gic_enable(SPI);
    worker_begin(1, acknowledge, NULL);
    CHECK(timer_wait_until(stage == 1, WAIT_US), "CPU 1 does not come");
    gic_route(SPI, 1);
    gic_set_bit(GICD_ISPENDR, SPI);
    CHECK(timer_wait_until(stage == 2, WAIT_US), "CPU 1 does not acknowledge");
    CHECK(first == SPI, "CPU 1 acknowledged %u", first);
    gic_route(SPI, 2);
    gic_set_bit(GICD_ISPENDR, SPI);
    timer_delay_us(2000);
    uint32_t early = second;
    bool active = gic_get_bit(GICD_ISACTIVER, SPI);
    stage = 3;
    CHECK(worker_wait(1), "CPU 1 hangs");
    CHECK(active && !early, "active %d, taken by CPU %u while it was", active, early - 1);
    CHECK(timer_wait_until(second, WAIT_US), "never taken again");
    CHECK(second == 3, "taken by CPU %u", second - 1);
    check_works();
}

static const struct test_case cases[] = {
    {"whole-distributor", whole_distributor},
    {"whole-redistributors", whole_redistributors},
    {"all-at-once", all_at_once},
    {"absent-targets", absent_targets},
    {"retargeted-while-active", retargeted_while_active},
    {"all-at-once-again", all_at_once},
    {NULL, NULL},
};

void guest_main(void)
{
    if (!hostile_start())
        printf("a CPU did not start\n");
    TEST_RUN(cases);
}
