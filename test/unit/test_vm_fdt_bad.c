/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees that must be refused: one change each to a good tree, the error that it gets and what
 * the message must name. Good trees are in test_vm_fdt.c, those with too much of something in
 * test_vm_fdt_limits.c.
 */
#include "fdt_refused.h"

enum change { SET, SET_TEXT, SET_BYTES, DELETE, DELETE_NODE };

struct bad {
    enum change change;
    const char *path;
    const char *prop;
    const char *text;   /* SET_TEXT, SET_BYTES */
    unsigned count;     /* cells, or bytes */
    uint32_t cells[29]; /* SET */
    int err;
    const char *says[2]; /* parts of the message */
};

#define CELLS(...)                                                                                 \
    .count = sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), .cells = {__VA_ARGS__}
/* Of "traproom,inject". */
#define RULE(number, kind, action, first, last)                                                    \
    CELLS(number, kind, action, 0, first, 0, last, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
          0, 0, 0, 0, 0, 0)
#define SAYS(error, ...) .err = error, .says = {__VA_ARGS__}

static const struct bad guest[] = {
    /* /chosen */
    {DELETE_NODE, "/chosen", SAYS(ERR_NOENT, "no /chosen", "traproom,kernel")},
    {DELETE, "/chosen", "traproom,kernel", SAYS(ERR_NOENT, "/chosen", "traproom,kernel")},
    {SET, "/chosen", "traproom,kernel", CELLS(0, 0x68000000, 0x1000),
     SAYS(ERR_INVAL, "/chosen", "traproom,kernel")},
    {SET, "/chosen", "traproom,kernel", CELLS(0, 0x68000000, 0, 0),
     SAYS(ERR_INVAL, "traproom,kernel")},
    {SET, "/chosen", "traproom,kernel", CELLS(~0U, ~0U, 0, 2), SAYS(ERR_INVAL, "traproom,kernel")},
    {SET_BYTES, "/chosen", "traproom,kernel", "123456789012345", 15,
     SAYS(ERR_INVAL, "traproom,kernel")},
    {SET_TEXT, "/chosen", "traproom,initrd", "here", SAYS(ERR_INVAL, "traproom,initrd")},
    {SET, "/chosen", "traproom,initrd", CELLS(0, 0x6a000000, 0, 0x1001),
     SAYS(ERR_RANGE, "0x1001 bytes", "room for 0x1000")},
    {DELETE, "/chosen", "linux,initrd-start", SAYS(ERR_INVAL, "linux,initrd-start")},
    {DELETE, "/chosen", "linux,initrd-end", SAYS(ERR_INVAL, "linux,initrd-end")},
    {SET, "/chosen", "linux,initrd-end", CELLS(0x54000000), SAYS(ERR_INVAL, "linux,initrd-end")},
    {SET, "/chosen", "linux,initrd-start", CELLS(0, 0, 0), SAYS(ERR_INVAL, "linux,initrd-start")},
    {SET_TEXT, "/chosen", "traproom,trace", "there", SAYS(ERR_INVAL, "traproom,trace")},
    {SET_TEXT, "/chosen", "traproom,app", "there", SAYS(ERR_INVAL, "traproom,app")},
    {SET, "/chosen", "traproom,kernel-address", CELLS(0, 0, 0),
     SAYS(ERR_INVAL, "traproom,kernel-address")},
    {SET, "/chosen", "traproom,dtb-address", CELLS(0, 0, 0),
     SAYS(ERR_INVAL, "traproom,dtb-address")},
    {SET, "/chosen", "traproom,dtb-address", CELLS(0, 0x48000004),
     SAYS(ERR_INVAL, "multiple of 8")},
    {SET, "/chosen", "traproom,dtb-address", CELLS(0, 0x40000008),
     SAYS(ERR_INVAL, "multiple of 0x1000")},
    {SET, "/chosen", "traproom,dtb-address", CELLS(~0U, ~0xfffU), SAYS(ERR_INVAL, "room")},
    {SET, "/chosen", "traproom,dtb-address", CELLS(0, 0x47fff000),
     SAYS(ERR_EXIST, "/chosen at [0x47fff000", "/memory@48000000 at [0x48000000, 0x67ffffff]")},
    {SET, "/chosen", "traproom,dtb-address", CELLS(0x100, 0), SAYS(ERR_RANGE, "last address")},

    /* Rules of what is to go wrong */
    {SET, "/chosen", "traproom,inject", CELLS(1, 0, 0), SAYS(ERR_INVAL, "/chosen", "29 cells")},
    {SET_BYTES, "/chosen", "traproom,inject", "123", 3, SAYS(ERR_INVAL, "traproom,inject")},
    {SET, "/chosen", "traproom,inject", RULE(7, FAULT_KINDS, 0, 0, 0),
     SAYS(ERR_INVAL, "/chosen", "number 7")},
    {SET, "/chosen", "traproom,inject", RULE(8, 0, FAULT_ACTIONS, 0, 0),
     SAYS(ERR_INVAL, "traproom,inject", "number 8")},
    {SET, "/chosen", "traproom,inject", RULE(9, FAULT_ACCESS, FAULT_ABORT, 5, 4),
     SAYS(ERR_INVAL, "traproom,inject", "number 9")},

    /* CPUs */
    {DELETE_NODE, "/cpus", SAYS(ERR_NOENT, "no CPU")},
    {SET_TEXT, "/cpus", "status", "disabled", SAYS(ERR_NOENT, "no CPU")},
    {SET, "/cpus/cpu@1", "reg", CELLS(0x100),
     SAYS(ERR_EXIST, "/cpus/cpu@1 and /cpus/cpu@100", "0x100")},
    {SET, "/cpus/cpu@1", "reg", CELLS(0, 1), SAYS(ERR_INVAL, "/cpus/cpu@1", "MPIDR")},
    {DELETE, "/cpus/cpu@1", "reg", SAYS(ERR_INVAL, "/cpus/cpu@1", "MPIDR")},
    {SET, "/cpus/cpu@1", "reg", CELLS(0x80000001), SAYS(ERR_INVAL, "/cpus/cpu@1", "affinity")},
    {SET, "/cpus", "#address-cells", CELLS(3), SAYS(ERR_INVAL, "/cpus/cpu@0", "#address-cells")},
    {SET_TEXT, "/cpus/cpu@100", "enable-method", "spin-table",
     SAYS(ERR_UNSUPPORTED, "/cpus/cpu@100", "psci")},
    {SET_TEXT, "/psci", "method", "svc", SAYS(ERR_INVAL, "/psci", "method")},
    {SET_TEXT, "/psci", "compatible", "arm,psci", SAYS(ERR_UNSUPPORTED, "/psci", "arm,psci-1.0")},
    {DELETE, "/psci", "method", SAYS(ERR_INVAL, "/psci", "method")},

    /* RAM */
    {DELETE_NODE, "/memory@48000000", SAYS(ERR_NOENT, "no RAM")},
    {DELETE, "/memory@48000000", "device_type", SAYS(ERR_NOENT, "no RAM")},
    {SET, "/memory@48000000", "reg", CELLS(0, 0x48000000, 0, 0), SAYS(ERR_NOENT, "no RAM")},
    {SET, "/memory@48000000", "reg", CELLS(0, 0x48000000, 0, 0x20000800),
     SAYS(ERR_INVAL, "/memory@48000000", "0x1000")},
    {SET, "/memory@48000000", "reg", CELLS(0, 0x48000001, 0, 0x20000000),
     SAYS(ERR_INVAL, "/memory@48000000", "0x1000")},
    {SET, "/memory@48000000", "reg", CELLS(0, 0x48000000, 0),
     SAYS(ERR_INVAL, "/memory@48000000", "reg")},
    {SET_BYTES, "/memory@48000000", "reg", "1234567890abcde", 15,
     SAYS(ERR_INVAL, "/memory@48000000", "reg")},
    {SET, "/memory@48000000", "reg", CELLS(0xff, 0xff000000, 0, 0x1001000),
     SAYS(ERR_RANGE, "/memory@48000000 at [0xffff000000, 0x10000000fff]", "last address")},
    {SET, "/memory@48000000", "reg", CELLS(~0U, ~0xfffU, 0, 0x2000),
     SAYS(ERR_RANGE, "/memory@48000000", "last address")},
    {SET, "/memory@48000000", "reg", CELLS(0, 0x48000000, 0, 0x20000000, 0, 0x67fff000, 0, 0x1000),
     SAYS(ERR_EXIST, "/memory@48000000 at [0x67fff000, 0x67ffffff]",
          "/memory@48000000 at [0x48000000, 0x67ffffff]")},
    {SET, "/", "#size-cells", CELLS(0), SAYS(ERR_UNSUPPORTED, "/memory@48000000", "#size-cells")},
    {SET, "/", "#address-cells", CELLS(5),
     SAYS(ERR_UNSUPPORTED, "/memory@48000000", "#address-cells")},

    {SET, "/reserved-memory/pool@50000000", "reg", CELLS(0, 0x50000000, 0),
     SAYS(ERR_INVAL, "/reserved-memory/pool@50000000", "reg")},
    {DELETE, "/reserved-memory", "ranges",
     SAYS(ERR_RANGE, "/reserved-memory/pool@50000000", "ranges")},

    /* The GIC */
    {DELETE_NODE, GIC, SAYS(ERR_NOENT, "arm,gic-v3")},
    {SET_TEXT, GIC, "status", "disabled", SAYS(ERR_NOENT, "arm,gic-v3")},
    {SET_TEXT, GIC, "compatible", "arm,cortex-a15-gic", SAYS(ERR_NOENT, "arm,gic-v3")},
    {SET_TEXT, "/rtc@9010000", "compatible", "arm,gic-v3", SAYS(ERR_EXIST, GIC, "/rtc@9010000")},
    {SET, GIC, "redistributor-stride", CELLS(0, 0x30000), SAYS(ERR_UNSUPPORTED, GIC, "stride")},
    {SET, GIC, "#redistributor-regions", CELLS(2), SAYS(ERR_NOENT, GIC, "reg")},
    {SET, GIC, "#redistributor-regions", CELLS(0), SAYS(ERR_INVAL, GIC, "regions")},
    {SET, GIC, "#redistributor-regions", CELLS(9), SAYS(ERR_INVAL, GIC, "regions")},
    {SET, GIC, "#redistributor-regions", CELLS(1, 1, 1), SAYS(ERR_INVAL, GIC, "regions")},
    {SET, GIC, "reg", CELLS(0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0, 0x40000),
     SAYS(ERR_RANGE, GIC, "room for 2 CPUs, the tree has 3")},
    {SET, GIC, "reg", CELLS(0, 0x8000000, 0, 0x8000, 0, 0x80a0000, 0, 0x80000),
     SAYS(ERR_INVAL, GIC, "0x10000")},
    {SET, GIC, "reg", CELLS(0, 0x8000000, 0, 0x10000, 0, 0x80a1000, 0, 0x80000),
     SAYS(ERR_INVAL, GIC, "0x10000")},
    {SET, GIC, "reg", CELLS(0, 0x8000000, 0, 0x10000, 0, 0x8000000, 0, 0x80000),
     SAYS(ERR_EXIST, GIC " at [0x8000000, 0x807ffff]", GIC " at [0x8000000, 0x800ffff]")},
    {SET, GIC, "reg", CELLS(0, 0x48000000, 0, 0x10000, 0, 0x80a0000, 0, 0x80000),
     SAYS(ERR_EXIST, GIC " at [0x48000000, 0x4800ffff]", "/memory@48000000 at [0x48000000, ")},
    {SET, GIC, "#interrupt-cells", CELLS(2), SAYS(ERR_INVAL, "#interrupt-cells")},
    {DELETE, GIC, "#interrupt-cells", SAYS(ERR_INVAL, "#interrupt-cells")},

    /* UARTs */
    {DELETE, UART0, "reg", SAYS(ERR_NOENT, UART0, "reg")},
    {SET, UART0, "reg", CELLS(0, 0x9000000, 0, 0xfff), SAYS(ERR_INVAL, UART0, "0x1000 bytes")},
    {SET, UART0, "reg", CELLS(0, 0x50000000, 0, 0x1000),
     SAYS(ERR_EXIST, UART0 " at [0x50000000, 0x50000fff]",
          "/memory@48000000 at [0x48000000, 0x67ffffff]")},
    {SET, UART0, "reg", CELLS(0, 0x80b0000, 0, 0x1000), SAYS(ERR_EXIST, UART0, GIC)},
    {SET, UART0, "reg", CELLS(0, 0x47000000, 0, 0x1000),
     SAYS(ERR_EXIST, "/chosen at [0x47000000", UART0)},
    {SET, UART0, "reg", CELLS(0x100, 0, 0, 0x1000), SAYS(ERR_RANGE, UART0, "last address")},
    {DELETE, UART0, "interrupts", SAYS(ERR_NOENT, UART0, "interrupt")},
    {SET, UART0, "interrupts", CELLS(0, 1), SAYS(ERR_INVAL, UART0, "interrupts")},
    {SET, UART0, "interrupts", CELLS(0, 256, 4), SAYS(ERR_RANGE, UART0, "SPI from 0 to 255")},
    {SET, UART0, "interrupts", CELLS(0, 988, 4), SAYS(ERR_UNSUPPORTED, UART0, "SPI")},
    {SET, UART0, "interrupts", CELLS(1, 1, 4), SAYS(ERR_RANGE, UART0, "SPI")},
    {SET, UART0, "interrupts", CELLS(1, 16, 4), SAYS(ERR_UNSUPPORTED, UART0, "PPI")},
    {SET, UART0, "interrupts", CELLS(2, 1, 4), SAYS(ERR_UNSUPPORTED, UART0, "SPI")},
    {SET, UART0, "interrupt-parent", CELLS(0x777), SAYS(ERR_UNSUPPORTED, UART0, "GICv3")},
    {SET, UART0, "interrupts-extended", CELLS(0x777, 0, 1, 4),
     SAYS(ERR_UNSUPPORTED, UART0, "GICv3")},
    {SET, UART0, "interrupts-extended", CELLS(1, 0, 1), SAYS(ERR_INVAL, UART0, "extended")},
    {SET_BYTES, UART0, "interrupts-extended", "12345", 5, SAYS(ERR_INVAL, UART0, "extended")},
    {SET_BYTES, UART0, "interrupts-extended", "", 0, SAYS(ERR_NOENT, UART0, "interrupt")},
    {SET, UART1, "interrupts", CELLS(0, 1, 4), SAYS(ERR_EXIST, UART1 " and " UART0, "SPI 1")},

    /* virtio slots */
    {SET, SLOT2, "interrupts", CELLS(0, 16, 1), SAYS(ERR_EXIST, SLOT2 " and " SLOT0, "SPI 16")},
    {SET, SLOT2, "reg", CELLS(0, 0xa000300, 0, 0x200),
     SAYS(ERR_EXIST, SLOT2 " at [0xa000300, 0xa0004ff]",
          "/virtio@a000200 at [0xa000200, 0xa0003ff]")},
    {SET, SLOT2, "reg", CELLS(0, 0xa000400, 0, 0xff), SAYS(ERR_INVAL, SLOT2, "0x100 bytes")},
    {SET, SLOT0, "reg", CELLS(0, 0xa000000, 0, 0x100), SAYS(ERR_INVAL, SLOT0, "0x200 bytes")},
    {SET, SLOT0, "traproom,disk", CELLS(0, 0x70000000, 0, 511), SAYS(ERR_INVAL, SLOT0, "512")},
    {SET, SLOT0, "traproom,disk", CELLS(0x70000000, 0x1000),
     SAYS(ERR_INVAL, SLOT0, "traproom,disk")},
    {SET, "/bus@c000000/virtio@1000", "reg", CELLS(0x1fff800, 0x1000),
     SAYS(ERR_RANGE, "/bus@c000000/virtio@1000", "ranges")},
    {DELETE, "/bus@c000000", "ranges", SAYS(ERR_RANGE, "/bus@c000000/virtio@1000", "ranges")},
    {SET, "/bus@c000000", "ranges", CELLS(0, 0, 0xc000000),
     SAYS(ERR_INVAL, "/bus@c000000/virtio@1000", "ranges")},
    {SET, "/bus@c000000", "ranges", CELLS(0, ~0U, ~0U, 0x10000),
     SAYS(ERR_RANGE, "/bus@c000000/virtio@1000", "ranges")},
    {SET, "/bus@c000000", "#address-cells", CELLS(3),
     SAYS(ERR_UNSUPPORTED, "/bus@c000000/virtio@1000", "#address-cells")},

    /* The timer */
    {SET, "/timer", "interrupts", CELLS(1, 13, 4, 1, 14, 4, 1, 12, 4, 1, 10, 4),
     SAYS(ERR_UNSUPPORTED, "/timer", "13, 14, 11 and 10")},
    {SET, "/timer", "interrupts", CELLS(0, 13, 4), SAYS(ERR_UNSUPPORTED, "/timer")},
    {SET, "/timer", "interrupts", CELLS(5, 13, 4), SAYS(ERR_UNSUPPORTED, "/timer")},
    {DELETE, "/timer", "interrupts", SAYS(ERR_UNSUPPORTED, "/timer")},
};

