/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm/vm_fault.c: what rules do to accesses, which devices they are put before, what comes by the
 * clock, and which rules a VM refuses. A tick of the clock is a ns here. What is done to requests
 * is test_virtio_fault.c's.
 */
#include "vm/vm_fault.h"

#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "dev/virtio_mmio.h"
#include "drv/alarm.h"
#include "fake_machine.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "mm/phys.h"
#include "vm/power.h"
#include "vm/vm.h"

#define GHZ    UINT64_C(1000000000)
#define START  UINT64_C(5000)
#define TOY    UINT64_C(0x9000000)
#define DISK   UINT64_C(0xa000000)
#define EMPTY  UINT64_C(0xa001000)
#define SIZE   UINT64_C(0x1000)
#define SPI    40
#define VALUE  UINT64_C(0x1234)
#define EFFECT UINT64_C(0xff)

static uint8_t ram[1 << 20] __attribute__((aligned(PAGE_SIZE)));
static struct phys_map phys;
static struct vm vm;
static char said[256]; /* the latest line */
static unsigned lines, stops;

/* A device that keeps what is written to it. */
static struct {
    uint64_t value;
    unsigned accesses;
    enum mmio_result result;
} toy;

/* A virtio device that takes a request and never ends it. */
static struct virtio_mmio slot, empty_slot;
static struct virtio_queue queue;
static struct virtio_request request;
static unsigned served;

int __wrap_sched_yield(void);

/* Time goes by for who waits. */
int __wrap_sched_yield(void)
{
    fake_now++;
    return 0;
}

void log_print(enum log_kind kind, const char *fmt, ...)
{
    va_list ap;

    (void)kind;
    va_start(ap, fmt);
    fmt_vsnprintf(said, sizeof(said), fmt, ap);
    va_end(ap);
    lines++;
}

void power_request_stop(struct vm *stopped, enum vm_ending ending, const char *reason)
{
    assert_ptr_equal(stopped, &vm);
    assert_int_equal(ending, VM_STOPPED);
    assert_non_null(reason);
    stops++;
}

static enum mmio_result access_toy(void *dev, struct mmio_access *access)
{
    assert_ptr_equal(dev, &toy);
    toy.accesses++;
    if (access->write)
        toy.value = access->value;
    else
        access->value = toy.value;
    return toy.result;
}

static enum virtio_outcome serve(void *ctx, struct virtio_request *taken)
{
    (void)ctx;
    (void)taken;
    served++;
    return VIRTIO_IN_FLIGHT;
}

static const struct virtio_backend_ops disk_ops = {.serve_fn = serve};
static const struct virtio_backend disk = {.id = VIRTIO_ID_BLOCK,
                                           .nr_queues = 1,
                                           .queue_size = 8,
                                           .queue = &queue,
                                           .request = &request,
                                           .ops = &disk_ops};

static void set_line(void *ctx, uint32_t intid, bool level)
{
    (void)ctx;
    (void)intid;
    (void)level;
}

static void add(const struct vm_device_kind *kind, uint64_t base, void *state)
{
    struct vm_device_config *config = &vm.config.device[vm.config.nr_devices];
    struct ipa_range regs = {ipa(base), SIZE};

    *config = (struct vm_device_config){.kind = kind, .regs = regs};
    vm.device[vm.config.nr_devices++] = state;
    assert_int_equal(mmio_bus_add(&vm.bus, regs, kind->access_fn, state, EXIT_MMIO_DEVICE), 0);
}

/* A guest with three devices and no rules. */
static int setup(void **state)
{
    static const struct vm_device_kind toys = {.access_fn = access_toy};
    static const struct vm_device_kind slots = {.access_fn = virtio_mmio_access};
    const struct irq_line line = {set_line, NULL, SPI};

    (void)state;
    memset(&vm, 0, sizeof(vm));
    memset(&toy, 0, sizeof(toy));
    memset(&queue, 0, sizeof(queue));
    memset(&slot, 0, sizeof(slot));
    virtio_mmio_init(&slot, &disk, &vm.mem, &line);
    add(&toys, TOY, &toy);
    add(&slots, DISK, &slot);
    add(&slots, EMPTY, &empty_slot);
    phys = (struct phys_map){0};
    assert_int_equal(phys_map_add_ram(&phys, (struct pa_range){ptr_to_pa(ram), sizeof(ram)}), 0);
    fake_frequency = GHZ;
    fake_now = START;
    fake_alarm = NULL;
    fake_line = (struct fake_line){0};
    lines = stops = served = 0;
    return 0;
}

