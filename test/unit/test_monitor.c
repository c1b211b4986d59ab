/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm/monitor.c: requests out of a stream that may be cut anywhere, and who answers them. The test
 * plays the console's device, the vCPUs' CPUs and the clock. The channel is opened once, so the
 * cases follow each other.
 */
#include "vm/monitor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "monitor_fixture.h"

static uint8_t tables[4096] __attribute__((aligned(4096)));

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

/* The host asks as soon as there is a buffer for it, before anybody hears the interrupt. */
static void ask_early(unsigned queue)
{
    assert_int_equal(queue, RECEIVE);
    fake_virtio.notified_fn = take;
    ask((struct monitor_message){.type = MONITOR_EXITS, .vcpu = 1});
}

static void opened(void **state)
{
    (void)state;
    make_vm();
    fake_virtio.notified_fn = ask_early;
    vm.vcpu[1].exits[3] = 42;
    monitor_show((struct pa_range){ptr_to_pa(tables), sizeof(tables)});
    assert_int_equal(monitor_init(&vm, "0.1 abc"), 0);
    answered(0);
    monitor_init_cpu(1);
    assert_int_equal(machine.enabled, 1);
}

static void greeted(void **state)
{
    (void)state;
    ask((struct monitor_message){.type = MONITOR_HELLO});
    answered(0);
    assert_non_null(strstr(got.data, "version=0.1 abc\nvcpus=2\n"));
    assert_non_null(strstr(got.data, "ram0=0x48000000 0x400000 0x"));
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
    assert_int_equal(machine.sgi_to, 6);
    machine.sgi(NULL, &vm.vcpu[0]); /* not the one that is meant */
    assert_int_equal(got.count, 0);
    machine.sgi(NULL, &vm.vcpu[1]);
    answered(0);
    assert_string_equal(got.data, "pc=0x1001\n");
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
