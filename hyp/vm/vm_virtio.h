/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands behind a guest's virtio slot: nothing, a disk in RAM ("traproom,disk"), or a device
 * of the machine's ("traproom,slot"). Neighbours: the row "virtio,mmio" in vm_device.c;
 * dev/virtio_*.c.
 */
#ifndef VM_VM_VIRTIO_H
#define VM_VM_VIRTIO_H

#include "fdt/dt_walk.h"
#include "fdt/host_fdt.h"
#include "fdt/vm_config.h"

struct vm;

/* The machine has these slots, mapped: guests may be given what is in them. They must last. */
void vm_virtio_offer(const struct host_virtio *slots, unsigned count);

/* EL2 or a guest takes the machine's slot at `base` for itself; NULL: there is none, or it is
 * taken. */
const struct host_virtio *vm_virtio_take(pa_t base);

/* The read_fn and the make_fn of fdt/vm_kind.h. The state begins with the struct virtio_mmio. */
int vm_virtio_read(const struct dt_walk *at, int gic, struct vm_device_config *config);
int vm_virtio_make(struct vm *vm, void *state, const struct vm_device_config *config);

#endif
