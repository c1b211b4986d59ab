/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtio device that misbehaves as rules say: a struct virtio_backend that stands before the
 * device's own, and does to requests, to the used ring and to the interrupt what fault_rule.h
 * names. It is there only for devices with rules. Neighbours: virtio_queue.c brings the requests;
 * vm/vm_fault.c puts it in, and rings when those that wait shall go on.
 */
#ifndef DEV_VIRTIO_FAULT_H
#define DEV_VIRTIO_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "dev/fault_rule.h"
#include "dev/virtio_backend.h"
#include "dev/virtio_mmio.h"

#define VIRTIO_FAULT_HELD                                                                          \
    16 /* requests that can wait at once; a rule that meets more does not act */
#define VIRTIO_FAULT_MARKS  64 /* the same of those that never end, or end oddly */
#define VIRTIO_FAULT_QUEUES 32 /* for those above, a request that is brought again counts again */

/* What virtio_fault.c can't do by itself. Called with no lock, but cut_fn, with a queue's. */
struct virtio_fault_ops {
    uint64_t (*now_fn)(void);
    void (*alarm_fn)(void *ctx); /* virtio_fault_next_due() has changed */
    void (*cut_fn)(void *ctx);   /* the machine goes off */
    void *ctx;
};

enum virtio_fault_wait { FAULT_FREE, FAULT_WAITING, FAULT_MOVING };

/* A request that has not reached the device. */
struct virtio_fault_held {
    enum virtio_fault_wait wait;
    uint64_t due;    /* tick; UINT64_MAX: not by time */
    uint64_t others; /* that have to be served before; 0: not by that */
    struct virtio_request request;
};

/* One that it has, or has had. */
struct virtio_fault_mark {
    const struct fault_rule *rule; /* NULL: the mark is free */
    unsigned queue;
    uint16_t head;
    uint8_t *byte; /* FAULT_CORRUPT, or NULL */
    bool back;     /* the device reads that byte: it shall be again as it was */
};

struct virtio_fault {
    struct virtio_backend backend; /* what the slot has now */
    const struct virtio_backend *inner;
    struct virtio_mmio *slot;
    struct irq_line line; /* the slot's own */
    struct fault_rules *rules;
    struct virtio_fault_ops ops;
    uint64_t where; /* of the device, as fault_rule.first */

    spinlock_t serve_lock; /* the inner backend serves one at a time */
    spinlock_t lock;       /* protects what follows; a queue's may be held around it */
    struct virtio_fault_held held[VIRTIO_FAULT_HELD];
    struct virtio_fault_mark mark[VIRTIO_FAULT_MARKS];
    uint32_t again; /* a bit for each queue whose next request was brought before */
    const struct fault_rule *again_rule[VIRTIO_FAULT_QUEUES];

    uint32_t irqs_to_lose;           /* atomic */
    uint32_t generation;             /* atomic: changes of the configuration */
    const struct fault_rule *config; /* atomic: the last of them */
    bool gone;                       /* atomic: FAULT_UNPLUG */
};

/* Put `fault`, all zeros, before the backend of `slot`, which nobody uses yet. */
void virtio_fault_init(struct virtio_fault *fault, struct virtio_mmio *slot, uint64_t where,
                       struct fault_rules *rules, const struct virtio_fault_ops *ops);

/* Do at once what the rule says, which is about no request. */
void virtio_fault_now(struct virtio_fault *fault, const struct fault_rule *rule);

/* The tick at which a request that waits shall go on; UINT64_MAX: none. */
uint64_t virtio_fault_next_due(struct virtio_fault *fault);

/* Those whose time has come go on. Any CPU, no lock held. */
void virtio_fault_ring(struct virtio_fault *fault);

static inline bool virtio_fault_is_gone(const struct virtio_fault *fault)
{
    return __atomic_load_n(&fault->gone, __ATOMIC_RELAXED);
}

#endif
