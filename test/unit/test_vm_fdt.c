// SPDX-License-Identifier: Apache-2.0
/*
 * Good trees: what they mean for the VM. Bad ones are in test_vm_fdt_bad.c and
 * test_vm_fdt_limits.c.
 */
#include <stdbool.h>
#include <string.h>

#include "fdt/vm_fdt.h"
#include "fdt_log.h"
#include "fdt_tree.h"
#include "vm/vm_device.h"

#define IPA_BITS 40

static struct vm_config config;

/* The tree must be accepted. Frees it. */
static void parse(void *fdt)
{
    log_clear();
    if (vm_fdt_parse(fdt, fdt_totalsize(fdt), IPA_BITS, &vm_devices, &config) != 0)
        fail_msg("refused: %s", logged.error);
    assert_int_equal(logged.errors, 0);
    assert_int_equal(logged.warnings, 0);
    free(fdt);
}

/* Number `index` of the devices of that kind; a zeroed one where there are fewer. */
static const struct vm_device_config *device(const char *compatible, unsigned index)
{
    static const struct vm_device_config none;

    for (unsigned i = 0; i < config.nr_devices; i++) {
        const char *kind = config.device[i].kind->compatible;

        if (kind != NULL && strcmp(kind, compatible) == 0 && index-- == 0)
            return &config.device[i];
    }
    return &none;
}

static unsigned count(const char *compatible)
{
    unsigned found = 0;

    while (device(compatible, found)->kind != NULL)
        found++;
    return found;
}

#define uart(i)   device("arm,pl011", i)
#define virtio(i) device("virtio,mmio", i)

static void assert_ipa_range(struct ipa_range range, uint64_t base, uint64_t size)
{
    assert_int_equal(range.base.v, base);
    assert_int_equal(range.size, size);
}

static void assert_pa_range(struct pa_range range, uint64_t base, uint64_t size)
{
    assert_int_equal(range.base.v, base);
    assert_int_equal(range.size, size);
}

static void test_cpus_and_ram(void **state)
{
    (void)state;
    parse(tree_load("guest"));
    assert_int_equal(config.nr_cpus, 3); /* the fourth has failed */
    assert_int_equal(config.mpidr[0], 0);
    assert_int_equal(config.mpidr[1], 1);
    assert_int_equal(config.mpidr[2], 0x100);
    assert_int_equal(config.nr_ram, 1);
    assert_ipa_range(config.ram[0], 0x48000000, 0x20000000);
}

static void test_cpu_that_nobody_starts(void **state)
{
    void *fdt = tree_open("guest");

    (void)state;
    tree_del_prop(fdt, "/cpus/cpu@1", "enable-method");
    log_clear();
    assert_int_equal(vm_fdt_parse(fdt, fdt_totalsize(fdt), IPA_BITS, &vm_devices, &config), 0);
    assert_int_equal(logged.warnings, 1);
    free(fdt);
}

static void test_chosen(void **state)
{
    (void)state;
    parse(tree_load("guest"));
    assert_pa_range(config.kernel, 0x68000000, 0x1a00000);
    assert_pa_range(config.initrd, 0x6a000000, 0xfff);
    assert_ipa_range(config.guest_initrd, 0x54000000, 0x1000);
    assert_int_equal(config.guest_dtb.v, VM_DEFAULT_DTB);
    assert_int_equal(config.guest_kernel.v, VM_KERNEL_ANYWHERE);
    assert_true(config.stats);
    assert_true(config.no_reboot);
    assert_false(config.quiet);
}

static void test_devices(void **state)
{
    (void)state;
    parse(tree_load("guest"));
    assert_ipa_range(config.gic.dist, 0x8000000, 0x10000);
    assert_int_equal(config.gic.nr_redist_regions, 1);
    assert_ipa_range(config.gic.redist[0], 0x80a0000, 0xf60000);

    assert_int_equal(count("arm,pl011"), 2);
    assert_ipa_range(uart(0)->regs, 0x9000000, 0x1000);
    assert_int_equal(uart(0)->intid, 33);
    assert_true(uart(0)->console);
    assert_string_equal(uart(0)->path, "/serial@9000000");
    assert_int_equal(uart(1)->intid, 40);
    assert_false(uart(1)->console);
}

static void test_reserved(void **state)
{
    void *fdt = tree_open("guest");

    (void)state;
    assert_int_equal(fdt_add_mem_rsv(fdt, 0x49000000, 0x1234), 0);
    parse(fdt);
    assert_int_equal(config.nr_reserved, 2);
    assert_ipa_range(config.reserved[0].range, 0x49000000, 0x1234);
    assert_true(config.reserved[0].block);
    assert_ipa_range(config.reserved[1].range, 0x50000000, 0x100000);
    assert_false(config.reserved[1].block);
    assert_string_equal(config.reserved[1].path, "/reserved-memory/pool@50000000");
}

