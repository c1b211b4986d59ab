/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table of what Traproom offers a guest. Neighbours: fdt/vm_kind.h says what a row is;
 * main.c has the guest's tree read by it, vm.c makes the devices.
 */
#ifndef VM_VM_DEVICE_H
#define VM_VM_DEVICE_H

#include "fdt/vm_kind.h"

/* A kind's index is how its exits are counted: EXIT_MMIO_DEVICE and up. */
extern const struct vm_device_table vm_devices;

#endif
