/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes wrong with requests. See virtio_fault.h. meet() looks for a rule, misbehave() does
 * what can be done now; a *held* request goes on later (virtio_fault_held.c), and a *marked* one
 * ends oddly (virtio_fault_mark.c). Whatever the guest is shown, each request ends once for
 * virtio_queue.c. The rest hands on what this is no part of.
 */
#include "dev/virtio_fault_parts.h"

#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <stddef.h>

#include "lib/bits.h"

#define SECTOR_SIZE 512U
#define NO_TYPE     31 /* a disk's request without a header */

static bool is_disk(const struct virtio_fault *fault)
{
    return fault->inner->id == VIRTIO_ID_BLOCK;
}

static bool has_header(const struct virtio_request *request)
{
    return request->chain.read_len >= sizeof(struct virtio_blk_outhdr);
}

static uint64_t data_to_read(const struct virtio_request *request)
{
    return request->chain.read_len - sizeof(struct virtio_blk_outhdr);
}

/* What a disk's request is about. The guest may change it until the device reads it. */
static void describe_disk(const struct virtio_request *request, struct fault_event *event)
{
    const struct virtq_chain *chain = &request->chain;
    struct virtio_blk_outhdr header;
    uint64_t len;

    event->type = NO_TYPE;
    if (!has_header(request))
        return;
    virtq_copy_from(chain, 0, &header, sizeof(header));
    len = header.type == VIRTIO_BLK_T_IN ? chain->write_len : data_to_read(request);
    event->type = header.type;
    event->first_sector = header.sector;
    event->last_sector = header.sector + (len >= SECTOR_SIZE ? len / SECTOR_SIZE - 1 : 0);
}

static void describe_request(const struct virtio_fault *fault, const struct virtio_request *request,
                             struct fault_event *event)
{
    *event = (struct fault_event){.kind = FAULT_REQUEST,
                                  .where = fault->where,
                                  .queue = request->queue,
                                  .now = fault->ops.now_fn()};
    if (is_disk(fault))
        describe_disk(request, event);
}

/* Was the queue's next request brought before, and with which rule? */
static bool take_again(struct virtio_fault *fault, unsigned queue, const struct fault_rule **rule)
{
    bool again = false;

    spin_lock(&fault->lock);
    if (queue < VIRTIO_FAULT_QUEUES) {
        again = (fault->again & BIT(queue)) != 0;
        fault->again &= ~(uint32_t)BIT(queue);
        *rule = fault->again_rule[queue];
    }
    spin_unlock(&fault->lock);
    return again;
}

static void set_again(struct virtio_fault *fault, unsigned queue, const struct fault_rule *rule)
{
    spin_lock(&fault->lock);
    if (queue < VIRTIO_FAULT_QUEUES) {
        fault->again |= (uint32_t)BIT(queue);
        fault->again_rule[queue] = rule;
    }
    spin_unlock(&fault->lock);
}

enum virtio_outcome virtio_fault_serve_inner(struct virtio_fault *fault,
                                             struct virtio_request *request)
{
    enum virtio_outcome outcome;

    spin_lock(&fault->serve_lock);
    outcome = fault->inner->ops->serve_fn(fault->inner->ctx, request);
    spin_unlock(&fault->serve_lock);
    return outcome;
}

/* The device gets the request. `rule`: what is left to do about it, or NULL. */
static enum virtio_outcome hand_over(struct virtio_fault *fault, struct virtio_request *request,
                                     const struct fault_rule *rule)
{
    enum virtio_outcome outcome = virtio_fault_serve_inner(fault, request);

    if (outcome == VIRTIO_FULL)
        set_again(fault, request->queue, rule);
    else
        virtio_fault_count_served(fault);
    return outcome;
}

/* The request goes to the device, and something odd comes of it. */
static enum virtio_outcome pass_marked(struct virtio_fault *fault, struct virtio_request *request,
                                       const struct fault_rule *rule)
{
    struct virtio_fault_mark *mark = virtio_fault_mark(fault, request, rule);
    enum virtio_outcome outcome;

    if (mark != NULL && rule->action == FAULT_CORRUPT)
        virtio_fault_corrupt(mark, request, is_disk(fault));
    if (mark != NULL && rule->action == FAULT_CUT && has_header(request))
        virtio_fault_tear(request, rule->arg[0]);
    outcome = hand_over(fault, request, rule);
    if (mark != NULL && (outcome == VIRTIO_FULL || outcome == VIRTIO_BROKEN))
        virtio_fault_unmark(fault, mark);
    return outcome;
}

