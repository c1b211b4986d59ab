/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain registers that keep what is written to them, for a device that Traproom does not know: a
 * node with "traproom,registers". Neighbours: vm/vm_device.c makes them.
 */
#ifndef DEV_VREGS_H
#define DEV_VREGS_H

#include "dev/mmio.h"
#include "spinlock.h"

#define VREGS_MAX_SIZE UINT64_C(0x10000)

struct vregs {
    spinlock_t lock; /* protects byte[] */
    uint64_t size;   /* constant, at most VREGS_MAX_SIZE */
    uint8_t byte[];
};

/* All of them 0, at each start of the guest. `dev` is the struct vregs. */
void vregs_reset(void *dev);

/* The mmio_access_fn; `dev` is the struct vregs. Takes every size. */
enum mmio_result vregs_access(void *dev, struct mmio_access *access);

#endif
