/* SPDX-License-Identifier: Apache-2.0 */
/* The block device, driven through its transport's registers as a guest does. */
#include "virtio_driver.h"

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <pthread.h>
#include <sched.h>

#include "dev/virtio_blk.h"
#include "mm/phys.h"

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

static uint8_t
    disk[(SECTORS + 2) * SECTOR]; /* a sector before and one behind that must not change */
static struct virtio_blk blk;
static struct virtio_mmio slot;
static struct test_irq irq;
static struct driver drv;

static uint64_t rd(uint64_t offset, uint8_t size)
{
    struct mmio_access access = {.offset = offset, .size = size};

    assert_int_equal(virtio_mmio_access(&slot, &access), MMIO_OK);
    return access.value;
}

static void wr(uint64_t offset, uint32_t value)
{
    struct mmio_access access = {.offset = offset, .size = 4, .value = value, .write = true};

    assert_int_equal(virtio_mmio_access(&slot, &access), MMIO_OK);
}

static void add_queue(unsigned index, const struct driver *d)
{
    wr(VIRTIO_MMIO_QUEUE_SEL, index);
    wr(VIRTIO_MMIO_QUEUE_NUM, d->size);
    wr(VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)d->desc);
    wr(VIRTIO_MMIO_QUEUE_AVAIL_LOW, (uint32_t)d->avail);
    wr(VIRTIO_MMIO_QUEUE_USED_LOW, (uint32_t)d->used);
    wr(VIRTIO_MMIO_QUEUE_READY, 1);
    assert_int_equal(rd(VIRTIO_MMIO_QUEUE_READY, 4), 1);
}

static uint8_t *sector_ptr(uint64_t sector)
{
    return disk + (1 + sector) * SECTOR;
}

static struct virtio_blk_setup good_setup(void)
{
    return (struct virtio_blk_setup){
        .disk = {ptr_to_pa(sector_ptr(0)), SECTORS * SECTOR + 100}, .nr_queues = 2, .id = "disk-0"};
}

static int init(const struct virtio_blk_setup *setup)
{
    const struct irq_line line = {test_irq_set, &irq, 49};

    return virtio_blk_init(&blk, setup, &slot, &test_mem, &line);
}

static void start(uint32_t queue_size, uint64_t features)
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

static void start_disk(bool read_only)
{
    struct virtio_blk_setup s = good_setup();

    s.read_only = read_only;
    assert_int_equal(init(&s), 0);
    start(8, F_ALL);
}

static int setup(void **state)
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

static void put_header(uint32_t type, uint64_t sector)
{
    struct virtio_blk_outhdr header = {.type = type, .sector = sector};

    memcpy(ram(HEADER), &header, sizeof(header));
    memset(ram(STATUS), UNTOUCHED, 1);
}

static uint8_t status_byte(void)
{
    return *(uint8_t *)ram(STATUS);
}

/* Put the chain at descriptor 0 to the device, which must hand it back with `written` bytes. */
static uint8_t submit(uint32_t written)
{
    uint32_t id, len;

    driver_offer(&drv, 0);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS, 4), RUNNING);
    assert_true(driver_take(&drv, &id, &len));
    assert_int_equal(id, 0);
    assert_int_equal(len, written);
    return status_byte();
}

/* One request with its data in one buffer at `data`; none when len is 0. */
static uint8_t request(uint32_t type, uint64_t sector, uint64_t data, uint32_t len)
{
    bool to_guest = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;

    put_header(type, sector);
    put_desc(drv.desc, 0, HEADER, sizeof(struct virtio_blk_outhdr), NEXT, len != 0 ? 1 : 2);
    put_desc(drv.desc, 1, data, len, NEXT | (to_guest ? WRITE : 0U), 2);
    put_desc(drv.desc, 2, STATUS, 1, WRITE, 0);
    return submit(to_guest ? len + 1 : 1);
}

/* The request has broken the device, and nothing was answered. */
static void assert_breaks(void)
{
    uint32_t id, len;

    driver_offer(&drv, 0);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS, 4), RUNNING | VIRTIO_CONFIG_S_NEEDS_RESET);
    assert_false(driver_take(&drv, &id, &len));
    assert_int_equal(status_byte(), UNTOUCHED);
    assert_true(irq.level);
    assert_int_equal(rd(VIRTIO_MMIO_INTERRUPT_STATUS, 4), VIRTIO_MMIO_INT_CONFIG);
}

