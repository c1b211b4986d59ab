/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk through the nodes of a device tree, parents first, that knows the way back to the root.
 * What is disabled is left out with all below it. Neighbours: vm_fdt_prop.h reads a node's
 * properties; vm_fdt_addr.h and vm_fdt_irq.h those whose meaning depends on its parents.
 */
#ifndef VM_VM_FDT_WALK_H
#define VM_VM_FDT_WALK_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

#define VM_FDT_MAX_DEPTH 16

struct vm_fdt_walk {
    const void *fdt;
    int depth; /* of the node it is at; the root has 0, before the first it is -1 */
    bool skip; /* do not go below that node */
    int node[VM_FDT_MAX_DEPTH]; /* offsets, from the root to that node */
};

/*
 * Is the blob of at most `size` bytes, which begins with FDT_MAGIC and a whole header, a sound
 * tree? 0, or an error for fdt_strerror().
 */
int must_check vm_fdt_walk_check(const void *fdt, size_t size);

/* Begin before the root of a tree that vm_fdt_walk_check() has found sound. */
void vm_fdt_walk_start(struct vm_fdt_walk *walk, const void *fdt);

/*
 * Go to the next node. False: there is none. The properties of the node that it is at may be
 * changed in between, those of others not. Nodes at VM_FDT_MAX_DEPTH and below are left out.
 */
bool vm_fdt_walk_next(struct vm_fdt_walk *walk);

/* Go on to the next enabled node that is compatible with `compatible`. False: there is none. */
bool vm_fdt_walk_next_compatible(struct vm_fdt_walk *walk, const char *compatible);

/* The next step leaves out what is below this node. */
static inline void vm_fdt_walk_skip(struct vm_fdt_walk *walk)
{
    walk->skip = true;
}

/* The offset of the node that the walk is at. */
static inline int vm_fdt_walk_node(const struct vm_fdt_walk *walk)
{
    return walk->node[walk->depth];
}

/* Has the tree no node that a walk would leave out for its depth? */
bool vm_fdt_walk_reaches_all(const void *fdt);

#endif
