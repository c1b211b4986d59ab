/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's side of a split virtqueue (virtio 1.2, "Split Virtqueues"). The guest may
 * write to its rings and descriptors at any time, so each is copied once and the copy
 * checked; whatever a chain says, walking it ends. Neighbours: virtio_queue.c sets queues up,
 * takes chains for a backend and hands them back.
 */
#ifndef DEV_VIRTQ_H
#define DEV_VIRTQ_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/err.h"
#include "mm/guest_mem.h"

#define VIRTQ_MAX_SIZE 256 /* descriptors in a queue, at most */
#define VIRTQ_MAX_SEGS 256 /* buffers in a chain, at most */

/* Where the driver has put a queue, and how big it made it: claims, checked by virtq_setup(). */
struct virtq_layout {
    ipa_t desc;
    ipa_t avail;
    ipa_t used;
    uint32_t size; /* descriptors */
};

struct virtq {
    const struct guest_mem *mem;
    struct vring_desc *desc; /* guest memory, checked for the whole of each table */
    struct vring_avail *avail;
    struct vring_used *used;
    uint16_t size;       /* descriptors, a power of two; 0: not set up */
    uint16_t next_avail; /* index of the next chain to take */
    uint16_t next_used;  /* index of the next used element */
    uint16_t told_used;  /* next_used when the driver's wish for an interrupt was last weighed */
    bool indirect;       /* VIRTIO_RING_F_INDIRECT_DESC was negotiated */
    bool event_idx;      /* VIRTIO_RING_F_EVENT_IDX was negotiated */
};

/* A piece of guest memory that has been checked to be RAM. */
struct virtq_seg {
    uint8_t *ptr;
    uint32_t len; /* bytes, not 0 */
};

/* A chain of buffers: first those that the device reads, then those that it writes. */
struct virtq_chain {
    uint16_t head; /* the driver's name for it */
    uint16_t nr_read;
    uint16_t nr_segs;
    uint64_t read_len; /* bytes in seg[0 .. nr_read - 1] */
    uint64_t write_len;
    struct virtq_seg seg[VIRTQ_MAX_SEGS];
};

/* Make `vq` a queue that is not set up. */
void virtq_reset(struct virtq *vq);

/*
 * Set the queue up with what the driver says. `features` are the negotiated ones. `mem` must
 * outlive it. -ERR_INVAL for a size or alignment that the specification forbids, -ERR_RANGE
 * for what does not lie in RAM.
 */
int must_check virtq_setup(struct virtq *vq, const struct guest_mem *mem,
                           const struct virtq_layout *layout, uint64_t features);

static inline bool virtq_is_ready(const struct virtq *vq)
{
    return vq->size != 0;
}

/*
 * The number of chains that wait, as the driver says. The load-acquire orders it before the reading
 * of ring entries and descriptors that the driver wrote before it moved the index.
 */
static inline uint16_t virtq_waiting(const struct virtq *vq)
{
    return (uint16_t)(__atomic_load_n(&vq->avail->idx, __ATOMIC_ACQUIRE) - vq->next_avail);
}

/*
 * Take the next chain. -ERR_NOENT: there is none; any other error: the ring or the chain
 * breaks the rules and the device needs a reset.
 */
int must_check virtq_pop(struct virtq *vq, struct virtq_chain *chain);

/* The chain that was taken last is the next to be taken. */
static inline void virtq_unpop(struct virtq *vq)
{
    vq->next_avail--;
}

/*
 * Hand chain `head` back. Of its writable part at least the first `written` bytes were written
 * ("The Virtqueue Used Ring").
 */
void virtq_push(struct virtq *vq, uint16_t head, uint32_t written);

/*
 * Ask to be notified of the next chain ("Available Buffer Notification Suppression"). True:
 * one has arrived meanwhile, perhaps without a notification; take it now.
 */
bool must_check virtq_rearm(struct virtq *vq);

/*
 * Does the driver want an interrupt for what was pushed since the last call ("Used Buffer
 * Notification Suppression")? False for a queue that is not set up.
 */
bool must_check virtq_wants_interrupt(struct virtq *vq);

/*
 * Copy `len` bytes out of the readable part, starting `offset` bytes into it, or into the
 * writable part. offset + len must not exceed read_len or write_len.
 */
void virtq_copy_from(const struct virtq_chain *chain, uint64_t offset, void *dst, uint64_t len);
void virtq_copy_to(const struct virtq_chain *chain, uint64_t offset, const void *src, uint64_t len);

#endif