static void assert_disk_untouched(void)
{
    for (size_t i = 0; i < sizeof(disk); i++)
        assert_int_equal(disk[i], 1 + i % 251);
}

static void test_init_errors(void **state)
{
    struct virtio_blk_setup s = good_setup();

    (void)state;
    virtio_mmio_init_empty(&slot);
    s.disk.size = 511;
    assert_int_equal(init(&s), -ERR_RANGE);
    s.disk.size = 0;
    assert_int_equal(init(&s), -ERR_RANGE);
    s.disk = (struct pa_range){pa(UINT64_MAX - 511), 513};
    assert_int_equal(init(&s), -ERR_RANGE);
    s = good_setup();
    s.nr_queues = 0;
    assert_int_equal(init(&s), -ERR_INVAL);
    s.nr_queues = VIRTIO_MMIO_MAX_QUEUES + 1;
    assert_int_equal(init(&s), -ERR_INVAL);
    assert_int_equal(rd(VIRTIO_MMIO_DEVICE_ID, 4), 0);
    s.nr_queues = VIRTIO_MMIO_MAX_QUEUES;
    s.disk.size = 512;
    assert_int_equal(init(&s), 0);
    assert_int_equal(rd(VIRTIO_MMIO_DEVICE_ID, 4), VIRTIO_ID_BLOCK);
    assert_int_equal(rd(VIRTIO_MMIO_CONFIG, 8), 1);
}

#define CONFIG(field)                                                                              \
    rd(VIRTIO_MMIO_CONFIG + offsetof(struct virtio_blk_config, field),                             \
       sizeof(((struct virtio_blk_config *)0)->field))

static void test_config(void **state)
{
    (void)state;
    assert_int_equal(CONFIG(capacity), SECTORS); /* the odd 100 bytes do not count */
    assert_int_equal(CONFIG(seg_max), VIRTQ_MAX_SEGS - 2);
    assert_int_equal(CONFIG(blk_size), 512);
    assert_int_equal(CONFIG(num_queues), 2);
    assert_int_equal(CONFIG(max_discard_sectors), 8192);
    assert_int_equal(CONFIG(max_discard_seg), 16);
    assert_int_equal(CONFIG(discard_sector_alignment), 1);
    assert_int_equal(CONFIG(max_write_zeroes_sectors), 8192);
    assert_int_equal(CONFIG(max_write_zeroes_seg), 16);
    assert_int_equal(CONFIG(write_zeroes_may_unmap), 1);
    assert_int_equal(CONFIG(size_max), 0);
}

static uint32_t low_features(void)
{
    wr(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
    return (uint32_t)rd(VIRTIO_MMIO_DEVICE_FEATURES, 4) & 0xffffff;
}

static void test_features(void **state)
{
    const uint32_t both = BIT(VIRTIO_BLK_F_SEG_MAX) | BIT(VIRTIO_BLK_F_BLK_SIZE) |
                          BIT(VIRTIO_BLK_F_FLUSH) | BIT(VIRTIO_BLK_F_MQ);

    (void)state;
    assert_int_equal(low_features(),
                     both | BIT(VIRTIO_BLK_F_DISCARD) | BIT(VIRTIO_BLK_F_WRITE_ZEROES));
    start_disk(true);
    assert_int_equal(low_features(), both | BIT(VIRTIO_BLK_F_RO));
}

static void test_read(void **state)
{
    (void)state;
    memset(ram(DATA), 0, 4096 + 1);
    assert_int_equal(request(VIRTIO_BLK_T_IN, 7, DATA, 4096), VIRTIO_BLK_S_OK);
    assert_memory_equal(ram(DATA), sector_ptr(7), 4096);
    assert_int_equal(*(uint8_t *)ram(DATA + 4096), 0);
    assert_true(irq.level);
    assert_int_equal(rd(VIRTIO_MMIO_INTERRUPT_STATUS, 4), VIRTIO_MMIO_INT_VRING);
    assert_disk_untouched();
}

static void test_write(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1024; i++)
        ((uint8_t *)ram(DATA))[i] = (uint8_t)(i * 7);
    assert_int_equal(request(VIRTIO_BLK_T_OUT, 100, DATA, 1024), VIRTIO_BLK_S_OK);
    assert_memory_equal(sector_ptr(100), ram(DATA), 1024);
    for (size_t i = 0; i < sizeof(disk); i++) {
        if (&disk[i] < sector_ptr(100) || &disk[i] >= sector_ptr(102))
            assert_int_equal(disk[i], 1 + i % 251);
    }
    assert_int_equal(request(VIRTIO_BLK_T_IN, 100, DATA + 4096, 1024), VIRTIO_BLK_S_OK);
    assert_memory_equal(ram(DATA), ram(DATA + 4096), 1024);
}

