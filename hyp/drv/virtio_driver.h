/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver's half of virtio (virtio 1.2, "Device Initialization", "Split Virtqueues", "Virtio
 * Over MMIO"): how EL2 drives a device in one of the machine's slots. Neighbours:
 * dev/virtio_machine.c puts such a device behind a guest's slot; vm/vm_virtio.c knows the machine's
 * slots. No locks here: one caller at a time for a device's registers, and for a ring.
 */
#ifndef DRV_VIRTIO_DRIVER_H
#define DRV_VIRTIO_DRIVER_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>

#include "dev/mmio.h"
#include "dev/virtq.h"
#include "lib/addr.h"
#include "lib/err.h"

#define VIRTIO_RING_SIZE  256 /* descriptors in a ring of ours, at most */
#define VIRTIO_MAX_QUEUES 64  /* of a device that are used */

/* A device of the machine's. Constant once it is open, but for event_idx. */
struct virtio_driver {
    pa_t regs;
    uint64_t config_size; /* bytes of the slot behind its registers: no less than the device has */
    uint32_t id;          /* VIRTIO_ID_x */
    uint64_t features;    /* what it offers */
    unsigned nr_queues;
    uint16_t queue_size; /* descriptors that each queue may have: a power of two */
    bool event_idx;      /* VIRTIO_RING_F_EVENT_IDX was negotiated */
};

/* A chain that the device has. */
struct virtio_ring_chain {
    uint16_t count;     /* its descriptors; 0: it does not have it */
    uint16_t tag;       /* the caller's name for it */
    uint16_t last;      /* of its descriptors */
    uint32_t write_len; /* bytes that the device may write */
};

/* A queue, in memory that no guest reaches. With `size` 0 the device does not have it. */
struct virtio_ring {
    /* What the device reads and writes. Behind the last of `size` entries each has one index more.
     */
    struct vring_desc desc[VIRTIO_RING_SIZE] __attribute__((aligned(VRING_DESC_ALIGN_SIZE)));
    struct {
        __virtio16 flags, idx, ring[VIRTIO_RING_SIZE + 1];
    } avail;
    struct {
        __virtio16 flags, idx;
        struct vring_used_elem ring[VIRTIO_RING_SIZE];
        __virtio16 event;
    } used __attribute__((aligned(VRING_USED_ALIGN_SIZE)));

    /* What it does not. */
    uint16_t size;
    uint16_t free; /* the first free descriptor; its `next` leads to the others */
    uint16_t nr_free;
    uint16_t next_avail;
    uint16_t told_avail; /* next_avail when the device was last told, or did not want to be */
    uint16_t next_used;
    bool event_idx;
    struct virtio_ring_chain chain[VIRTIO_RING_SIZE]; /* by its first descriptor */
};

/*
 * Look at the slot at `regs` and reset what is in it. -ERR_NOENT: nothing; -ERR_UNSUPPORTED: it is
 * no version 2, or has no queue; -ERR_INVAL: it does not reset.
 */
int must_check virtio_driver_open(struct virtio_driver *driver, struct pa_range regs);

/* Reset it: it touches no memory any more. -ERR_INVAL: it does not say so. */
int must_check virtio_driver_reset(const struct virtio_driver *driver);

/*
 * From its reset up to FEATURES_OK, with those of `features` and what EL2 itself wants.
 * -ERR_UNSUPPORTED: the device refuses; -ERR_INVAL: as of a reset.
 */
int must_check virtio_driver_negotiate(struct virtio_driver *driver, uint64_t features);

/* The device gets an empty queue `index`. -ERR_INVAL: it refuses. */
int must_check virtio_driver_add_queue(const struct virtio_driver *driver, unsigned index,
                                       struct virtio_ring *ring);

/* DRIVER_OK. */
void virtio_driver_start(const struct virtio_driver *driver);

/* Has it set DEVICE_NEEDS_RESET? */
bool virtio_driver_needs_reset(const struct virtio_driver *driver);

/* Why it interrupts, VIRTIO_MMIO_INT_x: acknowledged, so look after what they say. */
uint32_t virtio_driver_acknowledge(const struct virtio_driver *driver);

/* There are new chains in queue `index`. */
void virtio_driver_notify(const struct virtio_driver *driver, unsigned index);

/* An access of 1, 2, 4 or 8 bytes to the configuration space; beyond config_size it reads 0. */
void virtio_driver_config(const struct virtio_driver *driver, struct mmio_access *access);
uint32_t virtio_driver_generation(const struct virtio_driver *driver);

/*
 * Put the chain, of at most `size` buffers, into the ring. -ERR_NOMEM: there is no room until the
 * device has handed one back.
 */
int must_check virtio_ring_add(struct virtio_ring *ring, const struct virtq_chain *chain);

/* Let the device see what was added. True: it wants to be notified. */
bool must_check virtio_ring_publish(struct virtio_ring *ring);

/*
 * Take a chain that the device hands back: its tag, and how much was written, as the device says
 * but no more than it could. -ERR_NOENT: there is none, and an interrupt comes with the next;
 * -ERR_INVAL: the device says what can't be.
 */
int must_check virtio_ring_take(struct virtio_ring *ring, uint16_t *tag, uint32_t *written);

/*
 * Has virtio_ring_take() something to do: take a chain, or ask for an interrupt, which it does when
 * it finds none? Without the caller's lock.
 */
static inline bool virtio_ring_wants_take(const struct virtio_ring *ring)
{
    return ring->size != 0 &&
           (__atomic_load_n(&ring->used.idx, __ATOMIC_RELAXED) != ring->next_used ||
            (ring->event_idx &&
             __atomic_load_n(&ring->avail.ring[ring->size], __ATOMIC_RELAXED) != ring->next_used));
}

/*
 * The device was reset: the ring is none any more. Returns how many chains it had, which are lost.
 */
unsigned must_check virtio_ring_drop(struct virtio_ring *ring);

#endif
