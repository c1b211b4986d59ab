/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm/vm_model.c where the machine stops for the models: what is sent before a stop, what the host
 * says meanwhile, and that two vCPUs don't meet in one. The channel is opened once for all devices,
 * so the first cases follow each other; the rest of the file is test_vm_model.c's.
 */
#include "vm/vm_model.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cpu.h"
#include "drv/host_channel.h"
#include "drv/host_pause.h"
#include "fake_machine.h"
#include "fdt_log.h"
#include "lib/bits.h"
#include "mm/phys.h"
#include "vm/vm.h"
#include "vm/vm_virtio.h"

#define CHANNEL  UINT64_C(0xa003a00)
#define PAUSE    UINT64_C(0xa003c00)
#define INTID    55
#define RAM      UINT64_C(0x48000000)
#define VALUE    UINT64_C(0x600d)
#define THREADS  2
#define ACCESSES 50

static const struct host_virtio channel_slot = {{{CHANNEL}, 0x200}, 70, true};
static const struct host_virtio pause_slot = {{{PAUSE}, 0x200}, 71, true};
static struct vm vm;
static struct vm_model device;
static uint8_t ram[SIZE_4K] __attribute__((aligned(SIZE_4K)));
static bool has_pause_slot;
static int pause_error, send_error;

/* What was sent, and what the host has to say at the next stop, and at those after it. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct vmodel_message sent[64];
static unsigned nr_sent;
static uint8_t sent_data[64]; /* of the latest that had some */
static void (*host)(void);
static struct host_pause_page *page;
static unsigned stops, stopped; /* so far; and CPUs that are in one, atomic */

const struct host_virtio *vm_virtio_take(pa_t base)
{
    if (base.v == CHANNEL)
        return &channel_slot;
    return base.v == PAUSE && has_pause_slot ? &pause_slot : NULL;
}

int host_channel_open(struct host_channel *channel, struct pa_range regs,
                      host_channel_fn receive_fn, void *ctx)
{
    (void)channel;
    (void)receive_fn;
    (void)ctx;
    assert_int_equal(regs.base.v, CHANNEL);
    return 0;
}

int host_channel_send(struct host_channel *channel, const void *head, const void *data,
                      uint32_t len)
{
    (void)channel;
    if (send_error != 0)
        return send_error;
    pthread_mutex_lock(&lock);
    if (nr_sent == ARRAY_SIZE(sent))
        abort();
    memcpy(&sent[nr_sent++], head, sizeof(sent[0]));
    if (len != 0 && len <= sizeof(sent_data))
        memcpy(sent_data, data, len);
    pthread_mutex_unlock(&lock);
    return 0;
}

void host_channel_interrupt(struct host_channel *channel)
{
    (void)channel;
}

int host_pause_open(struct host_pause *pause, struct pa_range regs)
{
    (void)pause;
    assert_int_equal(regs.base.v, PAUSE);
    return pause_error;
}

/* The host does its part. */
void host_pause(struct host_pause *pause)
{
    (void)pause;
    if (__atomic_add_fetch(&stopped, 1, __ATOMIC_ACQ_REL) != 1)
        abort();
    stops++;
    page->len = 0;
    host();
    __atomic_sub_fetch(&stopped, 1, __ATOMIC_ACQ_REL);
}

/* `len` bytes more of what the host says at this stop. */
static void put(const void *bytes, size_t len)
{
    memcpy(page->bytes + page->len, bytes, len);
    page->len += (uint32_t)len;
}

static void put_message(struct vmodel_message message)
{
    message.epoch = device.model.epoch;
    put(&message, sizeof(message));
}

static void say_nothing(void)
{
}

/* Every request that was sent since the last stop. */
static void answer(void)
{
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < nr_sent; i++) {
        if (sent[i].type == VMODEL_READ || sent[i].type == VMODEL_WRITE)
            put_message((struct vmodel_message){
                .type = VMODEL_ANSWER, .tag = sent[i].tag, .value = sent[i].address + VALUE});
    }
    nr_sent = 0;
    pthread_mutex_unlock(&lock);
}

static bool no_sleep(struct vcpu *vcpu)
{
    (void)vcpu;
    abort();
}

static int setup(void **state)
{
    (void)state;
    nr_sent = stops = 0;
    has_pause_slot = true;
    pause_error = send_error = 0;
    host = say_nothing;
    fake_sleep = no_sleep;
    fake_cpu_index = 0;
    log_clear();
    return 0;
}

static int make(void)
{
    const struct vm_device_config config = {.model = "toy", .intid = INTID};

    vm.config.channel = pa(CHANNEL);
    vm.config.pause = pa(PAUSE);
    vm.mem.count = 1;
    vm.mem.region[0] = (struct ram_region){ipa(RAM), ptr_to_pa(ram), sizeof(ram)};
    return vm_model_make(&vm, &device, &config);
}

static void no_pause(void **state)
{
    (void)state;
    has_pause_slot = false;
    assert_int_equal(make(), -ERR_NOENT);
    assert_non_null(strstr(logged.error, "0xa003c00"));
    assert_non_null(strstr(logged.error, "traproom,pause"));
    has_pause_slot = true;
    pause_error = -ERR_UNSUPPORTED;
    assert_int_equal(make(), -ERR_NOENT);
    assert_int_equal(logged.errors, 2);
}

