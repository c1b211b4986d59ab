/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The GIC as firmware hands it over, to a guest that takes it so: no write to GICR_WAKER, none to
 * IGROUPR. Interrupts come at the start, on a CPU that CPU_ON starts, and after SYSTEM_RESET,
 * whatever was done to these registers before. The disk's first sector outlives the reset.
 */
#include "console.h"
#include "gic.h"
#include "guest.h"
#include "platform.h"
#include "psci.h"
#include "smp.h"
#include "string.h"
#include "testcase.h"
#include "timer.h"
#include "virtio_blk.h"

#define SGI   5
#define SPI   96
#define MAGIC UINT64_C(0x68616e646f766572)

struct record {
    uint64_t magic;
    char first_boot[64]; /* what was wrong then, or nothing */
};

static struct virtio_blk disk;
static union {
    struct record record;
    uint8_t bytes[VIRTIO_SECTOR];
} sector __attribute__((aligned(VIRTIO_SECTOR)));

static volatile uint32_t latest;

static void note_interrupt(uint32_t intid)
{
    if (intid == TIMER_PPI_VIRTUAL)
        write_sysreg(0, cntv_ctl_el0);
    latest = intid;
}

static bool comes(uint32_t intid)
{
    return timer_wait_until(latest == intid, WAIT_US);
}

/* The first kind of interrupt that this CPU does not get; NULL: it gets all. */
static const char *missing_interrupt(void)
{
    const char *missing = NULL;

    gic_set_handler(note_interrupt);
    gic_set_bit(GICD_ISENABLER, SGI);
    gic_set_bit(GICD_ISENABLER, TIMER_PPI_VIRTUAL);
    gic_set_edge(SPI, true);
    gic_route(SPI, smp_this_cpu()->index);
    gic_set_bit(GICD_ISENABLER, SPI);
    irq_enable();
    gic_send_sgi(SGI, smp_this_cpu()->index);
    if (!comes(SGI))
        missing = "no SGI comes";
    gic_set_bit(GICD_ISPENDR, SPI);
    if (!missing && !comes(SPI))
        missing = "no SPI comes";
    write_sysreg(timer_count(), cntv_cval_el0);
    write_sysreg(TIMER_CTL_ENABLE, cntv_ctl_el0);
    if (!missing && !comes(TIMER_PPI_VIRTUAL))
        missing = "no timer interrupt comes";
    irq_disable();
    return missing;
}

static const char *seen_by_another;

static void look_for_interrupts(void *arg)
{
    (void)arg;
    seen_by_another = missing_interrupt();
}

static void fall_asleep(void *arg)
{
    (void)arg;
    gicr_write(smp_this_cpu()->index, GICR_WAKER, GICR_WAKER_SLEEP);
}

static bool run_on(unsigned cpu, smp_fn fn)
{
    return smp_start_and_wait(cpu, fn, NULL) && smp_wait_off(cpu);
}

static void at_start(void)
{
    CHECK(!sector.record.first_boot[0], "%s", sector.record.first_boot);
}

static void after_reset(void)
{
    const char *missing = missing_interrupt();

    CHECK(!missing, "%s", missing);
}

static void after_cpu_on(void)
{
    CHECK(run_on(1, look_for_interrupts), "CPU 1 does not come or go");
    CHECK(!seen_by_another, "%s", seen_by_another);
    CHECK(run_on(1, fall_asleep), "CPU 1 does not come or go");
    CHECK(run_on(1, look_for_interrupts), "CPU 1 does not come or go");
    CHECK(!seen_by_another, "asleep when it went off: %s", seen_by_another);
}

static const struct test_case cases[] = {
    {"at-start", at_start},
    {"after-reset", after_reset},
    {"after-cpu-on", after_cpu_on},
    {NULL, NULL},
};

/* Keep the result, spoil what firmware set up, and start again. */
static void end_first_boot(const char *missing)
{
    sector.record.magic = MAGIC;
    if (missing)
        memcpy(sector.record.first_boot, missing, strlen(missing) + 1);
    if (virtio_blk_request(&disk, VIRTIO_BLK_T_OUT, 0, &sector, sizeof(sector)) != VIRTIO_BLK_S_OK)
        return;
    gicd_write(GICD_IGROUPR + SPI / 8, 0);
    gicr_write(0, GICR_SGI_BASE + GICD_IGROUPR, 0);
    gicr_write(0, GICR_WAKER, GICR_WAKER_SLEEP);
    psci_call(PSCI_SYSTEM_RESET, 0, 0, 0);
}

void guest_main(void)
{
    const char *missing = NULL;

    if (!virtio_blk_find(&disk) || !virtio_blk_start(&disk, 0) ||
        virtio_blk_request(&disk, VIRTIO_BLK_T_IN, 0, &sector, sizeof(sector)) != VIRTIO_BLK_S_OK) {
        printf("the disk can't be read\n");
        return;
    }
    if (sector.record.magic == MAGIC) {
        TEST_RUN(cases);
        return;
    }
    missing = missing_interrupt();
    end_first_boot(missing);
}
