/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The properties of one node of a device tree, with the checks that input needs. Neighbours:
 * libfdt beneath, which finds a property; dt_walk.h, which finds a node.
 */
#ifndef FDT_DT_PROP_H
#define FDT_DT_PROP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/err.h"

#define DT_PATH_SIZE 64 /* of a node's path kept for messages */

/* 32-bit big-endian cells of a property that are still to be read. */
struct dt_cells {
    const uint8_t *at;
    unsigned count;
};

/* The property as cells; count is 0 if it is absent. -ERR_INVAL: it is not a number of cells. */
int must_check dt_prop_cells(const void *fdt, int node, const char *name, struct dt_cells *cells);

/* Take a number of `count` cells, 0 to 2, off the front; there are that many. */
uint64_t dt_prop_take(struct dt_cells *cells, unsigned count);

/* A property that is one number of 32 or 64 bits. -ERR_NOENT: absent; -ERR_INVAL: another size. */
int must_check dt_prop_number(const void *fdt, int node, const char *name, uint64_t *value);

/* An address of 64 bits; *address keeps what it was set to where the property is absent.
 * -ERR_INVAL: another size, logged. */
int must_check dt_prop_address(const void *fdt, int node, const char *name, uint64_t *address);

/*
 * A property that is two 64-bit numbers, an address of the machine's and a size that is not 0.
 * -ERR_NOENT: absent, not logged; -ERR_INVAL: logged.
 */
int must_check dt_prop_pa_range(const void *fdt, int node, const char *name,
                                struct pa_range *range);

/* The first string of the property; NULL: absent, or not a string. It lives in the tree. */
const char *dt_prop_string(const void *fdt, int node, const char *name);

/* Is that string `value`? */
bool dt_prop_is(const void *fdt, int node, const char *name, const char *value);

bool dt_prop_present(const void *fdt, int node, const char *name);
bool dt_prop_compatible(const void *fdt, int node, const char *compatible);

/* Does "status" let the node be used? It does where it is absent. */
bool dt_prop_enabled(const void *fdt, int node);

/* Write the node's path, or where that is too long its name cut off, to `name` for a message. */
const char *dt_prop_path(const void *fdt, int node, char name[DT_PATH_SIZE]);

/* Log "path: text" as an error. Returns err. */
int dt_prop_error(const void *fdt, int node, int err, const char *text);

/* The node that is the console by /chosen "stdout-path"; -ERR_NOENT: none is named, or it is not
 * there. */
int must_check dt_prop_stdout(const void *fdt);

#endif
