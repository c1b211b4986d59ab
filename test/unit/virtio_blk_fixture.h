/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of dev/virtio_blk.c share: a disk in memory, a slot with the device, and requests
 * that go through the slot's registers as a guest's do.
 */
#ifndef VIRTIO_BLK_FIXTURE_H
#define VIRTIO_BLK_FIXTURE_H

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>

#include "dev/virtio_blk.h"
#include "mm/phys.h"
#include "virtio_driver.h"

#define SECTOR  512U
#define SECTORS 20000U /* more than one range of a DISCARD may cover, twice */
#define HEADER  (RAM0_IPA + 0x80000)
#define STATUS  (RAM0_IPA + 0x81000)
#define RANGES  (RAM0_IPA + 0x82000)
#define TABLE   (RAM0_IPA + 0x84000)
#define DATA    (RAM0_IPA + 0x100000)

#define NEXT      VRING_DESC_F_NEXT
#define WRITE     VRING_DESC_F_WRITE
#define UNTOUCHED 0xee /* in the status byte: no answer yet */

#define F_BASE BIT(VIRTIO_F_VERSION_1)
#define F_ALL  (F_BASE | BIT(VIRTIO_RING_F_INDIRECT_DESC) | BIT(VIRTIO_RING_F_EVENT_IDX))
#define RUNNING                                                                                    \
    (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK |          \
     VIRTIO_CONFIG_S_DRIVER_OK)

/* Between a sector before it and one behind it that must not change. */
static uint8_t disk[(SECTORS + 2) * SECTOR];
static struct virtio_blk blk;
static struct virtio_mmio slot;
static struct test_irq irq;
static struct driver drv;

static inline uint64_t rd(uint64_t offset, uint8_t size)
{
    struct mmio_access access = {.offset = offset, .size = size};

    assert_int_equal(virtio_mmio_access(&slot, &access), MMIO_OK);
    return access.value;
}

static inline void wr(uint64_t offset, uint32_t value)
{
    struct mmio_access access = {.offset = offset, .size = 4, .value = value, .write = true};

    assert_int_equal(virtio_mmio_access(&slot, &access), MMIO_OK);
}

static inline void add_queue(unsigned index, const struct driver *d)
{
    wr(VIRTIO_MMIO_QUEUE_SEL, index);
    wr(VIRTIO_MMIO_QUEUE_NUM, d->size);
    wr(VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)d->desc);
    wr(VIRTIO_MMIO_QUEUE_AVAIL_LOW, (uint32_t)d->avail);
    wr(VIRTIO_MMIO_QUEUE_USED_LOW, (uint32_t)d->used);
    wr(VIRTIO_MMIO_QUEUE_READY, 1);
    assert_int_equal(rd(VIRTIO_MMIO_QUEUE_READY, 4), 1);
}

static inline uint8_t *sector_ptr(uint64_t sector)
{
    return disk + (1 + sector) * SECTOR;
}

static inline struct virtio_blk_setup good_setup(void)
{
    return (struct virtio_blk_setup){
        .disk = {ptr_to_pa(sector_ptr(0)), SECTORS * SECTOR + 100}, .nr_queues = 2, .id = "disk-0"};
}

static inline int init(const struct virtio_blk_setup *setup)
{
    const struct irq_line line = {test_irq_set, &irq, 49};

    return virtio_blk_init(&blk, setup, &slot, &test_mem, &line);
}

static inline void start(uint32_t queue_size, uint64_t features)
{
    wr(VIRTIO_MMIO_STATUS, 0);
    wr(VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
    wr(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
    wr(VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)features);
    wr(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
    wr(VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32));
    wr(VIRTIO_MMIO_STATUS, RUNNING);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS, 4), RUNNING);
    drv = driver_init(0, queue_size);
    add_queue(0, &drv);
}

static inline void start_disk(bool read_only)
{
    struct virtio_blk_setup s = good_setup();

    s.read_only = read_only;
    assert_int_equal(init(&s), 0);
    start(8, F_ALL);
}

static inline int setup(void **state)
{
    (void)state;
    memset(ram0, 0, sizeof(ram0));
    memset(&irq, 0, sizeof(irq));
    memset(&blk, 0xa5, sizeof(blk));
    for (size_t i = 0; i < sizeof(disk); i++)
        disk[i] = (uint8_t)(1 + i % 251);
    start_disk(false);
    return 0;
}

static inline void put_header(uint32_t type, uint64_t sector)
{
    struct virtio_blk_outhdr header = {.type = type, .sector = sector};

    memcpy(ram(HEADER), &header, sizeof(header));
    memset(ram(STATUS), UNTOUCHED, 1);
}

static inline uint8_t status_byte(void)
{
    return *(uint8_t *)ram(STATUS);
}

/* Put the chain at descriptor 0 to the device, which must hand it back. Leaves used.len in *len. */
static inline uint8_t submit_any(uint32_t *len)
{
    uint32_t id;

    driver_offer(&drv, 0);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS, 4), RUNNING);
    assert_true(driver_take(&drv, &id, len));
    assert_int_equal(id, 0);
    return status_byte();
}

/* The same; the device must say that `written` bytes were written. */
static inline uint8_t submit(uint32_t written)
{
    uint32_t len;
    uint8_t status = submit_any(&len);

    assert_int_equal(len, written);
    return status;
}

static inline bool is_to_guest(uint32_t type)
{
    return type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
}

/* A request with its data in one buffer at `data`, none when len is 0: descriptors 0 to 2. */
static inline void put_request(uint32_t type, uint64_t sector, uint64_t data, uint32_t len)
{
    put_header(type, sector);
    put_desc(drv.desc, 0, HEADER, sizeof(struct virtio_blk_outhdr), NEXT, len != 0 ? 1 : 2);
    put_desc(drv.desc, 1, data, len, NEXT | (is_to_guest(type) ? WRITE : 0U), 2);
    put_desc(drv.desc, 2, STATUS, 1, WRITE, 0);
}

/* One such request. No more may be said to be written than is. */
static inline uint8_t request(uint32_t type, uint64_t sector, uint64_t data, uint32_t len)
{
    uint32_t written;
    uint8_t status;

    put_request(type, sector, data, len);
    status = submit_any(&written);
    assert_true(written <= (is_to_guest(type) ? len : 0) + 1);
    return status;
}

static inline void assert_disk_untouched(void)
{
    for (size_t i = 0; i < sizeof(disk); i++)
        assert_int_equal(disk[i], 1 + i % 251);
}

static inline void put_range(unsigned i, uint64_t sector, uint32_t count, uint32_t flags)
{
    struct virtio_blk_discard_write_zeroes range = {sector, count, flags};

    memcpy(ram(RANGES + i * sizeof(range)), &range, sizeof(range));
}

#endif
