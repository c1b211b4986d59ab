/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtio device of the machine's, mediated: a struct virtio_backend whose requests are handed on
 * to the device, in rings that no guest reaches. The buffers of each were checked to be the guest's
 * RAM, and are named by their physical addresses: so the device reads and writes the guest's memory
 * itself, and no other. Neighbours: virtio_queue.c brings the requests and takes them back;
 * drv/virtio_driver.c drives the device; vm/vm_virtio.c makes one and has its interrupt.
 */
#ifndef DEV_VIRTIO_MACHINE_H
#define DEV_VIRTIO_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

#include "dev/irq_line.h"
#include "dev/virtio_backend.h"
#include "dev/virtio_mmio.h"
#include "dev/virtio_queue.h"
#include "dev/virtio_type.h"
#include "drv/virtio_driver.h"
#include "mm/guest_mem.h"
#include "spinlock.h"

struct virtio_machine_ring {
    spinlock_t lock; /* protects what follows; none is taken under it */
    struct virtio_ring ring;
    bool copy_used; /* the device has the request in `copy`, of chain `copy_head` */
    uint16_t copy_head;
    uint8_t
        *copy; /* of requests with addresses in them: virtio_type.h. NULL: this queue has none */
};

struct virtio_machine {
    struct virtio_backend backend;
    struct virtio_driver driver; /* set up under the slot's setup_lock */
    const struct virtio_type *type;
    struct virtio_mmio *slot;
    struct virtio_machine_ring *ring; /* one for each queue */
    bool alive;                       /* atomic: the device has features and takes requests */
} __attribute__((aligned(VRING_DESC_ALIGN_SIZE))); /* as its rings, which come behind it */

/* The bytes of a struct virtio_machine with all its queues, for a device as
 * virtio_machine_init()'s. */
size_t virtio_machine_size(const struct virtio_driver *driver);

/*
 * Put the device of `driver`, which is open and of a type that virtio_type_find() knows, into
 * `slot`. `machine` has virtio_machine_size() bytes, all zeros.
 */
void virtio_machine_init(struct virtio_machine *machine, const struct virtio_driver *driver,
                         struct virtio_mmio *slot, const struct guest_mem *mem,
                         const struct irq_line *line);

/*
 * The device interrupts: what it hands back goes to the guest, up to a turn's worth. True: there
 * is more; call again. No lock is held.
 */
bool virtio_machine_interrupt(struct virtio_machine *machine);

#endif
