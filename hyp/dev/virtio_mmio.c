/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtio-mmio transport: the register file, feature negotiation, the device status, the
 * configuration space and the interrupt. trap/abort.c calls virtio_mmio_access(); a
 * notification goes on to virtio_queue.c. The numbers are Linux's linux/virtio_mmio.h and
 * linux/virtio_config.h.
 */
#include "dev/virtio_mmio.h"

#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <stddef.h>

#include "lib/bits.h"
#include "lib/string.h"

#define MAGIC_VALUE UINT32_C(0x74726976) /* "virt" */
#define VENDOR_ID   UINT32_C(0x50415254) /* "TRAP" */
#define VERSION     2

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

/* InterruptStatus before the wire: who comes because of the wire shall find it. */
static void interrupt_locked(struct virtio_mmio *slot, uint32_t reason)
{
    uint32_t before = slot->interrupt_status;

    __atomic_store_n(&slot->interrupt_status, before | reason, __ATOMIC_RELEASE);
    if (before == 0)
        irq_line_set(&slot->line, true);
}

void virtio_mmio_interrupt(struct virtio_mmio *slot, uint32_t reason)
{
    spin_lock(&slot->lock);
    interrupt_locked(slot, reason);
    spin_unlock(&slot->lock);
}

/* Only a running driver hears of changes; a reset takes DRIVER_OK away under the lock. */
static void tell_config_locked(struct virtio_mmio *slot)
{
    if ((__atomic_load_n(&slot->status, __ATOMIC_RELAXED) & VIRTIO_CONFIG_S_DRIVER_OK) != 0)
        interrupt_locked(slot, VIRTIO_MMIO_INT_CONFIG);
}

void virtio_mmio_need_reset(struct virtio_mmio *slot)
{
    __atomic_fetch_or(&slot->status, VIRTIO_CONFIG_S_NEEDS_RESET, __ATOMIC_ACQ_REL);
    virtio_mmio_tell_config(slot);
}

void virtio_mmio_tell_config(struct virtio_mmio *slot)
{
    spin_lock(&slot->lock);
    tell_config_locked(slot);
    spin_unlock(&slot->lock);
}

void virtio_mmio_set_config(struct virtio_mmio *slot, unsigned offset, const void *bytes,
                            unsigned size)
{
    spin_lock(&slot->lock);
    memcpy((uint8_t *)slot->backend->config + offset, bytes, size);
    __atomic_store_n(&slot->generation, slot->generation + 1, __ATOMIC_RELEASE);
    tell_config_locked(slot);
    spin_unlock(&slot->lock);
}

void virtio_mmio_resume_later(struct virtio_mmio *slot, unsigned index)
{
    __atomic_store_n(&slot->queue[index].unfinished, true, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->unfinished, true, __ATOMIC_RELEASE);
}

/* The release and the acquire: who sees the slot's mark sees its queue's. */
static void resume(struct virtio_mmio *slot)
{
    if (!__atomic_exchange_n(&slot->unfinished, false, __ATOMIC_ACQUIRE))
        return;
    for (unsigned i = 0; i < slot->backend->nr_queues; i++) {
        if (__atomic_exchange_n(&slot->queue[i].unfinished, false, __ATOMIC_RELAXED))
            virtio_queue_serve(slot, i);
    }
}

