// SPDX-License-Identifier: Apache-2.0
/* The guest's copy of its tree: what is stripped, disabled, warned of, and left as it is. */
#include <stdbool.h>
#include <string.h>

#include "fdt/vm_fdt.h"
#include "fdt_log.h"
#include "fdt_tree.h"
#include "vm/vm_device.h"

#define IPA_BITS 40

static struct vm_config config;
static bool no_pmu; /* the machine has none */

/* The copy of a tree that must be accepted, exactly as large as what is used. The caller frees it.
 */
static void *copy_of(const void *fdt)
{
    size_t room = fdt_totalsize(fdt) + 4096;
    void *buf = malloc(room);
    void *copy;
    int size;

    log_clear();
    if (vm_fdt_parse(fdt, fdt_totalsize(fdt), IPA_BITS, &vm_devices, &config) != 0)
        fail_msg("refused: %s", logged.error);
    if (no_pmu)
        config.pmu_intid = 0; /* as pmu_offer() leaves it */
    size = vm_fdt_guest_copy(fdt, buf, room, &config);
    if (size < 0)
        fail_msg("%d: %s", size, logged.error);
    assert_int_equal(size, fdt_totalsize(buf));
    copy = malloc((size_t)size);
    memcpy(copy, buf, (size_t)size);
    free(buf);
    assert_int_equal(fdt_check_full(copy, (size_t)size), 0);
    return copy;
}

/* NULL: there is no such property. */
static const char *status(const void *fdt, const char *path)
{
    return fdt_getprop(fdt, tree_node(fdt, path), "status", NULL);
}

static void assert_disabled(const void *fdt, const char *path)
{
    const char *text = status(fdt, path);

    if (text == NULL || strcmp(text, "disabled") != 0)
        fail_msg("%s is not disabled", path);
}

static void assert_untouched(const void *fdt, const char *path)
{
    if (status(fdt, path) != NULL)
        fail_msg("%s is %s", path, status(fdt, path));
}

