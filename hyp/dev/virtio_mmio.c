/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtio-mmio transport: the register file, feature negotiation, the device status, and
 * the interrupt. trap/mmio_bus.c calls virtio_mmio_access(); a notification goes on to
 * the device, which answers what became of the queue. The numbers are Linux's
 * virtio_mmio.h and linux/virtio_config.h.
 */
#include "dev/virtio_mmio.h"

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <stddef.h>

#include "lib/bits.h"

#define MAGIC_VALUE UINT32_C(0x74726976) /* "virt" */
#define VENDOR_ID   UINT32_C(0x50415254) /* "TRAP" */
#define VERSION     2

/* What the driver may set in Status; NEEDS_RESET is the device's. */
#define STATUS_DRIVER_BITS                                                                         \
    (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK |          \
     VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_FAILED)

#define TRANSPORT_FEATURES                                                                         \
    (BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_RING_F_INDIRECT_DESC) | BIT(VIRTIO_RING_F_EVENT_IDX))

static uint64_t offered_features(const struct virtio_mmio *slot)
{
    return slot->device->features | TRANSPORT_FEATURES;
}

static void raise_interrupt(struct virtio_mmio *slot, uint32_t reason)
{
    if (slot->interrupt_status == 0)
        irq_line_set(&slot->line, true);
    slot->interrupt_status |= reason;
}

/* "Device Status Field", DEVICE_NEEDS_RESET: the driver hears of it once it is running. */
static void need_reset(struct virtio_mmio *slot)
{
    slot->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
    if ((slot->status & VIRTIO_CONFIG_S_DRIVER_OK) != 0)
        raise_interrupt(slot, VIRTIO_MMIO_INT_CONFIG);
}

static bool is_running(const struct virtio_mmio *slot)
{
    const uint32_t mask =
        VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED;

    return (slot->status & mask) == VIRTIO_CONFIG_S_DRIVER_OK;
}

static void notify(struct virtio_mmio *slot, uint32_t index)
{
    struct virtq *vq;
    enum virtio_outcome outcome;

    if (!is_running(slot) || index >= slot->device->nr_queues)
        return;
    vq = &slot->queue[index].vq;
    if (!virtq_is_ready(vq))
        return;

    slot->unfinished &= ~(1U << index);
    outcome = slot->device->notify_fn(slot->device->ctx, index, vq);
    if (outcome == VIRTIO_MORE)
        slot->unfinished |= 1U << index;
    /* An interrupt is sure to come for chains that are left: its acknowledgement resumes them. */
    if (virtq_wants_interrupt(vq) || outcome == VIRTIO_MORE)
        raise_interrupt(slot, VIRTIO_MMIO_INT_VRING);
    if (outcome == VIRTIO_BROKEN)
        need_reset(slot);
}

static void acknowledge(struct virtio_mmio *slot, uint32_t reasons)
{
    uint32_t unfinished = slot->unfinished;

    if (slot->interrupt_status != 0) {
        slot->interrupt_status &= ~reasons;
        if (slot->interrupt_status == 0)
            irq_line_set(&slot->line, false);
    }
    for (uint32_t i = 0; unfinished != 0; i++, unfinished >>= 1) {
        if ((unfinished & 1) != 0)
            notify(slot, i);
    }
}

static void reset_locked(struct virtio_mmio *slot)
{
    slot->driver_features = 0;
    slot->device_features_sel = 0;
    slot->driver_features_sel = 0;
    slot->queue_sel = 0;
    slot->status = 0;
    slot->interrupt_status = 0;
    slot->unfinished = 0;
    for (unsigned i = 0; i < VIRTIO_MMIO_MAX_QUEUES; i++)
        slot->queue[i] = (struct virtio_mmio_queue){0};
    irq_line_set(&slot->line, false);
}

/* "Driver Requirements: Feature Bits" and "Reserved Feature Bits": no others, and VERSION_1. */
static bool features_are_acceptable(const struct virtio_mmio *slot)
{
    return (slot->driver_features & ~offered_features(slot)) == 0 &&
           (slot->driver_features & BIT(VIRTIO_F_VERSION_1)) != 0;
}

/*
 * "Device Initialization": bits are only ever added; FEATURES_OK stays clear when the device
 * cannot accept the driver's features, and DRIVER_OK without FEATURES_OK.
 */
