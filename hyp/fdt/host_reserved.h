/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the machine's RAM that its tree keeps from us: the blob's memory reservation block
 * and the static regions of /reserved-memory. Neighbour: host_fdt.c, which calls.
 */
#ifndef FDT_HOST_RESERVED_H
#define FDT_HOST_RESERVED_H

#include "fdt/host_fdt.h"

/*
 * Fill info->reserved and info->no_map once info->ram and info->fdt_size are known. Errors are
 * logged: -ERR_NOMEM: more pieces than there is room for; others: a "reg" is broken.
 */
int must_check host_reserved_read(const void *fdt, struct host_info *info);

#endif