static void acknowledge(struct virtio_mmio *slot, uint32_t reasons)
{
    spin_lock(&slot->lock);
    if (slot->interrupt_status != 0) {
        __atomic_store_n(&slot->interrupt_status, slot->interrupt_status & ~reasons,
                         __ATOMIC_RELEASE);
        if (slot->interrupt_status == 0)
            irq_line_set(&slot->line, false);
    }
    spin_unlock(&slot->lock);
    if (__atomic_load_n(&slot->unfinished, __ATOMIC_RELAXED))
        resume(slot);
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

static void write_setup_reg(struct virtio_mmio *slot, uint64_t offset, uint32_t value)
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

static void write_slot_reg(struct virtio_mmio *slot, uint64_t offset, uint32_t value)
{
    switch (offset) {
    case VIRTIO_MMIO_QUEUE_NOTIFY:
        if (value < slot->backend->nr_queues)
            virtio_queue_serve(slot, value);
        break;
    case VIRTIO_MMIO_INTERRUPT_ACK:
        acknowledge(slot, value);
        break;
    default:
        spin_lock(&slot->setup_lock);
        write_setup_reg(slot, offset, value);
        spin_unlock(&slot->setup_lock);
        break;
    }
}

static uint32_t read_setup_reg(struct virtio_mmio *slot, uint64_t offset)
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

static uint32_t read_generation(struct virtio_mmio *slot)
{
    const struct virtio_backend *backend = slot->backend;

    if (backend->ops->generation_fn != NULL)
        return backend->ops->generation_fn(backend->ctx);
    return __atomic_load_n(&slot->generation, __ATOMIC_ACQUIRE);
}

static uint32_t read_slot_reg(struct virtio_mmio *slot, uint64_t offset)
{
    uint32_t value;

    switch (offset) {
    case VIRTIO_MMIO_DEVICE_ID:
        return slot->backend->id;
    case VIRTIO_MMIO_CONFIG_GENERATION:
        return read_generation(slot);
    case VIRTIO_MMIO_SHM_LEN_LOW:
    case VIRTIO_MMIO_SHM_LEN_HIGH:
    case VIRTIO_MMIO_SHM_BASE_LOW:
    case VIRTIO_MMIO_SHM_BASE_HIGH:
        return UINT32_MAX; /* no such shared memory region */
    default:
        spin_lock(&slot->setup_lock);
        value = read_setup_reg(slot, offset);
        spin_unlock(&slot->setup_lock);
        return value;
    }
}

/* Bytes past the backend's configuration read as 0. `offset` counts from its start. */
static uint64_t read_config(struct virtio_mmio *slot, uint64_t offset, unsigned size)
{
    const uint8_t *config = slot->backend->config;
    uint64_t value = 0;

    spin_lock(&slot->lock);
    for (unsigned i = 0; i < size && offset + i < slot->backend->config_size; i++)
        value |= (uint64_t)config[offset + i] << (8 * i);
    spin_unlock(&slot->lock);
    return value;
}

static void access_config(struct virtio_mmio *slot, struct mmio_access *access)
{
    const struct virtio_backend *backend = slot->backend;
    struct mmio_access inner = *access;

    inner.offset -= VIRTIO_MMIO_CONFIG;
    if (backend->ops->config_fn != NULL)
        backend->ops->config_fn(backend->ctx, &inner);
    else if (!inner.write)
        inner.value = read_config(slot, inner.offset, inner.size);
    access->value = inner.value;
}

/* All but the short path below: what only a slot with a device has. */
static __attribute__((noinline)) enum mmio_result access_slot(struct virtio_mmio *slot,
                                                              struct mmio_access *access)
{
    uint64_t offset = access->offset;
    bool is_reg = offset < VIRTIO_MMIO_CONFIG && access->size == 4 && is_aligned(offset, 4);

    if (!access->write)
        access->value = 0;
    if (slot->backend == NULL)
        return MMIO_OK;
    if (offset >= VIRTIO_MMIO_CONFIG)
        access_config(slot, access);
    else if (is_reg && access->write)
        write_slot_reg(slot, offset, (uint32_t)access->value);
    else if (is_reg)
        access->value = read_slot_reg(slot, offset);
    return MMIO_OK;
}

/*
 * The short path, without a lock: what is constant, in an empty slot as well, or is one word that
 * changes at once. Interrupt handlers read the first.
 */
enum mmio_result virtio_mmio_access(void *dev, struct mmio_access *access)
{
    struct virtio_mmio *slot = dev;

    if (access->write || access->size != 4)
        return access_slot(slot, access);
    switch (access->offset) {
    case VIRTIO_MMIO_INTERRUPT_STATUS:
        access->value = __atomic_load_n(&slot->interrupt_status, __ATOMIC_ACQUIRE);
        return MMIO_OK;
    case VIRTIO_MMIO_STATUS:
        access->value = __atomic_load_n(&slot->status, __ATOMIC_ACQUIRE);
        return MMIO_OK;
    case VIRTIO_MMIO_MAGIC_VALUE:
        access->value = MAGIC_VALUE;
        return MMIO_OK;
    case VIRTIO_MMIO_VERSION:
        access->value = VERSION;
        return MMIO_OK;
    case VIRTIO_MMIO_VENDOR_ID:
        access->value = VENDOR_ID;
        return MMIO_OK;
    default:
        return access_slot(slot, access);
    }
}

void virtio_mmio_init(struct virtio_mmio *slot, const struct virtio_backend *backend,
                      const struct guest_mem *mem, const struct irq_line *line)
{
    *slot = (struct virtio_mmio){
        .backend = backend, .mem = mem, .line = *line, .queue = backend->queue};
    for (unsigned i = 0; i < backend->nr_queues; i++) {
        backend->queue[i] = (struct virtio_queue){0};
        backend->request[i].queue = i;
    }
}

void virtio_mmio_reset(void *dev)
{
    struct virtio_mmio *slot = dev;

    if (slot->backend == NULL)
        return;
    spin_lock(&slot->setup_lock);
    reset_locked(slot);
    spin_unlock(&slot->setup_lock);
}
