/* SPDX-License-Identifier: Apache-2.0 */
/* Trees that must be refused because they have more of something than there is room for. */
#include "fdt_refused.h"

static void test_too_many_cpus(void **state)
{
    void *fdt = tree_open("guest");
    char path[32];

    (void)state;
    for (uint32_t i = 0; i < 14; i++) {
        snprintf(path, sizeof(path), "cpu@%x", 0x200 + i);
        fdt_add_subnode(fdt, tree_node(fdt, "/cpus"), path);
        snprintf(path, sizeof(path), "/cpus/cpu@%x", 0x200 + i);
        tree_set_string(fdt, path, "device_type", "cpu");
        TREE_CELLS(fdt, path, "reg", 0x200 + i);
    }
    assert_refused(fdt, ERR_NOMEM, "17 CPUs", "may be 16");
}

/* The ninth piece of RAM; and eight, with the tree outside them. */
static void test_too_much_ram(void **state)
{
    for (uint32_t pieces = 9; pieces >= 8; pieces--) {
        void *fdt = tree_open("guest");
        uint32_t reg[9 * 4];

        (void)state;
        for (uint32_t i = 0; i < pieces; i++) {
            reg[4 * i] = 0;
            reg[4 * i + 1] = 0x60000000 - i * 0x200000;
            reg[4 * i + 2] = 0;
            reg[4 * i + 3] = 0x100000;
        }
        tree_set_cells(fdt, "/memory@48000000", "reg", pieces * 4, reg);
        assert_refused(fdt, ERR_NOMEM, "8", pieces == 9 ? "separate" : "dtb-address");
    }
}

static void test_too_many_claims(void **state)
{
    void *fdt = tree_open("guest");
    fdt32_t *reg;

    (void)state;
    assert_int_equal(fdt_setprop_placeholder(fdt, tree_node(fdt, "/memory@48000000"), "reg",
                                             130 * 4 * 4, (void **)&reg),
                     0);
    for (uint32_t i = 0; i < 130; i++) {
        reg[4 * i] = 0;
        reg[4 * i + 1] = cpu_to_fdt32(0x50000000 + i * 0x1000);
        reg[4 * i + 2] = 0;
        reg[4 * i + 3] = cpu_to_fdt32(0x1000);
    }
    assert_refused(fdt, ERR_NOMEM, "/memory@48000000", "too many");
}

static void test_too_many_redist_regions(void **state)
{
    void *fdt = tree_open("guest");

    (void)state;
    TREE_CELLS(fdt, GIC, "#redistributor-regions", 5);
    TREE_CELLS(fdt, GIC, "reg", 0, 0x8000000, 0, 0x10000, 0, 0x8100000, 0, 0x20000, 0, 0x8200000, 0,
               0x20000, 0, 0x8300000, 0, 0x20000, 0, 0x8400000, 0, 0x20000, 0, 0x8500000, 0,
               0x20000);
    assert_refused(fdt, ERR_NOMEM, GIC, "4 regions");
}

/* The 97th device. */
static void test_too_many_devices(void **state)
{
    void *fdt = tree_open("guest");

    (void)state;
    tree_add_devices(fdt, 91, "virtio,mmio", 0xb000000, 0x200);
    assert_refused(fdt, ERR_NOMEM, "/bus@c000000/virtio@1000", "too many");
}

/* The 96th, which asks for registers at all entries of its "reg": there is one. */
static void test_as_many_devices_as_may_be(void **state)
{
    static struct vm_config config;
    void *fdt = tree_open("guest");

    (void)state;
    tree_add_devices(fdt, 89, "virtio,mmio", 0xb000000, 0x200);
    assert_true(fdt_add_subnode(fdt, 0, "regs@d000000") >= 0);
    assert_int_equal(fdt_setprop_empty(fdt, tree_node(fdt, "/regs@d000000"), "traproom,registers"),
                     0);
    TREE_CELLS(fdt, "/regs@d000000", "reg", 0, 0xd000000, 0, 0x10);
    log_clear();
    assert_int_equal(vm_fdt_parse(fdt, fdt_totalsize(fdt), IPA_BITS, &vm_devices, &config), 0);
    assert_int_equal(logged.errors, 0);
    assert_int_equal(config.nr_devices, 96);
    free(fdt);
}

static void test_registers_nowhere(void **state)
{
    void *fdt = tree_open("guest");

    (void)state;
    assert_true(fdt_add_subnode(fdt, 0, "regs") >= 0);
    assert_int_equal(fdt_setprop_empty(fdt, tree_node(fdt, "/regs"), "traproom,registers"), 0);
    assert_refused(fdt, ERR_NOENT, "/regs", "no \"reg\"");
}

/* Its second entry is refused as its first would be, with one error. */
static void test_registers_beyond(void **state)
{
    void *fdt = tree_open("guest");

    (void)state;
    assert_true(fdt_add_subnode(fdt, 0, "regs@d000000") >= 0);
    assert_int_equal(fdt_setprop_empty(fdt, tree_node(fdt, "/regs@d000000"), "traproom,registers"),
                     0);
    TREE_CELLS(fdt, "/regs@d000000", "reg", 0, 0xd000000, 0, 0x10, 0xffffffff, 0xfffffff0, 0, 0x20);
    assert_refused(fdt, ERR_RANGE, "/regs@d000000", "last address");
}

static void test_names_too_long(void **state)
{
    void *fdt = tree_open("guest");
    const char *name = "device-whose-name-goes-on-and-on-and-on-until-no-message-could-hold-it@1";

    (void)state;
    tree_add_device(fdt, name, "arm,pl011", 0x48000000, 0x1000, 99);
    assert_refused(fdt, ERR_EXIST, "device-whose-name", "/memory@48000000");
}

static void test_too_deep(void **state)
{
    void *fdt = tree_open("guest");
    int node = 0;

    (void)state;
    for (unsigned i = 0; i < 16; i++)
        node = fdt_add_subnode(fdt, node, "deeper");
    assert_refused(fdt, ERR_UNSUPPORTED, "15 deep", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_too_many_cpus),     cmocka_unit_test(test_too_much_ram),
        cmocka_unit_test(test_too_many_claims),   cmocka_unit_test(test_too_many_redist_regions),
        cmocka_unit_test(test_too_many_devices),  cmocka_unit_test(test_names_too_long),
        cmocka_unit_test(test_too_deep),          cmocka_unit_test(test_as_many_devices_as_may_be),
        cmocka_unit_test(test_registers_nowhere), cmocka_unit_test(test_registers_beyond),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
