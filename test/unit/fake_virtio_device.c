/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtio device that the test plays. See fake_virtio_device.h. One lock makes each access and
 * each step of the device a whole, so that threads may drive it; the rings are shared with the
 * driver as with a real one.
 */
#include "fake_virtio_device.h"

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/bits.h"
#include "mm/phys.h"

enum { DESC, AVAIL, USED };

struct fake_virtio fake_virtio;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* What the specification forbids a driver. */
static void require(bool holds)
{
    if (!holds)
        abort();
}

int __real_sched_yield(void);
int __wrap_sched_yield(void);

/* Who looks at a device that never resets looks often, and waits for no other thread. */
int __wrap_sched_yield(void)
{
    return fake_virtio.never_resets ? 0 : __real_sched_yield();
}

void fake_virtio_init(uint32_t id, uint64_t features, unsigned nr_queues, uint32_t num_max)
{
    fake_virtio = (struct fake_virtio){
        .magic = UINT32_C(0x74726976), .version = 2, .id = id, .features = features};
    for (unsigned i = 0; i < nr_queues; i++)
        fake_virtio.queue[i].num_max = num_max;
    for (unsigned i = 0; i < FAKE_VIRTIO_CONFIG; i++)
        fake_virtio.config[i] = (uint8_t)(0x40 + i);
}

static void reset(void)
{
    fake_virtio.resets++;
    if (fake_virtio.never_resets)
        return;
    for (unsigned i = 0; i < FAKE_VIRTIO_QUEUES; i++)
        fake_virtio.queue[i] = (struct fake_virtio_queue){
            .num_max = fake_virtio.queue[i].num_max, .notified = fake_virtio.queue[i].notified};
    fake_virtio.status = 0;
    fake_virtio.interrupt = 0;
    fake_virtio.driver_features = 0;
}

static void write_status(uint32_t value)
{
    if (value == 0) {
        reset();
        return;
    }
    require((fake_virtio.status & ~value) == 0); /* bits are never taken away */
    if (fake_virtio.refuses_features)
        value &= ~(uint32_t)VIRTIO_CONFIG_S_FEATURES_OK;
    if ((value & VIRTIO_CONFIG_S_FEATURES_OK) != 0)
        require((fake_virtio.driver_features & ~fake_virtio.features) == 0);
    fake_virtio.status = value;
}

static struct fake_virtio_queue *selected(void)
{
    require(fake_virtio.queue_sel < FAKE_VIRTIO_QUEUES);
    return &fake_virtio.queue[fake_virtio.queue_sel];
}

static void write_queue(uint64_t offset, uint32_t value)
{
    struct fake_virtio_queue *queue = selected();
    uint64_t part = (offset - VIRTIO_MMIO_QUEUE_DESC_LOW) / 0x10;

    require((fake_virtio.status & VIRTIO_CONFIG_S_FEATURES_OK) != 0);
    require(!queue->ready && queue->num_max != 0);
    if (offset == VIRTIO_MMIO_QUEUE_NUM) {
        require(value != 0 && value <= queue->num_max && (value & (value - 1)) == 0);
        queue->num = value;
    } else if (offset == VIRTIO_MMIO_QUEUE_READY) {
        require(value == 1 && queue->num != 0);
        require(is_aligned(queue->part[DESC], VRING_DESC_ALIGN_SIZE) &&
                is_aligned(queue->part[AVAIL], VRING_AVAIL_ALIGN_SIZE) &&
                is_aligned(queue->part[USED], VRING_USED_ALIGN_SIZE));
        queue->ready = !fake_virtio.refuses_queues;
    } else {
        require(part <= USED && offset % 0x10 <= 4);
        queue->part[part] |= (uint64_t)value << (8 * (offset % 0x10));
    }
}