static void apply(void *fdt, const struct bad *bad)
{
    switch (bad->change) {
    case SET:
        tree_set_cells(fdt, bad->path, bad->prop, bad->count, bad->cells);
        break;
    case SET_TEXT:
        tree_set_string(fdt, bad->path, bad->prop, bad->text);
        break;
    case SET_BYTES:
        assert_int_equal(
            fdt_setprop(fdt, tree_node(fdt, bad->path), bad->prop, bad->text, (int)bad->count), 0);
        break;
    case DELETE:
        tree_del_prop(fdt, bad->path, bad->prop);
        break;
    case DELETE_NODE:
        tree_del_node(fdt, bad->path);
        break;
    }
}

static void test_one_change(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(guest) / sizeof(guest[0]); i++) {
        void *fdt = tree_open("guest");

        print_message("%s %s\n", guest[i].path, guest[i].prop != NULL ? guest[i].prop : "");
        apply(fdt, &guest[i]);
        assert_refused(fdt, guest[i].err, guest[i].says[0], guest[i].says[1]);
    }
}

static void test_no_interrupt_parent(void **state)
{
    void *fdt = tree_open("guest");

    (void)state;
    tree_del_prop(fdt, "/", "interrupt-parent");
    assert_refused(fdt, ERR_UNSUPPORTED, "/timer", "interrupt-parent");
}

