/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtio transport in memory-mapped registers, version 2 (virtio 1.2, "Virtio Over
 * MMIO"): identification, feature negotiation, queue set-up, configuration space, interrupts.
 * Trapped accesses come from trap/abort.c. Neighbour: virtio_queue.c serves the queues from a
 * struct virtio_backend.
 */
#ifndef DEV_VIRTIO_MMIO_H
#define DEV_VIRTIO_MMIO_H

#include <linux/virtio_config.h>
#include <stdbool.h>
#include <stdint.h>

#include "dev/irq_line.h"
#include "dev/mmio.h"
#include "dev/virtio_backend.h"
#include "dev/virtio_queue.h"
#include "mm/guest_mem.h"
#include "spinlock.h"

/* Locks nest in this order: setup_lock, the backend's own, a queue's, lock. All zeros, it is an
 * empty slot: DeviceID reads 0. */
struct virtio_mmio {
    const struct virtio_backend *backend; /* NULL: an empty slot */
    const struct guest_mem *mem;
    struct irq_line line;

    spinlock_t setup_lock; /* the driver's set-up: held while a reset waits for the backend */
    uint64_t driver_features;
    uint32_t device_features_sel;
    uint32_t driver_features_sel;
    uint32_t queue_sel;

    spinlock_t lock;     /* the interrupt, and the bytes of the backend's configuration space */
    uint32_t generation; /* ConfigGeneration; written under the lock, as interrupt_status */
    uint32_t interrupt_status;
    uint32_t status; /* bits are added without a lock, taken away under both */
    bool unfinished; /* atomic: of a queue or more, the turn was over before the requests were */
    struct virtio_queue *queue; /* the backend's */
};

/*
 * A slot with `backend` in it, just out of reset. `backend` and `mem` must outlive the slot;
 * there is at least one queue. The line is taken to be low.
 */
void virtio_mmio_init(struct virtio_mmio *slot, const struct virtio_backend *backend,
                      const struct guest_mem *mem, const struct irq_line *line);

/*
 * As if the driver had written 0 to Status ("Device Reset"): returns once no request is in flight
 * and the backend touches no buffer. `dev` is the struct virtio_mmio.
 */
void virtio_mmio_reset(void *dev);

/*
 * The mmio_access_fn; `dev` is the struct virtio_mmio. Registers want aligned 32-bit accesses;
 * others read as 0 and write nothing. The configuration space takes every size.
 */
enum mmio_result virtio_mmio_access(void *dev, struct mmio_access *access);

/*
 * For the backend: the `size` bytes of its configuration space from `offset` on become `bytes`,
 * all at once for the driver, which is told ("Configuration Change Notification").
 */
void virtio_mmio_set_config(struct virtio_mmio *slot, unsigned offset, const void *bytes,
                            unsigned size);

/*
 * For the backend: `size` bytes of what is at its `config`, from `offset` on, as a driver reads
 * them; bytes past config_size are 0.
 */
uint64_t virtio_mmio_read_config(struct virtio_mmio *slot, uint64_t offset, unsigned size);

/* For the backend: its configuration space has changed by itself. */
void virtio_mmio_tell_config(struct virtio_mmio *slot);

/* The rest is for virtio_queue.c. A queue's lock may be held. */

/* May the device take requests? */
static inline bool virtio_mmio_is_running(const struct virtio_mmio *slot)
{
    const uint32_t mask =
        VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED;

    return (__atomic_load_n(&slot->status, __ATOMIC_ACQUIRE) & mask) == VIRTIO_CONFIG_S_DRIVER_OK;
}

/* Interrupt the driver for `reason`, a VIRTIO_MMIO_INT_x. */
void virtio_mmio_interrupt(struct virtio_mmio *slot, uint32_t reason);

/* "Device Status Field", DEVICE_NEEDS_RESET: the driver hears of it once it is running. */
void virtio_mmio_need_reset(struct virtio_mmio *slot);

/* Serve queue `index` again when the driver acknowledges its interrupt. */
void virtio_mmio_resume_later(struct virtio_mmio *slot, unsigned index);

#endif
