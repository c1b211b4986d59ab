/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device trees for the fuzzers: an input is either a blob, or a good tree and a list of changes
 * to it, by cells as well as by nodes and properties, which get further than those of bytes.
 */
#ifndef FUZZ_FDT_H
#define FUZZ_FDT_H

#include <libfdt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "fdt/dt_walk.h"
#include "fuzz.h"
#include "lib/log.h"

#define TREE_ROOM   4096 /* that changes may add */
#define TREE_MAX    65536
#define MAX_CHANGES 24

static unsigned logged_errors;

void log_print(enum log_kind kind, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    fuzz_require(fmt_vsnprintf(text, sizeof(text), fmt, ap) > 0);
    va_end(ap);
    logged_errors += kind == LOG_ERROR;
}

/* The tree that the build made of test/unit/dts/NAME.dts, with room. Read once, kept. */
static inline const void *tree_base(const char *name, void **cache)
{
    static uint8_t packed[TREE_MAX];
    char path[512];
    FILE *file;

    if (*cache == NULL) {
        snprintf(path, sizeof(path), FUZZ_DTB_DIR "/%s.dtb", name);
        file = fopen(path, "rb");
        fuzz_require(file != NULL && fread(packed, 1, TREE_MAX, file) > 0);
        fclose(file);
        *cache = malloc(fdt_totalsize(packed) + TREE_ROOM);
        fuzz_require(fdt_open_into(packed, *cache, (int)fdt_totalsize(packed) + TREE_ROOM) == 0);
    }
    return *cache;
}

static inline int some_node(const void *fdt, struct fuzz_input *in)
{
    int node = 0;

    for (unsigned skip = fuzz_below(in, 64); skip > 0; skip--) {
        int next = fdt_next_node(fdt, node, NULL);

        if (next < 0)
            break;
        node = next;
    }
    return node;
}

static inline void change_property(void *fdt, struct fuzz_input *in)
{
    int node = some_node(fdt, in);
    int prop = fdt_first_property_offset(fdt, node);
    const struct fdt_property *p;
    uint8_t value[64];
    uint64_t word;
    const char *name;
    int len;

    for (unsigned skip = fuzz_below(in, 8); skip > 0 && prop >= 0; skip--)
        prop = fdt_next_property_offset(fdt, prop);
    p = prop < 0 ? NULL : fdt_get_property_by_offset(fdt, prop, &len);
    if (p == NULL || (name = fdt_string(fdt, (int)fdt32_to_cpu(p->nameoff))) == NULL)
        return;
    switch (fuzz_below(in, 3)) {
    case 0:
        fdt_delprop(fdt, node, name);
        break;
    case 1: /* one cell of it */
        word = cpu_to_fdt32((uint32_t)fuzz_value(in));
        if (len >= 4)
            memcpy((char *)fdt + (p->data - (const char *)fdt) +
                       4 * (fuzz_take(in, 1) % ((unsigned)len / 4)),
                   &word, 4);
        break;
    default: /* another length */
        for (unsigned i = 0; i < sizeof(value); i += 8) {
            word = cpu_to_fdt64(fuzz_value(in));
            memcpy(value + i, &word, 8);
        }
        fdt_setprop(fdt, node, name, value, (int)fuzz_below(in, sizeof(value) + 1));
        break;
    }
}

/* False: the tree may be broken now. */
static inline bool change(void *fdt, struct fuzz_input *in)
{
    uint32_t at = (uint32_t)fuzz_take(in, 2) % (fdt_totalsize(fdt) - TREE_ROOM - 4);
    uint32_t cell;

    switch (fuzz_below(in, 8)) {
    case 0:
        cell = cpu_to_fdt32((uint32_t)fuzz_value(in));
        memcpy((uint8_t *)fdt + (at & ~3U), &cell, 4);
        return false;
    case 1:
        ((uint8_t *)fdt)[at] = (uint8_t)fuzz_take(in, 1);
        return false;
    case 2:
        fdt_del_node(fdt, some_node(fdt, in));
        return true;
    case 3:
        fdt_add_mem_rsv(fdt, fuzz_value(in), fuzz_value(in));
        return true;
    default:
        change_property(fdt, in);
        return true;
    }
}

/* The tree of the input in memory of its exact size, which is freed by the caller. */
static inline void *take_tree(const char *const *names, void **cache, unsigned count,
                              struct fuzz_input *in, size_t *size)
{
    unsigned kind = fuzz_below(in, 16);
    bool sound = true;
    const void *base;
    void *fdt;

    if (kind >= count) {
        *size = in->left;
        fdt = malloc(*size);
        memcpy(fdt, in->at, *size);
        return fdt;
    }
    base = tree_base(names[kind], &cache[kind]);
    *size = fdt_totalsize(base);
    fdt = malloc(*size);
    memcpy(fdt, base, *size);
    for (unsigned i = 0; i < MAX_CHANGES && in->left > 0; i++) {
        if (!sound && (dt_walk_check(fdt, *size) != 0 || fdt_totalsize(fdt) != *size))
            break; /* libfdt's own functions to write want a sound tree */
        sound = change(fdt, in);
    }
    return fdt;
}

#endif
