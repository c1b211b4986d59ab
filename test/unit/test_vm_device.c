// SPDX-License-Identifier: Apache-2.0
/* The table of devices: sound, what docs/devices.md says that it has, and made as its rows say. */
#include <stdbool.h>
#include <string.h>

#include "dev/virtio_blk.h"
#include "dev/vpvpanic.h"
#include "drv/alarm.h"
#include "fake_machine.h"
#include "fdt_log.h"
#include "fdt_tree.h"
#include "mm/phys.h"
#include "vm/vm.h"
#include "vm/vm_device.h"

#define PAGE_MAX  32768
#define NAMES_MAX 64

static char page[PAGE_MAX];

static int read_page(void **state)
{
    FILE *file = fopen(DEVICES_PAGE, "rb");

    (void)state;
    log_clear();
    assert_non_null(file);
    assert_in_range(fread(page, 1, PAGE_MAX - 1, file), 1, PAGE_MAX - 2);
    fclose(file);
    return 0;
}

static const char *name_of(const struct vm_device_kind *kind)
{
    return kind->compatible != NULL ? kind->compatible : kind->property;
}

/* Has the page a row for it, before its chapter on /chosen? */
static bool is_described(const char *name)
{
    char row[NAMES_MAX];
    const char *at;

    snprintf(row, sizeof(row), "\n| `%s` |", name);
    at = strstr(page, row);
    return at != NULL && at < strstr(page, "/chosen`\n");
}

static void every_kind_is_described(void **state)
{
    (void)state;
    for (unsigned i = 0; i < vm_devices.count; i++) {
        if (!is_described(name_of(&vm_devices.kind[i])))
            fail_msg("docs/devices.md has no row for %s", name_of(&vm_devices.kind[i]));
    }
}

static void nothing_else_is_described(void **state)
{
    const char *end = strstr(page, "/chosen`\n");

    (void)state;
    assert_non_null(end);
    for (const char *at = page; (at = strstr(at, "\n| `")) != NULL && at < end; at++) {
        size_t len = strcspn(at + 4, "`");
        bool found = false;

        for (unsigned i = 0; i < vm_devices.count; i++)
            found = found || (strlen(name_of(&vm_devices.kind[i])) == len &&
                              strncmp(name_of(&vm_devices.kind[i]), at + 4, len) == 0);
        if (!found)
            fail_msg("docs/devices.md has %.*s, the table has not", (int)len, at + 4);
    }
}

/* A kind is a device with all that one needs, or none. */
static void kinds_are_whole(void **state)
{
    (void)state;
    for (unsigned i = 0; i < vm_devices.count; i++) {
        const struct vm_device_kind *kind = &vm_devices.kind[i];
        bool device = kind->access_fn != NULL;

        assert_true((kind->compatible == NULL) != (kind->property == NULL));
        assert_int_equal(device, kind->make_fn != NULL && kind->reset_fn != NULL);
        assert_int_equal(device, kind->state_size > 0 && kind->min_size > 0 && kind->name != NULL);
        if (!device)
            assert_false(kind->interrupt || kind->console || kind->all_regs);
    }
}

#define INTID  40
#define EPOCH  1700000000u
#define SECTOR 512

static struct vm vm = {.nr_vcpus = 2, .config.epoch = EPOCH};
static _Alignas(16) uint8_t room[65536]; /* a device's state */
static const struct vm_device_kind *made;

static const struct vm_device_kind *kind_of(const char *name)
{
    for (unsigned i = 0; i < vm_devices.count; i++)
        if (strcmp(name_of(&vm_devices.kind[i]), name) == 0)
            return &vm_devices.kind[i];
    fail_msg("no %s", name);
    return NULL;
}

/* As add_device() does. */
static int make(const char *name, const struct vm_device_config *config)
{
    int err;

    made = kind_of(name);
    assert_in_range(made->state_size + config->more_state, 1, sizeof(room));
    memset(room, 0, sizeof(room));
    err = made->make_fn(&vm, room, config);
    if (err == 0)
        made->reset_fn(room);
    return err;
}

static uint32_t read_reg(uint64_t offset)
{
    struct mmio_access access = {.offset = offset, .size = 4};

    assert_int_equal(made->access_fn(room, &access), MMIO_OK);
    return (uint32_t)access.value;
}

