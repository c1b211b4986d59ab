// SPDX-License-Identifier: Apache-2.0
/* The machine's tree: what is read from it, and what is refused. */
#include "host_fdt_fixture.h"

#define GIC  "/interrupt-controller@8000000"
#define UART "/serial@9040000"

static void test_all(void **state)
{
    void *fdt = tree_load("host");
    uint64_t size = fdt_totalsize(fdt);

    (void)state;
    parse(fdt);
    assert_int_equal(logged.warnings, 0);
    assert_string_equal(info.model, "Acme Board 3");
    assert_int_equal(info.nr_ram, 2);
    assert_range(info.ram[0], 0x40000000, 0x40000000);
    assert_range(info.ram[1], UINT64_C(0x100001000), 0x1000); /* the whole pages of it */
    assert_int_equal(info.nr_cpus, 2);
    assert_int_equal(info.mpidr[0], 0);
    assert_int_equal(info.mpidr[1], 0x100);
    assert_range(info.gic.dist, 0x8000000, 0x10000);
    assert_int_equal(info.gic.nr_redist_regions, 2);
    assert_range(info.gic.redist[0], 0x80a0000, 0x40000);
    assert_range(info.gic.redist[1], 0x8200000, 0x20000);
    assert_int_equal(info.gic.maintenance, 24);
    assert_range(info.uart, 0x9040000, 0x1000);
    assert_int_equal(info.uart_intid, 432);
    assert_int_equal(info.pmu_intid, 22);
    assert_false(info.has_clock);
    assert_true(info.psci_smc);
    assert_int_equal(info.fdt_size, size);
    assert_int_equal(info.seed, 0);
}

/* A number of random bits, or nothing at all. */
static void test_seed(void **state)
{
    static const uint32_t cells[] = {0x12345678, 0x9abcdef0, 1};
    void *fdt = tree_open("host");

    (void)state;
    tree_set_cells(fdt, "/chosen", "kaslr-seed", 2, cells);
    parse(fdt);
    assert_int_equal(info.seed, 0x123456789abcdef0);
    fdt = tree_open("host");
    tree_set_cells(fdt, "/chosen", "kaslr-seed", 3, cells);
    parse(fdt);
    assert_int_equal(info.seed, 0);
}

