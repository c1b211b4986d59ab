/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which nodes of the guest's tree Traproom has something behind, or nothing to put behind. One
 * answer for vm_fdt_device.c, which makes the devices, and vm_fdt_guest.c, which disables the rest.
 */
#ifndef VM_VM_FDT_OFFER_H
#define VM_VM_FDT_OFFER_H

#include <stdbool.h>

#include "fdt/dt_walk.h"

enum vm_fdt_offer {
    VM_FDT_OFFER_NONE,    /* not offered, nor what is below it */
    VM_FDT_OFFER_YES,     /* offered, or no device at all; what is below it counts for itself */
    VM_FDT_OFFER_UART,    /* a PL011: offered while there is room */
    VM_FDT_OFFER_VIRTIO,  /* a virtio-mmio slot: likewise */
    VM_FDT_OFFER_TIMER,   /* the CPUs' timers */
    VM_FDT_OFFER_NOT_OURS /* data that describes no device, with all below it */
};

/* What the node that the walk is at is, by its "compatible" and its place. */
enum vm_fdt_offer vm_fdt_offer_kind(const struct dt_walk *at);

#endif
