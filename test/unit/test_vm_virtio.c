/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm/vm_virtio.c: what a guest's node says of the machine's slots, and a device of the machine's
 * behind it. A disk in RAM is in test_vm_device.c.
 */
#include "vm/vm_virtio.h"

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <stdalign.h>
#include <stdbool.h>

#include "dev/virtio_machine.h"
#include "dev/virtio_mmio.h"
#include "fake_machine.h"
#include "fake_virtio_device.h"
#include "fdt_walk.h"
#include "lib/bits.h"
#include "vm/vm.h"

#define NODE       "/virtio@a000000"
#define GUEST_BASE 0xa000000
#define INTID      55

/* Another slot before the one with the device, which is empty: the fake reads 0 there. */
static const struct host_virtio slots[] = {
    {{{FAKE_VIRTIO_BASE - 0x200}, 0x200}, 70, false},
    {{{FAKE_VIRTIO_BASE}, FAKE_VIRTIO_SIZE}, 71, true},
};
static struct vm vm;
static struct vm_device_config config;
static void *fdt;

static int setup(void **state)
{
    (void)state;
    fake_virtio_init(VIRTIO_ID_RNG, BIT(VIRTIO_F_VERSION_1), 1, 8);
    vm_virtio_offer(slots, ARRAY_SIZE(slots));
    fdt = tree_open("host");
    tree_add_device(fdt, NODE + 1, "virtio,mmio", GUEST_BASE, 0x200, INTID - 32);
    TREE_CELLS(fdt, NODE, "traproom,slot", 0, FAKE_VIRTIO_BASE);
    config =
        (struct vm_device_config){.regs = {ipa(GUEST_BASE), 0x200}, .intid = INTID, .path = NODE};
    log_clear();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(fdt);
    return 0;
}

static int read_node(void)
{
    struct dt_walk at;

    tree_walk_to(fdt, NODE, &at);
    return vm_virtio_read(&at, 0, &config);
}

static void refused(int err, const char *says)
{
    assert_int_equal(read_node(), -err);
    assert_said(NODE, says);
}

static void an_empty_slot(void **state)
{
    (void)state;
    tree_del_prop(fdt, NODE, "traproom,slot");
    config.regs.size = 0x100; /* as small as it likes */
    assert_int_equal(read_node(), 0);
    assert_int_equal(config.slot.v, 0);
    assert_int_equal(config.backing.size, 0);
    assert_int_equal(config.more_state, 0);
    assert_int_equal(fake_virtio.resets, 0);
}

static void no_such_slot(void **state)
{
    (void)state;
    TREE_CELLS(fdt, NODE, "traproom,slot", 0, FAKE_VIRTIO_BASE + 0x200);
    refused(ERR_NOENT, "no virtio slot at 0xa004000");
}

static void nothing_in_the_slot(void **state)
{
    (void)state;
    TREE_CELLS(fdt, NODE, "traproom,slot", 0, FAKE_VIRTIO_BASE - 0x200);
    refused(ERR_NOENT, "0xa003c00 is empty");
}

static void an_old_device(void **state)
{
    (void)state;
    fake_virtio.version = 1;
    refused(ERR_UNSUPPORTED, "virtio-mmio.force-legacy=false");
}

static void no_reset(void **state)
{
    (void)state;
    fake_virtio.status = VIRTIO_CONFIG_S_ACKNOWLEDGE;
    fake_virtio.never_resets = true;
    refused(ERR_INVAL, "does not reset");
}

static void an_unknown_type(void **state)
{
    (void)state;
    fake_virtio.id = VIRTIO_ID_IOMMU;
    refused(ERR_UNSUPPORTED, "of type 23");
}

static void two_devices(void **state)
{
    (void)state;
    TREE_CELLS(fdt, NODE, "traproom,disk", 0, 0x60000000, 0, 0x1000);
    refused(ERR_INVAL, "leave one out");
}

static void too_small_a_window(void **state)
{
    (void)state;
    config.regs.size = 0x1ff;
    refused(ERR_INVAL, "at least 0x200 bytes");
}

static void no_address(void **state)
{
    (void)state;
    TREE_CELLS(fdt, NODE, "traproom,slot", 1, 2, 3);
    refused(ERR_INVAL, "traproom,slot");
}

static void no_disk(void **state)
{
    (void)state;
    tree_del_prop(fdt, NODE, "traproom,slot");
    TREE_CELLS(fdt, NODE, "traproom,disk", 1);
    refused(ERR_INVAL, "traproom,disk");
}

static uint32_t read_reg(void *slot, uint64_t offset)
{
    struct mmio_access access = {.offset = offset, .size = 4};

    assert_int_equal(virtio_mmio_access(slot, &access), MMIO_OK);
    return (uint32_t)access.value;
}

static void write_reg(void *slot, uint64_t offset, uint32_t value)
{
    struct mmio_access access = {.offset = offset, .size = 4, .value = value, .write = true};

    assert_int_equal(virtio_mmio_access(slot, &access), MMIO_OK);
}

static void drive(void *slot)
{
    const uint32_t features = VIRTIO_CONFIG_S_FEATURES_OK;

    write_reg(slot, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
    write_reg(slot, VIRTIO_MMIO_DRIVER_FEATURES, BIT(VIRTIO_F_VERSION_1 - 32));
    write_reg(slot, VIRTIO_MMIO_STATUS, features);
    write_reg(slot, VIRTIO_MMIO_STATUS, features | VIRTIO_CONFIG_S_DRIVER_OK);
    assert_int_equal(read_reg(slot, VIRTIO_MMIO_STATUS), features | VIRTIO_CONFIG_S_DRIVER_OK);
}

/* No byte more than what was asked for: ASan would see it. */
static void *room(void)
{
    size_t size = sizeof(struct virtio_mmio) + config.more_state;
    void *state = aligned_alloc(alignof(max_align_t), size + -size % alignof(max_align_t));

    assert_non_null(state);
    memset(state, 0, size);
    return state;
}

/* It is the machine's, and its interrupt leads to the guest. No other node gets it. */
static void a_device(void **state)
{
    void *slot, *other;

    (void)state;
    assert_int_equal(read_node(), 0);
    assert_int_equal(config.slot.v, FAKE_VIRTIO_BASE);
    slot = room();
    other = room();
    assert_int_equal(vm_virtio_make(&vm, slot, &config), 0);
    assert_int_equal(read_reg(slot, VIRTIO_MMIO_DEVICE_ID), VIRTIO_ID_RNG);
    assert_int_equal(fake_irq.intid, 71);
    assert_true(fake_irq.edge);
    drive(slot);
    fake_virtio_interrupt(VIRTIO_MMIO_INT_CONFIG);
    fake_irq.fn(fake_irq.ctx, NULL);
    assert_int_equal(read_reg(slot, VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_CONFIG);
    assert_int_equal(fake_line.intid, INTID);
    assert_true(fake_line.level);
    assert_int_equal(vm_virtio_make(&vm, other, &config), -ERR_EXIST);
    assert_non_null(strstr(logged.error, "another node"));
    free(slot);
    free(other);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_empty_slot),   T(no_such_slot), T(nothing_in_the_slot), T(an_old_device), T(no_reset),
        T(an_unknown_type), T(two_devices),  T(too_small_a_window),  T(no_address),    T(no_disk),
        T(a_device),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
