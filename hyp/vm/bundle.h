/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest that came with us: a FIT behind our own image, in one file, or beside us in memory
 * (docs/bundle.md). A configuration of it names a tree and images; here they are checked, and the
 * tree is told where in the machine's memory they lie, by the properties that fdt/vm_fdt.c reads.
 * Neighbours: main.c calls; fdt/fit.h reads the FIT.
 */
#ifndef VM_BUNDLE_H
#define VM_BUNDLE_H

#include <stdbool.h>

#include "fdt/fit.h"
#include "fdt/fit_hash.h"
#include "lib/addr.h"
#include "mm/phys_map.h"

#define BUNDLE_MAX_LOADABLES 32 /* more are not looked at */

struct bundle {
    struct pa_range range; /* all of it, from the FIT to the end of the last image that is used */
    bool in_file;          /* it came in one file with us; each image must have a hash then */
    struct fit fit;
    int configuration;                           /* node of the one that is used */
    int vm;                                      /* node of its VM */
    struct fit_image tree, kernel, app, ramdisk; /* size 0: none; a tree there is */
};

/* Does a FIT begin in `range`, or something that should be one? */
bool bundle_is_there(struct pa_range range);

/*
 * Read the FIT at the beginning of `range`, beyond which nothing of it may lie, choose the
 * configuration `name`, or the default one if that is "", and check the images that its VM names:
 * they are in memory that `phys` has free. Errors are logged.
 */
int must_check bundle_open(struct bundle *bundle, const struct phys_map *phys,
                           struct pa_range range, bool in_file, const char *name);

/*
 * bundle_tree.c: make the tree that vm_fdt_parse() is to read, *tree, which is claimed: that of the
 * bundle with the images' places in it, after those that are compressed were unpacked. Who reads
 * that tree claims the images; what of the bundle is not used is free memory. Errors are logged.
 */
int must_check bundle_make_tree(struct bundle *bundle, struct phys_map *phys,
                                struct pa_range *tree);

/* One line that says which guest it is. */
void bundle_describe(const struct bundle *bundle);

#endif