/* A word of the boot arguments, wherever it stands. */
static void test_configuration(void **state)
{
    static const char *const cases[][2] = {
        {"quiet", ""},
        {"traproom.config=small", "small"},
        {"quiet traproom.config=small nr_cpus=2", "small"},
        {"xtraproom.config=a  traproom.config=b", "b"},
        {"traproom.config= quiet", ""},
        {"traproom.config=0123456789012345678901234567890123456789012345678901234567890123456789",
         "012345678901234567890123456789012345678901234567890123456789012"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        void *fdt = tree_open("host");

        tree_set_string(fdt, "/chosen", "bootargs", cases[i][0]);
        parse(fdt);
        assert_string_equal(info.configuration, cases[i][1]);
    }
}

static void test_bundle(void **state)
{
    void *fdt = tree_open("host");

    (void)state;
    parse(tree_load("host"));
    assert_int_equal(info.bundle.base.v, 0x7ff00000);
    assert_int_equal(info.bundle.size, 0x100000); /* there the RAM ends */
    tree_del_prop(fdt, "/chosen", "traproom,bundle");
    parse(fdt);
    assert_int_equal(info.bundle.base.v, HOST_BUNDLE);
    assert_int_equal(info.bundle.size, 0xff0000); /* there memory begins that is not mapped */
    fdt = tree_open("host");
    TREE_CELLS(fdt, "/chosen", "traproom,bundle", 0, 0x3ffff000);
    parse(fdt);
    assert_int_equal(info.bundle.size, 0);
    fdt = tree_open("host");
    TREE_CELLS(fdt, "/chosen", "traproom,bundle", 0, 0x47f00000);
    parse(fdt);
    assert_int_equal(info.bundle.size, 0xf0000); /* there memory begins that is not mapped */
    fdt = tree_open("host");
    TREE_CELLS(fdt, "/chosen", "traproom,bundle", 0, 0x47ff1000);
    parse(fdt);
    assert_int_equal(info.bundle.size, 0);
    fdt = tree_open("host");
    TREE_CELLS(fdt, "/chosen", "traproom,bundle", 0, 0, 0);
    assert_refused(fdt, ERR_INVAL, "traproom,bundle");
}

static void test_model(void **state)
{
    void *fdt = tree_open("host");

    (void)state;
    tree_del_prop(fdt, "/", "model");
    parse(fdt);
    assert_string_equal(info.model, "acme,board3");
    fdt = tree_open("host");
    tree_del_prop(fdt, "/", "model");
    tree_del_prop(fdt, "/", "compatible");
    parse(fdt);
    assert_string_equal(info.model, "an unnamed board");
}

static void test_defaults(void **state)
{
    void *fdt = tree_open("host");

    (void)state;
    tree_del_prop(fdt, GIC, "interrupts");
    tree_set_string(fdt, "/firmware/psci", "method", "hvc");
    tree_set_string(fdt, "/chosen", "stdout-path", "broken");
    tree_del_node(fdt, "/pmu");
    parse(fdt);
    assert_int_equal(info.gic.maintenance, 25);
    assert_false(info.psci_smc);
    assert_range(info.uart, 0x9000000, 0x1000);
    assert_int_equal(info.uart_intid, 33);
    assert_int_equal(info.pmu_intid, 0);
}

/* What is wrong with it costs the guest its PMU, not the machine its start. */
static void test_pmu(void **state)
{
    void *fdt = tree_open("host");

    (void)state;
    TREE_CELLS(fdt, "/pmu", "interrupts", 1, 6);
    log_clear();
    assert_int_equal(host_fdt_parse(fdt, &info), 0);
    assert_int_equal(info.pmu_intid, 0);
    assert_int_equal(logged.warnings, 1);
    assert_non_null(strstr(logged.warning, "PMU"));
    free(fdt);
    fdt = tree_open("host");
    TREE_CELLS(fdt, "/pmu", "interrupts", 0, 6, 4, 0, 7, 4);
    parse(fdt);
    assert_int_equal(info.pmu_intid, 0);
    assert_int_equal(logged.warnings, 0);
}

/* The same of the clock: it must have a page to itself. */
static void test_clock(void **state)
{
    static const struct {
        uint32_t cells[4];
        unsigned count;
        bool usable;
    } reg[] = {
        {{0, 0x9010000, 0, 0x1000}, 4, true},
        {{0, 0x9010800, 0, 0x1000}, 4, false},
        {{0, 0x9010000, 0, 0x800}, 4, false},
        {{0, 0x9010000, 0}, 3, false},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(reg) / sizeof(reg[0]); i++) {
        void *fdt = tree_open("host");

        tree_add_device(fdt, "rtc@9010000", "arm,pl031", 0x9010000, 0x1000, 2);
        tree_set_cells(fdt, "/rtc@9010000", "reg", reg[i].count, reg[i].cells);
        log_clear();
        assert_int_equal(host_fdt_parse(fdt, &info), 0);
        assert_int_equal(info.has_clock, reg[i].usable);
        assert_int_equal(logged.warnings, !reg[i].usable);
        if (reg[i].usable)
            assert_int_equal(info.clock.v, 0x9010000);
        else
            assert_non_null(strstr(logged.warning, "1970"));
        free(fdt);
    }
}

/* Of a machine that does not start, the reason alone is logged. */
static void test_clock_and_no_uart(void **state)
{
    void *fdt = tree_open("host");

    (void)state;
    tree_add_device(fdt, "rtc@9010000", "arm,pl031", 0x9010000, 0x1000, 2);
    TREE_CELLS(fdt, "/rtc@9010000", "reg", 0);
    tree_del_node(fdt, "/serial@9000000");
    tree_del_node(fdt, UART);
    assert_refused(fdt, ERR_NOENT, "arm,pl011");
    assert_int_equal(logged.warnings, 0);
}

/* The virtio slots with their triggers; one that can't be driven is left out. */
static void test_virtio(void **state)
{
    static const struct {
        const char *prop;
        unsigned count;
        uint32_t cells[4];
    } broken[] = {
        {"reg", 4, {0, 0xa000200, 0, 0xff}},
        {"reg", 3, {0, 0xa000200, 0}},
        {"interrupts", 0, {0}},
        {"interrupts", 2, {0, 1}},
        {"interrupts", 3, {3, 1, 4}},
        {"interrupt-parent", 1, {0x777}},
    };
    void *fdt;

    (void)state;
    for (unsigned i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        fdt = tree_open("host");
        tree_add_devices(fdt, 3, "virtio,mmio", 0xa000000, 0x200);
        TREE_CELLS(fdt, "/device@a000400", "interrupts", 0, 102, 1); /* a rising edge */
        tree_set_cells(fdt, "/device@a000200", broken[i].prop, broken[i].count, broken[i].cells);
        log_clear();
        assert_int_equal(host_fdt_parse(fdt, &info), 0);
        assert_int_equal(info.nr_virtio, 2);
        assert_range(info.virtio[0].regs, 0xa000400, 0x200); /* the last that was added is first */
        assert_int_equal(info.virtio[0].intid, 32 + 102);
        assert_true(info.virtio[0].edge);
        assert_range(info.virtio[1].regs, 0xa000000, 0x200);
        assert_int_equal(info.virtio[1].intid, 32 + 100);
        assert_false(info.virtio[1].edge);
        free(fdt);
    }
    fdt = tree_open("host");
    tree_add_devices(fdt, HOST_MAX_VIRTIO + 1, "virtio,mmio", 0xa000000, 0x200);
    parse(fdt);
    assert_int_equal(info.nr_virtio, HOST_MAX_VIRTIO);
}

static void test_more_than_fits(void **state)
{
    void *fdt = tree_open("host");
    uint32_t reg[10 * 4];
    char path[32];

    (void)state;
    for (uint32_t i = 0; i < 10; i++) {
        reg[4 * i] = 0;
        reg[4 * i + 1] = 0x40000000 + i * 0x10000000;
        reg[4 * i + 2] = 0;
        reg[4 * i + 3] = 0x1000000;
    }
    tree_set_cells(fdt, "/memory@40000000", "reg", 40, reg);
    for (uint32_t i = 0; i < 15; i++) {
        snprintf(path, sizeof(path), "cpu@%x", 0x200 + i);
        fdt_add_subnode(fdt, tree_node(fdt, "/cpus"), path);
        snprintf(path, sizeof(path), "/cpus/cpu@%x", 0x200 + i);
        tree_set_string(fdt, path, "device_type", "cpu");
        TREE_CELLS(fdt, path, "reg", 0x200 + i);
    }
    parse(fdt);
    assert_int_equal(info.nr_ram, DT_MAX_RAM);
    assert_int_equal(info.nr_cpus, MAX_CPUS);
    assert_int_equal(logged.warnings, 2);
    assert_non_null(strstr(logged.warning, "2 pieces of RAM too many"));
    assert_non_null(strstr(logged.warning, "17 CPUs"));
}

/* One node gone or one property changed. */
static void test_refused(void **state)
{
    static const struct {
        const char *path;
        const char *prop; /* NULL: the node is gone; it is gone itself where count is 0 */
        unsigned count;
        uint32_t cells[8];
        int err;
        const char *says;
    } bad[] = {
        {"/memory@40000000", NULL, 0, {0}, ERR_NOENT, "no RAM"},
        {"/memory@40000000", "reg", 3, {0}, ERR_INVAL, "/memory@40000000"},
        {"/memory@40000000", "reg", 4, {0, 0x1800, 0, 0x1000}, ERR_NOENT, "no RAM"},
        {"/memory@40000000", "reg", 4, {~0U, ~0U, 0, 1}, ERR_NOENT, "no RAM"},
        {"/memory@40000000",
         "reg",
         8,
         {0, 0x40000000, 0, 0x2000, 0, 0x40001000, 0, 0x1000},
         ERR_EXIST,
         "/memory@40000000 at [0x40001000, 0x40001fff] overlaps"},
        {"/cpus", NULL, 0, {0}, ERR_NOENT, "no CPU"},
        {"/cpus/cpu@100", "reg", 0, {0}, ERR_INVAL, "/cpus/cpu@100"},
        {"/firmware", NULL, 0, {0}, ERR_NOENT, "no PSCI"},
        {"/firmware/psci", "method", 1, {0}, ERR_INVAL, "/firmware/psci"},
        {GIC, NULL, 0, {0}, ERR_NOENT, "arm,gic-v3"},
        {GIC, "reg", 4, {0, 0x8000000, 0, 0x10000}, ERR_NOENT, GIC},
        {GIC, "interrupts", 3, {9, 9, 9}, ERR_UNSUPPORTED, GIC},
        {UART, "reg", 0, {0}, ERR_INVAL, UART},
        {UART, "reg", 4, {0, 0x9040000, 0, 0x800}, ERR_INVAL, UART},
        {UART, "reg", 1, {0}, ERR_INVAL, UART},
        {UART, "interrupts", 0, {0}, ERR_NOENT, UART},
        {UART, "interrupts", 1, {0}, ERR_INVAL, UART},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        void *fdt = tree_open("host");

        if (bad[i].prop == NULL)
            tree_del_node(fdt, bad[i].path);
        else if (bad[i].count == 0)
            tree_del_prop(fdt, bad[i].path, bad[i].prop);
        else
            tree_set_cells(fdt, bad[i].path, bad[i].prop, bad[i].count, bad[i].cells);
        assert_refused(fdt, bad[i].err, bad[i].says);
    }
}

static void test_no_uart(void **state)
{
    void *fdt = tree_open("host");

    (void)state;
    tree_del_node(fdt, "/serial@9000000");
    tree_del_node(fdt, UART);
    assert_refused(fdt, ERR_NOENT, "arm,pl011");
}

static void test_broken_blob(void **state)
{
    void *fdt = tree_load("host");

    (void)state;
    fdt_set_magic(fdt, 1);
    assert_refused(fdt, ERR_NOENT, "no device tree");
    fdt = tree_load("host");
    fdt_set_version(fdt, 15);
    fdt_set_last_comp_version(fdt, 2);
    assert_refused(fdt, ERR_INVAL, "FDT_ERR_BADVERSION");
    fdt = tree_load("host");
    fdt_set_version(fdt, 16);
    assert_refused(fdt, ERR_INVAL, "FDT_ERR_BADVERSION");
    fdt = tree_load("host");
    fdt_set_size_dt_struct(fdt, fdt_size_dt_struct(fdt) - 4);
    assert_refused(fdt, ERR_INVAL, "broken");
}

static void check_qemu(const char *name)
{
    parse(tree_load(name));
    assert_string_equal(info.model, "linux,dummy-virt");
    assert_true(info.psci_smc);
    assert_int_equal(info.gic.maintenance, 25);
    assert_range(info.gic.redist[0], 0x80a0000, 0xf60000);
    assert_range(info.uart, 0x9000000, 0x1000);
    assert_int_equal(info.uart_intid, 33);
    assert_int_equal(info.pmu_intid, 23);
    assert_true(info.has_clock);
    assert_int_equal(info.clock.v, 0x9010000);
    assert_int_equal(info.nr_ram, 1);
    assert_int_equal(info.ram[0].base.v, 0x40000000);
    assert_int_equal(info.nr_reserved, 0);
}

static void test_qemu(void **state)
{
    static const char *const names[] = {QEMU_TREES "qemu"};

    (void)state;
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], "qemu-secure") == 0) /* firmware is left to be brought along */
            assert_refused(tree_load(names[i]), ERR_NOENT, "no PSCI");
        else
            check_qemu(names[i]);
    }
    check_qemu("qemu");
    assert_int_equal(info.nr_cpus, 4);
    assert_range(info.ram[0], 0x40000000, 0x40000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_seed),
        cmocka_unit_test(test_configuration),
        cmocka_unit_test(test_bundle),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_pmu),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_clock_and_no_uart),
        cmocka_unit_test(test_virtio),
        cmocka_unit_test(test_more_than_fits),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_no_uart),
        cmocka_unit_test(test_broken_blob),
        cmocka_unit_test(test_qemu),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
