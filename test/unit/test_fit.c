/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of fdt/fit.c and fit_image.c: what a FIT has, and what is said of one that is wrong. */
#include "fit_fixture.h"
#include "lib/addr.h"

#define VM "/configurations/plain/vm-0"

static struct fit fit;

static void open_fit(void)
{
    assert_int_equal(fit_open(&fit, blob, FIT_ROOM + STORE_SIZE), 0);
}

static int plain_vm(void)
{
    int configuration, vm;

    open_fit();
    assert_int_equal(fit_configuration(&fit, NULL, &configuration), 0);
    assert_int_equal(fit_vm(&fit, configuration, &vm), 0);
    assert_string_equal(fit_name(&fit, vm), "vm-0");
    return vm;
}

static struct fit_image image_of(const struct fit_role *role)
{
    struct fit_image image;

    assert_int_equal(fit_image(&fit, plain_vm(), role, 0, &image), 0);
    assert_int_equal(logged.errors, 0);
    return image;
}

static void refused(const struct fit_role *role, int err, const char *says, const char *says_too)
{
    struct fit_image image;

    assert_int_equal(fit_image(&fit, plain_vm(), role, 0, &image), err);
    assert_logged(says, says_too);
}

static void reads_images(void **state)
{
    struct fit_image image = image_of(&fit_kernel);

    (void)state;
    assert_string_equal(image.name, "kernel");
    assert_string_equal(image.os, "linux");
    assert_ptr_equal(image.data, blob + FIT_ROOM);
    assert_int_equal(image.size, KERNEL_SIZE);
    assert_int_equal(image.compression, FIT_NONE);
    assert_true(image.has_load && image.has_entry);
    assert_int_equal(image.load, 0x48000000);
    assert_int_equal(image.entry, 0x48000000);
    image = image_of(&fit_tree);
    assert_ptr_equal(image.data, blob + FIT_ROOM + TREE_OFFSET);
    assert_int_equal(image.size, TREE_SIZE);
    assert_false(image.has_load || image.has_entry);
    assert_null(image.os);
}

static void names_no_more(void **state)
{
    struct fit_image image;

    (void)state;
    image.name = NULL;
    assert_int_equal(fit_image(&fit, plain_vm(), &fit_ramdisk, 0, &image), -ERR_NOENT);
    assert_int_equal(fit_image(&fit, plain_vm(), &fit_kernel, 1, &image), -ERR_NOENT);
    assert_null(image.name);
    assert_int_equal(logged.errors, 0);
}

static void describes(void **state)
{
    (void)state;
    set_text("/configurations/plain", "description", "a guest");
    open_fit();
    assert_string_equal(fit_description(&fit, fit_node("/configurations/plain")), "a guest");
    assert_string_equal(fit_description(&fit, 0), "");
}

static void no_fit(void **state)
{
    (void)state;
    assert_int_equal(fit_open(&fit, blob, sizeof(struct fdt_header) - 1), -ERR_NOENT);
    assert_logged("no FIT", "pack");
    fdt_set_magic(blob, 0);
    assert_int_equal(fit_open(&fit, blob, FIT_ROOM), -ERR_NOENT);
    assert_logged("no FIT", "pack");
}

static void fit_cut_off(void **state)
{
    (void)state;
    assert_int_equal(fit_open(&fit, blob, FIT_ROOM - 1), -ERR_RANGE);
    assert_logged("truncated", "FIT wants [0x");
}

static void broken_fit(void **state)
{
    (void)state;
    fdt_set_version(blob, 16);
    assert_int_equal(fit_open(&fit, blob, FIT_ROOM), -ERR_INVAL);
    assert_logged("broken", "FDT_ERR_BADVERSION");
}

static void chooses_by_name(void **state)
{
    int node;

    (void)state;
    add("/configurations", "other");
    open_fit();
    assert_int_equal(fit_configuration(&fit, "other", &node), 0);
    assert_string_equal(fit_name(&fit, node), "other");
    assert_int_equal(fit_configuration(&fit, "third", &node), -ERR_NOENT);
    assert_logged("no configuration \"third\", which traproom.config names",
                  "there are: other, plain");
    set_text("/configurations", "default", "fourth");
    assert_int_equal(fit_configuration(&fit, NULL, &node), -ERR_NOENT);
    assert_logged("\"fourth\", which its \"default\" names", "there are: other, plain");
    leave_out("/configurations", "default");
    assert_int_equal(fit_configuration(&fit, NULL, &node), -ERR_NOENT);
    assert_logged("no default", "traproom.config=NAME; there are: other, plain");
}

