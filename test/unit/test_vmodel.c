/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dev/vmodel.c: what goes to the host for an access, and what the host may say, right and wrong.
 * The host is played by the test: it answers when the vCPU waits.
 */
#include "dev/vmodel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define RAM_IPA  UINT64_C(0x48000000)
#define RAM_SIZE 0x2000
#define MOST     16

static uint8_t ram[RAM_SIZE] __attribute__((aligned(4096)));
static struct guest_mem mem = {.count = 1, .region = {{{RAM_IPA}, {0}, RAM_SIZE}}};
static struct vmodel_link models;
static struct vmodel model[VMODEL_MAX + 1];
static bool level;
static unsigned changes, woken, waits;
static uint64_t timer;

/* What was sent, and the data of the last. */
static struct vmodel_message sent[MOST];
static unsigned nr_sent;
static uint8_t data[VMODEL_DATA_MAX];

/* What the host does when a vCPU waits; false: the VM stops. */
static bool (*host_fn)(void);

static void send(void *ctx, const struct vmodel_message *message, const void *with)
{
    assert_ptr_equal(ctx, &models);
    assert_in_range(nr_sent, 0, MOST - 1);
    sent[nr_sent++] = *message;
    if (with != NULL)
        memcpy(data, with, message->size);
}

static bool wait(void *ctx, unsigned vcpu)
{
    (void)ctx;
    (void)vcpu;
    assert_in_range(waits++, 0, 3);
    return host_fn();
}

static void wake(void *ctx, unsigned vcpu)
{
    (void)ctx;
    woken |= 1U << vcpu;
}

static uint64_t now(void)
{
    return 12345;
}

static void set_timer(struct vmodel *which, uint64_t when)
{
    assert_ptr_equal(which, &model[0]);
    timer = when;
}

static void set_line(void *ctx, uint32_t intid, bool to)
{
    (void)ctx;
    assert_int_equal(intid, 77);
    level = to;
    changes++;
}

static const struct vmodel_ops ops = {send, wait, wake, now, set_timer};
static const struct irq_line line = {set_line, NULL, 77};

static int setup(void **state)
{
    (void)state;
    mem.region[0].pa.v = (uintptr_t)ram;
    memset(ram, 0x11, sizeof(ram));
    memset(model, 0, sizeof(model));
    models = (struct vmodel_link){.ops = &ops, .ctx = &models, .mem = &mem};
    assert_int_equal(vmodel_init(&model[0], &models, &line, "toy"), 0);
    level = false;
    nr_sent = changes = woken = waits = 0;
    timer = 99;
    return 0;
}

static const struct vmodel_message *last(void)
{
    assert_int_not_equal(nr_sent, 0);
    return &sent[nr_sent - 1];
}

/* The host says this of the life that the device is in. */
static void say(struct vmodel_message message)
{
    message.epoch = model[0].epoch;
    vmodel_receive(&models, &message, sizeof(message));
}

static bool answer(void)
{
    say((struct vmodel_message){.type = VMODEL_ANSWER, .tag = last()->tag, .value = 0xabcd});
    return true;
}

static bool refuse(void)
{
    say((struct vmodel_message){.type = VMODEL_ABORT, .tag = last()->tag});
    return true;
}

static bool stop(void)
{
    return false;
}

static enum mmio_result access(bool (*host)(void), bool write, uint64_t *value)
{
    struct mmio_access one = {.offset = 8, .size = 4, .write = write, .value = *value, .vcpu = 3};
    enum mmio_result result;

    host_fn = host;
    result = vmodel_access(&model[0], &one);
    *value = one.value;
    return result;
}

static void a_name(void **state)
{
    (void)state;
    assert_int_equal(vmodel_init(&model[1], &models, &line, "other"), 0);
    assert_int_equal(last()->type, VMODEL_NAME);
    assert_int_equal(last()->device, 1);
    assert_int_equal(last()->size, 5);
    assert_memory_equal(data, "other", 5);
    for (unsigned i = 2; i < VMODEL_MAX; i++) {
        nr_sent = 0;
        assert_int_equal(vmodel_init(&model[i], &models, &line, "x"), 0);
    }
    assert_int_equal(vmodel_init(&model[VMODEL_MAX], &models, &line, "x"), -ERR_NOMEM);
}

