/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a device is: its "reg", carried through the "ranges" of the buses above it to the root's
 * addresses (Devicetree Specification, "reg" and "ranges"). Neighbours: vm_fdt_walk.h knows the
 * buses; vm_fdt_device.c and board/host_fdt.c want to know.
 */
#ifndef VM_VM_FDT_ADDR_H
#define VM_VM_FDT_ADDR_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "vm/vm_fdt_walk.h"

struct vm_fdt_range {
    uint64_t base;
    uint64_t size; /* bytes; base + size does not wrap */
};

/*
 * The entry `index` of the "reg" of the node that the walk is at, in the root's addresses.
 * -ERR_NOENT: there is no such entry. Not logged, as often it need not exist. Others are logged:
 * -ERR_INVAL: a property is broken; -ERR_RANGE: it wraps, or a bus above does not pass it on;
 * -ERR_UNSUPPORTED: addresses of more than 64 bits, or without sizes.
 */
int must_check vm_fdt_addr_reg(const struct vm_fdt_walk *at, unsigned index,
                               struct vm_fdt_range *range);

#endif
