/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver's set-up of a virtio-mmio transport: features, the device status, queues, reset. See
 * virtio_setup.h; virtio_mmio.c has the other registers, and virtio_queue.c starts and stops the
 * queues. A backend with a device of its own hears of each step.
 */
#include "dev/virtio_setup.h"

#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <stddef.h>

#include "dev/virtio_mmio.h"
#include "lib/bits.h"

#define QUEUE_ADDR_STRIDE (VIRTIO_MMIO_QUEUE_AVAIL_LOW - VIRTIO_MMIO_QUEUE_DESC_LOW)

/* What the driver may set in Status; NEEDS_RESET is the device's. */
#define STATUS_DRIVER_BITS                                                                         \
    (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK |          \
     VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_FAILED)

#define TRANSPORT_FEATURES                                                                         \
    (BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_RING_F_INDIRECT_DESC) | BIT(VIRTIO_RING_F_EVENT_IDX))

static uint64_t offered_features(const struct virtio_mmio *slot)
{
    return slot->backend->features | TRANSPORT_FEATURES;
}

/* The setup_lock is held: no driver sets up anew before Status reads 0, which says that all is
 * done. */
static void reset_locked(struct virtio_mmio *slot)
{
    const struct virtio_backend *backend = slot->backend;

    virtio_queue_stop(slot, 0, backend->nr_queues);
    if (backend->ops->reset_fn != NULL)
        backend->ops->reset_fn(backend->ctx);
    for (unsigned i = 0; i < backend->nr_queues; i++) {
        slot->queue[i].layout = (struct virtq_layout){0};
        __atomic_store_n(&slot->queue[i].unfinished, false, __ATOMIC_RELAXED);
    }
    slot->driver_features = 0;
    slot->device_features_sel = 0;
    slot->driver_features_sel = 0;
    slot->queue_sel = 0;
    __atomic_store_n(&slot->unfinished, false, __ATOMIC_RELAXED);
    spin_lock(&slot->lock);
    __atomic_store_n(&slot->interrupt_status, 0, __ATOMIC_RELEASE);
    irq_line_set(&slot->line, false);
    __atomic_store_n(&slot->status, 0, __ATOMIC_RELEASE);
    spin_unlock(&slot->lock);
}

/* "Driver Requirements: Feature Bits" and "Reserved Feature Bits": no others, and VERSION_1. */
static bool features_are_acceptable(const struct virtio_mmio *slot)
{
    const struct virtio_backend *backend = slot->backend;

    return (slot->driver_features & ~offered_features(slot)) == 0 &&
           (slot->driver_features & BIT(VIRTIO_F_VERSION_1)) != 0 &&
           (backend->ops->accept_fn == NULL ||
            backend->ops->accept_fn(backend->ctx, slot->driver_features));
}

static void start_backend(const struct virtio_backend *backend)
{
    if (backend->ops->start_fn != NULL)
        backend->ops->start_fn(backend->ctx);
}

/* They are negotiated, for good. */
static bool has_features(const struct virtio_mmio *slot)
{
    return (__atomic_load_n(&slot->status, __ATOMIC_RELAXED) & VIRTIO_CONFIG_S_FEATURES_OK) != 0;
}

/*
 * "Device Initialization": bits are only ever added; FEATURES_OK stays clear when the device
 * cannot accept the driver's features, and DRIVER_OK without FEATURES_OK.
 */
static void write_status(struct virtio_mmio *slot, uint32_t value)
{
    uint32_t before = __atomic_load_n(&slot->status, __ATOMIC_RELAXED);
    uint32_t added = value & STATUS_DRIVER_BITS & ~before;

    if (value == 0) {
        reset_locked(slot);
        return;
    }
    if ((added & VIRTIO_CONFIG_S_FEATURES_OK) != 0 && !features_are_acceptable(slot))
        added &= ~(uint32_t)VIRTIO_CONFIG_S_FEATURES_OK;
    if (((before | added) & VIRTIO_CONFIG_S_FEATURES_OK) == 0)
        added &= ~(uint32_t)VIRTIO_CONFIG_S_DRIVER_OK;
    if ((added & VIRTIO_CONFIG_S_DRIVER_OK) != 0)
        start_backend(slot->backend);
    before = __atomic_fetch_or(&slot->status, added, __ATOMIC_ACQ_REL);
    if ((added & VIRTIO_CONFIG_S_DRIVER_OK) != 0 && (before & VIRTIO_CONFIG_S_NEEDS_RESET) != 0)
        virtio_mmio_interrupt(slot, VIRTIO_MMIO_INT_CONFIG);
}