static void write_reg(uint64_t offset, uint32_t value)
{
    struct mmio_access access = {.offset = offset, .size = 4, .value = value, .write = true};

    assert_int_equal(made->access_fn(room, &access), MMIO_OK);
}

/* What is sent goes to the machine's console from the one that is wired to it alone. */
static void a_uart(void **state)
{
    struct vm_device_config config = {.intid = INTID, .console = true};

    (void)state;
    fake_printed = 0;
    assert_int_equal(make("arm,pl011", &config), 0);
    write_reg(0, 'x'); /* UARTDR */
    assert_int_equal(fake_printed, 'x');
    config.console = false;
    assert_int_equal(make("arm,pl011", &config), 0);
    write_reg(0, 'y');
    assert_int_equal(fake_printed, 'x');
}

/* Without a backing the slot is empty; with one it is a disk of its size. */
static void a_virtio_slot(void **state)
{
    static uint8_t disk[3 * SECTOR];
    struct vm_device_config config = {.regs = {ipa(0xa003e00), 0x200}, .intid = INTID};

    (void)state;
    assert_int_equal(make("virtio,mmio", &config), 0);
    assert_int_equal(read_reg(0x008), 0); /* DeviceID */
    config.backing = (struct pa_range){ptr_to_pa(disk), sizeof(disk)};
    config.more_state = sizeof(struct virtio_blk);
    assert_int_equal(make("virtio,mmio", &config), 0);
    assert_int_equal(read_reg(0x008), 2);
    assert_int_equal(read_reg(0x100), 3); /* capacity, in sectors */
}

static void plain_registers(void **state)
{
    struct vm_device_config config = {.regs = {ipa(0x9090000), 0x20}, .more_state = 0x20};

    (void)state;
    assert_int_equal(make("traproom,registers", &config), 0);
    write_reg(0x1c, 0x12345678);
    assert_int_equal(read_reg(0x1c), 0x12345678);
    assert_int_equal(read_reg(0), 0);
}

/* The time is the VM's and the counter's, and an alarm comes by way of EL2's. */
static void a_clock(void **state)
{
    struct vm_device_config config = {.intid = INTID};

    (void)state;
    fake_now = 0;
    fake_frequency = 10;
    assert_int_equal(make("arm,pl031", &config), 0);
    fake_now = 70;
    assert_int_equal(read_reg(0x000), EPOCH + 7); /* RTCDR */
    write_reg(0x010, 1);                          /* RTCIMSC */
    write_reg(0x004, EPOCH + 9);                  /* RTCMR */
    assert_int_equal(fake_alarm->due, 90);
    fake_now = 90;
    fake_alarm->fn(fake_alarm->ctx);
    assert_int_equal(fake_line.intid, INTID);
    assert_true(fake_line.level);
    assert_int_equal(fake_alarm->due, ALARM_NEVER);
}

/* A panic is handed on; what is about to follow one, or a shutdown, is none. */
static void a_pvpanic(void **state)
{
    struct vm_device_config config = {.intid = 0};
    struct mmio_access access = {.size = 1, .write = true, .value = PVPANIC_CRASH_LOADED};

    (void)state;
    fake_panics = 0;
    assert_int_equal(make("qemu,pvpanic-mmio", &config), 0);
    assert_int_equal(made->access_fn(room, &access), MMIO_OK);
    assert_int_equal(fake_panics, 0);
    assert_false(vm.panicked);
    access.value = PVPANIC_PANICKED;
    assert_int_equal(made->access_fn(room, &access), MMIO_OK);
    assert_int_equal(fake_panics, 1);
    assert_true(vm.panicked);
}

static void no_clock_without_a_frequency(void **state)
{
    struct vm_device_config config = {.intid = INTID};

    (void)state;
    fake_frequency = 0;
    assert_int_equal(make("arm,pl031", &config), -ERR_UNSUPPORTED);
    assert_non_null(strstr(logged.error, "CNTFRQ_EL0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_described),
        cmocka_unit_test(nothing_else_is_described),
        cmocka_unit_test(kinds_are_whole),
        cmocka_unit_test(a_uart),
        cmocka_unit_test(a_virtio_slot),
        cmocka_unit_test(plain_registers),
        cmocka_unit_test(a_clock),
        cmocka_unit_test(a_pvpanic),
        cmocka_unit_test(no_clock_without_a_frequency),
    };

    return cmocka_run_group_tests(tests, read_page, NULL);
}
