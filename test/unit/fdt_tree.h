/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of device trees: trees that the build has compiled from test/unit/dts, read into a
 * buffer of their exact size (so that ASan sees a read beyond them) or one with room for changes.
 */
#ifndef TEST_FDT_TREE_H
#define TEST_FDT_TREE_H

#include <libfdt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TREE_ROOM 16384 /* that changes may add */

/* Exactly as large as the blob. The caller frees it. */
static inline void *tree_load(const char *name)
{
    char path[512];
    FILE *file;
    long size;
    void *fdt;

    snprintf(path, sizeof(path), DTB_DIR "/%s.dtb", name);
    file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    size = ftell(file);
    assert_true(size > 0);
    rewind(file);
    fdt = malloc((size_t)size);
    assert_non_null(fdt);
    assert_int_equal(fread(fdt, 1, (size_t)size, file), size);
    fclose(file);
    return fdt;
}

/* With room for changes. The caller frees it. */
static inline void *tree_open(const char *name)
{
    void *packed = tree_load(name);
    int size = (int)fdt_totalsize(packed) + TREE_ROOM;
    void *fdt = malloc((size_t)size);

    assert_non_null(fdt);
    assert_int_equal(fdt_open_into(packed, fdt, size), 0);
    free(packed);
    return fdt;
}

static inline int tree_node(const void *fdt, const char *path)
{
    int node = fdt_path_offset(fdt, path);

    if (node < 0)
        fail_msg("no node %s", path);
    return node;
}

static inline void tree_set_cells(void *fdt, const char *path, const char *prop, unsigned count,
                                  const uint32_t *cells)
{
    fdt32_t value[64];

    assert_true(count <= 64);
    for (unsigned i = 0; i < count; i++)
        value[i] = cpu_to_fdt32(cells[i]);
    assert_int_equal(fdt_setprop(fdt, tree_node(fdt, path), prop, value, (int)(count * 4)), 0);
}

#define TREE_CELLS(fdt, path, prop, ...)                                                           \
    tree_set_cells(fdt, path, prop, sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t),          \
                   (const uint32_t[]){__VA_ARGS__})

static inline void tree_set_string(void *fdt, const char *path, const char *prop, const char *text)
{
    int len = (int)strlen(text) + 1;

    assert_int_equal(fdt_setprop(fdt, tree_node(fdt, path), prop, text, len), 0);
}

static inline void tree_del_prop(void *fdt, const char *path, const char *prop)
{
    assert_int_equal(fdt_delprop(fdt, tree_node(fdt, path), prop), 0);
}

static inline void tree_del_node(void *fdt, const char *path)
{
    assert_int_equal(fdt_del_node(fdt, tree_node(fdt, path)), 0);
}

/* A device below the root of a tree with two cells for each address and size. */
static inline void tree_add_device(void *fdt, const char *name, const char *compatible,
                                   uint32_t base, uint32_t size, uint32_t spi)
{
    char path[128];
    int node = fdt_add_subnode(fdt, 0, name);

    assert_true(node >= 0);
    snprintf(path, sizeof(path), "/%s", name);
    tree_set_string(fdt, path, "compatible", compatible);
    TREE_CELLS(fdt, path, "reg", 0, base, 0, size);
    TREE_CELLS(fdt, path, "interrupts", 0, spi, 4);
}

/* `count` such devices, the first at `base`, each `size` bytes and one SPI, from 100 on, after
 * another. */
static inline void tree_add_devices(void *fdt, uint32_t count, const char *compatible,
                                    uint32_t base, uint32_t size)
{
    for (uint32_t i = 0; i < count; i++) {
        char name[32];

        snprintf(name, sizeof(name), "device@%x", base + i * size);
        tree_add_device(fdt, name, compatible, base + i * size, size, 100 + i);
    }
}

#endif
