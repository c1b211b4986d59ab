/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device of the machine's is offered: it reads and writes memory by itself, with no stage 2
 * in between, so each buffer must be a guest's. The check takes nothing from the code that made
 * the chain but the descriptors that the device will see.
 *
 * A build with TRAPROOM_INVARIANTS looks at each chain before the device does, and panics where
 * this does not hold. Neighbours: check/invariants.h has the rules; dev/virtio_machine.c asks.
 */
#ifndef CHECK_DEVICE_RING_H
#define CHECK_DEVICE_RING_H

#include <stddef.h>

#include "check/invariants.h"
#include "drv/virtio_driver.h"
#include "lib/err.h"

/*
 * Follow the chain that was put into the ring last, which may have the hypervisor's own `copy` to
 * be read, unless that is NULL. -ERR_INVAL: `text` says in `size` bytes which buffer is not a
 * guest's, all of it, or what else a descriptor says that it must not.
 */
int must_check device_ring_check(const struct invariants *rules, const struct virtio_ring *ring,
                                 const void *copy, char *text, size_t size);

#ifdef TRAPROOM_INVARIANTS
/* Check; a breach goes to breach_fn. Nothing before there are rules. The ring's lock is held. */
void device_ring_expect(const struct virtio_ring *ring, const void *copy);
#else
static inline void device_ring_expect(const struct virtio_ring *ring, const void *copy)
{
    (void)ring;
    (void)copy;
}
#endif

#endif