static void test_virtio(void **state)
{
    (void)state;
    parse(tree_load("guest"));
    assert_int_equal(count("virtio,mmio"), 4);
    assert_ipa_range(virtio(0)->regs, 0xa000000, 0x200);
    assert_int_equal(virtio(0)->intid, 48);
    assert_pa_range(virtio(0)->backing, 0x70000000, 0x4000000);
    assert_false(virtio(0)->read_only);
    assert_pa_range(virtio(1)->backing, 0x100000000, 0x200);
    assert_true(virtio(1)->read_only);
    assert_int_equal(virtio(2)->backing.size, 0);
    assert_int_equal(virtio(2)->intid, 287); /* the last there is */
    assert_ipa_range(virtio(3)->regs, 0xc001000, 0x1000);
    assert_string_equal(virtio(3)->path, "/bus@c000000/virtio@1000");
}

static void test_buses(void **state)
{
    (void)state;
    parse(tree_load("buses"));
    assert_int_equal(config.nr_cpus, 1);
    assert_int_equal(config.mpidr[0], UINT64_C(0x100020300));
    assert_int_equal(config.nr_ram, 2); /* three pieces touch; one is empty */
    assert_ipa_range(config.ram[0], 0x20000000, 0x10001000);
    assert_ipa_range(config.ram[1], 0x90000000, 0x10000000);
    assert_int_equal(config.guest_dtb.v, 0x30000008);
    assert_true(config.quiet);
    assert_false(config.stats);
    assert_false(config.no_reboot);
    assert_int_equal(config.initrd.size, 0);
    assert_int_equal(config.guest_initrd.size, 0);

    assert_ipa_range(config.gic.dist, 0x4000000, 0x10000);
    assert_int_equal(config.gic.nr_redist_regions, 2);
    assert_ipa_range(config.gic.redist[0], 0x4100000, 0x20000);
    assert_ipa_range(config.gic.redist[1], 0x4200000, 0x40000);

    assert_int_equal(count("arm,pl011"), 2);
    assert_ipa_range(uart(0)->regs, 0x2043000, 0x1000);
    assert_int_equal(uart(0)->intid, 35);
    assert_false(uart(0)->console);
    assert_ipa_range(uart(1)->regs, 0x2000000, 0x1000);
    assert_int_equal(uart(1)->intid, 37);
    assert_true(uart(1)->console);

    assert_int_equal(count("virtio,mmio"), 1);
    assert_ipa_range(virtio(0)->regs, 0x2047000, 0x100);
    assert_int_equal(virtio(0)->intid, 41);
}

/* Which UART is the console, by what /chosen says. */
static void check_console(const char *prop, const char *path, unsigned expected)
{
    void *fdt = tree_open("guest");

    tree_del_prop(fdt, "/chosen", "stdout-path");
    if (prop != NULL)
        tree_set_string(fdt, "/chosen", prop, path);
    parse(fdt);
    for (unsigned i = 0; i < count("arm,pl011"); i++)
        assert_int_equal(uart(i)->console, i == expected);
}

static void test_console(void **state)
{
    (void)state;
    check_console(NULL, NULL, 0);
    check_console("stdout-path", "serial1", 1);
    check_console("stdout-path", "/serial@9040000", 1);
    check_console("stdout-path", "/serial@9040000:9600", 1);
    check_console("linux,stdout-path", "/serial@9040000", 1);
    check_console("stdout-path", "/rtc@9010000", 0);
    check_console("stdout-path", "/serial@9050000", 0);
    check_console("stdout-path", "serial7", 0);
    check_console("stdout-path", "loop", 0); /* an alias of itself */
    check_console("stdout-path", "", 0);
}

static void test_console_without_uart(void **state)
{
    void *fdt = tree_open("guest");

    (void)state;
    tree_del_node(fdt, "/serial@9000000");
    tree_set_string(fdt, "/serial@9040000", "status", "disabled");
    parse(fdt);
    assert_int_equal(count("arm,pl011"), 0);
}

/* Of many UARTs one is the console, wherever it is. */
static void test_many_uarts(void **state)
{
    void *fdt = tree_open("guest");

    (void)state;
    tree_add_devices(fdt, 4, "arm,pl011", 0x20000000, 0x1000);
    tree_set_string(fdt, "/chosen", "stdout-path", "/serial@9040000");
    parse(fdt);
    assert_int_equal(count("arm,pl011"), 6);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(uart(i)->console, uart(i)->regs.base.v == 0x9040000);
}

