/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a device is: its "reg", carried through the "ranges" of the buses above it to the root's
 * addresses (Devicetree Specification, "reg" and "ranges"). Neighbours: dt_walk.h knows the
 * buses; vm_fdt_device.c and fdt/host_fdt.c want to know.
 */
#ifndef FDT_DT_REG_H
#define FDT_DT_REG_H

#include <stdbool.h>
#include <stdint.h>

#include "fdt/dt_walk.h"
#include "lib/err.h"

struct dt_range {
    uint64_t base;
    uint64_t size; /* bytes; base + size does not wrap */
};

/* The last byte of a range that is not empty. */
static inline uint64_t dt_range_last(struct dt_range range)
{
    return range.base + (range.size - 1);
}

/* How many entries the "reg" of that node has; 0: it has none. -ERR_x as for dt_reg_read(). */
int must_check dt_reg_count(const struct dt_walk *at);

/*
 * The entry `index` of the "reg" of the node that the walk is at, in the root's addresses.
 * -ERR_NOENT: there is no such entry. Not logged, as often it need not exist. Others are logged:
 * -ERR_INVAL: a property is broken; -ERR_RANGE: it wraps, or a bus above does not pass it on;
 * -ERR_UNSUPPORTED: addresses of more than 64 bits, or without sizes.
 */
int must_check dt_reg_read(const struct dt_walk *at, unsigned index, struct dt_range *range);

#endif
