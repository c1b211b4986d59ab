/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of dev/virtio_mmio.c share: a slot with a backend that does as it is told, and a
 * driver that negotiates, adds queues and starts it.
 */
#ifndef VIRTIO_MMIO_FIXTURE_H
#define VIRTIO_MMIO_FIXTURE_H

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>

#include "dev/virtio_mmio.h"
#include "virtio_driver.h"

#define NR_QUEUES 3
#define DATA      (RAM0_IPA + 0x100000)

#define F_DEVICE (BIT(3) | BIT(35))
#define F_TRANSPORT                                                                                \
    (BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_RING_F_INDIRECT_DESC) | BIT(VIRTIO_RING_F_EVENT_IDX))

enum {
    ACK = VIRTIO_CONFIG_S_ACKNOWLEDGE,
    DRIVER = VIRTIO_CONFIG_S_DRIVER,
    FEATURES_OK = VIRTIO_CONFIG_S_FEATURES_OK,
    DRIVER_OK = VIRTIO_CONFIG_S_DRIVER_OK,
    NEEDS_RESET = VIRTIO_CONFIG_S_NEEDS_RESET,
    FAILED = VIRTIO_CONFIG_S_FAILED,
    RUNNING = ACK | DRIVER | FEATURES_OK | DRIVER_OK,
};

static struct virtio_mmio slot;
static struct test_irq irq;
static struct driver drv;

/* The backend: serves `good` requests, answers what it is told to the others. */
static unsigned served[NR_QUEUES];
static enum virtio_outcome outcome;
static unsigned good;
static uint64_t moves; /* bytes, for each request */
static struct virtio_queue queue[NR_QUEUES];
static struct virtio_request request[NR_QUEUES];

static inline enum virtio_outcome serve(void *ctx, struct virtio_request *r)
{
    assert_ptr_equal(ctx, &good);
    assert_ptr_equal(r, &request[r->queue]);
    assert_int_equal(slot.queue[r->queue].lock.locked, 0);
    served[r->queue]++;
    r->moved += moves;
    r->written = 0;
    if (good == 0)
        return outcome;
    good--;
    return VIRTIO_DONE;
}

static const uint8_t pristine_config[10] = {0x10, 0x11, 0x12, 0x13, 0x14,
                                            0x15, 0x16, 0x17, 0x18, 0x19};
static uint8_t config[sizeof(pristine_config)];

static const struct virtio_backend_ops ops = {.serve_fn = serve};
static const struct virtio_backend backend = {
    .id = 42,
    .features = F_DEVICE,
    .nr_queues = NR_QUEUES,
    .queue_size = VIRTQ_MAX_SIZE,
    .config_size = sizeof(config),
    .config = config,
    .queue = queue,
    .request = request,
    .ops = &ops,
    .ctx = &good,
};

static inline int setup(void **state)
{
    const struct irq_line line = {test_irq_set, &irq, 48};

    (void)state;
    memset(ram0, 0, sizeof(ram0));
    memset(served, 0, sizeof(served));
    memcpy(config, pristine_config, sizeof(config));
    memset(&irq, 0, sizeof(irq));
    memset(&slot, 0xa5, sizeof(slot));
    outcome = VIRTIO_DONE;
    good = 0;
    moves = 0;
    virtio_mmio_init(&slot, &backend, &test_mem, &line);
    return 0;
}

static inline uint64_t read_sized(uint64_t offset, uint8_t size)
{
    struct mmio_access access = {.offset = offset, .size = size, .value = ~UINT64_C(0)};

    assert_int_equal(virtio_mmio_access(&slot, &access), MMIO_OK);
    return access.value;
}

static inline void write_sized(uint64_t offset, uint8_t size, uint64_t value)
{
    struct mmio_access access = {.offset = offset, .size = size, .value = value, .write = true};

    assert_int_equal(virtio_mmio_access(&slot, &access), MMIO_OK);
}

static inline uint32_t rd(uint64_t offset)
{
    return (uint32_t)read_sized(offset, 4);
}

static inline void wr(uint64_t offset, uint32_t value)
{
    write_sized(offset, 4, value);
}

static inline void driver_features(uint64_t features)
{
    wr(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
    wr(VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)features);
    wr(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
    wr(VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32));
}

/* Negotiate; true when the device has accepted. */
static inline bool negotiate(uint64_t features)
{
    wr(VIRTIO_MMIO_STATUS, ACK);
    wr(VIRTIO_MMIO_STATUS, ACK | DRIVER);
    driver_features(features);
    wr(VIRTIO_MMIO_STATUS, ACK | DRIVER | FEATURES_OK);
    return (rd(VIRTIO_MMIO_STATUS) & FEATURES_OK) != 0;
}

static inline void describe_queue(unsigned index, const struct driver *d)
{
    wr(VIRTIO_MMIO_QUEUE_SEL, index);
    wr(VIRTIO_MMIO_QUEUE_NUM, d->size);
    wr(VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)d->desc);
    wr(VIRTIO_MMIO_QUEUE_DESC_HIGH, (uint32_t)(d->desc >> 32));
    wr(VIRTIO_MMIO_QUEUE_AVAIL_LOW, (uint32_t)d->avail);
    wr(VIRTIO_MMIO_QUEUE_AVAIL_HIGH, (uint32_t)(d->avail >> 32));
    wr(VIRTIO_MMIO_QUEUE_USED_LOW, (uint32_t)d->used);
    wr(VIRTIO_MMIO_QUEUE_USED_HIGH, (uint32_t)(d->used >> 32));
}

static inline bool add_queue(unsigned index, const struct driver *d)
{
    describe_queue(index, d);
    wr(VIRTIO_MMIO_QUEUE_READY, 1);
    return rd(VIRTIO_MMIO_QUEUE_READY) == 1;
}

/* A running device with queue 0 of 8 descriptors in `drv`, each a buffer. */
static inline void start(uint64_t features)
{
    assert_true(negotiate(features));
    drv = driver_init(0, 8);
    for (unsigned i = 0; i < 8; i++)
        put_desc(drv.desc, i, DATA, 16, 0, 0);
    assert_true(add_queue(0, &drv));
    wr(VIRTIO_MMIO_STATUS, RUNNING);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), RUNNING);
}

#endif