static void test_many_slots(void **state)
{
    void *fdt = tree_open("guest");

    (void)state;
    tree_add_devices(fdt, 40, "virtio,mmio", 0xb000000, 0x200);
    tree_del_node(fdt, "/virtio@a000000");
    tree_del_node(fdt, "/virtio@a000200");
    parse(fdt);
    assert_int_equal(count("virtio,mmio"), 42);
}

/* Numbers that may be written with 32 bits or with 64. */
static void test_number_widths(void **state)
{
    void *fdt = tree_open("guest");

    (void)state;
    TREE_CELLS(fdt, "/chosen", "linux,initrd-start", 0, 0x54000000);
    TREE_CELLS(fdt, "/chosen", "linux,initrd-end", 0x54000fff);
    TREE_CELLS(fdt, "/interrupt-controller@8000000", "redistributor-stride", 0);
    TREE_CELLS(fdt, "/chosen", "traproom,dtb-address", 0x4a000000);
    TREE_CELLS(fdt, "/chosen", "traproom,kernel-address", 0x4b000000);
    parse(fdt);
    assert_ipa_range(config.guest_initrd, 0x54000000, 0xfff);
    assert_int_equal(config.guest_dtb.v, 0x4a000000);
    assert_int_equal(config.guest_kernel.v, 0x4b000000);
}

/* An app: staged, and for a place in the guest, or for its own. */
static void test_app(void **state)
{
    void *fdt = tree_open("guest");

    (void)state;
    parse(fdt);
    assert_int_equal(config.app.size, 0);
    fdt = tree_open("guest");
    TREE_CELLS(fdt, "/chosen", "traproom,app", 0, 0x6c000000, 0, 0x1234);
    parse(fdt);
    assert_int_equal(config.app.base.v, 0x6c000000);
    assert_int_equal(config.app.size, 0x1234);
    assert_int_equal(config.guest_app.v, VM_KERNEL_ANYWHERE);
    fdt = tree_open("guest");
    TREE_CELLS(fdt, "/chosen", "traproom,app", 0, 0x6c000000, 0, 0x1234);
    TREE_CELLS(fdt, "/chosen", "traproom,app-address", 0, 0x4c000000);
    parse(fdt);
    assert_int_equal(config.guest_app.v, 0x4c000000);
}

static void test_trace(void **state)
{
    void *fdt = tree_open("guest");

    (void)state;
    TREE_CELLS(fdt, "/chosen", "traproom,trace", 0, 0x70000000, 0, 0x10000);
    TREE_CELLS(fdt, "/chosen", "traproom,trace-lossless");
    parse(fdt);
    assert_pa_range(config.trace, 0x70000000, 0x10000);
    assert_true(config.trace_lossless);
    assert_false(config.trace_later);
}

/* A tree that names a place for an initramfs, but nobody has given one. */
static void test_no_initrd(void **state)
{
    void *fdt = tree_open("guest");

    (void)state;
    tree_del_prop(fdt, "/chosen", "traproom,initrd");
    parse(fdt);
    assert_int_equal(config.initrd.size, 0);
    assert_int_equal(config.guest_initrd.size, 0);
}

/* The interrupt controller above a device is its interrupt parent where no property says so. */
static void test_interrupt_parent_above(void **state)
{
    void *fdt = tree_open("buses");

    (void)state;
    tree_del_prop(fdt, "/soc/apb", "interrupt-parent");
    tree_del_node(fdt, "/soc/apb/serial@3000");
    tree_del_node(fdt, "/soc/apb/identity");
    fdt_add_subnode(fdt, tree_node(fdt, "/soc/gic@6,0/nested"), "serial");
    tree_set_string(fdt, "/soc/gic@6,0/nested/serial", "compatible", "arm,pl011");
    TREE_CELLS(fdt, "/soc/gic@6,0/nested/serial", "reg", 0x4f00000, 0x1000);
    TREE_CELLS(fdt, "/soc/gic@6,0/nested/serial", "interrupts", 0, 77, 4, 0);
    TREE_CELLS(fdt, "/soc/gic@6,0", "#address-cells", 1);
    TREE_CELLS(fdt, "/soc/gic@6,0", "#size-cells", 1);
    TREE_CELLS(fdt, "/soc/gic@6,0", "ranges", 0x4000000, 6, 0, 0x1000000);
    TREE_CELLS(fdt, "/soc/gic@6,0/nested", "ranges", 0x4f00000, 0x4f00000, 0x1000);
    parse(fdt);
    assert_ipa_range(uart(0)->regs, 0x4f00000, 0x1000);
    assert_int_equal(uart(0)->intid, 32 + 77);
}