/* A disk's answer without the disk. */
static enum virtio_outcome answer(const struct virtio_fault *fault, struct virtio_request *request,
                                  uint8_t status)
{
    const struct virtq_chain *chain = &request->chain;
    const struct virtq_seg *last = &chain->seg[chain->nr_segs - 1];

    request->written = 0;
    if (is_disk(fault) && chain->write_len != 0) {
        last->ptr[last->len - 1] = status;
        request->written = chain->write_len == 1;
    }
    return VIRTIO_DONE;
}

void virtio_fault_now(struct virtio_fault *fault, const struct fault_rule *rule)
{
    switch (rule->action) {
    case FAULT_RELEASE:
        virtio_fault_release_all(fault);
        break;
    case FAULT_LOSE_IRQ:
        __atomic_fetch_add(&fault->irqs_to_lose, 1, __ATOMIC_RELAXED);
        break;
    case FAULT_ADD_IRQ:
        virtio_mmio_interrupt(fault->slot, VIRTIO_MMIO_INT_VRING);
        break;
    case FAULT_NEEDS_RESET:
        virtio_mmio_need_reset(fault->slot);
        break;
    case FAULT_CONFIG:
        __atomic_store_n(&fault->config, rule, __ATOMIC_RELEASE);
        __atomic_fetch_add(&fault->generation, 1, __ATOMIC_RELEASE);
        virtio_mmio_tell_config(fault->slot);
        break;
    case FAULT_UNPLUG:
        __atomic_store_n(&fault->gone, true, __ATOMIC_RELAXED);
        break;
    case FAULT_CUT:
        fault->ops.cut_fn(fault->ops.ctx);
        break;
    default:
        break;
    }
}

static enum virtio_outcome misbehave(struct virtio_fault *fault, struct virtio_request *request,
                                     const struct fault_rule *rule)
{
    switch (rule->action) {
    case FAULT_FAIL:
        return answer(fault, request, (uint8_t)rule->arg[0]);
    case FAULT_DROP:
        return answer(fault, request, VIRTIO_BLK_S_OK);
    case FAULT_LOSE:
        if (virtio_fault_mark(fault, request, rule) != NULL)
            return VIRTIO_IN_FLIGHT;
        return hand_over(fault, request, NULL);
    case FAULT_DELAY:
    case FAULT_HOLD:
    case FAULT_REORDER:
        return virtio_fault_hold(fault, request, rule) ? VIRTIO_IN_FLIGHT
                                                       : hand_over(fault, request, NULL);
    case FAULT_TWICE:
    case FAULT_ID:
    case FAULT_LEN:
    case FAULT_SHORT:
    case FAULT_CORRUPT:
    case FAULT_CUT:
        return pass_marked(fault, request, rule);
    default:
        virtio_fault_now(fault, rule);
        return hand_over(fault, request, NULL);
    }
}

static enum virtio_outcome meet(void *ctx, struct virtio_request *request)
{
    struct virtio_fault *fault = ctx;
    const struct fault_rule *rule = NULL;
    struct fault_event event;

    if (!take_again(fault, request->queue, &rule)) {
        describe_request(fault, request, &event);
        rule = fault_match(fault->rules, &event);
        if (rule != NULL)
            fault_log(fault->rules, rule, &event);
    }
    return rule != NULL ? misbehave(fault, request, rule) : hand_over(fault, request, NULL);
}

/* Ours first: if those were all, the device need not hear of it. */
static void cancel_queue(void *ctx, unsigned queue)
{
    struct virtio_fault *fault = ctx;
    unsigned lost =
        virtio_fault_forget_held(fault, queue) + virtio_fault_forget_marks(fault, queue);

    if (lost == 0 && fault->inner->ops->cancel_fn != NULL)
        fault->inner->ops->cancel_fn(fault->inner->ctx, queue);
    for (; lost > 0; lost--)
        virtio_queue_abandon(fault->slot, queue);
}

static bool accept_features(void *ctx, uint64_t features)
{
    const struct virtio_backend *inner = ((struct virtio_fault *)ctx)->inner;

    return inner->ops->accept_fn == NULL || inner->ops->accept_fn(inner->ctx, features);
}

