/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device modelled on the host: first the guest's side, then the host's. See vmodel.h. What the
 * host says is checked as a guest's word is: a model may be wrong.
 */
#include "dev/vmodel.h"

#include "lib/string.h"

/* A tag says who asks, and which of his requests it is. */
#define TAG_WHO   UINT32_C(0xff)
#define TAG_STEP  UINT32_C(0x100)
#define TAG_RESET UINT32_C(0xff) /* no vCPU */
#define TAG_TIMER UINT32_C(0xfe)

_Static_assert(MAX_VCPUS <= TAG_TIMER, "a vCPU's index is in a tag");

static void tell(const struct vmodel *model, struct vmodel_message *message, const void *data)
{
    message->device = model->index;
    message->epoch = model->epoch;
    message->time = model->link->ops->now_fn();
    model->link->ops->send_fn(model->link->ctx, message, data);
}

int vmodel_init(struct vmodel *model, struct vmodel_link *link, const struct irq_line *line,
                const char *name)
{
    struct vmodel_message message = {.type = VMODEL_NAME, .size = (uint32_t)strlen(name)};

    if (link->count == VMODEL_MAX)
        return -ERR_NOMEM;
    model->link = link;
    model->line = *line;
    model->index = (uint16_t)link->count;
    link->device[link->count++] = model;
    tell(model, &message, name);
    return 0;
}

static void set_line(const struct vmodel *model, bool level)
{
    if (model->line.set_fn != NULL)
        irq_line_set(&model->line, level);
}

/* No vCPU runs: nobody waits, and no answer of an earlier life will find anybody. */
void vmodel_reset(void *dev)
{
    struct vmodel *model = dev;
    struct vmodel_message message = {.type = VMODEL_RESET, .tag = TAG_RESET};

    set_line(model, false);
    model->link->ops->timer_fn(model, 0);
    model->epoch++;
    tell(model, &message, NULL);
}

void vmodel_timer(struct vmodel *model)
{
    struct vmodel_message message = {.type = VMODEL_TIMER, .tag = TAG_TIMER};

    tell(model, &message, NULL);
}

enum mmio_result vmodel_access(void *dev, struct mmio_access *access)
{
    struct vmodel *model = dev;
    struct vmodel_link *link = model->link;
    struct vmodel_call *call = &model->call[access->vcpu];
    struct vmodel_message message = {
        .type = access->write ? VMODEL_WRITE : VMODEL_READ,
        .tag = (call->tag & ~TAG_WHO) + TAG_STEP + access->vcpu,
        .size = access->size,
        .address = access->offset,
        .value = access->write ? access->value : 0,
    };

    call->tag = message.tag;
    __atomic_store_n(&call->answered, false, __ATOMIC_RELEASE);
    tell(model, &message, NULL);
    while (!__atomic_load_n(&call->answered, __ATOMIC_ACQUIRE)) {
        if (!link->ops->wait_fn(link->ctx, access->vcpu))
            return MMIO_OK; /* whatever it reads: the guest does not go on */
    }
    access->value = call->value;
    return call->aborts ? MMIO_ABORT : MMIO_OK;
}

/* One that nobody waits for is an answer to a reset or a timer, or a model's mistake. */
static void take_answer(struct vmodel *model, const struct vmodel_message *message)
{
    uint32_t who = message->tag & TAG_WHO;
    struct vmodel_call *call;

    if (who >= MAX_VCPUS)
        return;
    call = &model->call[who];
    if (call->tag != message->tag || __atomic_load_n(&call->answered, __ATOMIC_ACQUIRE))
        return;
    call->aborts = message->type == VMODEL_ABORT;
    call->value = message->value;
    __atomic_store_n(&call->answered, true, __ATOMIC_RELEASE);
    model->link->ops->wake_fn(model->link->ctx, who);
}

static void answer_read(const struct vmodel *model, const struct vmodel_message *asked)
{
    struct vmodel_message message = {.type = VMODEL_DATA, .tag = asked->tag};
    const void *data = NULL;

    if (asked->epoch == model->epoch && asked->size <= VMODEL_DATA_MAX)
        data = guest_mem_ptr(model->link->mem, ipa(asked->address), asked->size);
    message.size = data != NULL ? asked->size : 0;
    tell(model, &message, data);
}

/* All of its data has been taken. */
static void answer_write(const struct vmodel *model, const struct vmodel_message *asked, bool done)
{
    struct vmodel_message message = {.type = VMODEL_DONE, .tag = asked->tag, .value = done ? 0 : 1};

    tell(model, &message, NULL);
}

/* The message is whole, and so is its data; `done`: that went where it was to go. */
static void take_message(struct vmodel_link *link, bool done)
{
    const struct vmodel_message *message = &link->message;
    struct vmodel *model;

    if (message->device >= link->count)
        return;
    model = link->device[message->device];
    if (message->type == VMODEL_DMA_READ)
        answer_read(model, message);
    else if (message->type == VMODEL_DMA_WRITE)
        answer_write(model, message, done);
    else if (message->epoch != model->epoch)
        return;
    else if (message->type == VMODEL_ANSWER || message->type == VMODEL_ABORT)
        take_answer(model, message);
    else if (message->type == VMODEL_IRQ)
        set_line(model, message->value != 0);
    else if (message->type == VMODEL_SET_TIMER)
        link->ops->timer_fn(model, message->value);
}

/* Where the data of the message goes; NULL: nowhere, it is refused. */
static uint8_t *target(const struct vmodel_link *link)
{
    const struct vmodel_message *message = &link->message;

    if (message->device >= link->count || message->epoch != link->device[message->device]->epoch)
        return NULL;
    return guest_mem_ptr(link->mem, ipa(message->address), message->size);
}

/* The message is there; its data, if it has some, is to come. */
static void begin_message(struct vmodel_link *link)
{
    link->have = 0;
    link->into = NULL;
    link->to_go = 0;
    if (link->message.type == VMODEL_DMA_WRITE) {
        link->into = target(link);
        link->to_go = link->message.size;
    }
    if (link->to_go == 0)
        take_message(link, false);
}

static size_t take_data(struct vmodel_link *link, const uint8_t *bytes, size_t len)
{
    size_t part = len < link->to_go ? len : link->to_go;
    bool done = link->into != NULL;

    if (done) {
        memcpy(link->into, bytes, part);
        link->into += part;
    }
    link->to_go -= (uint32_t)part;
    if (link->to_go == 0)
        take_message(link, done);
    return part;
}

static size_t take_head(struct vmodel_link *link, const uint8_t *bytes, size_t len)
{
    size_t missing = sizeof(link->message) - link->have;
    size_t part = len < missing ? len : missing;

    memcpy((uint8_t *)&link->message + link->have, bytes, part);
    link->have += (unsigned)part;
    if (link->have == sizeof(link->message))
        begin_message(link);
    return part;
}

void vmodel_receive(struct vmodel_link *link, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    size_t part;

    for (; len > 0; len -= part, at += part)
        part = link->to_go > 0 ? take_data(link, at, len) : take_head(link, at, len);
}
