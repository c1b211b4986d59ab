// SPDX-License-Identifier: Apache-2.0
/*
 * Devices with a model on the host that has gone bad: messages of any content, cut anywhere, while
 * vCPUs wait for answers and devices are reset.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dev/vmodel.h"
#include "fuzz.h"
#include "lib/bits.h"
#include "mm/phys.h"

#define RAM_IPA   UINT64_C(0x48000000)
#define RAM_SIZE  UINT64_C(0x2000)
#define DEVICES   2
#define MAX_STEPS 400

struct scene {
    uint8_t *ram;
    struct guest_mem mem;
    struct vmodel_link link;
    struct vmodel model[DEVICES];
    bool level[DEVICES];
    uint32_t last_tag; /* of what was sent last */
    unsigned woken;    /* a bit for each vCPU */
    struct fuzz_input *in;
};

static struct scene scene;

static void send(void *ctx, const struct vmodel_message *message, const void *data)
{
    static uint8_t wire[VMODEL_DATA_MAX];

    fuzz_require(ctx == &scene && message->device < DEVICES);
    fuzz_require(message->epoch == scene.model[message->device].epoch);
    scene.last_tag = message->tag;
    if (data == NULL)
        return;
    fuzz_require(message->size <= VMODEL_DATA_MAX);
    memcpy(wire, data, message->size);
}

static void wake(void *ctx, unsigned vcpu)
{
    fuzz_require(ctx == &scene && vcpu < MAX_VCPUS);
    scene.woken |= 1U << vcpu;
}

static uint64_t now(void)
{
    return 1000;
}

static void set_timer(struct vmodel *model, uint64_t when)
{
    (void)when;
    fuzz_require(model == &scene.model[0] || model == &scene.model[1]);
}

static void set_line(void *ctx, uint32_t intid, bool level)
{
    (void)ctx;
    fuzz_require(intid >= 48 && intid < 48 + DEVICES);
    scene.level[intid - 48] = level;
}

static uint64_t some_address(struct fuzz_input *in)
{
    uint64_t value = fuzz_value(in);

    return fuzz_below(in, 4) == 0 ? value : RAM_IPA - 8 + value % (RAM_SIZE + 16);
}

/* Most of it is as a model's would be that means well. */
static struct vmodel_message some_message(struct fuzz_input *in)
{
    unsigned device = fuzz_below(in, DEVICES + 1);
    unsigned wrong = fuzz_below(in, 8);
    struct vmodel_message message = {
        .type = (uint16_t)(VMODEL_ANSWER + fuzz_below(in, 7)),
        .device = (uint16_t)device,
        .tag = scene.last_tag,
        .epoch = device < DEVICES ? scene.model[device].epoch : 0,
        .size = (uint32_t)fuzz_take(in, 1),
        .address = some_address(in),
        .value = fuzz_value(in),
    };

    if (wrong == 0)
        message.tag = (uint32_t)fuzz_value(in);
    else if (wrong == 1)
        message.epoch -= fuzz_below(in, 3);
    else if (wrong == 2)
        message.size = (uint32_t)fuzz_value(in);
    else if (wrong == 3)
        message.type = (uint16_t)fuzz_take(in, 2);
    return message;
}

/* From memory of its exact size. */
static void receive(const void *bytes, size_t len)
{
    uint8_t *copy = malloc(len);

    memcpy(copy, bytes, len);
    vmodel_receive(&scene.link, copy, len);
    free(copy);
}

/* A message and the data that it asks for, or less, in two pieces. */
static void hear_message(struct fuzz_input *in)
{
    struct vmodel_message message = some_message(in);
    uint8_t wire[sizeof(message) + 256] = {0};
    size_t data = message.size < 256 && message.type == VMODEL_DMA_WRITE ? message.size : 0;
    size_t len = sizeof(message) + data;
    size_t cut = fuzz_below(in, 64) % len;

    memcpy(wire, &message, sizeof(message));
    memset(wire + sizeof(message), 0x77, data);
    receive(wire, cut);
    receive(wire + cut, len - cut);
}

static void hear_bytes(struct fuzz_input *in)
{
    uint8_t bytes[64];
    unsigned len = fuzz_below(in, sizeof(bytes));

    for (unsigned i = 0; i < len; i++)
        bytes[i] = (uint8_t)fuzz_take(in, 1);
    receive(bytes, len);
}

static void hear(struct fuzz_input *in)
{
    if (fuzz_below(in, 8) == 0)
        hear_bytes(in);
    else
        hear_message(in);
}

static bool wait(void *ctx, unsigned vcpu)
{
    fuzz_require(ctx == &scene && vcpu < MAX_VCPUS);
    if (scene.in->left == 0)
        return false;
    hear(scene.in);
    return true;
}

static void access_any(struct fuzz_input *in)
{
    struct vmodel *model = &scene.model[fuzz_below(in, DEVICES)];
    unsigned vcpu = fuzz_below(in, MAX_VCPUS);
    struct mmio_access access = {.offset = fuzz_take(in, 2),
                                 .size = (uint8_t)(1U << fuzz_below(in, 4)),
                                 .write = (fuzz_take(in, 1) & 1) != 0,
                                 .value = fuzz_value(in),
                                 .vcpu = (uint8_t)vcpu};
    enum mmio_result result;

    scene.woken &= ~(1U << vcpu);
    result = vmodel_access(model, &access);
    fuzz_require(result == MMIO_OK || result == MMIO_ABORT);
    /* Who goes on has been woken, or has given up since the input is at its end. */
    fuzz_require((scene.woken & 1U << vcpu) != 0 || in->left == 0);
}

static void reset(unsigned device)
{
    uint32_t before = scene.model[device].epoch;

    vmodel_reset(&scene.model[device]);
    fuzz_require(scene.model[device].epoch == before + 1 && !scene.level[device]);
}

static void set_up(struct fuzz_input *in)
{
    static const struct vmodel_ops ops = {send, wait, wake, now, set_timer};
    uint8_t *ram = scene.ram != NULL ? scene.ram : aligned_alloc(4096, RAM_SIZE);

    fuzz_require(ram != NULL);
    memset(&scene, 0, sizeof(scene));
    memset(ram, 0x11, RAM_SIZE);
    scene.ram = ram;
    scene.in = in;
    scene.mem.count = 1;
    scene.mem.region[0] = (struct ram_region){ipa(RAM_IPA), ptr_to_pa(ram), RAM_SIZE};
    scene.link = (struct vmodel_link){.ops = &ops, .ctx = &scene, .mem = &scene.mem};
    for (unsigned i = 0; i < DEVICES; i++) {
        const struct irq_line line = {set_line, NULL, 48 + i};

        fuzz_require(vmodel_init(&scene.model[i], &scene.link, &line, "toy") == 0);
    }
}

static void check(void)
{
    const struct vmodel_link *link = &scene.link;

    fuzz_require(link->have < sizeof(link->message));
    fuzz_require(link->to_go == 0 || link->into == NULL ||
                 (link->into >= scene.ram && link->into + link->to_go <= scene.ram + RAM_SIZE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};

    set_up(&in);
    for (unsigned i = 0; i < MAX_STEPS && in.left > 0; i++) {
        unsigned kind = fuzz_below(&in, 8);

        if (kind < 3)
            hear(&in);
        else if (kind < 6)
            access_any(&in);
        else if (kind == 6)
            reset(fuzz_below(&in, DEVICES));
        else
            vmodel_timer(&scene.model[fuzz_below(&in, DEVICES)]);
        check();
    }
    return 0;
}
