// SPDX-License-Identifier: Apache-2.0
/* What the machine's tree reserves of its RAM. */
#include "host_fdt_fixture.h"

/* Only RAM, no byte twice, in the order of the tree. */
static void test_reserved(void **state)
{
    (void)state;
    parse(tree_load("host"));
    assert_int_equal(info.nr_reserved, 4);
    assert_range(info.reserved[0], 0x48000000, 0x10000);
    assert_range(info.reserved[1], 0x47ff0000, 0x10000);
    assert_range(info.reserved[2], 0x48010000, 0x10000);
    assert_range(info.reserved[3], 0x40000000, 0x1000);
    assert_int_equal(info.nr_no_map, 1);
    assert_range(info.no_map[0], 0x47ff0000, 0x30000);
}

/* Boot loaders reserve the tree itself: not reported, as its place is known. */
static void test_tree_reserved(void **state)
{
    void *fdt = tree_open("host");
    uint64_t at = (uintptr_t)fdt;
    uint64_t ram = at & ~UINT64_C(0xfffff);
    uint64_t size = fdt_totalsize(fdt);

    (void)state;
    TREE_CELLS(fdt, "/memory@40000000", "reg", (uint32_t)(ram >> 32), (uint32_t)ram, 0, 0x200000);
    tree_del_node(fdt, "/reserved-memory");
    fdt_del_mem_rsv(fdt, 0);
    fdt_del_mem_rsv(fdt, 0);
    assert_int_equal(fdt_add_mem_rsv(fdt, at + 0x10, size), 0);
    assert_int_equal(fdt_add_mem_rsv(fdt, at - 0x10, 0x100), 0);
    assert_int_equal(fdt_add_mem_rsv(fdt, at - 0x20, size + 0x40), 0);
    assert_int_equal(fdt_add_mem_rsv(fdt, at + 0x10, 0x10), 0);
    log_clear();
    assert_int_equal(host_fdt_parse(fdt, &info), 0);
    assert_int_equal(info.fdt_size, size);
    assert_int_equal(info.nr_reserved, 4);
    assert_range(info.reserved[0], at + size, 0x10);
    assert_range(info.reserved[1], at - 0x10, 0x10);
    assert_range(info.reserved[2], at - 0x20, 0x10);
    assert_range(info.reserved[3], at + size + 0x10, 0x10);
    free(fdt);
}

/* Whole pages, and only where RAM is; the tree itself stays mapped. */
static void test_no_map(void **state)
{
    void *fdt = tree_open("host");
    uint64_t ram = (uintptr_t)fdt & ~UINT64_C(0xfffff);

    (void)state;
    TREE_CELLS(fdt, "/reserved-memory/firmware@47ff0000", "reg", 0, 0x47ff0800, 0, 0x1000, 0,
               0x100000, 0, 0x1000);
    log_clear();
    assert_int_equal(host_fdt_parse(fdt, &info), 0);
    assert_int_equal(info.nr_no_map, 1);
    assert_range(info.no_map[0], 0x47ff0000, 0x2000);
    assert_range(info.reserved[1], 0x47ff0000, 0x2000);
    TREE_CELLS(fdt, "/memory@40000000", "reg", (uint32_t)(ram >> 32), (uint32_t)ram, 0, 0x200000);
    TREE_CELLS(fdt, "/reserved-memory/firmware@47ff0000", "reg", (uint32_t)(ram >> 32),
               (uint32_t)ram, 0, 0x200000);
    assert_int_equal(host_fdt_parse(fdt, &info), 0);
    assert_int_equal(info.nr_no_map, 0);
    free(fdt);
}

static void test_too_many_reserved(void **state)
{
    void *fdt = tree_open("host");

    (void)state;
    for (unsigned i = 0; i <= HOST_MAX_RESERVED; i++)
        assert_int_equal(fdt_add_mem_rsv(fdt, 0x60000000 + i * 0x2000, 0x1000), 0);
    assert_refused(fdt, ERR_NOMEM, "reserves more than");
}

/* The same again and again takes no more memory, but each is to be left out of the map. */
static void test_too_many_no_map(void **state)
{
    void *fdt = tree_open("host");

    (void)state;
    for (unsigned i = 0; i <= HOST_MAX_RESERVED; i++) {
        char path[64];

        snprintf(path, sizeof(path), "again@%x", i);
        assert_true(fdt_add_subnode(fdt, tree_node(fdt, "/reserved-memory"), path) >= 0);
        snprintf(path, sizeof(path), "/reserved-memory/again@%x", i);
        TREE_CELLS(fdt, path, "reg", 0, 0x60000000, 0, 0x1000);
        assert_int_equal(fdt_setprop_empty(fdt, tree_node(fdt, path), "no-map"), 0);
    }
    assert_refused(fdt, ERR_NOMEM, "reserves more than");
}

static void test_broken_reserved(void **state)
{
    void *fdt = tree_open("host");

    (void)state;
    assert_int_equal(fdt_add_mem_rsv(fdt, ~UINT64_C(0), 2), 0);
    assert_refused(fdt, ERR_INVAL, "reservation");
    fdt = tree_open("host");
    assert_int_equal(fdt_add_mem_rsv(fdt, 0x60000000, 0), -0);
    parse(fdt);
    fdt = tree_open("host");
    TREE_CELLS(fdt, "/reserved-memory/firmware@47ff0000", "reg", 0, 1, 2);
    assert_refused(fdt, ERR_INVAL, "/reserved-memory/firmware@47ff0000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reserved),        cmocka_unit_test(test_tree_reserved),
        cmocka_unit_test(test_no_map),          cmocka_unit_test(test_too_many_reserved),
        cmocka_unit_test(test_too_many_no_map), cmocka_unit_test(test_broken_reserved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
