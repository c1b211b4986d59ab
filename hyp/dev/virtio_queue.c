/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests between the rings and the backend. See virtio_queue.h; virtio_mmio.c calls on a
 * notification, virtq.c walks the rings, serve_fn is virtio_blk.c's serve(). Of the CPUs that
 * notify a queue one serves it; the others go on at once, since it looks again, under the lock,
 * before it leaves.
 */
#include "dev/virtio_queue.h"

#include <linux/virtio_mmio.h>

#include "cpu.h"
#include "dev/virtio_mmio.h"

/*
 * A turn: the requests served for one notification, and the bytes moved after which no other
 * begins: one request may be as long as the disk. Other vCPUs may add requests without end
 * meanwhile, or wait for this CPU.
 */
#define TURN_REQUESTS (2 * VIRTQ_MAX_SIZE)
#define TURN_BYTES    (UINT64_C(32) << 20)

static inline void put_used(struct virtio_mmio *slot, struct virtio_queue *queue, uint16_t head,
                            uint32_t written)
{
    const struct virtio_backend *backend = slot->backend;

    if (backend->ops->used_fn == NULL)
        virtq_push(&queue->vq, head, written);
    else
        backend->ops->used_fn(backend->ctx, (unsigned)(queue - slot->queue), &queue->vq, head,
                              written);
}

/*
 * A request ends, served or not. Of a queue that was stopped meanwhile nobody wants to hear. The
 * release: what was done for the request comes before virtio_queue_stop() returns.
 */
static void end_locked(struct virtio_mmio *slot, struct virtio_queue *queue, bool served,
                       uint16_t head, uint32_t written)
{
    if (virtq_is_ready(&queue->vq)) {
        if (served)
            put_used(slot, queue, head, written);
        else
            virtio_mmio_need_reset(slot);
    }
    queue->ended++;
    __atomic_store_n(&queue->in_flight, queue->in_flight - 1, __ATOMIC_RELEASE);
}

/*
 * The backend had no room for the request: it goes back to the ring. True: one has ended since
 * `ended`, so try again; else the end of one will.
 */
static bool put_back_locked(struct virtio_queue *queue, unsigned ended)
{
    __atomic_store_n(&queue->in_flight, queue->in_flight - 1, __ATOMIC_RELEASE);
    if (!virtq_is_ready(&queue->vq))
        return false;
    virtq_unpop(&queue->vq);
    queue->stalled = queue->ended == ended;
    return !queue->stalled;
}

/* The backend's part of a request, without the lock. False: the queue is broken, full or stops. */
static bool serve_one(struct virtio_mmio *slot, struct virtio_queue *queue,
                      struct virtio_request *request)
{
    enum virtio_outcome outcome;
    unsigned ended = queue->ended;

    queue->in_flight++;
    spin_unlock(&queue->lock);
    outcome = slot->backend->ops->serve_fn(slot->backend->ctx, request);
    spin_lock(&queue->lock);
    if (outcome == VIRTIO_FULL)
        return put_back_locked(queue, ended);
    if (outcome != VIRTIO_IN_FLIGHT)
        end_locked(slot, queue, outcome == VIRTIO_DONE, request->chain.head, request->written);
    return outcome != VIRTIO_BROKEN && virtq_is_ready(&queue->vq);
}

/* Serve until there is nothing to take. True: the turn is over, and requests are left. */
static bool serve_turn(struct virtio_mmio *slot, struct virtio_queue *queue,
                       struct virtio_request *request)
{
    request->moved = 0;
    for (unsigned n = 0; n < TURN_REQUESTS && request->moved < TURN_BYTES; n++) {
        int err =
            virtq_waiting(&queue->vq) != 0 ? virtq_pop(&queue->vq, &request->chain) : -ERR_NOENT;

        if (err == -ERR_NOENT) {
            if (!virtq_rearm(&queue->vq))
                return false;
            continue;
        }
        if (err != 0)
            virtio_mmio_need_reset(slot);
        if (err != 0 || !serve_one(slot, queue, request))
            return false;
    }
    return virtq_rearm(&queue->vq);
}

void virtio_queue_serve(struct virtio_mmio *slot, unsigned index)
{
    struct virtio_queue *queue = &slot->queue[index];
    bool left;

    spin_lock(&queue->lock);
    if (!queue->serving && virtq_is_ready(&queue->vq) && virtio_mmio_is_running(slot)) {
        queue->serving = true;
        left = serve_turn(slot, queue, &slot->backend->request[index]);
        __atomic_store_n(&queue->serving, false, __ATOMIC_RELEASE);
        if (left)
            virtio_mmio_resume_later(slot, index);
        /*
         * The driver wants to hear of it, or must, since its answer resumes the queue. Of a queue
         * that was stopped meanwhile it does not; one that stops it now waits for the lock.
         */
        if (virtq_wants_interrupt(&queue->vq) || left)
            virtio_mmio_interrupt(slot, VIRTIO_MMIO_INT_VRING);
    }
    spin_unlock(&queue->lock);
}

void virtio_queue_complete(struct virtio_mmio *slot, unsigned index, uint16_t head,
                           uint32_t written)
{
    struct virtio_queue *queue = &slot->queue[index];
    bool resume;

    spin_lock(&queue->lock);
    end_locked(slot, queue, true, head, written);
    if (virtq_wants_interrupt(&queue->vq))
        virtio_mmio_interrupt(slot, VIRTIO_MMIO_INT_VRING);
    resume = queue->stalled;
    queue->stalled = false;
    spin_unlock(&queue->lock);
    if (resume)
        virtio_queue_serve(slot, index);
}

void virtio_queue_abandon(struct virtio_mmio *slot, unsigned index)
{
    struct virtio_queue *queue = &slot->queue[index];

    spin_lock(&queue->lock);
    end_locked(slot, queue, false, 0, 0);
    spin_unlock(&queue->lock);
}

int virtio_queue_start(struct virtio_mmio *slot, unsigned index)
{
    const struct virtio_backend *backend = slot->backend;
    struct virtio_queue *queue = &slot->queue[index];
    int err = 0;

    if (queue->layout.size > backend->queue_size)
        return -ERR_INVAL;
    if (backend->ops->queue_fn != NULL)
        err = backend->ops->queue_fn(backend->ctx, index);
    if (err != 0)
        return err;
    spin_lock(&queue->lock);
    queue->stalled = false;
    err = virtq_setup(&queue->vq, slot->mem, &queue->layout, slot->driver_features);
    spin_unlock(&queue->lock);
    return err;
}

/* Without the lock, of a queue that is not set up: it comes to rest for good. */
static bool is_busy(const struct virtio_queue *queue)
{
    return __atomic_load_n(&queue->serving, __ATOMIC_ACQUIRE) ||
           __atomic_load_n(&queue->in_flight, __ATOMIC_ACQUIRE) != 0;
}

void virtio_queue_stop(struct virtio_mmio *slot, unsigned first, unsigned count)
{
    const struct virtio_backend *backend = slot->backend;

    for (unsigned i = first; i < first + count; i++) {
        spin_lock(&slot->queue[i].lock);
        virtq_reset(&slot->queue[i].vq);
        spin_unlock(&slot->queue[i].lock);
    }
    for (unsigned i = first; i < first + count; i++) {
        /* A CPU may be on its way to serve_fn with one: so cancel until there is none. */
        while (is_busy(&slot->queue[i])) {
            if (backend->ops->cancel_fn != NULL)
                backend->ops->cancel_fn(backend->ctx, i);
            cpu_relax();
        }
    }
}
