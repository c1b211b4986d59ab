/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that wait: by time, for others, or until they are released; then they go to the device.
 * See virtio_fault_parts.h.
 */
#include "dev/virtio_fault_parts.h"

#include <stddef.h>

#include "lib/string.h"

#define NEVER    UINT64_MAX
#define RETRY_NS UINT64_C(1000000)
/* The others that a request waits for may never come. */
#define REORDER_NS UINT64_C(1000000000)

/* The tick at which a request that waits goes on whatever comes. */
static uint64_t due_at(const struct virtio_fault *fault, const struct fault_rule *rule)
{
    uint64_t ns = rule->action == FAULT_DELAY ? rule->arg[0] : REORDER_NS;

    return rule->action == FAULT_HOLD ? NEVER : fault->ops.now_fn() + fault_ticks(fault->rules, ns);
}

bool virtio_fault_hold(struct virtio_fault *fault, const struct virtio_request *request,
                       const struct fault_rule *rule)
{
    struct virtio_fault_held *found = NULL;
    uint64_t due = due_at(fault, rule);

    spin_lock(&fault->lock);
    for (unsigned i = 0; i < VIRTIO_FAULT_HELD && found == NULL; i++) {
        if (fault->held[i].wait == FAULT_FREE)
            found = &fault->held[i];
    }
    if (found != NULL) {
        found->wait = FAULT_WAITING;
        found->due = due;
        found->others = rule->action == FAULT_REORDER ? rule->arg[0] : 0;
        memcpy(&found->request, request, sizeof(*request));
    }
    spin_unlock(&fault->lock);
    if (found != NULL && due != NEVER)
        fault->ops.alarm_fn(fault->ops.ctx);
    return found != NULL;
}

void virtio_fault_release_all(struct virtio_fault *fault)
{
    spin_lock(&fault->lock);
    for (unsigned i = 0; i < VIRTIO_FAULT_HELD; i++) {
        if (fault->held[i].wait == FAULT_WAITING)
            fault->held[i].due = 0;
    }
    spin_unlock(&fault->lock);
    fault->ops.alarm_fn(fault->ops.ctx);
}

void virtio_fault_count_served(struct virtio_fault *fault)
{
    bool due = false;

    spin_lock(&fault->lock);
    for (unsigned i = 0; i < VIRTIO_FAULT_HELD; i++) {
        struct virtio_fault_held *held = &fault->held[i];

        if (held->wait == FAULT_WAITING && held->others != 0 && --held->others == 0) {
            held->due = 0;
            due = true;
        }
    }
    spin_unlock(&fault->lock);
    if (due)
        fault->ops.alarm_fn(fault->ops.ctx);
}

/* A request has waited long enough: it goes to the device, as if it had only now come. */
static void go_on(struct virtio_fault *fault, struct virtio_fault_held *held)
{
    struct virtio_request *request = &held->request;
    enum virtio_outcome outcome = virtio_fault_serve_inner(fault, request);
    enum virtio_fault_wait next = outcome == VIRTIO_FULL ? FAULT_WAITING : FAULT_FREE;
    unsigned queue = request->queue;
    uint16_t head = request->chain.head;
    uint32_t written = request->written;

    spin_lock(&fault->lock);
    held->due = fault->ops.now_fn() + fault_ticks(fault->rules, RETRY_NS);
    held->wait = next;
    spin_unlock(&fault->lock);
    if (outcome == VIRTIO_DONE)
        virtio_queue_complete(fault->slot, queue, head, written);
    else if (outcome == VIRTIO_BROKEN)
        virtio_queue_abandon(fault->slot, queue);
}

void virtio_fault_ring(struct virtio_fault *fault)
{
    uint64_t now = fault->ops.now_fn();

    for (unsigned i = 0; i < VIRTIO_FAULT_HELD; i++) {
        struct virtio_fault_held *held = &fault->held[i];
        bool due;

        spin_lock(&fault->lock);
        due = held->wait == FAULT_WAITING && held->due <= now;
        if (due)
            held->wait = FAULT_MOVING;
        spin_unlock(&fault->lock);
        if (due)
            go_on(fault, held);
    }
}

uint64_t virtio_fault_next_due(struct virtio_fault *fault)
{
    uint64_t next = NEVER;

    spin_lock(&fault->lock);
    for (unsigned i = 0; i < VIRTIO_FAULT_HELD; i++) {
        const struct virtio_fault_held *held = &fault->held[i];

        if (held->wait == FAULT_WAITING && held->due < next)
            next = held->due;
    }
    spin_unlock(&fault->lock);
    return next;
}

unsigned virtio_fault_forget_held(struct virtio_fault *fault, unsigned queue)
{
    unsigned lost = 0;

    spin_lock(&fault->lock);
    for (unsigned i = 0; i < VIRTIO_FAULT_HELD; i++) {
        struct virtio_fault_held *held = &fault->held[i];

        if (held->wait == FAULT_WAITING && held->request.queue == queue) {
            held->wait = FAULT_FREE;
            lost++;
        }
    }
    spin_unlock(&fault->lock);
    return lost;
}
