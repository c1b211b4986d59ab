/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that end oddly: marked on their way to the device, made odd when they are handed back.
 * See virtio_fault_parts.h.
 */
#include "dev/virtio_fault_parts.h"

#include <linux/virtio_blk.h>
#include <stddef.h>

#include "lib/string.h"

#define SECTOR_SIZE 512U

/* Of a request that can end: the guest may use the name of a lost one for another. */
static struct virtio_fault_mark *find_mark(struct virtio_fault *fault, unsigned queue,
                                           uint16_t head)
{
    for (unsigned i = 0; i < VIRTIO_FAULT_MARKS; i++) {
        struct virtio_fault_mark *mark = &fault->mark[i];

        if (mark->rule != NULL && mark->rule->action != FAULT_LOSE && mark->queue == queue &&
            mark->head == head)
            return mark;
    }
    return NULL;
}

struct virtio_fault_mark *virtio_fault_mark(struct virtio_fault *fault,
                                            const struct virtio_request *request,
                                            const struct fault_rule *rule)
{
    struct virtio_fault_mark *found = NULL;

    spin_lock(&fault->lock);
    for (unsigned i = 0; i < VIRTIO_FAULT_MARKS && found == NULL; i++) {
        if (fault->mark[i].rule == NULL)
            found = &fault->mark[i];
    }
    if (found != NULL)
        *found = (struct virtio_fault_mark){
            .rule = rule, .queue = request->queue, .head = request->chain.head};
    spin_unlock(&fault->lock);
    return found;
}

/* The byte, if there is one, becomes wrong, or what it was. */
static void flip(const struct virtio_fault_mark *mark)
{
    if (mark->byte != NULL)
        *mark->byte ^= (uint8_t)mark->rule->arg[1];
}

/* Take a mark away; a byte that the device only read becomes what it was. */
static void unmark_locked(struct virtio_fault_mark *mark)
{
    if (mark->back)
        flip(mark);
    mark->rule = NULL;
}

/* Byte `offset` of `seg`, NULL beyond their end. */
static uint8_t *byte_at(const struct virtq_seg *seg, unsigned count, uint64_t offset)
{
    for (unsigned i = 0; i < count; i++) {
        if (offset < seg[i].len)
            return seg[i].ptr + offset;
        offset -= seg[i].len;
    }
    return NULL;
}

void virtio_fault_corrupt(struct virtio_fault_mark *mark, const struct virtio_request *request,
                          bool disk)
{
    const struct virtq_chain *chain = &request->chain;
    uint64_t header = disk ? sizeof(struct virtio_blk_outhdr) : 0;
    uint64_t status = disk ? 1 : 0;
    uint64_t offset = mark->rule->arg[0];

    if (chain->write_len > status) {
        mark->byte = byte_at(&chain->seg[chain->nr_read], chain->nr_segs - chain->nr_read,
                             offset % (chain->write_len - status));
    } else if (chain->read_len > header) {
        mark->byte =
            byte_at(chain->seg, chain->nr_read, header + offset % (chain->read_len - header));
        mark->back = true;
        flip(mark);
    }
}

void virtio_fault_tear(struct virtio_request *request, uint64_t sectors)
{
    struct virtq_chain *chain = &request->chain;
    uint64_t left = sizeof(struct virtio_blk_outhdr) + sectors * SECTOR_SIZE;
    unsigned kept = 0;

    if (sectors >= chain->read_len / SECTOR_SIZE || left >= chain->read_len)
        return;
    chain->read_len = left;
    for (; left != 0; kept++) {
        if (chain->seg[kept].len > left)
            chain->seg[kept].len = (uint32_t)left;
        left -= chain->seg[kept].len;
    }
    memmove(&chain->seg[kept], &chain->seg[chain->nr_read],
            (chain->nr_segs - chain->nr_read) * sizeof(chain->seg[0]));
    chain->nr_segs = (uint16_t)(chain->nr_segs - chain->nr_read + kept);
    chain->nr_read = (uint16_t)kept;
}

/* The entry of the used ring, as the rule has it. The queue's lock is held. */
static void put_odd(struct virtq *vq, const struct fault_rule *rule, uint16_t head,
                    uint32_t written)
{
    uint32_t length = (uint32_t)rule->arg[0];

    switch (rule->action) {
    case FAULT_TWICE:
        virtq_push(vq, head, written);
        virtq_push(vq, head, written);
        break;
    case FAULT_ID:
        virtq_push(vq, (uint16_t)rule->arg[0], written);
        break;
    case FAULT_LEN:
        virtq_push(vq, head, length);
        break;
    case FAULT_SHORT:
        virtq_push(vq, head, written < length ? written : length);
        break;
    default:
        virtq_push(vq, head, written);
        break;
    }
}

void virtio_fault_put_used(void *ctx, unsigned queue, struct virtq *vq, uint16_t head,
                           uint32_t written)
{
    struct virtio_fault *fault = ctx;
    const struct fault_rule *rule = NULL;
    struct virtio_fault_mark *mark;

    spin_lock(&fault->lock);
    mark = find_mark(fault, queue, head);
    if (mark != NULL) {
        rule = mark->rule;
        if (!mark->back)
            flip(mark);
        unmark_locked(mark);
    }
    spin_unlock(&fault->lock);
    if (virtio_fault_is_gone(fault))
        return;
    if (rule == NULL)
        virtq_push(vq, head, written);
    else if (rule->action == FAULT_CUT)
        fault->ops.cut_fn(fault->ops.ctx);
    else
        put_odd(vq, rule, head, written);
}

void virtio_fault_unmark(struct virtio_fault *fault, struct virtio_fault_mark *mark)
{
    spin_lock(&fault->lock);
    unmark_locked(mark);
    spin_unlock(&fault->lock);
}

unsigned virtio_fault_forget_marks(struct virtio_fault *fault, unsigned queue)
{
    unsigned lost = 0;

    spin_lock(&fault->lock);
    for (unsigned i = 0; i < VIRTIO_FAULT_MARKS; i++) {
        struct virtio_fault_mark *mark = &fault->mark[i];

        if (mark->rule == NULL || mark->queue != queue)
            continue;
        lost += mark->rule->action == FAULT_LOSE;
        unmark_locked(mark);
    }
    spin_unlock(&fault->lock);
    return lost;
}