/* Names that there is no room for are cut off. */
static void many_configurations(void **state)
{
    char name[32];
    int node;

    (void)state;
    for (unsigned i = 0; i < 30; i++) {
        snprintf(name, sizeof(name), "configuration-%u", i);
        add("/configurations", name);
    }
    open_fit();
    assert_int_equal(fit_configuration(&fit, "none-such", &node), -ERR_NOENT);
    assert_logged("configuration-29, configuration-28", "configuration-2");
}

static void no_configurations(void **state)
{
    int node;

    (void)state;
    assert_int_equal(fdt_del_node(blob, fit_node("/configurations/plain")), 0);
    open_fit();
    assert_int_equal(fit_configuration(&fit, NULL, &node), -ERR_NOENT);
    assert_logged("\"plain\"", "there are: none");
    assert_int_equal(fdt_del_node(blob, fit_node("/configurations")), 0);
    assert_int_equal(fit_configuration(&fit, NULL, &node), -ERR_NOENT);
    assert_logged("no /configurations", "belong together");
}

static void one_vm_only(void **state)
{
    int node, vm;

    (void)state;
    add("/configurations/plain", "signature-1"); /* mkimage's, no VM */
    plain_vm();
    add("/configurations/plain", "vm-1");
    node = fit_node("/configurations/plain");
    assert_int_equal(fit_vm(&fit, node, &vm), -ERR_UNSUPPORTED);
    assert_logged("\"plain\" describes 2 VMs", "one can run today");
    add("/configurations", "empty");
    assert_int_equal(fit_vm(&fit, fit_node("/configurations/empty"), &vm), -ERR_NOENT);
    assert_logged("\"empty\" describes no VM", "\"kernel\" and \"fdt\"");
}

static void image_that_is_not_there(void **state)
{
    (void)state;
    set_text(VM, "kernel", "vmlinux");
    refused(&fit_kernel, -ERR_NOENT, "no image \"vmlinux\", which a VM's \"kernel\" names",
            "there are: kernel, tree");
    assert_int_equal(fdt_del_node(blob, fit_node("/images")), 0);
    refused(&fit_kernel, -ERR_NOENT, "\"vmlinux\"", "there are: none");
}

static void image_of_another_kind(void **state)
{
    (void)state;
    set_text(VM, "kernel", "tree");
    refused(&fit_kernel, -ERR_INVAL, "\"tree\" is of type \"flat_dt\"", "must be a \"kernel\"");
    leave_out("/images/tree", "type");
    refused(&fit_tree, -ERR_INVAL, "\"tree\" is of type \"\"", "must be a \"flat_dt\"");
    set_text(VM, "kernel", "kernel");
    set_text("/images/kernel", "arch", "x86_64");
    refused(&fit_kernel, -ERR_UNSUPPORTED, "\"kernel\" is for \"x86_64\"", "\"arm64\"");
    leave_out("/images/kernel", "arch");
    refused(&fit_kernel, -ERR_INVAL, "\"kernel\" does not say its \"arch\"", "\"arm64\"");
}

static void compressions(void **state)
{
    (void)state;
    set_text("/images/kernel", "compression", "lz4");
    assert_int_equal(image_of(&fit_kernel).compression, FIT_LZ4);
    set_text("/images/kernel", "compression", "gzip");
    refused(&fit_kernel, -ERR_UNSUPPORTED, "\"kernel\" has the compression \"gzip\"", "\"lz4\"");
    leave_out("/images/kernel", "compression");
    assert_int_equal(image_of(&fit_kernel).compression, FIT_NONE);
    set_text("/images/tree", "compression", "lz4");
    refused(&fit_tree, -ERR_UNSUPPORTED, "\"tree\" is compressed", "a VM's \"fdt\" may not be");
}