/* One more rule, number 1 and up, that any event of its kind fits. */
static struct fault_rule *rule(enum fault_kind kind, enum fault_action action, uint64_t first,
                               uint64_t last)
{
    struct fault_rule *at = &vm.config.fault[vm.config.nr_faults++];

    *at = (struct fault_rule){.number = vm.config.nr_faults,
                              .kind = kind,
                              .action = action,
                              .first = first,
                              .last = last,
                              .queues = UINT32_MAX,
                              .types = UINT32_MAX,
                              .last_sector = UINT64_MAX,
                              .until = UINT64_MAX};
    return at;
}

static struct fault_rule *access_rule(enum fault_action action, uint64_t arg)
{
    struct fault_rule *at = rule(FAULT_ACCESS, action, TOY + 8, TOY + 15);

    at->arg[0] = arg;
    return at;
}

static struct fault_rule *timed_rule(enum fault_action action, uint64_t first, uint64_t from)
{
    struct fault_rule *at = rule(FAULT_TIME, action, first, first);

    at->from = from;
    return at;
}

static void start(void)
{
    assert_int_equal(vm_fault_init(&vm, &phys), 0);
    vm_fault_start(&vm);
}

/* As trap/abort.c would. */
static enum mmio_result access_at(uint64_t addr, bool write, uint64_t *value)
{
    const struct mmio_region *region = mmio_bus_find(&vm.bus, ipa(addr));
    struct mmio_access access = {
        .offset = addr - region->range.base.v, .value = *value, .size = 4, .write = write};
    enum mmio_result result = region->access_fn(region->dev, &access);

    *value = access.value;
    return result;
}

static uint64_t read_at(uint64_t addr)
{
    uint64_t value = 0;

    assert_int_equal(access_at(addr, false, &value), MMIO_OK);
    return value;
}

static void write_at(uint64_t addr, uint64_t value)
{
    assert_int_equal(access_at(addr, true, &value), MMIO_OK);
}

/* The alarm fires at `now`. */
static void ring_at(uint64_t now)
{
    fake_now = now;
    fake_alarm->fn(fake_alarm->ctx);
}

static void without_rules(void **state)
{
    (void)state;
    start();
    assert_null(vm.fault);
    assert_null(fake_alarm);
    assert_int_equal(phys.nr_owners, 0);
    assert_ptr_equal(vm.bus.region[0].access_fn, access_toy);
    assert_ptr_equal(slot.backend, &disk);
}

static void aborts(void **state)
{
    uint64_t value = 0;

    (void)state;
    access_rule(FAULT_ABORT, 0);
    start();
    assert_int_equal(access_at(TOY + 8, false, &value), MMIO_ABORT);
    assert_int_equal(access_at(TOY + 12, true, &value), MMIO_ABORT);
    assert_int_equal(toy.accesses, 0);
}

/* The device is reached once the time is over. */
static void delays(void **state)
{
    (void)state;
    access_rule(FAULT_DELAY, 300);
    start();
    toy.value = VALUE;
    assert_int_equal(read_at(TOY + 8), VALUE);
    assert_int_equal(fake_now, START + 300);
    write_at(TOY + 8, 5);
    assert_int_equal(fake_now, START + 600);
    assert_int_equal(toy.value, 5);
}

/* An access that a rule is about: what the device then has, and what the guest reads. */
static void changes_values(void **state)
{
    static const struct {
        enum fault_action action;
        uint64_t written, read;
    } change[] = {
        {FAULT_FLIP, VALUE ^ EFFECT, VALUE ^ EFFECT},
        {FAULT_VALUE, EFFECT, EFFECT},
        {FAULT_DROP, 0, VALUE},
    };

    for (size_t i = 0; i < ARRAY_SIZE(change); i++) {
        setup(state);
        access_rule(change[i].action, EFFECT);
        start();
        write_at(TOY + 8, VALUE);
        assert_int_equal(toy.value, change[i].written);
        toy.value = VALUE;
        assert_int_equal(read_at(TOY + 8), change[i].read);
        assert_int_equal(toy.value, VALUE);
    }
}