static int start_inner_queue(void *ctx, unsigned queue)
{
    struct virtio_fault *fault = ctx;
    const struct fault_rule *rule;

    (void)virtio_fault_forget_marks(fault, queue);
    (void)take_again(fault, queue, &rule);
    if (fault->inner->ops->queue_fn == NULL)
        return 0;
    return fault->inner->ops->queue_fn(fault->inner->ctx, queue);
}

static void start_inner(void *ctx)
{
    const struct virtio_backend *inner = ((struct virtio_fault *)ctx)->inner;

    if (inner->ops->start_fn != NULL)
        inner->ops->start_fn(inner->ctx);
}

/* One that is gone can't be reset by its driver, so the machine is: it is there again. */
static void plug_in(void *ctx)
{
    struct virtio_fault *fault = ctx;

    __atomic_store_n(&fault->gone, false, __ATOMIC_RELAXED);
    __atomic_store_n(&fault->irqs_to_lose, 0, __ATOMIC_RELAXED);
    if (fault->inner->ops->reset_fn != NULL)
        fault->inner->ops->reset_fn(fault->inner->ctx);
}

/* The byte of the configuration at `offset`, `value` unless a rule has changed it. */
static uint8_t config_byte(const struct virtio_fault *fault, uint64_t offset, uint8_t value)
{
    const struct fault_rule *rule = __atomic_load_n(&fault->config, __ATOMIC_ACQUIRE);
    uint64_t into = rule != NULL ? offset - (uint32_t)rule->arg[0] : 0;

    if (rule == NULL || into >= sizeof(rule->arg[1]) || into >= rule->arg[0] >> 32)
        return value;
    return (uint8_t)(rule->arg[1] >> (8 * into));
}

static void spoil_config(void *ctx, struct mmio_access *access)
{
    const struct virtio_fault *fault = ctx;
    const struct virtio_backend *inner = fault->inner;
    uint64_t value = 0;

    if (inner->ops->config_fn != NULL)
        inner->ops->config_fn(inner->ctx, access);
    else if (!access->write)
        access->value = virtio_mmio_read_config(fault->slot, access->offset, access->size);
    if (access->write)
        return;
    for (unsigned i = 0; i < access->size; i++)
        value |=
            (uint64_t)config_byte(fault, access->offset + i, (uint8_t)(access->value >> (8 * i)))
            << (8 * i);
    access->value = value;
}

static uint32_t generation(void *ctx)
{
    const struct virtio_fault *fault = ctx;
    const struct virtio_backend *inner = fault->inner;
    uint32_t own = __atomic_load_n(&fault->generation, __ATOMIC_ACQUIRE);

    return own + (inner->ops->generation_fn != NULL ? inner->ops->generation_fn(inner->ctx) : 0);
}

/* The slot's wire. Of an interrupt that is lost the device knows nothing: the next one comes. */
static void drive_line(void *ctx, uint32_t intid, bool level)
{
    struct virtio_fault *fault = ctx;
    uint32_t lose = __atomic_load_n(&fault->irqs_to_lose, __ATOMIC_RELAXED);

    (void)intid;
    if (level && virtio_fault_is_gone(fault))
        return;
    if (level && lose != 0) {
        __atomic_store_n(&fault->irqs_to_lose, lose - 1, __ATOMIC_RELAXED);
        __atomic_store_n(&fault->slot->interrupt_status, 0, __ATOMIC_RELEASE);
        return;
    }
    irq_line_set(&fault->line, level);
}

void virtio_fault_init(struct virtio_fault *fault, struct virtio_mmio *slot, uint64_t where,
                       struct fault_rules *rules, const struct virtio_fault_ops *ops)
{
    static const struct virtio_backend_ops fault_ops = {
        .serve_fn = meet,
        .used_fn = virtio_fault_put_used,
        .cancel_fn = cancel_queue,
        .accept_fn = accept_features,
        .queue_fn = start_inner_queue,
        .start_fn = start_inner,
        .reset_fn = plug_in,
        .config_fn = spoil_config,
        .generation_fn = generation,
    };

    fault->inner = slot->backend;
    fault->slot = slot;
    fault->line = slot->line;
    fault->rules = rules;
    fault->ops = *ops;
    fault->where = where;
    fault->backend = *slot->backend;
    fault->backend.ops = &fault_ops;
    fault->backend.ctx = fault;
    slot->backend = &fault->backend;
    slot->line = (struct irq_line){drive_line, fault, slot->line.intid};
}
