/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The properties of one node of a device tree, with the checks that input needs. Neighbours:
 * libfdt beneath, which finds a property; vm_fdt_walk.h, which finds a node.
 */
#ifndef VM_VM_FDT_PROP_H
#define VM_VM_FDT_PROP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "vm/vm_config.h"

/* 32-bit big-endian cells of a property that are still to be read. */
struct vm_fdt_cells {
    const uint8_t *at;
    unsigned count;
};

/* The property as cells; count is 0 if it is absent. -ERR_INVAL: it is not a number of cells. */
int must_check vm_fdt_prop_cells(const void *fdt, int node, const char *name,
                                 struct vm_fdt_cells *cells);

/* Take a number of `count` cells, 0 to 2, off the front; there are that many. */
uint64_t vm_fdt_prop_take(struct vm_fdt_cells *cells, unsigned count);

/* A property that is one number of 32 or 64 bits. -ERR_NOENT: absent; -ERR_INVAL: another size. */
int must_check vm_fdt_prop_number(const void *fdt, int node, const char *name, uint64_t *value);

/* The first string of the property; NULL: absent, or not a string. It lives in the tree. */
const char *vm_fdt_prop_string(const void *fdt, int node, const char *name);

bool vm_fdt_prop_present(const void *fdt, int node, const char *name);
bool vm_fdt_prop_compatible(const void *fdt, int node, const char *compatible);

/* Does "status" let the node be used? It does where it is absent. */
bool vm_fdt_prop_enabled(const void *fdt, int node);

/* Write the node's path, or where that is too long its name cut off, to `name` for a message. */
const char *vm_fdt_prop_path(const void *fdt, int node, char name[VM_NODE_NAME_SIZE]);

/* Log "path: text" as an error. Returns err. */
int vm_fdt_prop_error(const void *fdt, int node, int err, const char *text);

/* The node that is the console by /chosen "stdout-path"; -ERR_NOENT: none is named, or it is not
 * there. */
int must_check vm_fdt_prop_stdout(const void *fdt);

#endif
