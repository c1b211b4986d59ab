/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Driving a virtio device: first its registers, then a ring. See virtio_driver.h. What the device
 * writes is checked: it may be wrong, as a guest may.
 */
#include "drv/virtio_driver.h"

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>

#include "barrier.h"
#include "cpu.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "lib/virtio_abi.h"
#include "mm/io.h"

/* Looks at Status until a reset is done: a device that takes longer is broken. */
#define RESET_LOOKS 1000000

/* At InterruptStatus: one that has reasons for ever is broken, too. */
#define REASON_LOOKS 16

static uint32_t get_reg(const struct virtio_driver *driver, uint64_t offset)
{
    return io_read32(io_reg(driver->regs, offset));
}

static void set_reg(const struct virtio_driver *driver, uint64_t offset, uint32_t value)
{
    io_write32(io_reg(driver->regs, offset), value);
}

static void write_address(const struct virtio_driver *driver, uint64_t offset, const void *at)
{
    uint64_t address = ptr_to_pa(at).v;

    set_reg(driver, offset, (uint32_t)address);
    set_reg(driver, offset + 4, (uint32_t)(address >> 32));
}

static void add_status(const struct virtio_driver *driver, uint32_t bits)
{
    set_reg(driver, VIRTIO_MMIO_STATUS, get_reg(driver, VIRTIO_MMIO_STATUS) | bits);
}