/* `half` 0 is the lower. */
static void set_half(uint64_t *v, unsigned half, uint32_t value)
{
    unsigned shift = 32 * half;

    *v = (*v & ~((uint64_t)UINT32_MAX << shift)) | (uint64_t)value << shift;
}

static uint32_t read_device_features(const struct virtio_mmio *slot)
{
    if (slot->device_features_sel > 1)
        return 0;
    return (uint32_t)(offered_features(slot) >> (32 * slot->device_features_sel));
}

/* Does the device have the queue that QueueSel selects? */
static bool has_queue(const struct virtio_mmio *slot)
{
    return slot->queue_sel < slot->backend->nr_queues;
}

static bool selected_is_ready(const struct virtio_mmio *slot)
{
    return virtq_is_ready(&slot->queue[slot->queue_sel].vq);
}

/* What a queue lacks shows as NEEDS_RESET, since a driver need not read QueueReady back. */
static void write_queue_ready(struct virtio_mmio *slot, uint32_t value)
{
    if ((value & 1) == 0)
        virtio_queue_stop(slot, slot->queue_sel, 1);
    else if (!selected_is_ready(slot) && has_features(slot) &&
             virtio_queue_start(slot, slot->queue_sel) != 0)
        virtio_mmio_need_reset(slot);
}

/* From QUEUE_DESC_LOW on: the addresses of the three rings, each in two halves. */
static void write_queue_addr(struct virtq_layout *layout, uint64_t offset, uint32_t value)
{
    ipa_t *const ring[] = {&layout->desc, &layout->avail, &layout->used};
    uint64_t i = (offset - VIRTIO_MMIO_QUEUE_DESC_LOW) / QUEUE_ADDR_STRIDE;
    uint64_t half = offset % QUEUE_ADDR_STRIDE / 4;

    if (i < ARRAY_SIZE(ring) && half < 2)
        set_half(&ring[i]->v, (unsigned)half, value);
}

/* The registers of the selected queue. While it is ready, only QueueReady can be written. */
static void write_queue_reg(struct virtio_mmio *slot, uint64_t offset, uint32_t value)
{
    struct virtq_layout *layout = &slot->queue[slot->queue_sel].layout;

    if (offset == VIRTIO_MMIO_QUEUE_READY)
        write_queue_ready(slot, value);
    else if (selected_is_ready(slot))
        return;
    else if (offset == VIRTIO_MMIO_QUEUE_NUM)
        layout->size = value;
    else
        write_queue_addr(layout, offset, value);
}

static void write_locked(struct virtio_mmio *slot, uint64_t offset, uint32_t value)
{
    switch (offset) {
    case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
        slot->device_features_sel = value;
        break;
    case VIRTIO_MMIO_DRIVER_FEATURES:
        if (slot->driver_features_sel < 2 && !has_features(slot))
            set_half(&slot->driver_features, slot->driver_features_sel, value);
        break;
    case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
        slot->driver_features_sel = value;
        break;
    case VIRTIO_MMIO_QUEUE_SEL:
        slot->queue_sel = value;
        break;
    case VIRTIO_MMIO_STATUS:
        write_status(slot, value);
        break;
    default:
        if (has_queue(slot))
            write_queue_reg(slot, offset, value);
        break;
    }
}

static uint32_t read_locked(struct virtio_mmio *slot, uint64_t offset)
{
    switch (offset) {
    case VIRTIO_MMIO_DEVICE_FEATURES:
        return read_device_features(slot);
    case VIRTIO_MMIO_QUEUE_NUM_MAX:
        return has_queue(slot) ? slot->backend->queue_size : 0;
    case VIRTIO_MMIO_QUEUE_READY:
        return has_queue(slot) && selected_is_ready(slot);
    default:
        return 0;
    }
}

void virtio_setup_write(struct virtio_mmio *slot, uint64_t offset, uint32_t value)
{
    spin_lock(&slot->setup_lock);
    write_locked(slot, offset, value);
    spin_unlock(&slot->setup_lock);
}

uint32_t virtio_setup_read(struct virtio_mmio *slot, uint64_t offset)
{
    uint32_t value;

    spin_lock(&slot->setup_lock);
    value = read_locked(slot, offset);
    spin_unlock(&slot->setup_lock);
    return value;
}

void virtio_setup_reset(struct virtio_mmio *slot)
{
    spin_lock(&slot->setup_lock);
    reset_locked(slot);
    spin_unlock(&slot->setup_lock);
}
