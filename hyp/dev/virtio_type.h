/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The types of virtio device that can be mediated, and what is particular to each. All that a
 * device learns of memory must be in descriptors, where dev/virtq.c checks it: a type whose
 * requests or configuration have addresses in them is not in the table. Neighbour:
 * virtio_machine.c.
 */
#ifndef DEV_VIRTIO_TYPE_H
#define DEV_VIRTIO_TYPE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "mm/guest_mem.h"

struct virtio_type {
    uint32_t id; /* VIRTIO_ID_x */
    /* The bytes of its configuration that a driver may write. */
    uint16_t config_at;
    uint16_t config_size;
    uint64_t never; /* its features that need what is not there */

    /*
     * The first `nr_copied` queues have addresses in the readable part of their requests, of at
     * most `copy_size` bytes. The device gets a copy instead of it, with those that translate_fn
     * makes of them: the `len` bytes at `copy`, addresses of guest memory, become the machine's. An
     * error: they are no such request, or not its RAM.
     */
    unsigned nr_copied;
    size_t copy_size;
    int (*translate_fn)(const struct guest_mem *mem, uint8_t *copy, size_t len);
};

/* NULL: that type can't be mediated. */
const struct virtio_type *virtio_type_find(uint32_t id);

#endif
