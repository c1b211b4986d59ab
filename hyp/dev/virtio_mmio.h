/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtio transport in memory-mapped registers, version 2 (virtio 1.2, "Virtio Over
 * MMIO"): identification, feature negotiation, queue set-up, interrupts. What the device
 * does with its queues is its own: virtio_blk.c and others stand behind struct
 * virtio_device. Trapped accesses come from trap/mmio_bus.c.
 */
#ifndef DEV_VIRTIO_MMIO_H
#define DEV_VIRTIO_MMIO_H

#include <stdint.h>

#include "dev/irq_line.h"
#include "dev/mmio.h"
#include "dev/virtq.h"
#include "mm/guest_mem.h"
#include "spinlock.h"

#define VIRTIO_MMIO_MAX_QUEUES 4

enum virtio_outcome {
    VIRTIO_IDLE,   /* the queue is empty and the driver was asked to notify */
    VIRTIO_MORE,   /* the device has done its share for one notification; chains may be left */
    VIRTIO_BROKEN, /* the driver broke the rules; the device needs a reset */
};

/* What a device is, to the transport. Constant while the transport has it. */
struct virtio_device {
    uint32_t id;       /* VIRTIO_ID_x */
    uint64_t features; /* the device's own; the transport adds those of its queues */
    uint16_t nr_queues;
    uint16_t config_size; /* bytes */
    const void *config;   /* the device's configuration space, never changed */
    /*
     * The driver has notified queue `index`, or chains were left in it. Called with the
     * transport's lock held; must end after a bounded number of chains.
     */
    enum virtio_outcome (*notify_fn)(void *ctx, unsigned index, struct virtq *vq);
    void *ctx;
};

struct virtio_mmio_queue {
    struct virtq vq;
    struct virtq_layout layout;
};

struct virtio_mmio {
    spinlock_t lock; /* protects all below but device, mem and line, which are constant */
    const struct virtio_device *device; /* NULL: an empty slot */
    const struct guest_mem *mem;
    struct irq_line line;

    uint64_t driver_features;
    uint32_t device_features_sel;
    uint32_t driver_features_sel;
    uint32_t queue_sel;
    uint32_t status;
    uint32_t interrupt_status;
    uint32_t unfinished; /* bit n: queue n's device answered VIRTIO_MORE */
    struct virtio_mmio_queue queue[VIRTIO_MMIO_MAX_QUEUES];
};

/* A slot with nothing in it: DeviceID reads 0. */
void virtio_mmio_init_empty(struct virtio_mmio *slot);

/*
 * A slot with `device` in it, just out of reset. `device` and `mem` must outlive the slot;
 * device->nr_queues is 1 to VIRTIO_MMIO_MAX_QUEUES. The line is taken to be low.
 */
void virtio_mmio_init(struct virtio_mmio *slot, const struct virtio_device *device,
                      const struct guest_mem *mem, const struct irq_line *line);

/* As if the driver had written 0 to Status ("Device Reset"). Takes the lock. */
void virtio_mmio_reset(struct virtio_mmio *slot);

/*
 * The mmio_access_fn; `dev` is the struct virtio_mmio. Registers want aligned 32-bit accesses;
 * others read as 0 and write nothing. The configuration space takes every size.
 */
enum mmio_result virtio_mmio_access(void *dev, struct mmio_access *access);

#endif
