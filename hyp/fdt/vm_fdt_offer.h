/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a node of the guest's tree is offered. One answer for vm_fdt_device.c, which reads the
 * devices, and vm_fdt_guest.c, which disables what is not. Neighbour: vm_kind.h says what a kind
 * is.
 */
#ifndef FDT_VM_FDT_OFFER_H
#define FDT_VM_FDT_OFFER_H

#include "fdt/dt_walk.h"
#include "fdt/vm_kind.h"

/* What becomes of a node of the guest's tree. */
enum vm_fdt_offer {
    VM_FDT_NONE,   /* not offered, nor what is below it */
    VM_FDT_KIND,   /* something of the table; what is below it counts for itself */
    VM_FDT_PASSED, /* nothing is at its addresses, but its user wants it to reach the guest */
    VM_FDT_FREE,   /* it needs no address of the machine; what is below it counts for itself */
    VM_FDT_DATA,   /* data that describes no device, with all below it */
};

/* Of the node that the walk is at, by its properties and its place. *kind: for VM_FDT_KIND. */
enum vm_fdt_offer vm_fdt_offer(const struct dt_walk *at, const struct vm_device_table *kinds,
                               const struct vm_device_kind **kind);

#endif
