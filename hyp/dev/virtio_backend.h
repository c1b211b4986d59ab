/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands behind a virtio transport and serves its requests: a disk in RAM (virtio_blk.c), or a
 * device of the machine's (virtio_machine.c). A backend sees requests, neither rings nor registers.
 * It answers one at once, or keeps it in flight and ends it later, from any CPU. Neighbours:
 * virtio_queue.c brings the requests; virtio_mmio.c shows the driver what the backend says of
 * itself.
 */
#ifndef DEV_VIRTIO_BACKEND_H
#define DEV_VIRTIO_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "dev/mmio.h"
#include "dev/virtq.h"

struct virtio_queue;

/* A chain that the driver made available, on its way through the backend. */
struct virtio_request {
    struct virtq_chain chain;
    unsigned queue;   /* whose it is; the same for good */
    uint32_t written; /* serve_fn: bytes written from the first writable one on, without a gap */
    uint64_t moved;   /* serve_fn adds the bytes that it moves: enough of them end a turn */
};

enum virtio_outcome {
    VIRTIO_DONE,      /* it is served */
    VIRTIO_IN_FLIGHT, /* virtio_queue_complete() or virtio_queue_abandon() shall end it */
    VIRTIO_FULL,      /* not now: bring it again when one in flight has ended; there is one */
    VIRTIO_BROKEN,    /* the driver broke the rules: the device needs a reset */
};

/*
 * Called, but for used_fn, with neither a queue's lock nor the slot's `lock`, cancel_fn with its
 * setup_lock; none may wait for another CPU's interrupt or for a lock that is held while one waits.
 */
struct virtio_backend_ops {
    /*
     * Serve `request`, which is the backend's until this returns: what a request in flight needs
     * must be copied. One call at a time for a queue; those of different queues meet.
     */
    enum virtio_outcome (*serve_fn)(void *ctx, struct virtio_request *request);
    /*
     * A request ends, served: put it into the used ring, with virtq_push(), whatever else is done.
     * The queue's lock is held. NULL: nothing else is.
     */
    void (*used_fn)(void *ctx, unsigned queue, struct virtq *vq, uint16_t head, uint32_t written);
    /*
     * Queue `queue` stops, alone or, at a reset, with all others: end its requests in flight soon,
     * as completed or abandoned, without an interrupt of this CPU. Called again until none is left.
     * NULL where they end by themselves.
     */
    void (*cancel_fn)(void *ctx, unsigned queue);

    /*
     * The driver's set-up, for a backend that has a device of its own to set up. Each may be NULL.
     * The setup_lock is held.
     */
    /* FEATURES_OK: can it serve with these? They are among those that were offered. */
    bool (*accept_fn)(void *ctx, uint64_t features);
    /* Queue `queue` begins to be used. An error: the device needs a reset. */
    int (*queue_fn)(void *ctx, unsigned queue);
    /* DRIVER_OK: from now on requests come. */
    void (*start_fn)(void *ctx);
    /* The device is reset: no queue is in use, and nothing in flight. */
    void (*reset_fn)(void *ctx);

    /*
     * An access to the configuration space, its offset from the start of that, and ConfigGeneration
     * ("Device Configuration Space"). Without a lock. NULL: the bytes at `config` are all there is.
     */
    void (*config_fn)(void *ctx, struct mmio_access *access);
    uint32_t (*generation_fn)(void *ctx);
};

/* Constant while a transport has it, but for *config, *queue and *request. */
struct virtio_backend {
    uint32_t id;       /* VIRTIO_ID_x */
    uint64_t features; /* its own; the transport adds those of the queues */
    uint16_t nr_queues;
    uint16_t queue_size;            /* the most descriptors that a queue may have: a power of two */
    uint16_t config_size;           /* bytes */
    void *config;                   /* the configuration space: virtio_mmio_set_config() */
    struct virtio_queue *queue;     /* the transport's, one for each queue */
    struct virtio_request *request; /* the same: too big for a stack */
    const struct virtio_backend_ops *ops;
    void *ctx;
};

#endif