/* Of a rule for reads, a write knows nothing, and the other way round. */
static void one_direction(void **state)
{
    for (unsigned write = 0; write < 2; write++) {
        setup(state);
        access_rule(FAULT_VALUE, EFFECT)->types = (uint32_t)BIT(write);
        start();
        write_at(TOY + 8, VALUE);
        assert_int_equal(toy.value, write != 0 ? EFFECT : VALUE);
        toy.value = VALUE;
        assert_int_equal(read_at(TOY + 8), write != 0 ? VALUE : EFFECT);
    }
}

static void the_devices_own_abort_stays(void **state)
{
    uint64_t value = 0;

    (void)state;
    access_rule(FAULT_FLIP, EFFECT);
    start();
    toy.result = MMIO_ABORT;
    assert_int_equal(access_at(TOY + 8, false, &value), MMIO_ABORT);
}

/* Other registers of the device, and other devices, are as they were. */
static void only_what_is_named(void **state)
{
    struct mmio_region before = vm.bus.region[1];

    (void)state;
    access_rule(FAULT_VALUE, EFFECT);
    start();
    toy.value = VALUE;
    assert_int_equal(read_at(TOY + 4), VALUE);
    assert_int_equal(read_at(TOY + 16), VALUE);
    assert_int_equal(lines, 0);
    assert_int_equal(read_at(TOY + 8), EFFECT);
    assert_int_equal(lines, 1);
    assert_memory_equal(&vm.bus.region[1], &before, sizeof(before));
    assert_ptr_equal(slot.backend, &disk);
}

static void says_what_it_does(void **state)
{
    (void)state;
    access_rule(FAULT_VALUE, EFFECT);
    start();
    fake_now += 70;
    write_at(TOY + 12, VALUE);
    assert_string_equal(said, "inject: rule 1 at 70 ns, write at 0x900000c");
}

/* A rule may be about several devices, the first of which must be there. */
static void across_devices(void **state)
{
    (void)state;
    rule(FAULT_ACCESS, FAULT_VALUE, TOY + SIZE - 4, DISK)->arg[0] = EFFECT;
    start();
    assert_int_equal(read_at(TOY), 0);
    assert_int_equal(read_at(TOY + SIZE - 4), EFFECT);
    assert_int_equal(read_at(DISK + VIRTIO_MMIO_MAGIC_VALUE), EFFECT);
    assert_int_equal(read_at(DISK + VIRTIO_MMIO_VERSION), 2);
    assert_ptr_equal(vm.bus.region[2].dev, &empty_slot);
}

/* Several rules of a device are one device's, and its requests meet them. */
static void rules_of_a_device(void **state)
{
    (void)state;
    rule(FAULT_REQUEST, FAULT_DELAY, DISK, DISK)->arg[0] = 1000;
    rule(FAULT_REQUEST, FAULT_HOLD, DISK, DISK);
    start();
    assert_int_equal(slot.backend->ops->serve_fn(slot.backend->ctx, &request), VIRTIO_IN_FLIGHT);
    assert_int_equal(served, 0);
    assert_int_equal(fake_alarm->due, START + 1000);
    ring_at(START + 999);
    assert_int_equal(served, 0);
    ring_at(START + 1000);
    assert_int_equal(served, 1);
    assert_true(fake_alarm->due == ALARM_NEVER);
}

static void unplugged(void **state)
{
    (void)state;
    timed_rule(FAULT_UNPLUG, DISK, 100);
    start();
    assert_int_equal(read_at(DISK + VIRTIO_MMIO_VERSION), 2);
    ring_at(START + 100);
    assert_string_equal(said, "inject: rule 1 at 100 ns");
    assert_true(read_at(DISK + VIRTIO_MMIO_VERSION) == UINT64_MAX);
    write_at(DISK + VIRTIO_MMIO_QUEUE_SEL, 1);
    assert_int_equal(slot.queue_sel, 0);
    assert_int_equal(read_at(EMPTY + VIRTIO_MMIO_VERSION), 2);
}