static void addresses(void **state)
{
    (void)state;
    set_cells("/images/kernel", "load", UINT64_C(0x1234567890));
    assert_int_equal(image_of(&fit_kernel).load, UINT64_C(0x1234567890));
    set_text("/images/kernel", "load", "somewhere else");
    refused(&fit_kernel, -ERR_INVAL, "\"kernel\": \"load\"", "32 or 64 bits");
    leave_out("/images/kernel", "load");
    assert_false(image_of(&fit_kernel).has_load);
    set_text("/images/kernel", "entry", "");
    refused(&fit_kernel, -ERR_INVAL, "\"kernel\": \"entry\"", "32 or 64 bits");
}

static void data_inside(void **state)
{
    const uint8_t bytes[16] = "0123456789abcde";
    const uint8_t *at;
    int len;

    (void)state;
    /* Where it comes to lie depends on what stands before it. */
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(fdt_setprop(blob, fit_node("/images/tree"), "data", bytes, 16), 0);
        at = fdt_getprop(blob, fit_node("/images/tree"), "data", &len);
        if (is_aligned((uintptr_t)at, 8)) {
            assert_ptr_equal(image_of(&fit_tree).data, at);
            assert_int_equal(image_of(&fit_tree).size, 16);
        } else {
            refused(&fit_tree, -ERR_INVAL, "\"tree\" lies at 0x", "no multiple of 8");
        }
        leave_out("/images/tree", "data");
        set_cell("/images/tree", "filler", 0); /* 16 bytes */
        set_text("/images/tree", "filler", "longer");
    }
    assert_int_equal(fdt_setprop(blob, fit_node("/images/tree"), "data", "", 0), 0);
    refused(&fit_tree, -ERR_INVAL, "\"tree\" is empty", "");
}

static void data_by_position(void **state)
{
    (void)state;
    set_cell("/images/kernel", "data-position", FIT_ROOM + 8);
    set_cell("/images/kernel", "data-size", STORE_SIZE - 8);
    assert_ptr_equal(image_of(&fit_kernel).data, blob + FIT_ROOM + 8);
    set_cell("/images/kernel", "data-position", FIT_ROOM + 9);
    refused(&fit_kernel, -ERR_RANGE, "truncated: the bundle's image \"kernel\" wants [0x",
            "the bundle ends at 0x");
    set_cell("/images/kernel", "data-size", 100);
    refused(&fit_kernel, -ERR_INVAL, "\"kernel\" lies at 0x", "no multiple of 8");
    set_cells("/images/kernel", "data-position", UINT64_MAX);
    refused(&fit_kernel, -ERR_RANGE, "truncated", "\"kernel\"");
}

static void data_cut_off(void **state)
{
    (void)state;
    set_cell("/images/tree", "data-size", TREE_SIZE + 1);
    refused(&fit_tree, -ERR_RANGE, "truncated: the bundle's image \"tree\" wants [0x",
            "the bundle ends at 0x");
    set_cells("/images/tree", "data-size", UINT64_MAX);
    refused(&fit_tree, -ERR_RANGE, "truncated", "\"tree\"");
    set_cell("/images/tree", "data-size", TREE_SIZE);
    set_cells("/images/tree", "data-offset", UINT64_MAX - 7);
    refused(&fit_tree, -ERR_RANGE, "truncated", "\"tree\"");
    set_cells("/images/tree", "data-offset", UINT64_MAX - FIT_ROOM);
    refused(&fit_tree, -ERR_RANGE, "truncated", "\"tree\"");
}

static void no_data(void **state)
{
    (void)state;
    set_cell("/images/tree", "data-size", 0);
    refused(&fit_tree, -ERR_INVAL, "\"tree\" is empty", "");
    leave_out("/images/tree", "data-size");
    refused(&fit_tree, -ERR_INVAL, "\"tree\" has no bytes", "\"data-size\"");
    set_cell("/images/tree", "data-size", 8);
    leave_out("/images/tree", "data-offset");
    refused(&fit_tree, -ERR_INVAL, "\"tree\" has no bytes", "\"data-offset\"");
}

#define test(f) cmocka_unit_test_setup_teardown(f, fit_start, fit_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(reads_images),
        test(names_no_more),
        test(describes),
        test(no_fit),
        test(fit_cut_off),
        test(broken_fit),
        test(chooses_by_name),
        test(many_configurations),
        test(no_configurations),
        test(one_vm_only),
        test(image_that_is_not_there),
        test(image_of_another_kind),
        test(compressions),
        test(addresses),
        test(data_inside),
        test(data_by_position),
        test(data_cut_off),
        test(no_data),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
