/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's driver of a virtio-blk disk that has gone bad, for the fuzzers: fuzz_driver.h's, with
 * descriptors and requests of any kind.
 */
#ifndef FUZZ_DISK_H
#define FUZZ_DISK_H

#include <linux/virtio_blk.h>

#include "fuzz_driver.h"

#define RAM1_IPA    UINT64_C(0xfffff000) /* up to 4 GiB, so that 32-bit sums wrap */
#define RAM1_SIZE   UINT64_C(0x1000)
#define DISK_SIZE   UINT64_C(0x4000)
#define QUEUE_SIZES 8

static inline void bring_up(struct fuzz_input *in)
{
    wr(VIRTIO_MMIO_STATUS, 0);
    negotiate(fuzz_take(in, 1) << VIRTIO_RING_F_INDIRECT_DESC);
    set_up_queue(in, 0, QUEUE_SIZES);
    wr(VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_DRIVER_OK);
}

static inline uint64_t some_address(struct fuzz_input *in)
{
    switch (fuzz_below(in, 8)) {
    case 0:
        return fuzz_value(in);
    case 1:
        return RAM0_IPA + RAM0_SIZE - fuzz_take(in, 1);
    case 2:
        return RAM1_IPA + fuzz_take(in, 2) % RAM1_SIZE;
    case 3:
        return QUEUE(0) + fuzz_take(in, 2);
    default:
        return DATA + fuzz_take(in, 1) * 64;
    }
}

static inline uint32_t some_length(struct fuzz_input *in)
{
    unsigned kind = fuzz_below(in, 8);

    if (kind == 0)
        return (uint32_t)fuzz_value(in);
    return kind < 4 ? 512U * fuzz_below(in, 5) : fuzz_below(in, 34);
}

static inline void put_desc(struct fuzz_input *in)
{
    uint8_t where = (uint8_t)fuzz_take(in, 1);
    uint64_t table = (where & 0x80) != 0 ? QUEUE(0) + INDIRECT : QUEUE(where >> 5 & 3);
    struct vring_desc desc = {.addr = some_address(in),
                              .len = some_length(in),
                              .flags = (uint16_t)fuzz_take(in, 1) & 7,
                              .next = (uint16_t)fuzz_take(in, 1)};

    memcpy(driver.ram0 + (table - RAM0_IPA) + (where & 0x1f) * sizeof(desc), &desc, sizeof(desc));
}

/* A request of three descriptors from descriptor 0 on, or behind descriptor 0's own table. */
static inline void put_request(struct fuzz_input *in)
{
    uint8_t kind = (uint8_t)fuzz_take(in, 1);
    bool indirect = (kind & 0x80) != 0;
    uint16_t write = (kind & 1) != 0 ? VRING_DESC_F_WRITE : 0;
    uint64_t table = indirect ? QUEUE(0) + INDIRECT : QUEUE(0);
    struct virtio_blk_outhdr header = {.type = fuzz_take(in, 1) & 0xf,
                                       .sector = fuzz_value(in) & 0x3f};
    struct vring_desc desc[3] = {
        {DATA, sizeof(header), VRING_DESC_F_NEXT, 1},
        {some_address(in), some_length(in), VRING_DESC_F_NEXT | write, 2},
        {DATA + 0x800, 1, VRING_DESC_F_WRITE, 0},
    };
    struct vring_desc first = {table, sizeof(desc), VRING_DESC_F_INDIRECT, 0};

    memcpy(driver.ram0 + (DATA - RAM0_IPA), &header, sizeof(header));
    memcpy(driver.ram0 + (table - RAM0_IPA), desc, sizeof(desc));
    if (indirect)
        memcpy(driver.ram0, &first, sizeof(first));
}

#endif