/* A window of "ranges" whose far end wraps. */
static void test_wrapping_window(void **state)
{
    void *fdt = tree_open("buses");

    (void)state;
    TREE_CELLS(fdt, "/soc/apb/identity", "ranges", 0x7000, ~0U, 0x100);
    TREE_CELLS(fdt, "/soc/apb", "ranges", 0x10000, 5, 0, 0x8000, 0, ~0U, ~0xfffU, 0x8000);
    assert_refused(fdt, ERR_RANGE, "/soc/apb/serial@3000", "ranges");
}

static void test_no_blob(void **state)
{
    static struct vm_config config;
    uint8_t *fdt = tree_load("guest");
    size_t size = fdt_totalsize(fdt);

    (void)state;
    for (size_t part = 0; part < size; part += part < 80 ? 1 : 61) {
        uint8_t *copy = malloc(part);

        if (part > 0)
            memcpy(copy, fdt, part);
        log_clear();
        assert_int_equal(vm_fdt_parse(copy, part, IPA_BITS, &vm_devices, &config),
                         part < sizeof(struct fdt_header) ? -ERR_NOENT : -ERR_INVAL);
        assert_int_equal(logged.errors, 1);
        free(copy);
    }
    fdt[0] ^= 1;
    assert_refused(fdt, ERR_NOENT, "no device tree", NULL);
    fdt = tree_load("guest");
    fdt_set_version(fdt, 15); /* nodes have paths, and the root an empty one */
    fdt_set_last_comp_version(fdt, 2);
    assert_refused(fdt, ERR_INVAL, "FDT_ERR_BADVERSION", NULL);
    fdt = tree_load("guest");
    fdt_set_version(fdt, 16);
    fdt_set_size_dt_strings(fdt, 1); /* libfdt reads beyond it, but copies no more */
    assert_refused(fdt, ERR_INVAL, "FDT_ERR_BADVERSION", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_change),
        cmocka_unit_test(test_no_interrupt_parent),
        cmocka_unit_test(test_wrapping_window),
        cmocka_unit_test(test_no_blob),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