static void write_status(struct virtio_mmio *slot, uint32_t value)
{
    uint32_t added = value & STATUS_DRIVER_BITS & ~slot->status;

    if (value == 0) {
        reset_locked(slot);
        return;
    }
    if (!features_are_acceptable(slot))
        added &= ~(uint32_t)VIRTIO_CONFIG_S_FEATURES_OK;
    if (((slot->status | added) & VIRTIO_CONFIG_S_FEATURES_OK) == 0)
        added &= ~(uint32_t)VIRTIO_CONFIG_S_DRIVER_OK;
    slot->status |= added;
    if ((added & VIRTIO_CONFIG_S_DRIVER_OK) != 0 &&
        (slot->status & VIRTIO_CONFIG_S_NEEDS_RESET) != 0)
        raise_interrupt(slot, VIRTIO_MMIO_INT_CONFIG);
}

static void write_driver_features(struct virtio_mmio *slot, uint32_t value)
{
    unsigned shift = 32 * slot->driver_features_sel;

    if (slot->driver_features_sel > 1 || (slot->status & VIRTIO_CONFIG_S_FEATURES_OK) != 0)
        return;
    slot->driver_features &= ~((uint64_t)UINT32_MAX << shift);
    slot->driver_features |= (uint64_t)value << shift;
}

static uint32_t read_device_features(const struct virtio_mmio *slot)
{
    if (slot->device_features_sel > 1)
        return 0;
    return (uint32_t)(offered_features(slot) >> (32 * slot->device_features_sel));
}

/* The queue that QueueSel selects, or NULL where the device has none. */
static struct virtio_mmio_queue *selected_queue(struct virtio_mmio *slot)
{
    return slot->queue_sel < slot->device->nr_queues ? &slot->queue[slot->queue_sel] : NULL;
}

/* What a queue lacks shows as NEEDS_RESET, since a driver need not read QueueReady back. */
static void write_queue_ready(struct virtio_mmio *slot, struct virtio_mmio_queue *queue,
                              uint32_t value)
{
    if ((value & 1) == 0) {
        virtq_reset(&queue->vq);
        return;
    }
    if (virtq_is_ready(&queue->vq) || (slot->status & VIRTIO_CONFIG_S_FEATURES_OK) == 0)
        return;
    if (virtq_setup(&queue->vq, slot->mem, &queue->layout, slot->driver_features) != 0)
        need_reset(slot);
}

static void set_low(uint64_t *v, uint32_t low)
{
    *v = (*v & ~(uint64_t)UINT32_MAX) | low;
}

static void set_high(uint64_t *v, uint32_t high)
{
    *v = (*v & UINT32_MAX) | (uint64_t)high << 32;
}

/* The registers of the selected queue. While it is ready, only QueueReady can be written. */
static void write_queue_reg(struct virtio_mmio *slot, uint64_t offset, uint32_t value)
{
    struct virtio_mmio_queue *queue = selected_queue(slot);
    struct virtq_layout *layout;

    if (queue == NULL)
        return;
    if (offset == VIRTIO_MMIO_QUEUE_READY) {
        write_queue_ready(slot, queue, value);
        return;
    }
    if (virtq_is_ready(&queue->vq))
        return;
    layout = &queue->layout;
    switch (offset) {
    case VIRTIO_MMIO_QUEUE_NUM:
        layout->size = value;
        break;
    case VIRTIO_MMIO_QUEUE_DESC_LOW:
        set_low(&layout->desc.v, value);
        break;
    case VIRTIO_MMIO_QUEUE_DESC_HIGH:
        set_high(&layout->desc.v, value);
        break;
    case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
        set_low(&layout->avail.v, value);
        break;
    case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
        set_high(&layout->avail.v, value);
        break;
    case VIRTIO_MMIO_QUEUE_USED_LOW:
        set_low(&layout->used.v, value);
        break;
    case VIRTIO_MMIO_QUEUE_USED_HIGH:
        set_high(&layout->used.v, value);
        break;
    default:
        break;
    }
}