static unsigned warnings_about(const char *text)
{
    unsigned count = 0;

    for (const char *at = logged.warning; (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

static int machine_without_pmu(void **state)
{
    (void)state;
    no_pmu = true;
    return 0;
}

static int machine_with_pmu(void **state)
{
    (void)state;
    no_pmu = false;
    return 0;
}

static void test_disabled(void **state)
{
    void *fdt = tree_load("guest");
    void *copy = copy_of(fdt);

    (void)state;
    assert_disabled(copy, "/pmu");
    assert_disabled(copy, "/interrupt-controller@8000000/its@8080000");
    assert_disabled(copy, "/rtc@9010000");
    assert_disabled(copy, "/flash@0");
    assert_disabled(copy, "/bus@c000000/can@2000");
    assert_untouched(copy, "/bus@c000000/can@2000/child");
    free(copy);
    free(fdt);
}

static void test_offered(void **state)
{
    static const char *const paths[] = {
        "/",
        "/chosen",
        "/aliases",
        "/memory@48000000",
        "/cpus/cpu@0",
        "/reserved-memory/pool@50000000",
        "/psci",
        "/timer",
        "/clock",
        "/interrupt-controller@8000000",
        "/bus@c000000",
        "/bus@c000000/virtio@1000",
        "/serial@9000000",
        "/serial@9040000",
        "/virtio@a000000",
        "/virtio@a000400",
    };
    void *fdt = tree_load("guest");
    void *copy = copy_of(fdt);

    (void)state;
    for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        assert_untouched(copy, paths[i]);
    assert_string_equal(status(copy, "/cpus/cpu@100"), "okay");
    assert_string_equal(status(copy, "/cpus/cpu@101"), "fail");
    free(copy);
    free(fdt);
}

/* One for each that the copy disables; none for what was disabled before. */
static void test_warnings(void **state)
{
    void *fdt = tree_load("guest");
    void *copy = copy_of(fdt);

    (void)state;
    assert_int_equal(logged.warnings, 4);
    assert_int_equal(logged.errors, 0);
    assert_int_equal(warnings_about("/pmu (arm,armv8-pmuv3)"), 1);
    assert_int_equal(warnings_about("/interrupt-controller@8000000/its@8080000"), 1);
    assert_int_equal(warnings_about("/rtc@9010000"), 1);
    assert_int_equal(warnings_about("/bus@c000000/can@2000 "), 1);
    assert_int_equal(warnings_about("flash"), 0);
    free(copy);
    free(fdt);
}

static void assert_no_own_property(const void *fdt)
{
    for (int node = 0; node >= 0; node = fdt_next_node(fdt, node, NULL)) {
        int prop;

        fdt_for_each_property_offset(prop, fdt, node)
        {
            const char *name = NULL;

            assert_non_null(fdt_getprop_by_offset(fdt, prop, &name, NULL));
            assert_int_not_equal(strncmp(name, "traproom", 8), 0);
        }
    }
}

/* Everything else is there, byte for byte. */
static void assert_rest_is_equal(const void *fdt, const void *copy)
{
    for (int node = 0; node >= 0; node = fdt_next_node(fdt, node, NULL)) {
        char path[256];
        int prop;

        assert_int_equal(fdt_get_path(fdt, node, path, sizeof(path)), 0);
        fdt_for_each_property_offset(prop, fdt, node)
        {
            const char *name = NULL;
            int len = 0, copy_len = 0;
            const void *value = fdt_getprop_by_offset(fdt, prop, &name, &len);
            const void *found = fdt_getprop(copy, tree_node(copy, path), name, &copy_len);

            if (strncmp(name, "traproom,", 9) == 0 || strcmp(name, "status") == 0)
                continue;
            assert_non_null(found);
            assert_int_equal(len, copy_len);
            assert_memory_equal(value, found, (size_t)len);
        }
    }
}

static void test_stripped(void **state)
{
    static const char *const names[] = {"guest", "buses"};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        void *fdt = tree_load(names[i]);
        void *copy = copy_of(fdt);

        assert_no_own_property(copy);
        assert_rest_is_equal(fdt, copy);
        assert_int_equal(fdt_boot_cpuid_phys(copy), fdt_boot_cpuid_phys(fdt));
        free(copy);
        free(fdt);
    }
}

/* Memory reservations are the guest's. */
static void test_memreserve(void **state)
{
    void *fdt = tree_open("guest");
    void *copy;
    uint64_t base = 0, size = 0;

    (void)state;
    assert_int_equal(fdt_add_mem_rsv(fdt, 0x48000000, 0x1000), 0);
    copy = copy_of(fdt);
    assert_int_equal(fdt_num_mem_rsv(copy), 1);
    assert_int_equal(fdt_get_mem_rsv(copy, 0, &base, &size), 0);
    assert_int_equal(base, 0x48000000);
    assert_int_equal(size, 0x1000);
    free(copy);
    free(fdt);
}

/* Frees the tree. */
static void assert_gap(void *fdt, const char *text)
{
    free(copy_of(fdt));
    assert_int_equal(warnings_about(text), 1);
    assert_int_equal(logged.warnings, 3 + 1);
    free(fdt);
}

static void test_gaps(void **state)
{
    void *fdt = tree_open("guest");

    (void)state;
    tree_del_node(fdt, "/psci");
    assert_gap(fdt, "no PSCI: the guest can't power off, nor start");
    fdt = tree_open("guest");
    tree_del_node(fdt, "/psci");
    tree_del_node(fdt, "/cpus/cpu@1");
    tree_del_node(fdt, "/cpus/cpu@100");
    assert_gap(fdt, "no PSCI: the guest can't power off\n");
    fdt = tree_open("guest");
    tree_del_prop(fdt, "/chosen", "traproom,initrd");
    assert_gap(fdt, "linux,initrd-start");
    fdt = tree_open("guest");
    tree_del_node(fdt, "/timer");
    assert_gap(fdt, "arm,armv8-timer");
}

/* Will anything be seen? Linux looks for "stdout-path", and for "console=" in its arguments. */
static void test_silence(void **state)
{
    void *fdt = tree_open("guest");

    (void)state;
    tree_del_prop(fdt, "/chosen", "stdout-path");
    free(copy_of(fdt));
    assert_int_equal(logged.warnings, 3); /* "bootargs" has it */
    tree_set_string(fdt, "/chosen", "bootargs", "quiet consol=ttyAMA0");
    assert_gap(fdt, "stdout-path");
    fdt = tree_open("guest");
    tree_del_prop(fdt, "/chosen", "bootargs");
    free(copy_of(fdt));
    assert_int_equal(logged.warnings, 3);
    tree_set_string(fdt, "/chosen", "stdout-path", "serial9");
    assert_gap(fdt, "stdout-path");
    fdt = tree_open("guest");
    tree_del_node(fdt, "/serial@9000000");
    tree_del_node(fdt, "/serial@9040000");
    assert_gap(fdt, "no \"arm,pl011\"");
}

/* A device that is wanted, but whose compatible is no text, is not one that is offered. */
static void test_nameless(void **state)
{
    void *fdt = tree_open("guest");
    void *copy;

    (void)state;
    assert_int_equal(fdt_setprop(fdt, tree_node(fdt, "/rtc@9010000"), "compatible", "abc", 3), 0);
    copy = copy_of(fdt);
    assert_disabled(copy, "/rtc@9010000");
    assert_int_equal(warnings_about("/rtc@9010000 (?)"), 1);
    free(copy);
    free(fdt);
}

/* Whatever the room, it is enough or it is said not to be; what lies behind stays whole (ASan). */
static void test_room(void **state)
{
    void *fdt = tree_load("guest");
    size_t whole = fdt_totalsize(fdt);
    bool fits = false;

    (void)state;
    assert_int_equal(vm_fdt_parse(fdt, whole, IPA_BITS, &vm_devices, &config), 0);
    for (size_t room = 0; room < whole + 256; room += 4) {
        void *buf = malloc(room);
        int size;

        log_clear();
        size = vm_fdt_guest_copy(fdt, buf, room, &config);
        if (size < 0) {
            assert_false(fits);
            assert_int_equal(size, -ERR_NOMEM);
            assert_int_equal(logged.errors, 1);
        } else {
            fits = true;
            assert_true((size_t)size <= room);
        }
        free(buf);
    }
    assert_true(fits);
    free(fdt);
}

static void test_broken(void **state)
{
    void *fdt = tree_load("guest");
    char buf[64];

    (void)state;
    log_clear();
    fdt_set_magic(fdt, 0);
    assert_int_equal(vm_fdt_guest_copy(fdt, buf, sizeof(buf), &config), -ERR_INVAL);
    assert_int_equal(logged.errors, 1);
    free(fdt);
}

static void add_node(void *fdt, const char *parent, const char *name, const char *compatible)
{
    char path[128];

    assert_true(fdt_add_subnode(fdt, tree_node(fdt, parent), name) >= 0);
    snprintf(path, sizeof(path), "%s/%s", strcmp(parent, "/") == 0 ? "" : parent, name);
    tree_set_string(fdt, path, "compatible", compatible);
}

/* What needs no address, interrupt or bus of the machine reaches the guest. */
static void test_free_nodes(void **state)
{
    static const char *const paths[] = {
        "/tdrv",     "/firmware",       "/firmware/acme",       "/keys",
        "/acme-bus", "/acme-bus/dev@3", "/bus@c000000/nothing", "/acme-bus/irq@4"};
    void *fdt = tree_open("guest");
    void *copy;

    (void)state;
    add_node(fdt, "/", "tdrv", "acme,tdrv");
    fdt_add_subnode(fdt, 0, "firmware");
    add_node(fdt, "/firmware", "acme", "acme,firmware");
    add_node(fdt, "/", "keys", "gpio-keys");
    add_node(fdt, "/", "acme-bus", "acme,bus");
    TREE_CELLS(fdt, "/acme-bus", "#size-cells", 0);
    add_node(fdt, "/acme-bus", "dev@3", "acme,dev");
    TREE_CELLS(fdt, "/acme-bus/dev@3", "reg", 3);
    add_node(fdt, "/bus@c000000", "nothing", "acme,nothing");
    add_node(fdt, "/acme-bus", "irq@4", "acme,irq");
    TREE_CELLS(fdt, "/acme-bus/irq@4", "reg", 4);
    TREE_CELLS(fdt, "/acme-bus/irq@4", "interrupts", 0, 60, 4);
    assert_int_equal(fdt_setprop_empty(fdt, tree_node(fdt, "/acme-bus/irq@4"), "traproom,pass"), 0);
    copy = copy_of(fdt);
    for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        assert_untouched(copy, paths[i]);
    assert_int_equal(logged.warnings, 3);
    free(copy);
    free(fdt);
}

/* What needs one is disabled unless it says that it shall be passed. */
static void test_passed_nodes(void **state)
{
    static const char *const wishes[] = {NULL, "traproom,pass", "traproom,registers"};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        void *fdt = tree_open("guest");
        void *copy;

        add_node(fdt, "/bus@c000000", "tdrv@4000", "acme,tdrv");
        TREE_CELLS(fdt, "/bus@c000000/tdrv@4000", "reg", 0x4000, 0x100, 0x8000, 0x20);
        TREE_CELLS(fdt, "/bus@c000000/tdrv@4000", "interrupts", 0, 1, 4);
        add_node(fdt, "/bus@c000000/tdrv@4000", "part", "acme,part");
        if (wishes[i] != NULL)
            assert_int_equal(
                fdt_setprop_empty(fdt, tree_node(fdt, "/bus@c000000/tdrv@4000"), wishes[i]), 0);
        copy = copy_of(fdt);
        if (i == 0)
            assert_disabled(copy, "/bus@c000000/tdrv@4000");
        else
            assert_untouched(copy, "/bus@c000000/tdrv@4000");
        assert_int_equal(warnings_about("tdrv@4000 (acme,tdrv) is not offered"), i == 0);
        assert_int_equal(warnings_about("traproom,pass"), i == 0 ? 4 : 3);
        assert_int_equal(warnings_about("part"), 0);
        assert_int_equal(config.nr_devices, i == 2 ? 8 : 6);
        free(copy);
        free(fdt);
    }
}

/* A bus that is not offered is disabled with all that stands on it. */
static void test_bus(void **state)
{
    void *fdt = tree_open("guest");
    void *copy;

    (void)state;
    tree_set_string(fdt, "/bus@c000000", "compatible", "acme,bus");
    TREE_CELLS(fdt, "/bus@c000000", "reg", 0, 0xc000000, 0, 0x1000);
    copy = copy_of(fdt);
    assert_disabled(copy, "/bus@c000000");
    assert_untouched(copy, "/bus@c000000/virtio@1000");
    assert_int_equal(warnings_about("/bus@c000000"), 1);
    free(copy);
    free(fdt);
}

/* The project's own tree has nothing that is not offered. */
static void test_default(void **state)
{
    void *fdt = tree_open("virt");

    (void)state;
    TREE_CELLS(fdt, "/chosen", "traproom,kernel", 0, 0x68000000, 0, 0x1000);
    free(copy_of(fdt));
    assert_int_equal(logged.warnings, 0);
    free(fdt);
}

/* Its interrupt is a PPI that all CPUs have; a tree can say otherwise, but then it gets none. */
static void test_pmu(void **state)
{
    void *fdt = tree_open("guest");
    void *copy = copy_of(fdt);

    (void)state;
    assert_int_equal(config.pmu_intid, 23);
    assert_untouched(copy, "/pmu");
    assert_int_equal(warnings_about("/pmu"), 0);
    free(copy);
    TREE_CELLS(fdt, "/pmu", "interrupts", 0, 7, 4);
    copy = copy_of(fdt);
    assert_disabled(copy, "/pmu");
    assert_int_equal(warnings_about("/pmu (arm,armv8-pmuv3)"), 1);
    free(copy);
    tree_del_prop(fdt, "/pmu", "interrupts");
    copy = copy_of(fdt);
    assert_disabled(copy, "/pmu");
    free(copy);
    tree_set_string(fdt, "/pmu", "status", "disabled");
    free(copy_of(fdt));
    assert_int_equal(config.pmu_intid, 0);
    assert_int_equal(warnings_about("/pmu"), 0);
    free(fdt);
}

static void check_qemu(const char *name)
{
    void *fdt = tree_open(name);
    void *copy;

    TREE_CELLS(fdt, "/chosen", "traproom,kernel", 0, 0x68000000, 0, 0x1000);
    copy = copy_of(fdt);
    assert_untouched(copy, "/pl011@9000000");
    assert_untouched(copy, "/virtio_mmio@a000000");
    assert_untouched(copy, "/virtio_mmio@a003e00");
    assert_untouched(copy, "/intc@8000000");
    assert_untouched(copy, "/timer");
    assert_untouched(copy, "/apb-pclk");
    assert_untouched(copy, "/platform-bus@c000000");
    assert_untouched(copy, "/pl031@9010000");
    assert_disabled(copy, "/fw-cfg@9020000");
    assert_untouched(copy, "/pmu");
    assert_disabled(copy, "/pcie@10000000");
    assert_true(fdt_totalsize(copy) < 16384); /* QEMU writes 1 MiB */
    free(copy);
    free(fdt);
}

static void test_qemu(void **state)
{
    static const char *const names[] = {QEMU_TREES "qemu"};

    (void)state;
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        check_qemu(names[i]);
    check_qemu("qemu");
    assert_int_equal(logged.warnings, 5);
    assert_int_equal(warnings_about("cfi-flash"), 1);
    assert_int_equal(warnings_about("arm,gic-v3-its"), 1);
    assert_int_equal(warnings_about("arm,pl061"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_free_nodes),
        cmocka_unit_test(test_passed_nodes),
        cmocka_unit_test_setup_teardown(test_disabled, machine_without_pmu, machine_with_pmu),
        cmocka_unit_test_setup_teardown(test_warnings, machine_without_pmu, machine_with_pmu),
        cmocka_unit_test(test_offered),
        cmocka_unit_test(test_pmu),
        cmocka_unit_test(test_stripped),
        cmocka_unit_test(test_memreserve),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_nameless),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_qemu),
        cmocka_unit_test(test_bus),
        cmocka_unit_test(test_default),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
