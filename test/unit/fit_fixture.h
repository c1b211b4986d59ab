/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of FITs: one that is right, made by libfdt in a buffer that ends where the bundle does,
 * and what a test spoils of it.
 */
#ifndef TEST_FIT_FIXTURE_H
#define TEST_FIT_FIXTURE_H

#include <libfdt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fdt/fit.h"
#include "fdt_log.h"

#define FIT_ROOM    4096
#define KERNEL_SIZE 1000
#define TREE_SIZE   1024
#define TREE_OFFSET 1008 /* of the tree's bytes, behind the kernel's */
#define STORE_SIZE  (TREE_OFFSET + TREE_SIZE)

static uint8_t *blob; /* the FIT, then its images: FIT_ROOM + STORE_SIZE bytes */

static inline int fit_node(const char *path)
{
    int node = fdt_path_offset(blob, path);

    if (node < 0)
        fail_msg("no node %s", path);
    return node;
}

static inline void set_text(const char *path, const char *property, const char *text)
{
    int len = (int)strlen(text) + 1;

    assert_int_equal(fdt_setprop(blob, fit_node(path), property, text, len), 0);
}

static inline void set_cell(const char *path, const char *property, uint32_t value)
{
    assert_int_equal(fdt_setprop_u32(blob, fit_node(path), property, value), 0);
}

static inline void set_cells(const char *path, const char *property, uint64_t value)
{
    assert_int_equal(fdt_setprop_u64(blob, fit_node(path), property, value), 0);
}

static inline void leave_out(const char *path, const char *property)
{
    assert_int_equal(fdt_delprop(blob, fit_node(path), property), 0);
}

static inline void add(const char *parent, const char *name)
{
    assert_true(fdt_add_subnode(blob, fit_node(parent), name) >= 0);
}

static inline void add_image(const char *name, const char *type, uint32_t offset, uint32_t size)
{
    char path[64];

    snprintf(path, sizeof(path), "/images/%s", name);
    add("/images", name);
    set_text(path, "type", type);
    set_text(path, "arch", "arm64");
    set_text(path, "compression", "none");
    set_cell(path, "data-offset", offset);
    set_cell(path, "data-size", size);
}

static inline int fit_start(void **state)
{
    (void)state;
    blob = aligned_alloc(8, FIT_ROOM + STORE_SIZE);
    assert_non_null(blob);
    memset(blob, 0, FIT_ROOM + STORE_SIZE);
    assert_int_equal(fdt_create_empty_tree(blob, FIT_ROOM), 0);
    add("/", "images");
    add("/", "configurations");
    add_image("tree", "flat_dt", TREE_OFFSET, TREE_SIZE);
    add_image("kernel", "kernel", 0, KERNEL_SIZE);
    set_text("/images/kernel", "os", "linux");
    set_cell("/images/kernel", "load", 0x48000000);
    set_cells("/images/kernel", "entry", UINT64_C(0x48000000));
    set_text("/configurations", "default", "plain");
    add("/configurations", "plain");
    add("/configurations/plain", "vm-0");
    set_text("/configurations/plain/vm-0", "fdt", "tree");
    set_text("/configurations/plain/vm-0", "kernel", "kernel");
    for (unsigned i = 0; i < KERNEL_SIZE; i++)
        blob[FIT_ROOM + i] = (uint8_t)(i * 7);
    log_clear();
    return 0;
}

static inline int fit_stop(void **state)
{
    (void)state;
    free(blob);
    return 0;
}

/* The one message must have both texts. */
static inline void assert_logged(const char *says, const char *says_too)
{
    assert_int_equal(logged.errors, 1);
    if (strstr(logged.error, says) == NULL || strstr(logged.error, says_too) == NULL)
        fail_msg("\"%s\" lacks \"%s\" or \"%s\"", logged.error, says, says_too);
    log_clear();
}

#endif
