/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm/monitor.c: requests out of a stream that may be cut anywhere, and who answers them. The test
 * plays the console's device, the vCPUs' CPUs and the clock. The channel is opened once, so the
 * cases follow each other.
 */
#include "vm/monitor.h"

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "drv/alarm.h"
#include "fake_virtio_device.h"
#include "fdt/host_fdt.h"
#include "gic/gic.h"
#include "lib/bits.h"
#include "trap/irq.h"
#include "vm/monitor_call.h"
#include "vm/vm_virtio.h"

#define RECEIVE   0
#define TRANSMIT  1
#define SLOT_IRQ  71
#define RAM_BYTES 8192
#define RAM_IPA   0x48000000U

static const struct host_virtio slot = {{{FAKE_VIRTIO_BASE}, FAKE_VIRTIO_SIZE}, SLOT_IRQ, true};
static struct vm vm;
static uint8_t ram[RAM_BYTES] __attribute__((aligned(4096)));
static uint8_t tables[4096] __attribute__((aligned(4096)));
static struct {
    irq_fn channel, sgi;
    struct alarm *alarm;
    uint64_t now;
    unsigned sgis, enabled;
    unsigned sgi_to;
} machine;
static struct {
    struct monitor_message message;
    char data[MONITOR_DATA_MAX + 1];
    unsigned count;
} got;

int irq_register(uint32_t intid, enum irq_trigger trigger, enum exit_reason reason, irq_fn fn,
                 void *ctx)
{
    (void)reason;
    assert_null(ctx);
    assert_int_equal(trigger, IRQ_EDGE);
    if (intid == SLOT_IRQ)
        machine.channel = fn;
    else if (intid == GIC_SGI_MONITOR)
        machine.sgi = fn;
    return 0;
}

void gic_send_sgi(unsigned cpu, uint32_t intid)
{
    assert_int_equal(intid, GIC_SGI_MONITOR);
    machine.sgis++;
    machine.sgi_to = cpu;
}

void gic_ppi_set_enabled(unsigned cpu, uint32_t intid, bool enabled)
{
    (void)cpu;
    assert_int_equal(intid, GIC_SGI_MONITOR);
    machine.enabled += enabled;
}

uint64_t alarm_now(void)
{
    return machine.now;
}

uint64_t alarm_frequency(void)
{
    return 1000;
}

void alarm_add(struct alarm *alarm, void (*fn)(void *ctx), void *ctx)
{
    *alarm = (struct alarm){.fn = fn, .ctx = ctx, .due = ALARM_NEVER};
    machine.alarm = alarm;
}

void alarm_set(struct alarm *alarm, uint64_t due)
{
    alarm->due = due;
}

const struct host_virtio *vm_virtio_take(pa_t base)
{
    return base.v == FAKE_VIRTIO_BASE ? &slot : NULL;
}

uint64_t stage2_vttbr(const struct stage2 *s2)
{
    (void)s2;
    return 0x1000040000000;
}

const char *vm_exit_name(enum exit_reason reason, char *buf, size_t size)
{
    snprintf(buf, size, "reason %u", reason);
    return buf;
}

void log_print(enum log_kind kind, const char *fmt, ...)
{
    (void)kind;
    (void)fmt;
}

/* What monitor_cpu.c does, but that it needs no hardware. */
int monitor_regs(struct monitor_call *call)
{
    assert_non_null(call->vcpu);
    monitor_say(call, "pc=0x%lx", call->vcpu->regs.pc);
    return 0;
}

int monitor_at(struct monitor_call *call)
{
    call->message->value = call->message->address + 1;
    return 0;
}

static void take(unsigned queue)
{
    struct fake_virtio_chain chain;

    if (queue != TRANSMIT || !fake_virtio_take(TRANSMIT, &chain))
        return;
    memset(got.data, 0, sizeof(got.data));
    memcpy(&got.message, (void *)(uintptr_t)chain.desc[0].addr, sizeof(got.message));
    if (chain.count == 2)
        memcpy(got.data, (void *)(uintptr_t)chain.desc[1].addr, chain.desc[1].len);
    assert_int_equal(got.message.size, chain.count == 2 ? chain.desc[1].len : 0);
    got.count++;
    fake_virtio_use(TRANSMIT, chain.head, 0);
}

static void say_bytes(const void *bytes, size_t len)
{
    struct fake_virtio_chain chain;

    assert_true(fake_virtio_take(RECEIVE, &chain));
    assert_true(len <= chain.desc[0].len);
    memcpy((void *)(uintptr_t)chain.desc[0].addr, bytes, len);
    fake_virtio_use(RECEIVE, chain.head, (uint32_t)len);
    machine.channel(NULL, NULL);
}

static void ask(struct monitor_message message)
{
    got.count = 0;
    message.tag = 7;
    say_bytes(&message, sizeof(message));
}

static void answered(int status)
{
    assert_int_equal(got.count, 1);
    assert_int_equal(got.message.tag, 7);
    assert_int_equal(got.message.status, status);
}

static void without_one(void **state)
{
    (void)state;
    assert_int_equal(monitor_init(&vm, "1"), 0);
    monitor_init_cpu(0);
    assert_int_equal(machine.enabled, 0);
    vm.config.monitor = pa(0x1000);
    assert_int_equal(monitor_init(&vm, "1"), -ERR_NOENT);
}

