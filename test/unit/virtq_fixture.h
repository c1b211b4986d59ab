/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of dev/virtq.c share: one queue, with a driver at its other end. */
#ifndef VIRTQ_FIXTURE_H
#define VIRTQ_FIXTURE_H

#include "virtio_driver.h"

#define DATA     (RAM0_IPA + 0x100000) /* buffers */
#define INDIRECT (RAM0_IPA + 0x80000)  /* indirect tables */
#define NEXT     VRING_DESC_F_NEXT
#define WRITE    VRING_DESC_F_WRITE
#define INDIR    VRING_DESC_F_INDIRECT

#define F_INDIRECT BIT(VIRTIO_RING_F_INDIRECT_DESC)
#define F_EVENT    BIT(VIRTIO_RING_F_EVENT_IDX)

static struct virtq vq;
static struct virtq_chain chain;
static struct driver drv;

static inline void make_queue(uint32_t size, uint64_t features)
{
    struct virtq_layout layout;

    drv = driver_init(0, size);
    layout = driver_layout(&drv);
    virtq_reset(&vq);
    assert_int_equal(virtq_setup(&vq, &test_mem, &layout, features), 0);
}

static inline int setup(void **state)
{
    (void)state;
    memset(ram0, 0, sizeof(ram0));
    make_queue(8, F_INDIRECT | F_EVENT);
    return 0;
}

static inline int pop_offered(uint16_t head)
{
    driver_offer(&drv, head);
    return virtq_pop(&vq, &chain);
}

/* The ring is broken: an error that is not "nothing there", and the chain is not taken. */
static inline void assert_broken(uint16_t head)
{
    uint16_t before = vq.next_avail;
    int err = pop_offered(head);

    assert_true(err < 0);
    assert_int_not_equal(err, -ERR_NOENT);
    assert_int_equal(vq.next_avail, before);
}

#endif
