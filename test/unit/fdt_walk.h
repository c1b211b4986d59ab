/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of what reads a device's node: the walk that stands at it, and what is said of it. */
#ifndef TEST_FDT_WALK_H
#define TEST_FDT_WALK_H

#include <string.h>

#include "fdt/dt_walk.h"
#include "fdt_log.h"
#include "fdt_tree.h"

static inline void tree_walk_to(const void *fdt, const char *path, struct dt_walk *at)
{
    dt_walk_start(at, fdt);
    while (dt_walk_next(at) && dt_walk_node(at) != tree_node(fdt, path))
        ;
}

/* One error was logged, with both. */
static inline void assert_said(const char *path, const char *says)
{
    assert_int_equal(logged.errors, 1);
    assert_non_null(strstr(logged.error, path));
    if (strstr(logged.error, says) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", logged.error, says);
}

#endif
