/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver for any virtio device, with as many queues as it has, many requests in flight, and used
 * from several CPUs: for the guests that have QEMU's devices behind Traproom. It polls. Its rings
 * lie open, so that tests can break them. Neighbour: virtio_blk.h, whose registers it uses.
 */
#ifndef TEST_GUEST_MACHINE_DRIVER_H
#define TEST_GUEST_MACHINE_DRIVER_H

#include "virtio_blk.h"

#define MACHINE_RING        256
#define MACHINE_TABLE       256 /* descriptors of a request's own table */
#define MACHINE_MAX_QUEUES  4
#define MACHINE_NO_STATUS   0xaa
#define MACHINE_DESCRIPTORS 3 /* of a request that is not indirect */

/* One CPU's, or guarded by what the test does. */
struct machine_queue {
    const struct virtio_blk *device;
    unsigned index;
    uint16_t size;
    uint16_t next_used;
    uint16_t told; /* avail.idx when machine_publish() looked last */
    bool event;    /* VIRTIO_RING_F_EVENT_IDX was negotiated */
    struct vring_desc desc[MACHINE_RING] __attribute__((aligned(4096)));
    struct {
        uint16_t flags, idx, ring[MACHINE_RING + 1];
    } avail;
    struct {
        uint16_t flags, idx;
        struct vring_used_elem ring[MACHINE_RING];
        uint16_t event;
    } used __attribute__((aligned(4)));
};

/* A request to a disk, and the table that it has if it is indirect. */
struct machine_request {
    struct virtio_blk_outhdr header;
    volatile uint8_t status;
    struct vring_desc table[MACHINE_TABLE] __attribute__((aligned(16)));
};

/*
 * Reset the device, agree on those of `wanted` features that it offers, set up its first `count`
 * queues with `size` descriptors each, and start it; false when it refuses.
 */
bool machine_start(struct virtio_blk *device, uint64_t wanted, struct machine_queue *queue,
                   unsigned count, uint16_t size);

/* The parts of that: queue `index`, emptied, and DRIVER_OK. */
void machine_set_queue(struct virtio_blk *device, struct machine_queue *queue, unsigned index,
                       uint16_t size);
void machine_go(const struct virtio_blk *device);

bool machine_wants_reset(const struct virtio_blk *device);

/* Put the chain that starts at descriptor `head` into the ring; the device is told of all by
 * machine_publish(), which notifies it if it wants that. True: it did. */
void machine_put(struct machine_queue *queue, uint16_t head);
bool machine_publish(struct machine_queue *queue);

/* The next used element: if there is one, or waited for until the device wants a reset. */
bool machine_take(struct machine_queue *queue, struct vring_used_elem *elem);
bool machine_wait(struct machine_queue *queue, struct vring_used_elem *elem);

/* A buffer of another device's than a disk, as descriptor `head`. */
void machine_buffer(struct machine_queue *queue, uint16_t head, void *data, uint32_t size,
                    bool device_writes);

/* A request as descriptors `head` to `head` + 2, or as one and a table. Its data may be none. */
void machine_build(struct machine_queue *queue, uint16_t head, struct machine_request *request,
                   uint32_t type, uint64_t sector, void *data, uint32_t size);
void machine_build_indirect(struct machine_queue *queue, uint16_t head,
                            struct machine_request *request, uint32_t type, uint64_t sector,
                            void *data, uint32_t size);

/* One request alone, with head 0: its status byte, or VIRTIO_NO_ANSWER. */
int machine_ask(struct machine_queue *queue, struct machine_request *request, uint32_t type,
                uint64_t sector, void *data, uint32_t size);

/* Fill `size` bytes, a multiple of 8, with what `seed` stands for; do they have it? */
void machine_fill(void *data, uint32_t size, uint64_t seed);
bool machine_holds(const void *data, uint32_t size, uint64_t seed);

#endif
