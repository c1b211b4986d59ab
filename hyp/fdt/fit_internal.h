/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that read a FIT share. */
#ifndef FDT_FIT_INTERNAL_H
#define FDT_FIT_INTERNAL_H

#include "fdt/fit.h"

#define FIT_LIST_SIZE 160

/* The names of the nodes below `parent`, as many as there is room for. Returns text. */
const char *fit_list(const struct fit *fit, int parent, char text[FIT_LIST_SIZE]);

#endif
