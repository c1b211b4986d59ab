// SPDX-License-Identifier: Apache-2.0
/* The toy device of docs/adding-a-device.md, from its node in a tree to its registers. */
#include <stdbool.h>

#include "fake_machine.h"
#include "fdt/vm_fdt.h"
#include "fdt_log.h"
#include "fdt_tree.h"
#include "vm/vm.h"
#include "vm/vm_device.h"

#define IPA_BITS 40
#define TOY      0x20000000
#define SPI      99

static struct vm vm;
static const struct vm_device_config *config;
static void *state_of_toy;

static uint64_t rd(uint64_t offset)
{
    struct mmio_access access = {.offset = offset, .size = 4};

    assert_int_equal(config->kind->access_fn(state_of_toy, &access), MMIO_OK);
    return access.value & UINT32_MAX;
}

static void wr(uint64_t offset, uint64_t value)
{
    struct mmio_access access = {.offset = offset, .size = 4, .write = true, .value = value};

    assert_int_equal(config->kind->access_fn(state_of_toy, &access), MMIO_OK);
}

static int make(void **state)
{
    void *fdt = tree_open("guest");

    (void)state;
    log_clear();
    tree_add_device(fdt, "toy@20000000", "acme,toy", TOY, 0x1000, SPI);
    assert_int_equal(vm_fdt_parse(fdt, fdt_totalsize(fdt), IPA_BITS, &vm_devices, &vm.config), 0);
    for (unsigned i = 0; i < vm.config.nr_devices; i++) {
        if (vm.config.device[i].regs.base.v == TOY)
            config = &vm.config.device[i];
    }
    assert_non_null(config);
    state_of_toy = calloc(1, config->kind->state_size);
    assert_non_null(state_of_toy);
    assert_int_equal(config->kind->make_fn(&vm, state_of_toy, config), 0);
    free(fdt);
    return 0;
}

static int destroy(void **state)
{
    (void)state;
    free(state_of_toy);
    return 0;
}

static void node_is_read(void **state)
{
    (void)state;
    assert_int_equal(config->intid, 32 + SPI);
    assert_int_equal(config->regs.size, 0x1000);
}

static void node_is_offered(void **state)
{
    void *fdt = tree_open("guest");
    void *copy = malloc(65536);

    (void)state;
    tree_add_device(fdt, "toy@20000000", "acme,toy", TOY, 0x1000, SPI);
    assert_true(vm_fdt_guest_copy(fdt, copy, 65536, &vm.config) > 0);
    assert_null(fdt_getprop(copy, tree_node(copy, "/toy@20000000"), "status", NULL));
    free(copy);
    free(fdt);
}

static void registers(void **state)
{
    (void)state;
    assert_int_equal(rd(0x0), 0x20594f54); /* "TOY " */
    wr(0x0, 1);
    assert_int_equal(rd(0x0), 0x20594f54);
    wr(0x4, 0x12345678);
    assert_int_equal(rd(0x4), 0x12345678);
    wr(0x8, 0x9abcdef0);
    assert_int_equal(rd(0x8), 0x9abcdef0);
    assert_int_equal(rd(0x10), 0);
}

static void interrupt_follows_value_and_limit(void **state)
{
    (void)state;
    wr(0x8, 10);
    wr(0x4, 11);
    assert_int_equal(rd(0xc), 1);
    assert_int_equal(fake_line.intid, 32 + SPI);
    assert_true(fake_line.level);
    wr(0x8, 11);
    assert_int_equal(rd(0xc), 0);
    assert_false(fake_line.level);
}

static void reset_lowers_the_line(void **state)
{
    (void)state;
    wr(0x4, ~0U);
    wr(0x8, 0);
    assert_true(fake_line.level);
    config->kind->reset_fn(state_of_toy);
    assert_false(fake_line.level);
    assert_int_equal(rd(0x4), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(node_is_read, make, destroy),
        cmocka_unit_test_setup_teardown(node_is_offered, make, destroy),
        cmocka_unit_test_setup_teardown(registers, make, destroy),
        cmocka_unit_test_setup_teardown(interrupt_follows_value_and_limit, make, destroy),
        cmocka_unit_test_setup_teardown(reset_lowers_the_line, make, destroy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
