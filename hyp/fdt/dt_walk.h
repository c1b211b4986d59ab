/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk through the nodes of a device tree, parents first, that knows the way back to the root.
 * What is disabled is left out with all below it. Neighbours: dt_prop.h reads a node's
 * properties; dt_reg.h and dt_irq.h those whose meaning depends on its parents.
 */
#ifndef FDT_DT_WALK_H
#define FDT_DT_WALK_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

#define DT_MAX_DEPTH 16

struct dt_walk {
    const void *fdt;
    int depth;              /* of the node it is at; the root has 0, before the first it is -1 */
    bool skip;              /* do not go below that node */
    int node[DT_MAX_DEPTH]; /* offsets, from the root to that node */
};

/*
 * Is the blob of at most `size` bytes, which begins with FDT_MAGIC and a whole header, a sound
 * tree? 0, or an error for fdt_strerror().
 */
int must_check dt_walk_check(const void *fdt, size_t size);

/*
 * The same of what may be no tree at all. Logged: -ERR_NOENT: there is none; -ERR_INVAL: it is
 * broken. `whose`, "of the machine" say, is for the message.
 */
int must_check dt_walk_open(const void *fdt, size_t size, const char *whose);

/* Begin before the root of a tree that was found sound. */
void dt_walk_start(struct dt_walk *walk, const void *fdt);

/*
 * Go to the next node. False: there is none. The properties of the node that it is at may be
 * changed in between, those of others not. Nodes at DT_MAX_DEPTH and below are left out.
 */
bool dt_walk_next(struct dt_walk *walk);

/* Go on to the next enabled node that is compatible with `compatible`. False: there is none. */
bool dt_walk_next_compatible(struct dt_walk *walk, const char *compatible);

/* The next step leaves out what is below this node. */
static inline void dt_walk_skip(struct dt_walk *walk)
{
    walk->skip = true;
}

/* The offset of the node that the walk is at. */
static inline int dt_walk_node(const struct dt_walk *walk)
{
    return walk->node[walk->depth];
}

/* Is it a child of the node /`parent`? */
bool dt_walk_is_below(const struct dt_walk *walk, const char *parent);

/* Log "path: text" of the node that the walk is at, as an error. Returns err. */
int dt_walk_error(const struct dt_walk *walk, int err, const char *text);

/* Is no node of the tree so deep that a walk would leave it out? */
bool dt_walk_reaches_all(const void *fdt);

#endif