static void write_reg(uint64_t offset, uint32_t value)
{
    switch (offset) {
    case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
        fake_virtio.device_features_sel = value;
        break;
    case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
        fake_virtio.driver_features_sel = value;
        break;
    case VIRTIO_MMIO_DRIVER_FEATURES:
        require(fake_virtio.driver_features_sel < 2);
        fake_virtio.driver_features |= (uint64_t)value << (32 * fake_virtio.driver_features_sel);
        break;
    case VIRTIO_MMIO_QUEUE_SEL:
        fake_virtio.queue_sel = value;
        break;
    case VIRTIO_MMIO_INTERRUPT_ACK:
        fake_virtio.interrupt = (fake_virtio.interrupt & ~value) | fake_virtio.interrupts_next;
        if (!fake_virtio.interrupts_for_ever)
            fake_virtio.interrupts_next = 0;
        break;
    case VIRTIO_MMIO_STATUS:
        write_status(value);
        break;
    case VIRTIO_MMIO_QUEUE_NOTIFY:
        require(value < FAKE_VIRTIO_QUEUES);
        fake_virtio.queue[value].notified++;
        break;
    default:
        write_queue(offset, value);
    }
}

static uint32_t read_reg(uint64_t offset)
{
    switch (offset) {
    case VIRTIO_MMIO_MAGIC_VALUE:
        return fake_virtio.magic;
    case VIRTIO_MMIO_VERSION:
        return fake_virtio.version;
    case VIRTIO_MMIO_DEVICE_ID:
        return fake_virtio.id;
    case VIRTIO_MMIO_DEVICE_FEATURES:
        require(fake_virtio.device_features_sel < 2);
        return (uint32_t)(fake_virtio.features >> (32 * fake_virtio.device_features_sel));
    case VIRTIO_MMIO_QUEUE_NUM_MAX:
        return selected()->num_max;
    case VIRTIO_MMIO_QUEUE_READY:
        return selected()->ready;
    case VIRTIO_MMIO_INTERRUPT_STATUS:
        return fake_virtio.interrupt;
    case VIRTIO_MMIO_STATUS:
        return fake_virtio.status;
    case VIRTIO_MMIO_CONFIG_GENERATION:
        return fake_virtio.generation;
    default:
        abort(); /* it can't be read */
    }
}

uint64_t fake_virtio_read(pa_t reg, unsigned size)
{
    uint64_t offset = reg.v - FAKE_VIRTIO_BASE;
    uint64_t value = 0;

    require(is_aligned(reg.v, size));
    if (offset >= FAKE_VIRTIO_SIZE)
        return 0;
    pthread_mutex_lock(&lock);
    if (offset >= VIRTIO_MMIO_CONFIG) {
        memcpy(&value, &fake_virtio.config[offset - VIRTIO_MMIO_CONFIG], size);
    } else {
        require(size == sizeof(uint32_t));
        value = read_reg(offset);
    }
    pthread_mutex_unlock(&lock);
    return value;
}

void fake_virtio_write(pa_t reg, unsigned size, uint64_t value)
{
    uint64_t offset = reg.v - FAKE_VIRTIO_BASE;

    require(is_aligned(reg.v, size));
    if (offset >= FAKE_VIRTIO_SIZE)
        return;
    pthread_mutex_lock(&lock);
    if (offset >= VIRTIO_MMIO_CONFIG) {
        memcpy(&fake_virtio.config[offset - VIRTIO_MMIO_CONFIG], &value, size);
    } else {
        require(size == sizeof(uint32_t));
        write_reg(offset, (uint32_t)value);
    }
    pthread_mutex_unlock(&lock);
    if (offset == VIRTIO_MMIO_QUEUE_NOTIFY && fake_virtio.notified_fn != NULL)
        fake_virtio.notified_fn((unsigned)value);
}

static void *part(const struct fake_virtio_queue *queue, unsigned index)
{
    return pa_to_ptr(pa(queue->part[index]));
}

static bool has_event_idx(void)
{
    return (fake_virtio.driver_features & BIT(VIRTIO_RING_F_EVENT_IDX)) != 0;
}

static bool runs(const struct fake_virtio_queue *queue)
{
    return queue->ready && (fake_virtio.status & VIRTIO_CONFIG_S_DRIVER_OK) != 0;
}