/* Devices may share a page with each other; the last byte of the address space can be used. */
static void test_boundaries(void **state)
{
    void *fdt = tree_open("guest");

    (void)state;
    TREE_CELLS(fdt, "/memory@48000000", "reg", 0xff, 0xff000000, 0, 0x1000000, 0, 0x48000000, 0,
               0x20000000);
    TREE_CELLS(fdt, "/virtio@a000400", "reg", 0, 0x47fff000, 0, 0x1000);
    parse(fdt);
    assert_int_equal(config.nr_ram, 2);
    assert_ipa_range(config.ram[1], UINT64_C(0xffff000000), 0x1000000);
}

static void check_qemu(const char *name)
{
    void *fdt = tree_open(name);
    unsigned cpus = 0;
    int node;

    fdt_for_each_subnode(node, fdt, tree_node(fdt, "/cpus")) cpus +=
        strncmp(fdt_get_name(fdt, node, NULL), "cpu@", 4) == 0 ? 1 : 0;
    TREE_CELLS(fdt, "/chosen", "traproom,kernel", 0, 0x68000000, 0, 0x1000);
    parse(fdt);
    assert_int_equal(config.nr_cpus, cpus);
    assert_int_equal(count("virtio,mmio"), 32);
    assert_int_equal(virtio(31)->regs.base.v - virtio(0)->regs.base.v,
                     (virtio(31)->intid - virtio(0)->intid) * UINT64_C(0x200));
    assert_int_equal(count("arm,pl011"), 1);
    assert_int_equal(uart(0)->intid, 33);
    assert_int_equal(config.nr_ram, 1);
    assert_int_equal(config.ram[0].base.v, 0x40000000);
    assert_ipa_range(config.gic.redist[0], 0x80a0000, 0xf60000);
}

static void test_qemu(void **state)
{
    static const char *const names[] = {QEMU_TREES "qemu"};

    (void)state;
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        check_qemu(names[i]);
    check_qemu("qemu");
    assert_ipa_range(config.ram[0], 0x40000000, 0x40000000);
}

/* The project's own: whoever starts it adds where the kernel is. */
static void test_default(void **state)
{
    void *fdt = tree_open("virt");

    (void)state;
    TREE_CELLS(fdt, "/chosen", "traproom,kernel", 0, 0x68000000, 0, 0x1000);
    parse(fdt);
    assert_int_equal(config.nr_cpus, 4);
    assert_int_equal(config.nr_ram, 1);
    assert_ipa_range(config.ram[0], 0x48000000, 0x20000000);
    assert_ipa_range(config.gic.dist, 0x8000000, 0x10000);
    assert_int_equal(count("arm,pl011"), 1);
    assert_true(uart(0)->console);
    assert_true(count("virtio,mmio") >= 1);
}

/* What stands on a bus that is not offered, or is data for someone else, is no device here. */
static void test_out_of_reach(void **state)
{
    void *fdt = tree_open("guest");

    (void)state;
    tree_set_string(fdt, "/bus@c000000", "compatible", "acme,bus");
    TREE_CELLS(fdt, "/bus@c000000", "reg", 0, 0xc000000, 0, 0x1000);
    tree_set_string(fdt, "/reserved-memory/pool@50000000", "compatible", "virtio,mmio");
    tree_del_prop(fdt, "/bus@c000000", "ranges");
    parse(fdt);
    assert_int_equal(count("virtio,mmio"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reserved),
        cmocka_unit_test(test_cpus_and_ram),
        cmocka_unit_test(test_cpu_that_nobody_starts),
        cmocka_unit_test(test_chosen),
        cmocka_unit_test(test_trace),
        cmocka_unit_test(test_devices),
        cmocka_unit_test(test_virtio),
        cmocka_unit_test(test_buses),
        cmocka_unit_test(test_console),
        cmocka_unit_test(test_console_without_uart),
        cmocka_unit_test(test_many_uarts),
        cmocka_unit_test(test_many_slots),
        cmocka_unit_test(test_number_widths),
        cmocka_unit_test(test_no_initrd),
        cmocka_unit_test(test_app),
        cmocka_unit_test(test_interrupt_parent_above),
        cmocka_unit_test(test_boundaries),
        cmocka_unit_test(test_qemu),
        cmocka_unit_test(test_default),
        cmocka_unit_test(test_out_of_reach),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
