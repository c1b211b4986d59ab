/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtio-mmio transport: the register file, the configuration space and the interrupt.
 * trap/abort.c calls virtio_mmio_access(); the registers by which a driver sets up are
 * virtio_setup.c's; a notification goes on to virtio_queue.c. The numbers are Linux's
 * linux/virtio_mmio.h and linux/virtio_config.h.
 */
#include "dev/virtio_mmio.h"

#include <linux/virtio_mmio.h>
#include <stddef.h>

#include "dev/virtio_setup.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "lib/virtio_abi.h"

#define VENDOR_ID UINT32_C(0x50415254) /* "TRAP" */

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

/*
 * A reason that came since the driver read InterruptStatus is left. Drivers look once an interrupt,
 * so it gets one of its own: a new edge, for slots' interrupts are edges in most trees.
 */
static void acknowledge(struct virtio_mmio *slot, uint32_t reasons)
{
    uint32_t left;

    spin_lock(&slot->lock);
    left = slot->interrupt_status & ~reasons;
    if (slot->interrupt_status != left) {
        __atomic_store_n(&slot->interrupt_status, left, __ATOMIC_RELEASE);
        irq_line_set(&slot->line, false);
        if (left != 0)
            irq_line_set(&slot->line, true);
    }
    spin_unlock(&slot->lock);
    if (__atomic_load_n(&slot->unfinished, __ATOMIC_RELAXED))
        resume(slot);
}

static void write_slot_reg(struct virtio_mmio *slot, uint64_t offset, uint32_t value)
{
    switch (offset) {
    case VIRTIO_MMIO_INTERRUPT_ACK:
        acknowledge(slot, value);
        break;
    default:
        virtio_setup_write(slot, offset, value);
        break;
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
        return virtio_setup_read(slot, offset);
    }
}

uint64_t virtio_mmio_read_config(struct virtio_mmio *slot, uint64_t offset, unsigned size)
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
        inner.value = virtio_mmio_read_config(slot, inner.offset, inner.size);
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

/* What a driver writes is a notification most of the time. */
static enum mmio_result long_access(struct virtio_mmio *slot, struct mmio_access *access)
{
    if (!access->write || access->offset != VIRTIO_MMIO_QUEUE_NOTIFY || access->size != 4)
        return access_slot(slot, access);
    if (slot->backend != NULL && access->value < slot->backend->nr_queues)
        virtio_queue_serve(slot, (unsigned)access->value);
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
        return long_access(slot, access);
    switch (access->offset) {
    case VIRTIO_MMIO_INTERRUPT_STATUS:
        access->value = __atomic_load_n(&slot->interrupt_status, __ATOMIC_ACQUIRE);
        return MMIO_OK;
    case VIRTIO_MMIO_STATUS:
        access->value = __atomic_load_n(&slot->status, __ATOMIC_ACQUIRE);
        return MMIO_OK;
    case VIRTIO_MMIO_MAGIC_VALUE:
        access->value = VIRTIO_MAGIC;
        return MMIO_OK;
    case VIRTIO_MMIO_VERSION:
        access->value = VIRTIO_VERSION;
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

    if (slot->backend != NULL)
        virtio_setup_reset(slot);
}