static bool take_locked(struct fake_virtio_queue *queue, struct fake_virtio_chain *chain)
{
    struct vring_avail *avail = part(queue, AVAIL);
    struct vring_used *used = part(queue, USED);
    const struct vring_desc *desc = part(queue, DESC);
    uint16_t next;

    if (has_event_idx()) {
        __atomic_store_n((uint16_t *)&used->ring[queue->num], queue->next_avail, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    }
    if (__atomic_load_n(&avail->idx, __ATOMIC_ACQUIRE) == queue->next_avail)
        return false;
    next = avail->ring[queue->next_avail++ % queue->num];
    *chain = (struct fake_virtio_chain){.head = next};
    for (;;) {
        require(next < queue->num && chain->count < queue->num);
        chain->desc[chain->count] = desc[next];
        next = desc[next].next;
        if ((chain->desc[chain->count++].flags & VRING_DESC_F_NEXT) == 0)
            return true;
    }
}

bool fake_virtio_take(unsigned queue, struct fake_virtio_chain *chain)
{
    struct fake_virtio_queue *from = &fake_virtio.queue[queue];
    bool taken;

    pthread_mutex_lock(&lock);
    taken = runs(from) && take_locked(from, chain);
    pthread_mutex_unlock(&lock);
    return taken;
}

/* "Used Buffer Notification Suppression". */
static bool use_locked(struct fake_virtio_queue *queue, uint32_t id, uint32_t len)
{
    struct vring_avail *avail = part(queue, AVAIL);
    struct vring_used *used = part(queue, USED);
    uint16_t before = queue->next_used;

    used->ring[before % queue->num] = (struct vring_used_elem){id, len};
    queue->next_used++;
    __atomic_store_n(&used->idx, queue->next_used, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (has_event_idx())
        return vring_need_event(__atomic_load_n(&avail->ring[queue->num], __ATOMIC_RELAXED),
                                queue->next_used, before) != 0;
    return (__atomic_load_n(&avail->flags, __ATOMIC_RELAXED) & VRING_AVAIL_F_NO_INTERRUPT) == 0;
}

static bool use_and_interrupt(struct fake_virtio_queue *queue, uint32_t id, uint32_t len)
{
    bool wanted = runs(queue) && use_locked(queue, id, len);

    if (wanted)
        fake_virtio.interrupt |= VIRTIO_MMIO_INT_VRING;
    return wanted;
}

bool fake_virtio_use(unsigned queue, uint32_t id, uint32_t len)
{
    bool wanted;

    pthread_mutex_lock(&lock);
    wanted = use_and_interrupt(&fake_virtio.queue[queue], id, len);
    pthread_mutex_unlock(&lock);
    return wanted;
}

static uint32_t fill_writable(const struct fake_virtio_chain *chain, uint8_t byte)
{
    uint32_t written = 0;

    for (unsigned i = 0; i < chain->count; i++) {
        if ((chain->desc[i].flags & VRING_DESC_F_WRITE) == 0)
            continue;
        memset(pa_to_ptr(pa(chain->desc[i].addr)), byte, chain->desc[i].len);
        written += chain->desc[i].len;
    }
    return written;
}

bool fake_virtio_serve(unsigned queue, uint8_t byte)
{
    struct fake_virtio_queue *from = &fake_virtio.queue[queue];
    struct fake_virtio_chain chain;
    bool taken;

    pthread_mutex_lock(&lock);
    taken = runs(from) && take_locked(from, &chain);
    if (taken)
        use_and_interrupt(from, chain.head, fill_writable(&chain, byte));
    pthread_mutex_unlock(&lock);
    return taken;
}

uint32_t fake_virtio_interrupts(void)
{
    uint32_t reasons;

    pthread_mutex_lock(&lock);
    reasons = fake_virtio.interrupt;
    pthread_mutex_unlock(&lock);
    return reasons;
}

void fake_virtio_interrupt(uint32_t reasons)
{
    pthread_mutex_lock(&lock);
    fake_virtio.interrupt |= reasons;
    pthread_mutex_unlock(&lock);
}

void fake_virtio_need_reset(void)
{
    pthread_mutex_lock(&lock);
    fake_virtio.status |= VIRTIO_CONFIG_S_NEEDS_RESET;
    fake_virtio.interrupt |= VIRTIO_MMIO_INT_CONFIG;
    pthread_mutex_unlock(&lock);
}