static void test_ends_of_disk(void **state)
{
    static const struct {
        uint64_t sector;
        uint32_t sectors;
        uint8_t status;
    } io[] = {
        {0, 1, VIRTIO_BLK_S_OK},
        {SECTORS - 1, 1, VIRTIO_BLK_S_OK},
        {SECTORS - 4, 4, VIRTIO_BLK_S_OK},
        {SECTORS, 0, VIRTIO_BLK_S_OK},
        {SECTORS, 1, VIRTIO_BLK_S_IOERR},
        {SECTORS - 1, 2, VIRTIO_BLK_S_IOERR},
        {SECTORS + 1, 0, VIRTIO_BLK_S_IOERR},
        {UINT64_MAX, 1, VIRTIO_BLK_S_IOERR},
        {UINT64_MAX, 2, VIRTIO_BLK_S_IOERR},
        {UINT64_C(1) << 55, 1, VIRTIO_BLK_S_IOERR}, /* times 512 it is 0 */
        {(UINT64_C(1) << 55) + 3, 1, VIRTIO_BLK_S_IOERR},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(io); i++) {
        uint32_t len = io[i].sectors * SECTOR;

        memset(ram(DATA), 0x77, 4096);
        assert_int_equal(request(VIRTIO_BLK_T_IN, io[i].sector, DATA, len), io[i].status);
        if (io[i].status == VIRTIO_BLK_S_OK && len != 0)
            assert_memory_equal(ram(DATA), sector_ptr(io[i].sector), len);
        else
            assert_int_equal(*(uint8_t *)ram(DATA), 0x77);
        if (io[i].status == VIRTIO_BLK_S_OK && len != 0)
            memcpy(ram(DATA), sector_ptr(io[i].sector), len);
        assert_int_equal(request(VIRTIO_BLK_T_OUT, io[i].sector, DATA, len), io[i].status);
    }
    assert_disk_untouched();
}

static void test_odd_lengths(void **state)
{
    static const uint32_t len[] = {1, 511, 513, 1000, 4095};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(len); i++) {
        assert_int_equal(request(VIRTIO_BLK_T_IN, 0, DATA, len[i]), VIRTIO_BLK_S_IOERR);
        assert_int_equal(request(VIRTIO_BLK_T_OUT, 0, DATA, len[i]), VIRTIO_BLK_S_IOERR);
    }
    assert_disk_untouched();
}

static void test_flush(void **state)
{
    (void)state;
    assert_int_equal(request(VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_OK);
}

static void test_get_id(void **state)
{
    static const char *const ids[] = {"", "disk-0", "exactly-20-bytes-lon",
                                      "more than twenty bytes long"};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(ids); i++) {
        struct virtio_blk_setup s = good_setup();
        char want[20] = {0};

        s.id = ids[i];
        memcpy(want, ids[i], strnlen(ids[i], 20));
        assert_int_equal(init(&s), 0);
        start(8, F_ALL);
        for (uint32_t room = 0; room <= 24; room += 6) {
            memset(ram(DATA), 0x77, 32);
            assert_int_equal(request(VIRTIO_BLK_T_GET_ID, 0, DATA, room), VIRTIO_BLK_S_OK);
            assert_memory_equal(ram(DATA), want, room < 20 ? room : 20);
            assert_int_equal(((uint8_t *)ram(DATA))[room < 20 ? room : 20], 0x77);
        }
    }
}

