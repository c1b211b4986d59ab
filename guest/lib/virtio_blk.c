/* SPDX-License-Identifier: Apache-2.0 */
/* The small guests' disk driver (virtio 1.2, "Virtio Over MMIO", "Block Device"): see virtio_blk.h.
 */
#include "virtio_blk.h"

#include "barrier.h"
#include "platform.h"
#include "string.h"
#include "timer.h"

#define VIRTIO_MAGIC 0x74726976
#define NO_STATUS    0xaa /* no device writes it */
#define USED_BYTES                                                                                 \
    (sizeof(struct vring_used) + VIRTIO_QUEUE_SIZE * sizeof(struct vring_used_elem) + 2)
#define AVAIL_BYTES (sizeof(struct vring_avail) + VIRTIO_QUEUE_SIZE * 2 + 2)

static struct vring_desc descriptors[VIRTIO_QUEUE_SIZE] __attribute__((aligned(4096)));
static uint8_t avail_ring[AVAIL_BYTES] __attribute__((aligned(4096)));
static uint8_t used_ring[USED_BYTES] __attribute__((aligned(4096)));
static struct virtio_blk_outhdr header;
static volatile uint8_t status_byte;

uint32_t virtio_read(const struct virtio_blk *blk, uint32_t reg)
{
    return *(volatile uint32_t *)(blk->base + reg);
}

void virtio_write(const struct virtio_blk *blk, uint32_t reg, uint32_t value)
{
    *(volatile uint32_t *)(blk->base + reg) = value;
}

uint32_t virtio_status(const struct virtio_blk *blk)
{
    return virtio_read(blk, VIRTIO_MMIO_STATUS);
}

bool virtio_find(struct virtio_blk *blk, uint32_t id)
{
    for (unsigned i = 0; i < platform.nr_virtio; i++) {
        blk->base = platform.virtio[i].regs.address;
        blk->intid = platform.virtio[i].intid;
        if (virtio_read(blk, VIRTIO_MMIO_MAGIC_VALUE) == VIRTIO_MAGIC &&
            virtio_read(blk, VIRTIO_MMIO_DEVICE_ID) == id)
            return true;
    }
    return false;
}

bool virtio_blk_find(struct virtio_blk *blk)
{
    return virtio_find(blk, VIRTIO_ID_BLOCK);
}

void virtio_blk_reset(struct virtio_blk *blk)
{
    virtio_write(blk, VIRTIO_MMIO_STATUS, 0);
    timer_wait_until(virtio_status(blk) == 0, WAIT_US);
}