static void power_is_cut(void **state)
{
    (void)state;
    timed_rule(FAULT_CUT, DISK, 100);
    start();
    ring_at(START + 99);
    assert_int_equal(stops, 0);
    ring_at(START + 100);
    assert_int_equal(stops, 1);
}

static void a_pulse(void **state)
{
    (void)state;
    timed_rule(FAULT_PULSE, SPI, 100);
    start();
    assert_int_equal(fake_alarm->due, START + 100);
    ring_at(START + 50); /* early */
    assert_int_equal(fake_line.rises, 0);
    assert_int_equal(fake_alarm->due, START + 100);
    ring_at(START + 100);
    assert_int_equal(fake_line.intid, SPI);
    assert_int_equal(fake_line.rises, 1);
    assert_false(fake_line.level);
    assert_true(fake_alarm->due == ALARM_NEVER);
}

/* Of a storm only the beginning is told. It leaves the guest a turn, whatever is due. */
static void a_storm(void **state)
{
    const unsigned all = 20;
    unsigned turns = 0;

    (void)state;
    timed_rule(FAULT_PULSE, SPI, 100)->period = 10;
    vm.config.fault[0].count = all;
    start();
    ring_at(START + 110);
    assert_int_equal(fake_line.rises, 2);
    assert_int_equal(lines, 1);
    assert_int_equal(fake_alarm->due, START + 120);
    while (fake_line.rises < all) {
        unsigned before = fake_line.rises;

        ring_at(START + 1000);
        assert_in_range(fake_line.rises - before, 1, all / 2);
        turns++;
    }
    assert_true(turns > 1);
    assert_int_equal(lines, 1);
    assert_true(fake_alarm->due == ALARM_NEVER);
}

/* A guest that starts again goes on in the same time. */
static void started_twice(void **state)
{
    (void)state;
    timed_rule(FAULT_PULSE, SPI, 100);
    start();
    fake_now += 60;
    vm_fault_start(&vm);
    assert_int_equal(fake_alarm->due, START + 100);
}

static void refused(enum fault_kind kind, enum fault_action action, uint64_t first, const char *why)
{
    const char *at;

    setup(NULL);
    timed_rule(FAULT_PULSE, SPI, 100);
    rule(kind, action, first, first);
    assert_int_equal(vm_fault_init(&vm, &phys), -ERR_INVAL);
    assert_int_equal(lines, 1);
    at = strstr(said, "rule 2 of \"traproom,inject\" names 0x");
    assert_non_null(at);
    assert_non_null(strstr(at, why));
    assert_null(vm.fault);
    assert_ptr_equal(vm.bus.region[0].access_fn, access_toy);
}

static void rules_that_are_refused(void **state)
{
    (void)state;
    refused(FAULT_REQUEST, FAULT_LOSE, TOY, "no virtio device");
    refused(FAULT_REQUEST, FAULT_LOSE, DISK + 4, "no virtio device");
    refused(FAULT_TIME, FAULT_UNPLUG, EMPTY, "no virtio device");
    refused(FAULT_ACCESS, FAULT_ABORT, TOY - 1, "no device");
    refused(FAULT_ACCESS, FAULT_ABORT, TOY + SIZE, "no device");
    refused(FAULT_TIME, FAULT_PULSE, VGIC_FIRST_SPI - 1, "no SPI");
    refused(FAULT_TIME, FAULT_PULSE, VGIC_NR_IRQS, "no SPI");
}

static void no_room(void **state)
{
    (void)state;
    phys.ram[0].size = PAGE_SIZE;
    rule(FAULT_REQUEST, FAULT_LOSE, DISK, DISK);
    assert_int_equal(vm_fault_init(&vm, &phys), -ERR_NOMEM);
    assert_non_null(strstr(said, "(-m)"));
    assert_null(vm.fault);
    assert_ptr_equal(slot.backend, &disk);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_rules),
        TEST(aborts),
        TEST(delays),
        TEST(changes_values),
        TEST(one_direction),
        TEST(the_devices_own_abort_stays),
        TEST(only_what_is_named),
        TEST(says_what_it_does),
        TEST(across_devices),
        TEST(rules_of_a_device),
        TEST(unplugged),
        TEST(power_is_cut),
        TEST(a_pulse),
        TEST(a_storm),
        TEST(started_twice),
        TEST(rules_that_are_refused),
        TEST(no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
