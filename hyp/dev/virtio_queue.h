/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue of a virtio transport: its requests on their way to the backend and back, those in
 * flight counted. Neighbours: virtq.c (the rings), virtio_backend.h (who serves), virtio_mmio.c
 * (the registers, the interrupt).
 */
#ifndef DEV_VIRTIO_QUEUE_H
#define DEV_VIRTIO_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "dev/virtq.h"
#include "lib/err.h"
#include "spinlock.h"

struct virtio_mmio;

struct virtio_queue {
    struct virtq_layout layout; /* what the driver has written; protected by the setup_lock */
    spinlock_t lock;            /* protects all below; never held while the backend works */
    struct virtq vq;            /* set up and reset under both */
    bool serving;       /* a CPU takes its requests, and sees those that are added meanwhile */
    bool stalled;       /* its next request waits for the end of one in flight */
    bool unfinished;    /* atomic: a turn was over before its requests were */
    unsigned in_flight; /* requests that were taken and have not ended */
    unsigned ended;     /* those that have ended; it wraps */
};

/*
 * Set queue `index` up as its layout says. The caller holds the setup_lock. Errors as
 * virtq_setup().
 */
int must_check virtio_queue_start(struct virtio_mmio *slot, unsigned index);

/*
 * From now on `count` queues from `first` on are not set up, and none of their requests is in
 * flight: waits for the backend to end them. It may end those of all of these queues at once. The
 * caller holds the setup_lock, so that nothing sets them up meanwhile.
 */
void virtio_queue_stop(struct virtio_mmio *slot, unsigned first, unsigned count);

/*
 * The driver says that there are requests: hand them to the backend, up to a turn's worth. Returns
 * at once where another CPU does so already.
 */
void virtio_queue_serve(struct virtio_mmio *slot, unsigned index);

/*
 * The request of chain `head` that serve_fn left in flight is served, `written` as in struct
 * virtio_request; or it ends without an answer, so that the device needs a reset unless the queue
 * stops. Once for each; any CPU, with no lock of the transport's held. If others wait for its end,
 * virtio_queue_complete() has them served: the backend's own lock must not be held, either.
 */
void virtio_queue_complete(struct virtio_mmio *slot, unsigned index, uint16_t head,
                           uint32_t written);
void virtio_queue_abandon(struct virtio_mmio *slot, unsigned index);

#endif