static void test_unsupported(void **state)
{
    static const uint32_t type[] = {2, 3, 5, 9, VIRTIO_BLK_T_SECURE_ERASE, 0x80000000, UINT32_MAX};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(type); i++)
        assert_int_equal(request(type[i], 0, DATA, 512), VIRTIO_BLK_S_UNSUPP);
    assert_disk_untouched();
}

static void test_read_only(void **state)
{
    (void)state;
    start_disk(true);
    put_desc(RANGES, 0, 0, 1, 0, 0); /* a range: sector 0, 1 sector, no flags */
    assert_int_equal(request(VIRTIO_BLK_T_OUT, 0, DATA, 512), VIRTIO_BLK_S_IOERR);
    assert_int_equal(request(VIRTIO_BLK_T_DISCARD, 0, RANGES, 16), VIRTIO_BLK_S_IOERR);
    assert_int_equal(request(VIRTIO_BLK_T_WRITE_ZEROES, 0, RANGES, 16), VIRTIO_BLK_S_IOERR);
    assert_int_equal(request(VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_OK);
    assert_int_equal(request(VIRTIO_BLK_T_IN, 0, DATA, 512), VIRTIO_BLK_S_OK);
    assert_memory_equal(ram(DATA), sector_ptr(0), 512);
    assert_disk_untouched();
}

static void put_range(unsigned i, uint64_t sector, uint32_t count, uint32_t flags)
{
    struct virtio_blk_discard_write_zeroes range = {sector, count, flags};

    memcpy(ram(RANGES + i * sizeof(range)), &range, sizeof(range));
}

static void assert_only_zeroed(uint64_t first, uint64_t count)
{
    for (size_t i = 0; i < sizeof(disk); i++) {
        bool inside = &disk[i] >= sector_ptr(first) && &disk[i] < sector_ptr(first + count);

        assert_int_equal(disk[i], inside ? 0 : 1 + i % 251);
    }
}

static void test_zeroing(void **state)
{
    static const uint32_t type[] = {VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        setup(NULL);
        for (unsigned r = 0; r < 15; r++)
            put_range(r, SECTORS - 20 + r, 1, 0);
        put_range(15, SECTORS - 5, 5, i == 1 ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0);
        assert_int_equal(request(type[i], 0, RANGES, 16 * 16), VIRTIO_BLK_S_OK);
        assert_only_zeroed(SECTORS - 20, 20);

        setup(NULL);
        put_range(0, 3, 8192, 0);
        put_range(1, SECTORS, 0, 0); /* nothing, at the very end */
        assert_int_equal(request(type[i], 0, RANGES, 32), VIRTIO_BLK_S_OK);
        assert_only_zeroed(3, 8192);
    }
}

/* A bad range spoils the request; the good ones before it are not carried out either. */
static void test_zeroing_errors(void **state)
{
    static const struct {
        uint64_t sector;
        uint32_t count, flags;
        uint8_t discard, zeroes;
    } bad[] = {
        {0, 8193, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR},
        {0, UINT32_MAX, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR},
        {SECTORS, 1, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR},
        {SECTORS - 1, 2, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR},
        {UINT64_MAX, 2, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR},
        {UINT64_C(1) << 55, 1, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR},
        {0, 1, 2, VIRTIO_BLK_S_UNSUPP, VIRTIO_BLK_S_UNSUPP},
        {0, 1, 0x80000001, VIRTIO_BLK_S_UNSUPP, VIRTIO_BLK_S_UNSUPP},
    };

    (void)state;
    put_range(0, 10, 1, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        put_range(1, bad[i].sector, bad[i].count, bad[i].flags);
        assert_int_equal(request(VIRTIO_BLK_T_DISCARD, 0, RANGES, 32), bad[i].discard);
        assert_int_equal(request(VIRTIO_BLK_T_WRITE_ZEROES, 0, RANGES, 32), bad[i].zeroes);
    }
    put_range(1, 0, 1, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
    assert_int_equal(request(VIRTIO_BLK_T_DISCARD, 0, RANGES, 32), VIRTIO_BLK_S_UNSUPP);
    assert_disk_untouched();
}

static void test_zeroing_lengths(void **state)
{
    static const uint32_t len[] = {0, 1, 15, 17, 17 * 16, 0x10000};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(len); i++) {
        assert_int_equal(request(VIRTIO_BLK_T_DISCARD, 0, RANGES, len[i]), VIRTIO_BLK_S_IOERR);
        assert_int_equal(request(VIRTIO_BLK_T_WRITE_ZEROES, 0, RANGES, len[i]), VIRTIO_BLK_S_IOERR);
    }
    assert_disk_untouched();
}

/* Any cut will do: the header in pieces, data with the header, the status with the data. */
static void test_any_layout(void **state)
{
    (void)state;
    put_header(VIRTIO_BLK_T_IN, 9);
    put_desc(drv.desc, 0, HEADER, 3, NEXT, 4);
    put_desc(drv.desc, 4, HEADER + 3, 12, NEXT, 1);
    put_desc(drv.desc, 1, HEADER + 15, 1, NEXT, 5);
    put_desc(drv.desc, 5, DATA, 700, NEXT | WRITE, 2);
    put_desc(drv.desc, 2, DATA + 700, 1024 - 700 + 1, WRITE, 0);
    *(uint8_t *)ram(DATA + 1024) = UNTOUCHED;
    assert_int_equal(submit(1025), UNTOUCHED); /* the status is elsewhere */
    assert_int_equal(*(uint8_t *)ram(DATA + 1024), VIRTIO_BLK_S_OK);
    assert_memory_equal(ram(DATA), sector_ptr(9), 1024);

    put_header(VIRTIO_BLK_T_OUT, 11);
    memset(ram(HEADER + 16), 0x33, 512);
    put_desc(drv.desc, 0, HEADER, 10, NEXT, 1);
    put_desc(drv.desc, 1, HEADER + 10, 6 + 512, NEXT, 2);
    put_desc(drv.desc, 2, STATUS, 1, WRITE, 0);
    assert_int_equal(submit(1), VIRTIO_BLK_S_OK);
    assert_int_equal(*sector_ptr(11), 0x33);
    assert_int_equal(sector_ptr(12)[-1], 0x33);
    assert_int_not_equal(*sector_ptr(12), 0x33);
}

/* As many data buffers as seg_max allows, through an indirect table. */
static void test_longest_chain(void **state)
{
    const unsigned segs = VIRTQ_MAX_SEGS - 2;

    (void)state;
    put_header(VIRTIO_BLK_T_IN, 1);
    put_desc(TABLE, 0, HEADER, 16, NEXT, 1);
    for (unsigned i = 0; i < segs; i++)
        put_desc(TABLE, 1 + i, DATA + i * SECTOR, SECTOR, NEXT | WRITE, 2 + i);
    put_desc(TABLE, 1 + segs, STATUS, 1, WRITE, 0);
    put_desc(drv.desc, 0, TABLE, 16 * VIRTQ_MAX_SEGS, VRING_DESC_F_INDIRECT, 0);
    assert_int_equal(submit(segs * SECTOR + 1), VIRTIO_BLK_S_OK);
    assert_memory_equal(ram(DATA), sector_ptr(1), segs * SECTOR);
}

static void test_no_header(void **state)
{
    (void)state;
    put_header(VIRTIO_BLK_T_FLUSH, 0);
    put_desc(drv.desc, 0, HEADER, 15, NEXT, 1);
    put_desc(drv.desc, 1, STATUS, 1, WRITE, 0);
    assert_breaks();
    setup(NULL);
    put_header(VIRTIO_BLK_T_FLUSH, 0);
    put_desc(drv.desc, 0, STATUS, 1, WRITE, 0);
    assert_breaks();
}

static void test_no_status(void **state)
{
    (void)state;
    put_header(VIRTIO_BLK_T_OUT, 0);
    put_desc(drv.desc, 0, HEADER, 16, NEXT, 1);
    put_desc(drv.desc, 1, DATA, 512, 0, 0);
    assert_breaks();
    assert_disk_untouched();
}

static void test_hostile_chain(void **state)
{
    (void)state;
    put_header(VIRTIO_BLK_T_IN, 0);
    put_desc(drv.desc, 0, HEADER, 16, NEXT, 1);
    put_desc(drv.desc, 1, RAM0_END - 256, 512, NEXT | WRITE, 2); /* half of it is no RAM */
    put_desc(drv.desc, 2, STATUS, 1, WRITE, 0);
    assert_breaks();
    start_disk(false); /* a reset repairs it */
    assert_int_equal(request(VIRTIO_BLK_T_IN, 0, DATA, 512), VIRTIO_BLK_S_OK);
}

/* Chains 3 * k .. 3 * k + 2: a read of one sector each. */
static void put_reads(unsigned count)
{
    put_header(VIRTIO_BLK_T_IN, 5);
    for (unsigned i = 0; i < 3 * count; i += 3) {
        put_desc(drv.desc, i, HEADER, 16, NEXT, i + 1);
        put_desc(drv.desc, i + 1, DATA + i * SECTOR, SECTOR, NEXT | WRITE, i + 2);
        put_desc(drv.desc, i + 2, STATUS, 1, WRITE, 0);
    }
}

static void test_batch(void **state)
{
    uint32_t id, len;

    (void)state;
    start(64, F_ALL);
    put_reads(21);
    *driver_used_event(&drv) = 20; /* interrupt when all 21 are done */
    for (uint16_t i = 0; i < 20; i++)
        driver_offer(&drv, (uint16_t)(3 * i));
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    assert_false(irq.level);
    assert_int_equal(*driver_avail_event(&drv), 20);
    driver_offer(&drv, 60);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    assert_true(irq.level);
    assert_int_equal(irq.rises, 1);
    for (uint32_t i = 0; i < 21; i++) {
        assert_true(driver_take(&drv, &id, &len));
        assert_int_equal(id, 3 * i);
        assert_memory_equal(ram(DATA + id * SECTOR), sector_ptr(5), SECTOR);
    }
    assert_false(driver_take(&drv, &id, &len));
}

static void test_two_queues(void **state)
{
    struct driver first, second = driver_init(1, 8);

    (void)state;
    add_queue(1, &second);
    first = drv;
    drv = second;
    put_reads(1);
    driver_offer(&drv, 0);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0); /* the other one */
    assert_int_equal(driver_used(&drv)->idx, 0);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 1);
    assert_int_equal(driver_used(&drv)->idx, 1);
    assert_int_equal(driver_used(&first)->idx, 0);
    assert_memory_equal(ram(DATA), sector_ptr(5), SECTOR);
}

