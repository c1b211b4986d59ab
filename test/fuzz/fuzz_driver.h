/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's driver of a virtio slot, for the fuzzers: where it has its rings, its set-up as it
 * should be, and any access as it should not. After each access the slot's locks must be free.
 */
#ifndef FUZZ_DRIVER_H
#define FUZZ_DRIVER_H

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dev/virtio_mmio.h"
#include "fuzz.h"
#include "lib/addr.h"

#define RAM0_IPA  UINT64_C(0x48000000)
#define RAM0_SIZE UINT64_C(0x8000)

/* Where a driver that means well puts the parts of queue n. */
#define QUEUE(n) (RAM0_IPA + (n)*UINT64_C(0x1000))
#define AVAIL    UINT64_C(0x800)
#define USED     UINT64_C(0xa00)
#define INDIRECT UINT64_C(0xc00)
#define DATA     (RAM0_IPA + UINT64_C(0x4000))

static struct {
    struct virtio_mmio slot;
    uint8_t *ram0;  /* RAM0_SIZE bytes, the guest's from RAM0_IPA on */
    bool was_reset; /* by the step that is being done */
} driver;

static inline uint8_t *pages(uint64_t size)
{
    uint8_t *p = aligned_alloc(PAGE_SIZE, size);

    fuzz_require(p != NULL);
    return p;
}

static inline uint64_t access_at(uint64_t offset, unsigned size, bool write, uint64_t value)
{
    struct mmio_access access = {
        .offset = offset, .size = (uint8_t)size, .write = write, .value = value};

    fuzz_require(virtio_mmio_access(&driver.slot, &access) == MMIO_OK);
    fuzz_require(driver.slot.setup_lock.locked == 0 && driver.slot.lock.locked == 0);
    for (unsigned i = 0; i < driver.slot.backend->nr_queues; i++)
        fuzz_require(driver.slot.queue[i].lock.locked == 0 && !driver.slot.queue[i].serving);
    if (write && offset == VIRTIO_MMIO_STATUS && size == 4 && value == 0)
        driver.was_reset = true;
    return access.value;
}

static inline void wr(uint64_t offset, uint64_t value)
{
    access_at(offset, 4, true, (uint32_t)value);
}

static inline void access_any(struct fuzz_input *in)
{
    unsigned size = 1U << fuzz_below(in, 4);
    bool write = (fuzz_take(in, 1) & 1) != 0;
    uint64_t offset = fuzz_take(in, 2) % (0x200 - size + 1);

    access_at(offset, size, write, write ? fuzz_value(in) & (~UINT64_C(0) >> (64 - 8 * size)) : 0);
}

/* Of a size that is one of the `sizes` powers of two from 1 on. */
static inline void set_up_queue(struct fuzz_input *in, unsigned queue, unsigned sizes)
{
    wr(VIRTIO_MMIO_QUEUE_SEL, queue);
    wr(VIRTIO_MMIO_QUEUE_NUM, UINT64_C(1) << fuzz_below(in, sizes));
    wr(VIRTIO_MMIO_QUEUE_DESC_LOW, QUEUE(queue));
    wr(VIRTIO_MMIO_QUEUE_AVAIL_LOW, QUEUE(queue) + AVAIL);
    wr(VIRTIO_MMIO_QUEUE_USED_LOW, QUEUE(queue) + USED);
    wr(VIRTIO_MMIO_QUEUE_READY, 1);
}

/* From a reset's end to FEATURES_OK, as a driver that means well does; `low`: of the features. */
static inline void negotiate(uint64_t low)
{
    wr(VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
    wr(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
    wr(VIRTIO_MMIO_DRIVER_FEATURES, low);
    wr(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
    wr(VIRTIO_MMIO_DRIVER_FEATURES, 1);
    wr(VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_FEATURES_OK);
}

/* One more chain in the ring of `queue`, of which `mask` + 1 entries are used in turn. */
static inline void add_available(unsigned queue, uint16_t head, unsigned mask)
{
    uint8_t *avail = driver.ram0 + (QUEUE(queue) - RAM0_IPA) + AVAIL;
    uint16_t idx;

    memcpy(&idx, avail + 2, sizeof(idx));
    memcpy(avail + 4 + (idx & mask) * sizeof(head), &head, sizeof(head));
    idx++;
    memcpy(avail + 2, &idx, sizeof(idx));
}

#endif