static void a_read(void **state)
{
    uint64_t value = 0x5555;
    uint32_t tag;

    (void)state;
    assert_int_equal(access(answer, false, &value), MMIO_OK);
    assert_int_equal(value, 0xabcd);
    assert_int_equal(last()->type, VMODEL_READ);
    assert_int_equal(last()->address, 8);
    assert_int_equal(last()->size, 4);
    assert_int_equal(last()->value, 0);
    assert_int_equal(last()->time, 12345);
    assert_int_equal(woken, 1U << 3);
    tag = last()->tag;
    assert_int_equal(access(refuse, false, &value), MMIO_ABORT);
    assert_int_not_equal(last()->tag, tag);
}

static void a_write(void **state)
{
    uint64_t value = 0x5555;

    (void)state;
    assert_int_equal(access(answer, true, &value), MMIO_OK);
    assert_int_equal(last()->type, VMODEL_WRITE);
    assert_int_equal(last()->value, 0x5555);
}

/* The vCPU leaves; its answer comes too late for it, and for its next access. */
static void the_vm_stops(void **state)
{
    uint64_t value = 0;
    uint32_t tag;

    (void)state;
    assert_int_equal(access(stop, false, &value), MMIO_OK);
    tag = last()->tag;
    vmodel_reset(&model[0]);
    say((struct vmodel_message){.type = VMODEL_ANSWER, .tag = last()->tag});
    waits = 0;
    assert_int_equal(access(answer, false, &value), MMIO_OK);
    say((struct vmodel_message){.type = VMODEL_ANSWER, .tag = tag, .value = 1});
    assert_int_equal(value, 0xabcd);
}

static bool rubbish(void)
{
    const struct vmodel_message *asked = last();

    if (waits == 1) {
        say((struct vmodel_message){.type = VMODEL_ANSWER, .tag = asked->tag + 0x100});
        say((struct vmodel_message){.type = VMODEL_ANSWER, .tag = asked->tag ^ 1});
        say((struct vmodel_message){.type = VMODEL_ANSWER, .tag = MAX_VCPUS});
        say((struct vmodel_message){.type = VMODEL_ANSWER, .tag = asked->tag, .device = 1});
        say((struct vmodel_message){.type = 0xffff, .tag = asked->tag});
        model[0].epoch++;
        say((struct vmodel_message){.type = VMODEL_IRQ, .value = 0});
        model[0].epoch--;
        assert_int_equal(woken, 0);
    } else {
        answer();
        say((struct vmodel_message){.type = VMODEL_ANSWER, .tag = asked->tag, .value = 7});
    }
    return true;
}

static void wrong_answers(void **state)
{
    uint64_t value = 0;

    (void)state;
    assert_int_equal(access(rubbish, false, &value), MMIO_OK);
    assert_int_equal(value, 0xabcd);
}

static void the_line(void **state)
{
    struct irq_line none = {NULL, NULL, 0};
    struct vmodel_message message = {.type = VMODEL_IRQ, .device = 1, .value = 1};

    (void)state;
    say((struct vmodel_message){.type = VMODEL_IRQ, .value = 5});
    assert_true(level);
    say((struct vmodel_message){.type = VMODEL_IRQ});
    assert_false(level);
    changes = 0;
    assert_int_equal(vmodel_init(&model[1], &models, &none, "no interrupt"), 0);
    vmodel_receive(&models, &message, sizeof(message));
    assert_int_equal(changes, 0);
}

static void a_timer(void **state)
{
    (void)state;
    say((struct vmodel_message){.type = VMODEL_SET_TIMER, .value = 500});
    assert_int_equal(timer, 500);
    vmodel_timer(&model[0]);
    assert_int_equal(last()->type, VMODEL_TIMER);
    say((struct vmodel_message){.type = VMODEL_ANSWER, .tag = last()->tag});
    assert_int_equal(woken, 0);
}

static void a_reset(void **state)
{
    uint32_t before = model[0].epoch;
    struct vmodel_message old = {.type = VMODEL_IRQ, .epoch = before, .value = 1};

    (void)state;
    say((struct vmodel_message){.type = VMODEL_IRQ, .value = 1});
    vmodel_reset(&model[0]);
    assert_false(level);
    assert_int_equal(timer, 0);
    assert_int_equal(last()->type, VMODEL_RESET);
    assert_int_equal(last()->epoch, before + 1);
    vmodel_receive(&models, &old, sizeof(old));
    assert_false(level);
}