/* The host hears where the page is, then of the device; no vCPU is there that could stop. */
static void made(void **state)
{
    (void)state;
    fake_frequency = UINT64_C(1000000000);
    assert_int_equal(make(), 0);
    assert_int_equal(nr_sent, 2);
    assert_int_equal(sent[0].type, VMODEL_PAGE);
    assert_int_equal(sent[1].type, VMODEL_NAME);
    assert_int_equal(stops, 0);
    page = pa_to_ptr(pa(sent[0].address));
}

static uint64_t read_reg(unsigned vcpu, uint64_t offset)
{
    struct mmio_access access = {.offset = offset, .size = 4, .vcpu = (uint8_t)vcpu};

    fake_cpu_index = vcpu;
    if (vmodel_access(&device.model, &access) != MMIO_OK)
        abort();
    return access.value;
}

/* The answer is there when the machine goes on, and it is asked whether that was all. */
static void an_access(void **state)
{
    (void)state;
    host = answer;
    assert_int_equal(read_reg(2, 8), VALUE + 8);
    assert_int_equal(stops, 2);
}

static void nothing_to_say(void **state)
{
    (void)state;
    vmodel_timer(&device.model);
    assert_int_equal(sent[0].type, VMODEL_TIMER);
    assert_int_equal(stops, 1);
}

/* A message may be cut anywhere between two stops. */
static void say_in_two_parts(void)
{
    struct vmodel_message message = {.type = VMODEL_IRQ, .value = 1, .epoch = device.model.epoch};
    const uint8_t *bytes = (const uint8_t *)&message;

    if (stops == 1)
        put(bytes, 7);
    else if (stops == 2)
        put(bytes + 7, sizeof(message) - 7);
}

static void in_two_parts(void **state)
{
    (void)state;
    fake_line = (struct fake_line){0};
    host = say_in_two_parts;
    vmodel_timer(&device.model);
    assert_int_equal(stops, 3);
    assert_int_equal(fake_line.intid, INTID);
    assert_int_equal(fake_line.rises, 1);
}

/* The model reads the guest's memory, and has what it read at the next stop. */
static void ask_for_memory(void)
{
    if (stops == 1)
        put_message((struct vmodel_message){
            .type = VMODEL_DMA_READ, .address = RAM + 16, .size = 8, .tag = 9});
    else if (sent[nr_sent - 1].type != VMODEL_DATA || sent[nr_sent - 1].tag != 9)
        abort();
}

static void memory_is_read(void **state)
{
    (void)state;
    memcpy(ram + 16, "in guest", 8);
    host = ask_for_memory;
    vmodel_timer(&device.model);
    assert_int_equal(stops, 2);
    assert_memory_equal(sent_data, "in guest", 8);
}

/* A length that the page has no room for, then what its last message lacks; none means anything. */
static void say_too_much(void)
{
    memset(page->bytes, 0, sizeof(page->bytes));
    if (stops == 1)
        page->len = UINT32_MAX;
    else if (stops == 2)
        page->len = sizeof(struct vmodel_message) - HOST_PAUSE_ROOM % sizeof(struct vmodel_message);
}

static void more_than_a_page(void **state)
{
    (void)state;
    host = say_too_much;
    vmodel_timer(&device.model);
    assert_int_equal(stops, 3);
    nr_sent = 0;
    host = answer;
    assert_int_equal(read_reg(0, 4), VALUE + 4);
}

static void *many_accesses(void *vcpu)
{
    unsigned index = *(const unsigned *)vcpu;

    for (unsigned i = 0; i < ACCESSES; i++) {
        if (read_reg(index, 8 * index) != VALUE + 8 * index)
            abort();
    }
    return NULL;
}

/* Each stops the machine by itself, and none waits beyond that for its own answer. */
static void two_at_once(void **state)
{
    static const unsigned vcpu[THREADS] = {1, 2};
    pthread_t thread[THREADS];

    (void)state;
    host = answer;
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, many_accesses, (void *)&vcpu[i]), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    assert_true(stops >= THREADS * ACCESSES);
}

static void a_deaf_host(void **state)
{
    (void)state;
    send_error = -ERR_INVAL;
    vmodel_timer(&device.model);
    assert_string_equal(logged.error, "the host does not take what is said to a model");
}

/* The last: the link is full of devices. */
static void too_many(void **state)
{
    static struct vm_model more[VMODEL_MAX];
    const struct vm_device_config config = {.model = "toy", .intid = INTID};

    (void)state;
    for (unsigned i = 0; i < VMODEL_MAX - 1; i++)
        assert_int_equal(vm_model_make(&vm, &more[i], &config), 0);
    assert_int_equal(vm_model_make(&vm, &more[VMODEL_MAX - 1], &config), -ERR_NOMEM);
    assert_string_equal(logged.error, "there are more than 32 models");
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_pause),     TEST(made),           TEST(an_access),        TEST(nothing_to_say),
        TEST(in_two_parts), TEST(memory_is_read), TEST(more_than_a_page), TEST(two_at_once),
        TEST(a_deaf_host),  TEST(too_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