/*
 * As if other CPUs of the guest added a request for each that is served: the available ring
 * lies on the used ring, whose index the device moves itself and which is one ahead.
 */
static void test_endless_requests_end(void **state)
{
    struct virtq *vq = &slot.queue[0].vq;

    (void)state;
    start(8, F_BASE);
    drv.avail = drv.used;
    wr(VIRTIO_MMIO_QUEUE_READY, 0);
    add_queue(0, &drv);
    /* Used elements, id 0 or 1 and length 1, read as heads: 0 and 1 must both be requests. */
    put_header(VIRTIO_BLK_T_FLUSH, 0);
    put_desc(drv.desc, 0, HEADER, 16, NEXT, 2);
    put_desc(drv.desc, 1, HEADER, 16, NEXT, 2);
    put_desc(drv.desc, 2, STATUS, 1, WRITE, 0);
    vq->next_used = 1;
    driver_used(&drv)->idx = 1;

    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS, 4), RUNNING);
    assert_int_equal(vq->next_avail, 2 * VIRTQ_MAX_SIZE);
    assert_true(irq.level);
    wr(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
    assert_int_equal(vq->next_avail, 4 * VIRTQ_MAX_SIZE);
    assert_true(irq.level);
}

/* Three requests that move 16 MiB each: one notification serves two, the rest comes later. */
static void test_long_requests_take_turns(void **state)
{
    (void)state;
    start(8, F_BASE);
    for (unsigned i = 0; i < 4; i++)
        put_range(i, 0, 8192, 0);
    put_header(VIRTIO_BLK_T_WRITE_ZEROES, 0);
    put_desc(drv.desc, 0, HEADER, 16, NEXT, 1);
    put_desc(drv.desc, 1, RANGES, 4 * 16, NEXT, 2);
    put_desc(drv.desc, 2, STATUS, 1, WRITE, 0);
    for (unsigned i = 0; i < 3; i++)
        driver_offer(&drv, 0);

    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    assert_int_equal(status_byte(), VIRTIO_BLK_S_OK);
    assert_int_equal(driver_used(&drv)->idx, 2);
    assert_true(irq.level);
    wr(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
    assert_int_equal(driver_used(&drv)->idx, 3);
}

#define RACE_REQUESTS 5000
#define RACE_PATIENCE 1000000 /* looks at the used ring before a request counts as lost */

static pthread_mutex_t race_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned race_done[2]; /* requests of each CPU that have come back */

/* Make chain `head` available; does the device want to hear of it? As Linux does both. */
static bool race_offer(uint16_t head)
{
    uint16_t before = drv.next_avail;

    driver_offer(&drv, head);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return vring_need_event(__atomic_load_n(driver_avail_event(&drv), __ATOMIC_RELAXED),
                            drv.next_avail, before) != 0;
}

/* Is there request `wanted` of chain `head` among those that have come back? */
static bool race_is_done(uint16_t head, unsigned wanted)
{
    uint32_t id, len;
    bool done;

    pthread_mutex_lock(&race_lock);
    while (driver_take(&drv, &id, &len))
        race_done[id / 2]++;
    done = race_done[head / 2] == wanted;
    pthread_mutex_unlock(&race_lock);
    return done;
}

/* One of the guest's CPUs: request after request, with a notification only where one is due. */
static void *race_cpu(void *arg)
{
    uint16_t head = *(uint16_t *)arg;

    for (unsigned i = 1; i <= RACE_REQUESTS; i++) {
        unsigned looks = 0;
        bool due;

        pthread_mutex_lock(&race_lock);
        due = race_offer(head);
        pthread_mutex_unlock(&race_lock);
        if (due)
            wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
        while (!race_is_done(head, i)) {
            if (++looks == RACE_PATIENCE)
                return arg;
            sched_yield();
        }
    }
    return NULL;
}

/* Two CPUs share a queue: no request is lost between the device's last look and its going idle. */
static void test_no_request_is_lost(void **state)
{
    static uint16_t heads[2] = {0, 2};
    pthread_t cpu[2];

    (void)state;
    put_header(VIRTIO_BLK_T_FLUSH, 0);
    for (unsigned i = 0; i < 4; i += 2) {
        put_desc(drv.desc, i, HEADER, 16, NEXT, i + 1);
        put_desc(drv.desc, i + 1, STATUS + i, 1, WRITE, 0);
    }
    memset(race_done, 0, sizeof(race_done));
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&cpu[i], NULL, race_cpu, &heads[i]), 0);
    for (unsigned i = 0; i < 2; i++) {
        void *lost;

        pthread_join(cpu[i], &lost);
        assert_null(lost);
    }
    assert_int_equal(race_done[0], RACE_REQUESTS);
    assert_int_equal(race_done[1], RACE_REQUESTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_init_errors, setup),
        cmocka_unit_test_setup(test_config, setup),
        cmocka_unit_test_setup(test_features, setup),
        cmocka_unit_test_setup(test_read, setup),
        cmocka_unit_test_setup(test_write, setup),
        cmocka_unit_test_setup(test_ends_of_disk, setup),
        cmocka_unit_test_setup(test_odd_lengths, setup),
        cmocka_unit_test_setup(test_flush, setup),
        cmocka_unit_test_setup(test_get_id, setup),
        cmocka_unit_test_setup(test_unsupported, setup),
        cmocka_unit_test_setup(test_read_only, setup),
        cmocka_unit_test_setup(test_zeroing, setup),
        cmocka_unit_test_setup(test_zeroing_errors, setup),
        cmocka_unit_test_setup(test_zeroing_lengths, setup),
        cmocka_unit_test_setup(test_any_layout, setup),
        cmocka_unit_test_setup(test_longest_chain, setup),
        cmocka_unit_test_setup(test_no_header, setup),
        cmocka_unit_test_setup(test_no_status, setup),
        cmocka_unit_test_setup(test_hostile_chain, setup),
        cmocka_unit_test_setup(test_batch, setup),
        cmocka_unit_test_setup(test_two_queues, setup),
        cmocka_unit_test_setup(test_endless_requests_end, setup),
        cmocka_unit_test_setup(test_long_requests_take_turns, setup),
        cmocka_unit_test_setup(test_no_request_is_lost, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