static void opened(void **state)
{
    (void)state;
    fake_virtio_init(VIRTIO_ID_CONSOLE, BIT(VIRTIO_F_VERSION_1), 2, 128);
    fake_virtio.notified_fn = take;
    vm.config.monitor = pa(FAKE_VIRTIO_BASE);
    vm.nr_vcpus = 2;
    vm.vcpu[1] = (struct vcpu){.index = 1, .vm = &vm, .regs.pc = 0x1234};
    vm.vgic.vcpu[1].cpu = 5;
    vm.vcpu[1].exits[3] = 42;
    vm.mem.count = 1;
    vm.mem.region[0] = (struct ram_region){ipa(RAM_IPA), ptr_to_pa(ram), sizeof(ram)};
    monitor_show((struct pa_range){ptr_to_pa(tables), sizeof(tables)});
    assert_int_equal(monitor_init(&vm, "0.1 abc"), 0);
    monitor_init_cpu(1);
    assert_int_equal(machine.enabled, 1);
}

static void greeted(void **state)
{
    (void)state;
    ask((struct monitor_message){.type = MONITOR_HELLO});
    answered(0);
    assert_non_null(strstr(got.data, "version=0.1 abc\nvcpus=2\n"));
    assert_non_null(strstr(got.data, "ram0=0x48000000 0x2000 0x"));
}

static void memory_read(void **state)
{
    uint64_t at = ptr_to_pa(ram).v;

    (void)state;
    ram[RAM_BYTES - 1] = 0x5a;
    ask((struct monitor_message){.type = MONITOR_READ, .address = at + RAM_BYTES - 2, .value = 2});
    answered(0);
    assert_int_equal(got.message.size, 2);
    assert_int_equal(got.data[1], 0x5a);
    ask((struct monitor_message){
        .type = MONITOR_READ, .address = ptr_to_pa(tables).v, .value = MONITOR_DATA_MAX});
    answered(0);
    assert_int_equal(got.message.size, MONITOR_DATA_MAX);
}

static void memory_kept(void **state)
{
    static const struct {
        uint64_t offset, size;
    } bad[] = {
        {RAM_BYTES - 1, 2}, {0, 0}, {0, MONITOR_DATA_MAX + 1}, {UINT64_MAX, 2}, {0, UINT64_MAX}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        ask((struct monitor_message){.type = MONITOR_READ,
                                     .address = ptr_to_pa(ram).v + bad[i].offset,
                                     .value = bad[i].size});
        answered(-ERR_RANGE);
        assert_int_equal(got.message.size, 0);
    }
}

static void exits_counted(void **state)
{
    (void)state;
    ask((struct monitor_message){.type = MONITOR_EXITS, .vcpu = 1});
    answered(0);
    assert_string_equal(got.data, "42 reason 3\n");
}

static void posted(void **state)
{
    (void)state;
    machine.sgis = 0;
    ask((struct monitor_message){.type = MONITOR_REGS, .vcpu = 1});
    assert_int_equal(got.count, 0);
    assert_int_equal(machine.sgis, 1);
    assert_int_equal(machine.sgi_to, 5);
    machine.sgi(NULL, &vm.vcpu[0]); /* not the one that is meant */
    assert_int_equal(got.count, 0);
    machine.sgi(NULL, &vm.vcpu[1]);
    answered(0);
    assert_string_equal(got.data, "pc=0x1234\n");
    machine.sgi(NULL, &vm.vcpu[1]); /* one too many */
    assert_int_equal(got.count, 1);
    ask((struct monitor_message){.type = MONITOR_AT, .vcpu = 1, .address = 9});
    machine.sgi(NULL, &vm.vcpu[1]);
    answered(0);
    assert_int_equal(got.message.value, 10);
}

static void not_coming(void **state)
{
    (void)state;
    machine.now = 500;
    ask((struct monitor_message){.type = MONITOR_REGS, .vcpu = 1});
    ask((struct monitor_message){.type = MONITOR_HELLO}); /* one at a time */
    answered(-ERR_EXIST);
    got.count = 0;
    assert_int_equal(machine.alarm->due, 2500);
    machine.now = 2499;
    machine.alarm->fn(machine.alarm->ctx); /* early */
    assert_int_equal(got.count, 0);
    machine.now = 2500;
    machine.alarm->fn(machine.alarm->ctx);
    answered(-ERR_NOENT);
    assert_true(machine.alarm->due == ALARM_NEVER);
    machine.sgi(NULL, &vm.vcpu[1]);
    assert_int_equal(got.count, 1);
    ask((struct monitor_message){.type = MONITOR_HELLO});
    answered(0);
}

static void refused(void **state)
{
    (void)state;
    ask((struct monitor_message){.type = 0});
    answered(-ERR_UNSUPPORTED);
    ask((struct monitor_message){.type = UINT16_MAX});
    answered(-ERR_UNSUPPORTED);
    ask((struct monitor_message){.type = MONITOR_REGS, .vcpu = 2});
    answered(-ERR_RANGE);
}

/* A message in three pieces, then one whose data is more than there is room for, and one behind. */
static void cut(void **state)
{
    struct monitor_message message = {.type = MONITOR_EXITS, .vcpu = 1, .tag = 7};
    static uint8_t zeros[1000];

    (void)state;
    got.count = 0;
    say_bytes(&message, 1);
    say_bytes((uint8_t *)&message + 1, 30);
    assert_int_equal(got.count, 0);
    say_bytes((uint8_t *)&message + 31, sizeof(message) - 31);
    answered(0);
    message.size = 3000;
    got.count = 0;
    say_bytes(&message, sizeof(message));
    for (unsigned i = 0; i < 3; i++)
        say_bytes(zeros, sizeof(zeros));
    answered(-ERR_RANGE);
    ask((struct monitor_message){.type = MONITOR_HELLO});
    answered(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_one), cmocka_unit_test(opened),
        cmocka_unit_test(greeted),     cmocka_unit_test(memory_read),
        cmocka_unit_test(memory_kept), cmocka_unit_test(exits_counted),
        cmocka_unit_test(posted),      cmocka_unit_test(not_coming),
        cmocka_unit_test(refused),     cmocka_unit_test(cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
