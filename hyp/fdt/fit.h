/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A FIT, U-Boot's flattened image tree: a device tree that describes images, whose bytes lie in it
 * or behind it, and configurations, which say what belongs together. docs/bundle.md has the part of
 * the format that Traproom reads. It is input: it may be broken in any way. What is wrong is
 * logged, with the image's name and what to do, then -ERR_x. Neighbours: vm/bundle.c makes a guest
 * of it.
 */
#ifndef FDT_FIT_H
#define FDT_FIT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

struct fit {
    const void *fdt; /* at a multiple of 8 */
    uint64_t size;   /* bytes from there to the end of all that belongs to it */
};

enum fit_compression { FIT_NONE, FIT_LZ4 };

/* What a VM's node asks for, and what the image must then be. */
struct fit_role {
    const char *property; /* of the VM's node, a list of images' names */
    const char *type;     /* "type" of the image */
    bool may_be_packed;   /* false: it is read or written where it lies */
};

extern const struct fit_role fit_tree, fit_kernel, fit_app, fit_ramdisk, fit_loadable;

struct fit_image {
    const char *name; /* lives in the FIT */
    int node;
    const uint8_t *data; /* as stored, at a multiple of 8 */
    uint64_t size;       /* not 0 */
    enum fit_compression compression;
    const char *os; /* NULL: it does not say */
    bool has_load, has_entry;
    uint64_t load, entry;
};

/* The FIT at `at`, of which `room` bytes can be read. */
int must_check fit_open(struct fit *fit, const void *at, uint64_t room);

/* The node of the configuration `name`, or of the default one if that is NULL. */
int must_check fit_configuration(const struct fit *fit, const char *name, int *node);

/* The node of the one VM that a configuration describes. */
int must_check fit_vm(const struct fit *fit, int configuration, int *node);

/* The image that a VM names `index`th for a role. -ERR_NOENT, not logged: it names no more. */
int must_check fit_image(const struct fit *fit, int vm, const struct fit_role *role, int index,
                         struct fit_image *image);

/* A node's name, for messages too. */
const char *fit_name(const struct fit *fit, int node);

/* "description" of a node, or "". It lives in the FIT. */
const char *fit_description(const struct fit *fit, int node);

#endif