bool virtio_blk_negotiate(struct virtio_blk *blk, uint64_t wanted)
{
    uint32_t status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;

    virtio_write(blk, VIRTIO_MMIO_STATUS, status);
    virtio_write(blk, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
    blk->offered = (uint64_t)virtio_read(blk, VIRTIO_MMIO_DEVICE_FEATURES) << 32;
    virtio_write(blk, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
    blk->offered |= virtio_read(blk, VIRTIO_MMIO_DEVICE_FEATURES);
    blk->features = blk->offered & (wanted | UINT64_C(1) << VIRTIO_F_VERSION_1);
    virtio_write(blk, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
    virtio_write(blk, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(blk->features >> 32));
    virtio_write(blk, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
    virtio_write(blk, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)blk->features);
    virtio_write(blk, VIRTIO_MMIO_STATUS, status | VIRTIO_CONFIG_S_FEATURES_OK);
    return virtio_status(blk) & VIRTIO_CONFIG_S_FEATURES_OK;
}

static void write_address(const struct virtio_blk *blk, uint32_t low, const void *address)
{
    virtio_write(blk, low, (uint32_t)(uintptr_t)address);
    virtio_write(blk, low + 4, (uint32_t)((uintptr_t)address >> 32));
}

void virtio_blk_set_queue(struct virtio_blk *blk, unsigned index)
{
    blk->desc = descriptors;
    blk->avail = (struct vring_avail *)avail_ring;
    blk->used = (struct vring_used *)used_ring;
    blk->last_used = 0;
    memset(descriptors, 0, sizeof(descriptors));
    memset(avail_ring, 0, sizeof(avail_ring));
    memset(used_ring, 0, sizeof(used_ring));
    virtio_write(blk, VIRTIO_MMIO_QUEUE_SEL, index);
    virtio_write(blk, VIRTIO_MMIO_QUEUE_NUM, VIRTIO_QUEUE_SIZE);
    write_address(blk, VIRTIO_MMIO_QUEUE_DESC_LOW, descriptors);
    write_address(blk, VIRTIO_MMIO_QUEUE_AVAIL_LOW, avail_ring);
    write_address(blk, VIRTIO_MMIO_QUEUE_USED_LOW, used_ring);
    /* The rings are empty before the device looks at them. */
    dsb(sy);
    virtio_write(blk, VIRTIO_MMIO_QUEUE_READY, 1);
}

bool virtio_blk_start(struct virtio_blk *blk, uint64_t wanted)
{
    virtio_blk_reset(blk);
    if (!virtio_blk_negotiate(blk, wanted))
        return false;
    virtio_blk_set_queue(blk, 0);
    virtio_write(blk, VIRTIO_MMIO_STATUS, virtio_status(blk) | VIRTIO_CONFIG_S_DRIVER_OK);
    return true;
}

void virtio_blk_offer(struct virtio_blk *blk, uint16_t head)
{
    blk->avail->ring[blk->avail->idx % VIRTIO_QUEUE_SIZE] = head;
    /* Descriptors and ring entry before the index that hands them over. */
    dmb(ishst);
    blk->avail->idx++;
    /* The index before the notification. */
    dsb(sy);
    virtio_write(blk, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
}

static bool wants_reset(const struct virtio_blk *blk)
{
    return virtio_status(blk) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

bool virtio_blk_wait(struct virtio_blk *blk, struct vring_used_elem *elem)
{
    volatile uint16_t *used_index = &blk->used->idx;

    if (!timer_wait_until(*used_index != blk->last_used || wants_reset(blk), WAIT_US) ||
        *used_index == blk->last_used)
        return false;
    /* The index before the element it covers. */
    dmb(ishld);
    *elem = blk->used->ring[blk->last_used++ % VIRTIO_QUEUE_SIZE];
    return true;
}

static bool device_writes(uint32_t type)
{
    return type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
}

void virtio_blk_build(struct virtio_blk *blk, uint32_t type, uint64_t sector, void *data,
                      uint32_t size)
{
    uint16_t last = size ? 2 : 1;

    header = (struct virtio_blk_outhdr){.type = type, .sector = sector};
    status_byte = NO_STATUS;
    blk->desc[0] = (struct vring_desc){
        .addr = (uintptr_t)&header, .len = sizeof(header), .flags = VRING_DESC_F_NEXT, .next = 1};
    if (size)
        blk->desc[1] = (struct vring_desc){
            .addr = (uintptr_t)data,
            .len = size,
            .flags = (uint16_t)(VRING_DESC_F_NEXT | (device_writes(type) ? VRING_DESC_F_WRITE : 0)),
            .next = 2};
    blk->desc[last] =
        (struct vring_desc){.addr = (uintptr_t)&status_byte, .len = 1, .flags = VRING_DESC_F_WRITE};
}

int virtio_blk_status_byte(void)
{
    return status_byte == NO_STATUS ? VIRTIO_NO_ANSWER : status_byte;
}

int virtio_blk_request(struct virtio_blk *blk, uint32_t type, uint64_t sector, void *data,
                       uint32_t size)
{
    struct vring_used_elem elem;

    virtio_blk_build(blk, type, sector, data, size);
    virtio_blk_offer(blk, 0);
    if (!virtio_blk_wait(blk, &elem) || elem.id != 0)
        return VIRTIO_NO_ANSWER;
    return virtio_blk_status_byte();
}

uint64_t virtio_blk_capacity(const struct virtio_blk *blk)
{
    return virtio_read(blk, VIRTIO_MMIO_CONFIG) | (uint64_t)virtio_read(blk, VIRTIO_MMIO_CONFIG + 4)
                                                      << 32;
}
