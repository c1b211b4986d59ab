/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtio block device (virtio 1.2, "Block Device") whose disk is a piece of the machine's
 * RAM that no guest has mapped: a struct virtio_backend behind a virtio_mmio.c transport.
 */
#ifndef DEV_VIRTIO_BLK_H
#define DEV_VIRTIO_BLK_H

#include <linux/virtio_blk.h>
#include <stdbool.h>
#include <stdint.h>

#include "dev/irq_line.h"
#include "dev/virtio_backend.h"
#include "dev/virtio_mmio.h"
#include "lib/addr.h"
#include "lib/err.h"
#include "mm/guest_mem.h"

#define VIRTIO_BLK_MAX_QUEUES 4

struct virtio_blk_setup {
    struct pa_range disk; /* rounded down to whole 512-byte sectors; at least one */
    bool read_only;
    unsigned nr_queues; /* 1 to VIRTIO_BLK_MAX_QUEUES; one per vCPU serves best */
    const char *id;     /* what GET_ID answers: up to VIRTIO_BLK_ID_BYTES characters count */
};

/* Constant once it is made, but for the requests and the disk's bytes. */
struct virtio_blk {
    struct virtio_backend backend;
    struct virtio_blk_config config; /* what the driver reads */
    uint8_t *disk;
    uint64_t sectors;
    bool read_only;
    char id[VIRTIO_BLK_ID_BYTES]; /* padded with NUL; no NUL when all 20 are used */
    struct virtio_queue queue[VIRTIO_BLK_MAX_QUEUES];
    struct virtio_request request[VIRTIO_BLK_MAX_QUEUES];
};

/*
 * Make `blk` a disk and put it into `slot`. -ERR_RANGE for a disk without a sector or that
 * wraps around, -ERR_INVAL for a number of queues out of range; `slot` is then untouched.
 */
int must_check virtio_blk_init(struct virtio_blk *blk, const struct virtio_blk_setup *setup,
                               struct virtio_mmio *slot, const struct guest_mem *mem,
                               const struct irq_line *line);

#endif