static void dma_read(uint64_t at, uint32_t size, uint32_t found)
{
    say((struct vmodel_message){
        .type = VMODEL_DMA_READ, .tag = 0x1234, .address = at, .size = size});
    assert_int_equal(last()->type, VMODEL_DATA);
    assert_int_equal(last()->tag, 0x1234);
    assert_int_equal(last()->size, found);
    nr_sent = 0;
}

static void reading_ram(void **state)
{
    (void)state;
    ram[RAM_SIZE - 1] = 0x99;
    dma_read(RAM_IPA + RAM_SIZE - 4, 4, 4);
    assert_memory_equal(data, "\x11\x11\x11\x99", 4);
    dma_read(RAM_IPA, VMODEL_DATA_MAX, VMODEL_DATA_MAX);
    dma_read(RAM_IPA, VMODEL_DATA_MAX + 1, 0);
    dma_read(RAM_IPA, 0, 0);
    dma_read(RAM_IPA + RAM_SIZE - 4, 5, 0);
    dma_read(RAM_IPA - 1, 4, 0);
    dma_read(UINT64_MAX - 1, 4, 0);
    dma_read(0x40000000, 4, 0);
}

static void reading_ram_of_an_earlier_life(void **state)
{
    struct vmodel_message message = {.type = VMODEL_DMA_READ, .address = RAM_IPA, .size = 4};

    (void)state;
    message.epoch = model[0].epoch;
    vmodel_reset(&model[0]);
    vmodel_receive(&models, &message, sizeof(message));
    assert_int_equal(last()->type, VMODEL_DATA);
    assert_int_equal(last()->size, 0);
}

/* In pieces of `step` bytes, the message and its data. */
static void dma_write(struct vmodel_message message, unsigned step, uint64_t refused)
{
    uint8_t bytes[sizeof(message) + 64];
    size_t size = sizeof(message) + message.size;

    message.type = VMODEL_DMA_WRITE;
    memcpy(bytes, &message, sizeof(message));
    for (size_t i = sizeof(message); i < size; i++)
        bytes[i] = (uint8_t)i;
    nr_sent = 0;
    for (size_t at = 0; at < size; at += step)
        vmodel_receive(&models, bytes + at, size - at < step ? size - at : step);
    assert_int_equal(nr_sent, 1);
    assert_int_equal(last()->type, VMODEL_DONE);
    assert_int_equal(last()->value, refused);
}

static void writing_ram(void **state)
{
    struct vmodel_message message = {.address = RAM_IPA + RAM_SIZE - 64, .size = 64};

    (void)state;
    for (unsigned step = 1; step < 110; step++) {
        memset(ram, 0x11, sizeof(ram));
        dma_write(message, step, 0);
        assert_int_equal(ram[RAM_SIZE - 65], 0x11);
        for (unsigned i = 0; i < 64; i++)
            assert_int_equal(ram[RAM_SIZE - 64 + i], sizeof(message) + i);
    }
}

static void writing_elsewhere(void **state)
{
    struct vmodel_message message = {.address = RAM_IPA + RAM_SIZE - 63, .size = 64};

    (void)state;
    dma_write(message, 50, 1);
    message.address = UINT64_MAX - 10;
    dma_write(message, 50, 1);
    message.address = RAM_IPA;
    message.size = 0;
    dma_write(message, 50, 1);
    message.size = 8;
    message.epoch = model[0].epoch + 1;
    dma_write(message, 50, 1);
    for (unsigned i = 0; i < RAM_SIZE; i++)
        assert_int_equal(ram[i], 0x11);
}

/* Of a device that is not there it goes nowhere, and what follows is understood. */
static void no_such_device(void **state)
{
    struct vmodel_message message = {
        .type = VMODEL_DMA_WRITE, .device = 1, .address = RAM_IPA, .size = 8};

    (void)state;
    vmodel_receive(&models, &message, sizeof(message));
    vmodel_receive(&models, "\1\2\3\4\5\6\7\10", 8);
    assert_int_equal(nr_sent, 0);
    assert_int_equal(ram[0], 0x11);
    say((struct vmodel_message){.type = VMODEL_IRQ, .value = 1});
    assert_true(level);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_name),
        TEST(a_read),
        TEST(a_write),
        TEST(the_vm_stops),
        TEST(wrong_answers),
        TEST(the_line),
        TEST(a_timer),
        TEST(a_reset),
        TEST(reading_ram),
        TEST(writing_ram),
        TEST(writing_elsewhere),
        TEST(reading_ram_of_an_earlier_life),
        TEST(no_such_device),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
