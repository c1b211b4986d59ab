/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm/vm_model.c: a node with "traproom,model", the channel that leads to its model, and time. The
 * channel is opened once for all devices, so the cases that need it follow each other.
 */
#include "vm/vm_model.h"

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <stdbool.h>

#include "cpu.h"
#include "drv/host_channel.h"
#include "fake_machine.h"
#include "fake_virtio_device.h"
#include "fdt_walk.h"
#include "lib/bits.h"
#include "vm/vm.h"
#include "vm/vm_virtio.h"

#define NODE     "/toy@c000000"
#define INTID    55
#define SLOT_IRQ 71
#define RECEIVE  0
#define TRANSMIT 1

static const struct host_virtio slots[] = {
    {{{FAKE_VIRTIO_BASE}, FAKE_VIRTIO_SIZE}, SLOT_IRQ, true}};
static struct vm vm;
static struct vm_device_config config;
static struct vm_model device;
static struct vmodel_message sent;
static unsigned sleeps;

static void take(unsigned queue)
{
    struct fake_virtio_chain chain;

    if (queue != TRANSMIT || !fake_virtio_take(TRANSMIT, &chain))
        return;
    memcpy(&sent, (void *)(uintptr_t)chain.desc[0].addr, sizeof(sent));
    fake_virtio_use(TRANSMIT, chain.head, 0);
}

static void say(const struct vmodel_message *message)
{
    struct fake_virtio_chain chain;

    assert_true(fake_virtio_take(RECEIVE, &chain));
    memcpy((void *)(uintptr_t)chain.desc[0].addr, message, sizeof(*message));
    fake_virtio_use(RECEIVE, chain.head, sizeof(*message));
    fake_irq.fn(fake_irq.ctx, NULL);
}

static bool answer(struct vcpu *vcpu)
{
    struct vmodel_message message = {
        .type = VMODEL_ANSWER, .tag = sent.tag, .epoch = sent.epoch, .value = 42};

    assert_ptr_equal(vcpu, &vm.vcpu[2]);
    sleeps++;
    say(&message);
    return true;
}

static int read_node(const char *name, unsigned len)
{
    void *fdt = tree_open("host");
    struct dt_walk at;
    int err;

    tree_add_device(fdt, NODE + 1, "acme,toy", 0xc000000, 0x1000, INTID - 32);
    assert_int_equal(fdt_setprop(fdt, tree_node(fdt, NODE), "traproom,model", name, (int)len), 0);
    tree_walk_to(fdt, NODE, &at);
    err = vm_model_read(&at, 0, &config);
    if (err == 0)
        assert_string_equal(config.model, name);
    free(fdt);
    return err;
}

static void a_node(void **state)
{
    (void)state;
    assert_int_equal(read_node("toy", 4), 0);
    assert_int_equal(read_node("", 1), -ERR_INVAL);
    assert_int_equal(read_node("toy", 3), -ERR_INVAL); /* no end */
    assert_int_equal(logged.errors, 2);
}

static int make(uint32_t intid)
{
    config = (struct vm_device_config){.model = "toy", .intid = intid, .path = NODE};
    return vm_model_make(&vm, &device, &config);
}

static void no_channel(void **state)
{
    (void)state;
    vm_virtio_offer(slots, ARRAY_SIZE(slots));
    vm.config.channel = pa(0);
    log_clear();
    assert_int_equal(make(INTID), -ERR_NOENT);
    assert_non_null(strstr(logged.error, "traproom,channel"));
}

static void made(void **state)
{
    (void)state;
    fake_virtio_init(VIRTIO_ID_CONSOLE, BIT(VIRTIO_F_VERSION_1), 2, 128);
    fake_virtio.notified_fn = take;
    vm.config.channel = pa(FAKE_VIRTIO_BASE);
    fake_frequency = 62500000;
    assert_int_equal(make(INTID), 0);
    assert_int_equal(fake_irq.intid, SLOT_IRQ);
    assert_true(fake_irq.edge);
    assert_int_equal(sent.type, VMODEL_NAME);
    assert_null(vm_virtio_take(pa(FAKE_VIRTIO_BASE))); /* nobody else gets it */
}

static void waiting(void **state)
{
    struct mmio_access access = {.offset = 4, .size = 4, .vcpu = 2};

    (void)state;
    fake_sleep = answer;
    fake_cpu_index = 2;
    fake_kicked = NULL;
    assert_int_equal(vmodel_access(&device.model, &access), MMIO_OK);
    assert_int_equal(access.value, 42);
    assert_int_equal(sleeps, 1);
    assert_null(fake_kicked);
    fake_cpu_index = 0;
    assert_int_equal(vmodel_access(&device.model, &access), MMIO_OK);
    assert_ptr_equal(fake_kicked, &vm.vcpu[2]);
}

static void the_line(void **state)
{
    struct vmodel_message message = {.type = VMODEL_IRQ, .value = 1};

    (void)state;
    say(&message);
    assert_int_equal(fake_line.intid, INTID);
    assert_true(fake_line.level);
}

/* 62.5 million ticks a second are 16 ns each. */
static void time(void **state)
{
    struct vmodel_message message = {.type = VMODEL_SET_TIMER, .value = 16000};

    (void)state;
    fake_now = 500;
    vmodel_timer(&device.model);
    assert_int_equal(sent.type, VMODEL_TIMER);
    assert_int_equal(sent.time, 8000);
    say(&message);
    assert_int_equal(device.alarm.due, 1001);
    sent.type = 0;
    fake_now = 1000;
    device.alarm.fn(device.alarm.ctx); /* early */
    assert_int_equal(sent.type, 0);
    fake_now = 1001;
    device.alarm.fn(device.alarm.ctx);
    assert_int_equal(sent.type, VMODEL_TIMER);
    assert_true(device.alarm.due == ALARM_NEVER);
    message.value = 0;
    say(&message);
    assert_true(device.due == ALARM_NEVER);
}

static void without_an_interrupt(void **state)
{
    struct vmodel_message message = {.type = VMODEL_IRQ, .device = 1, .value = 1};

    (void)state;
    memset(&device, 0, sizeof(device));
    fake_line.intid = 0;
    assert_int_equal(make(0), 0);
    say(&message);
    assert_int_equal(fake_line.intid, 0);
}

static void without_a_frequency(void **state)
{
    (void)state;
    fake_frequency = 0;
    log_clear();
    assert_int_equal(make(INTID), -ERR_UNSUPPORTED);
    assert_non_null(strstr(logged.error, "CNTFRQ"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node),
        cmocka_unit_test(no_channel),
        cmocka_unit_test(made),
        cmocka_unit_test(waiting),
        cmocka_unit_test(the_line),
        cmocka_unit_test(time),
        cmocka_unit_test(without_an_interrupt),
        cmocka_unit_test(without_a_frequency),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
