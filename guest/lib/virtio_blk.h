/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small driver for virtio-blk behind virtio-mmio version 2, one request at a time and
 * by polling. Its rings lie open, so that tests can break them.
 */
#ifndef GUEST_VIRTIO_BLK_H
#define GUEST_VIRTIO_BLK_H

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>

#define FEATURE(bit)      (UINT64_C(1) << (bit))
#define COUNT(array)      (sizeof(array) / sizeof((array)[0]))
#define VIRTIO_QUEUE_SIZE 16
#define VIRTIO_SECTOR     512
#define VIRTIO_NO_ANSWER  (-1) /* in place of a status byte: none came */

struct virtio_blk {
    uint64_t base;
    uint32_t intid;
    uint64_t offered;  /* the device's features */
    uint64_t features; /* those agreed on */
    struct vring_desc *desc;
    struct vring_avail *avail;
    struct vring_used *used;
    uint16_t last_used;
};

uint32_t virtio_read(const struct virtio_blk *blk, uint32_t reg);
void virtio_write(const struct virtio_blk *blk, uint32_t reg, uint32_t value);
uint32_t virtio_status(const struct virtio_blk *blk);

/* The first slot with a device of type `id`, VIRTIO_ID_x, or with a disk; false when there is none.
 */
bool virtio_find(struct virtio_blk *blk, uint32_t id);
bool virtio_blk_find(struct virtio_blk *blk);

/* Reset, agree on those of `wanted` features that are offered, and set up queue 0; false when
 * refused. */
bool virtio_blk_start(struct virtio_blk *blk, uint64_t wanted);

/* Set up queue `index` on the blk's rings, emptied; the pieces virtio_blk_start is made of. */
void virtio_blk_reset(struct virtio_blk *blk);
bool virtio_blk_negotiate(struct virtio_blk *blk, uint64_t wanted);
void virtio_blk_set_queue(struct virtio_blk *blk, unsigned index);

/* Offer the chain that starts at descriptor `head`, and tell the device. */
void virtio_blk_offer(struct virtio_blk *blk, uint16_t head);

/* Wait for a used element; false after a second, or when the device wants a reset. */
bool virtio_blk_wait(struct virtio_blk *blk, struct vring_used_elem *elem);

/* One request with up to one buffer (written by the device where `type` reads): its status byte. */
int virtio_blk_request(struct virtio_blk *blk, uint32_t type, uint64_t sector, void *data,
                       uint32_t size);

/* The same three parts, as descriptors 0 to 2 (2 parts when size is 0), not offered yet. */
void virtio_blk_build(struct virtio_blk *blk, uint32_t type, uint64_t sector, void *data,
                      uint32_t size);

/* The status byte of what virtio_blk_build built. */
int virtio_blk_status_byte(void);

/* Capacity in sectors. */
uint64_t virtio_blk_capacity(const struct virtio_blk *blk);

#endif