static uint64_t read_features(const struct virtio_driver *driver)
{
    uint64_t features;

    set_reg(driver, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
    features = (uint64_t)get_reg(driver, VIRTIO_MMIO_DEVICE_FEATURES) << 32;
    set_reg(driver, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
    return features | get_reg(driver, VIRTIO_MMIO_DEVICE_FEATURES);
}

static void write_features(const struct virtio_driver *driver, uint64_t features)
{
    for (uint32_t half = 0; half < 2; half++) {
        set_reg(driver, VIRTIO_MMIO_DRIVER_FEATURES_SEL, half);
        set_reg(driver, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> (32 * half)));
    }
}

/* QueueNumMax of queue `index`; 0: there is no such queue. */
static uint32_t queue_max(const struct virtio_driver *driver, unsigned index)
{
    set_reg(driver, VIRTIO_MMIO_QUEUE_SEL, index);
    return get_reg(driver, VIRTIO_MMIO_QUEUE_NUM_MAX);
}

/* How many queues there are, and the size that each can have. */
static void count_queues(struct virtio_driver *driver)
{
    uint32_t smallest = VIRTIO_RING_SIZE;
    uint32_t max;

    driver->nr_queues = 0;
    while (driver->nr_queues < VIRTIO_MAX_QUEUES &&
           (max = queue_max(driver, driver->nr_queues)) != 0) {
        smallest = max < smallest ? max : smallest;
        driver->nr_queues++;
    }
    while ((smallest & (smallest - 1)) != 0)
        smallest &= smallest - 1; /* the largest power of two in it */
    driver->queue_size = (uint16_t)smallest;
}

int virtio_driver_open(struct virtio_driver *driver, struct pa_range regs)
{
    int err;

    *driver =
        (struct virtio_driver){.regs = regs.base, .config_size = regs.size - VIRTIO_MMIO_CONFIG};
    driver->id = get_reg(driver, VIRTIO_MMIO_DEVICE_ID);
    if (get_reg(driver, VIRTIO_MMIO_MAGIC_VALUE) != VIRTIO_MAGIC || driver->id == 0)
        return -ERR_NOENT;
    if (get_reg(driver, VIRTIO_MMIO_VERSION) != VIRTIO_VERSION)
        return -ERR_UNSUPPORTED;
    err = virtio_driver_reset(driver);
    if (err != 0)
        return err;
    driver->features = read_features(driver);
    count_queues(driver);
    return driver->nr_queues != 0 ? 0 : -ERR_UNSUPPORTED;
}

int virtio_driver_reset(const struct virtio_driver *driver)
{
    set_reg(driver, VIRTIO_MMIO_STATUS, 0);
    for (unsigned i = 0; i < RESET_LOOKS; i++) {
        if (get_reg(driver, VIRTIO_MMIO_STATUS) == 0)
            return 0;
        cpu_relax();
    }
    return -ERR_INVAL;
}

int virtio_driver_negotiate(struct virtio_driver *driver, uint64_t features)
{
    uint64_t own = BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_RING_F_EVENT_IDX);
    int err = virtio_driver_reset(driver);

    if (err != 0)
        return err;
    features = (features | own) & driver->features;
    driver->event_idx = (features & BIT(VIRTIO_RING_F_EVENT_IDX)) != 0;
    add_status(driver, VIRTIO_CONFIG_S_ACKNOWLEDGE);
    add_status(driver, VIRTIO_CONFIG_S_DRIVER);
    write_features(driver, features);
    add_status(driver, VIRTIO_CONFIG_S_FEATURES_OK);
    if ((get_reg(driver, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK) == 0)
        return -ERR_UNSUPPORTED;
    return 0;
}

static void init_ring(struct virtio_ring *ring, uint16_t size, bool event_idx)
{
    memset(ring, 0, sizeof(*ring));
    for (uint16_t i = 0; i < size; i++)
        ring->desc[i].next = (uint16_t)(i + 1);
    ring->nr_free = size;
    ring->size = size;
    ring->event_idx = event_idx;
}

int virtio_driver_add_queue(const struct virtio_driver *driver, unsigned index,
                            struct virtio_ring *ring)
{
    init_ring(ring, driver->queue_size, driver->event_idx);
    if (queue_max(driver, index) < driver->queue_size)
        return -ERR_INVAL;
    set_reg(driver, VIRTIO_MMIO_QUEUE_NUM, driver->queue_size);
    write_address(driver, VIRTIO_MMIO_QUEUE_DESC_LOW, ring->desc);
    write_address(driver, VIRTIO_MMIO_QUEUE_AVAIL_LOW, &ring->avail);
    write_address(driver, VIRTIO_MMIO_QUEUE_USED_LOW, &ring->used);
    io_barrier(); /* the ring is empty before the device may look at it */
    set_reg(driver, VIRTIO_MMIO_QUEUE_READY, 1);
    return get_reg(driver, VIRTIO_MMIO_QUEUE_READY) == 1 ? 0 : -ERR_INVAL;
}

void virtio_driver_start(const struct virtio_driver *driver)
{
    add_status(driver, VIRTIO_CONFIG_S_DRIVER_OK);
}

bool virtio_driver_needs_reset(const struct virtio_driver *driver)
{
    return (get_reg(driver, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET) != 0;
}

/*
 * Until none is left: for a reason that comes between a look and its InterruptACK the line stays
 * high, and that is no edge. As a level such a line can't be taken: that of a QEMU device which
 * needs a reset stays high whatever is acknowledged.
 */
uint32_t virtio_driver_acknowledge(const struct virtio_driver *driver)
{
    uint32_t reasons = 0;

    for (unsigned i = 0; i < REASON_LOOKS; i++) {
        uint32_t more = get_reg(driver, VIRTIO_MMIO_INTERRUPT_STATUS);

        if (more == 0)
            break;
        set_reg(driver, VIRTIO_MMIO_INTERRUPT_ACK, more);
        reasons |= more;
    }
    io_barrier(); /* it is acknowledged before the rings are read: what comes later interrupts */
    return reasons;
}

void virtio_driver_notify(const struct virtio_driver *driver, unsigned index)
{
    io_barrier(); /* the chains are there before the device hears of them */
    set_reg(driver, VIRTIO_MMIO_QUEUE_NOTIFY, index);
}

void virtio_driver_config(const struct virtio_driver *driver, struct mmio_access *access)
{
    unsigned step = access->size < sizeof(uint32_t) ? access->size : sizeof(uint32_t);
    uint64_t value = 0;

    if (!is_aligned(access->offset, step))
        step = 1;
    for (unsigned at = 0; at < access->size; at += step) {
        uint64_t offset = access->offset + at;

        if (offset >= driver->config_size || step > driver->config_size - offset)
            break;
        if (access->write)
            io_write(io_reg(driver->regs, VIRTIO_MMIO_CONFIG + offset), step,
                     access->value >> (8 * at));
        else
            value |= io_read(io_reg(driver->regs, VIRTIO_MMIO_CONFIG + offset), step) << (8 * at);
    }
    if (!access->write)
        access->value = value;
}

uint32_t virtio_driver_generation(const struct virtio_driver *driver)
{
    return get_reg(driver, VIRTIO_MMIO_CONFIG_GENERATION);
}

/* Where the device says up to which chain it need not be told, and where we say that. */
static __virtio16 *next_avail_event(struct virtio_ring *ring)
{
    return (__virtio16 *)&ring->used.ring[ring->size];
}

static __virtio16 *next_used_event(struct virtio_ring *ring)
{
    return &ring->avail.ring[ring->size];
}

int virtio_ring_add(struct virtio_ring *ring, const struct virtq_chain *chain)
{
    uint16_t head = ring->free, last = head;

    if (chain->nr_segs > ring->nr_free)
        return -ERR_NOMEM;
    for (unsigned i = 0; i < chain->nr_segs; i++) {
        struct vring_desc *desc = &ring->desc[ring->free];

        last = ring->free;
        desc->addr = ptr_to_pa(chain->seg[i].ptr).v;
        desc->len = chain->seg[i].len;
        desc->flags = VRING_DESC_F_NEXT | (i < chain->nr_read ? (__virtio16)0 : VRING_DESC_F_WRITE);
        ring->free = desc->next;
    }
    ring->desc[last].flags &= (__virtio16)~VRING_DESC_F_NEXT;
    ring->nr_free = (uint16_t)(ring->nr_free - chain->nr_segs);
    ring->chain[head] = (struct virtio_ring_chain){
        chain->nr_segs, chain->head, last,
        chain->write_len < UINT32_MAX ? (uint32_t)chain->write_len : UINT32_MAX};
    ring->avail.ring[ring->next_avail & (ring->size - 1)] = head;
    ring->next_avail++;
    return 0;
}

bool virtio_ring_publish(struct virtio_ring *ring)
{
    uint16_t before = ring->told_avail;

    /* The release orders descriptors and entries before the index that offers them. */
    __atomic_store_n(&ring->avail.idx, ring->next_avail, __ATOMIC_RELEASE);
    ring->told_avail = ring->next_avail;
    mem_barrier(); /* our index before the look at the device's wish, as in virtq_rearm() */
    if (ring->event_idx)
        return vring_need_event(__atomic_load_n(next_avail_event(ring), __ATOMIC_RELAXED),
                                ring->next_avail, before) != 0;
    return (__atomic_load_n(&ring->used.flags, __ATOMIC_RELAXED) & VRING_USED_F_NO_NOTIFY) == 0;
}

/* The chain's descriptors are free again: they are linked still. */
static void free_chain(struct virtio_ring *ring, uint16_t head)
{
    struct virtio_ring_chain *chain = &ring->chain[head];

    ring->desc[chain->last].next = ring->free;
    ring->free = head;
    ring->nr_free = (uint16_t)(ring->nr_free + chain->count);
    chain->count = 0;
}

/* Has the device handed one back? If not, it shall interrupt at the next. */
static bool has_used(struct virtio_ring *ring)
{
    /* The acquire orders it before the reading of what it covers. */
    if (__atomic_load_n(&ring->used.idx, __ATOMIC_ACQUIRE) != ring->next_used)
        return true;
    if (!ring->event_idx)
        return false;
    __atomic_store_n(next_used_event(ring), ring->next_used, __ATOMIC_RELAXED);
    mem_barrier(); /* our wish before a last look, the device's index before its look at the wish */
    return __atomic_load_n(&ring->used.idx, __ATOMIC_ACQUIRE) != ring->next_used;
}

int virtio_ring_take(struct virtio_ring *ring, uint16_t *tag, uint32_t *written)
{
    struct vring_used_elem elem;
    struct virtio_ring_chain *chain;

    if (ring->size == 0 || !has_used(ring))
        return -ERR_NOENT;
    elem = ring->used.ring[ring->next_used & (ring->size - 1)];
    compiler_barrier(); /* what is checked is this copy */
    if (elem.id >= ring->size || ring->chain[elem.id].count == 0)
        return -ERR_INVAL;
    chain = &ring->chain[elem.id];
    *tag = chain->tag;
    *written = elem.len < chain->write_len ? elem.len : chain->write_len;
    free_chain(ring, (uint16_t)elem.id);
    ring->next_used++;
    return 0;
}

unsigned virtio_ring_drop(struct virtio_ring *ring)
{
    unsigned lost = 0;

    for (unsigned i = 0; i < ring->size; i++)
        lost += ring->chain[i].count != 0 ? 1 : 0;
    ring->size = 0;
    return lost;
}
