/* SPDX-License-Identifier: Apache-2.0 */
/* When the disk interrupts and when it does not (virtio 1.2, "Used Buffer Notification
 * Suppression"). */
#include "gic.h"
#include "platform.h"
#include "timer.h"
#include "virtio_common.h"

#define SETTLE_US 2000

static struct virtio_blk *const disk = &virtio_disk;
static uint8_t back[VIRTIO_SECTOR] __attribute__((aligned(4096)));
static volatile uint32_t taken;

static void acknowledge(uint32_t intid)
{
    if (intid == disk->intid) {
        virtio_write(disk, VIRTIO_MMIO_INTERRUPT_ACK,
                     virtio_read(disk, VIRTIO_MMIO_INTERRUPT_STATUS));
        taken++;
    }
}

static void interrupts_on(void)
{
    taken = 0;
    gic_set_handler(acknowledge);
    for (unsigned i = 0; i < platform.nr_virtio; i++)
        if (platform.virtio[i].intid == disk->intid)
            gic_set_edge(disk->intid, platform.virtio[i].edge);
    gic_enable(disk->intid);
    irq_enable();
}

static void interrupts_off(void)
{
    timer_delay_us(SETTLE_US);
    irq_disable();
    gic_disable(disk->intid);
    gic_set_handler(NULL);
}

static void interrupts(void)
{
    CHECK(virtio_blk_start(disk, 0), "the disk does not start");
    CHECK(virtio_read_sectors(0, back, VIRTIO_SECTOR) == VIRTIO_BLK_S_OK, "read");
    CHECK(virtio_read(disk, VIRTIO_MMIO_INTERRUPT_STATUS) & 1, "InterruptStatus is clear");
    virtio_write(disk, VIRTIO_MMIO_INTERRUPT_ACK, 1);
    CHECK(!(virtio_read(disk, VIRTIO_MMIO_INTERRUPT_STATUS) & 1), "InterruptACK has no effect");
    interrupts_on();
    for (uint32_t i = 1; i <= 20; i++) {
        virtio_read_sectors(i, back, VIRTIO_SECTOR);
        timer_wait_until(taken == i, WAIT_US);
    }
    interrupts_off();
    CHECK(taken == 20, "%u interrupts for 20 requests", taken);
}

static void no_interrupt(void)
{
    CHECK(virtio_blk_start(disk, 0), "the disk does not start");
    disk->avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
    interrupts_on();
    virtio_read_sectors(0, back, VIRTIO_SECTOR);
    interrupts_off();
    CHECK(taken == 0, "%u interrupts", taken);
}

/* used_event says at which answer to interrupt: at the fourth, not before. */
static void event_index(void)
{
    volatile uint16_t *used_event;

    CHECK(virtio_blk_start(disk, FEATURE(VIRTIO_RING_F_EVENT_IDX)), "the disk does not start");
    CHECK(disk->features & FEATURE(VIRTIO_RING_F_EVENT_IDX), "EVENT_IDX is not offered");
    used_event = &disk->avail->ring[VIRTIO_QUEUE_SIZE];
    *used_event = 3;
    /* A device may interrupt once until it has seen used_event. */
    virtio_read_sectors(0, back, VIRTIO_SECTOR);
    virtio_write(disk, VIRTIO_MMIO_INTERRUPT_ACK, virtio_read(disk, VIRTIO_MMIO_INTERRUPT_STATUS));
    gic_set_bit(GICD_ICPENDR, disk->intid);
    interrupts_on();
    virtio_read_sectors(1, back, VIRTIO_SECTOR);
    virtio_read_sectors(2, back, VIRTIO_SECTOR);
    timer_delay_us(SETTLE_US);
    uint32_t before = taken;
    virtio_read_sectors(3, back, VIRTIO_SECTOR);
    timer_wait_until(taken == 1, WAIT_US);
    interrupts_off();
    CHECK(before == 0, "%u interrupts before the fourth answer", before);
    CHECK(taken == 1, "%u interrupts after it", taken);
}

const struct test_case virtio_irq_cases[] = {
    {"interrupts", interrupts},
    {"no-interrupt", no_interrupt},
    {"event-index", event_index},
    {NULL, NULL},
};
