/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The emulated pvpanic device (QEMU, "docs/specs/pvpanic"; the tree's "qemu,pvpanic-mmio"): a byte
 * that a guest's kernel writes what has become of it to. Neighbours: vm/vm_device.c makes it.
 */
#ifndef DEV_VPVPANIC_H
#define DEV_VPVPANIC_H

#include "dev/mmio.h"

#define PVPANIC_PANICKED     0x1 /* its kernel has panicked */
#define PVPANIC_CRASH_LOADED 0x2 /* the same, and another one takes over that writes a dump */
#define PVPANIC_SHUTDOWN     0x4 /* it is about to power off */
#define PVPANIC_EVENTS       (PVPANIC_PANICKED | PVPANIC_CRASH_LOADED | PVPANIC_SHUTDOWN)

struct vpvpanic {
    void (*event_fn)(void *ctx,
                     uint8_t events); /* constant; some of PVPANIC_EVENTS, with no lock */
    void *ctx;
};

/* Nothing is kept. */
void vpvpanic_reset(void *dev);

/* The mmio_access_fn; `dev` is the struct vpvpanic. Registers want accesses of a byte. */
enum mmio_result vpvpanic_access(void *dev, struct mmio_access *access);

#endif
