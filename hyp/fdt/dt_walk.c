/* SPDX-License-Identifier: Apache-2.0 */
/* The walk through a device tree. See dt_walk.h. */
#include "fdt/dt_walk.h"

#include <libfdt.h>

#include "fdt/dt_prop.h"
#include "lib/log.h"
#include "lib/string.h"

/* The first whose header has the sizes of all its parts; what dtc, libfdt and QEMU write. */
#define FIRST_VERSION 17

int dt_walk_check(const void *fdt, size_t size)
{
    /*
     * Of older ones, fdt_check_full() of libfdt 1.6 does not compare names with the size that the
     * names have, by which they are copied; and below version 16 reads the root's through NULL.
     */
    if (fdt_version(fdt) < FIRST_VERSION)
        return -FDT_ERR_BADVERSION;
    return fdt_check_full(fdt, size);
}

int dt_walk_open(const void *fdt, size_t size, const char *whose)
{
    int err;

    if (size < sizeof(struct fdt_header) || fdt_magic(fdt) != FDT_MAGIC) {
        log_error("there is no device tree %s at 0x%lx: load one there", whose,
                  (unsigned long)(uintptr_t)fdt);
        return -ERR_NOENT;
    }
    err = dt_walk_check(fdt, size);
    if (err == 0)
        return 0;
    log_error("the device tree %s is broken (%s): make it anew with dtc", whose, fdt_strerror(err));
    return -ERR_INVAL;
}

void dt_walk_start(struct dt_walk *walk, const void *fdt)
{
    walk->fdt = fdt;
    walk->depth = -1;
    walk->skip = false;
}

bool dt_walk_next(struct dt_walk *walk)
{
    int depth = walk->depth;
    int deepest = walk->skip ? depth : DT_MAX_DEPTH - 1;
    int node;

    walk->skip = false;
    if (depth < 0) {
        walk->depth = 0;
        walk->node[0] = 0;
        return true;
    }
    node = dt_walk_node(walk);
    while ((node = fdt_next_node(walk->fdt, node, &depth)) >= 0 && depth > 0) {
        if (depth > deepest)
            continue;
        if (dt_prop_enabled(walk->fdt, node)) {
            walk->depth = depth;
            walk->node[depth] = node;
            return true;
        }
        deepest = depth;
    }
    return false;
}

bool dt_walk_next_compatible(struct dt_walk *walk, const char *compatible)
{
    while (dt_walk_next(walk)) {
        if (dt_prop_compatible(walk->fdt, dt_walk_node(walk), compatible))
            return true;
    }
    return false;
}

bool dt_walk_is_below(const struct dt_walk *walk, const char *parent)
{
    const char *name = walk->depth == 2 ? fdt_get_name(walk->fdt, walk->node[1], NULL) : NULL;

    return name != NULL && strcmp(name, parent) == 0;
}

int dt_walk_error(const struct dt_walk *walk, int err, const char *text)
{
    return dt_prop_error(walk->fdt, dt_walk_node(walk), err, text);
}

bool dt_walk_reaches_all(const void *fdt)
{
    int depth = 0;
    int node = 0;

    while ((node = fdt_next_node(fdt, node, &depth)) >= 0 && depth > 0) {
        if (depth >= DT_MAX_DEPTH)
            return false;
    }
    return true;
}