static void write_reg(struct virtio_mmio *slot, uint64_t offset, uint32_t value)
{
    switch (offset) {
    case VIRTIO_MMIO_QUEUE_NOTIFY:
        notify(slot, value);
        break;
    case VIRTIO_MMIO_INTERRUPT_ACK:
        acknowledge(slot, value);
        break;
    case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
        slot->device_features_sel = value;
        break;
    case VIRTIO_MMIO_DRIVER_FEATURES:
        write_driver_features(slot, value);
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
        write_queue_reg(slot, offset, value);
        break;
    }
}

static uint32_t read_reg(struct virtio_mmio *slot, uint64_t offset)
{
    const struct virtio_mmio_queue *queue = selected_queue(slot);

    switch (offset) {
    case VIRTIO_MMIO_INTERRUPT_STATUS:
        return slot->interrupt_status;
    case VIRTIO_MMIO_MAGIC_VALUE:
        return MAGIC_VALUE;
    case VIRTIO_MMIO_VERSION:
        return VERSION;
    case VIRTIO_MMIO_DEVICE_ID:
        return slot->device->id;
    case VIRTIO_MMIO_VENDOR_ID:
        return VENDOR_ID;
    case VIRTIO_MMIO_DEVICE_FEATURES:
        return read_device_features(slot);
    case VIRTIO_MMIO_QUEUE_NUM_MAX:
        return queue != NULL ? VIRTQ_MAX_SIZE : 0;
    case VIRTIO_MMIO_QUEUE_READY:
        return queue != NULL && virtq_is_ready(&queue->vq);
    case VIRTIO_MMIO_STATUS:
        return slot->status;
    case VIRTIO_MMIO_SHM_LEN_LOW:
    case VIRTIO_MMIO_SHM_LEN_HIGH:
    case VIRTIO_MMIO_SHM_BASE_LOW:
    case VIRTIO_MMIO_SHM_BASE_HIGH:
        return UINT32_MAX; /* no such shared memory region */
    default:
        return 0; /* ConfigGeneration too: the configuration never changes */
    }
}

/* Bytes past the device's configuration read as 0. `offset` counts from its start. */
static uint64_t read_config(const struct virtio_device *device, uint64_t offset, unsigned size)
{
    const uint8_t *config = device->config;
    uint64_t value = 0;

    for (unsigned i = 0; i < size && offset + i < device->config_size; i++)
        value |= (uint64_t)config[offset + i] << (8 * i);
    return value;
}

/* "MMIO Device Register Layout": an empty slot can be told by its DeviceID, 0. */
static uint32_t read_empty(uint64_t offset)
{
    switch (offset) {
    case VIRTIO_MMIO_MAGIC_VALUE:
        return MAGIC_VALUE;
    case VIRTIO_MMIO_VERSION:
        return VERSION;
    case VIRTIO_MMIO_VENDOR_ID:
        return VENDOR_ID;
    default:
        return 0;
    }
}

static void access_register(struct virtio_mmio *slot, struct mmio_access *access)
{
    if (slot->device == NULL) {
        access->value = read_empty(access->offset);
        return;
    }
    spin_lock(&slot->lock);
    if (access->write)
        write_reg(slot, access->offset, (uint32_t)access->value);
    else
        access->value = read_reg(slot, access->offset);
    spin_unlock(&slot->lock);
}

enum mmio_result virtio_mmio_access(void *dev, struct mmio_access *access)
{
    struct virtio_mmio *slot = dev;

    if (access->offset < VIRTIO_MMIO_CONFIG && access->size == 4 && is_aligned(access->offset, 4))
        access_register(slot, access);
    else if (access->offset >= VIRTIO_MMIO_CONFIG && slot->device != NULL && !access->write)
        access->value =
            read_config(slot->device, access->offset - VIRTIO_MMIO_CONFIG, access->size);
    else
        access->value = 0;
    return MMIO_OK;
}

void virtio_mmio_init_empty(struct virtio_mmio *slot)
{
    *slot = (struct virtio_mmio){0};
}

void virtio_mmio_init(struct virtio_mmio *slot, const struct virtio_device *device,
                      const struct guest_mem *mem, const struct irq_line *line)
{
    *slot = (struct virtio_mmio){.device = device, .mem = mem, .line = *line};
}

void virtio_mmio_reset(struct virtio_mmio *slot)
{
    if (slot->device == NULL)
        return;
    spin_lock(&slot->lock);
    reset_locked(slot);
    spin_unlock(&slot->lock);
}
