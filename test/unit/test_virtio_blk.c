/* SPDX-License-Identifier: Apache-2.0 */
/* The block device: its configuration, and what each request does to the disk. */
#include "virtio_blk_fixture.h"

#include <linux/virtio_ids.h>

static void test_init_errors(void **state)
{
    struct virtio_blk_setup s = good_setup();

    (void)state;
    slot = (struct virtio_mmio){0};
    s.disk.size = 511;
    assert_int_equal(init(&s), -ERR_RANGE);
    s.disk.size = 0;
    assert_int_equal(init(&s), -ERR_RANGE);
    s.disk = (struct pa_range){pa(UINT64_MAX - 511), 513};
    assert_int_equal(init(&s), -ERR_RANGE);
    s = good_setup();
    s.nr_queues = 0;
    assert_int_equal(init(&s), -ERR_INVAL);
    s.nr_queues = VIRTIO_BLK_MAX_QUEUES + 1;
    assert_int_equal(init(&s), -ERR_INVAL);
    assert_int_equal(rd(VIRTIO_MMIO_DEVICE_ID, 4), 0);
    s.nr_queues = VIRTIO_BLK_MAX_QUEUES;
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

/*
 * used.len: as many bytes as were written from the first writable one on, without a gap. The status
 * counts where it follows on them.
 */
static void test_written(void **state)
{
    static const struct {
        uint32_t type;
        uint64_t sector;
        uint32_t len;
        uint32_t written;
        uint8_t status;
    } io[] = {
        {VIRTIO_BLK_T_IN, 0, 1024, 1025, VIRTIO_BLK_S_OK},
        {VIRTIO_BLK_T_IN, 0, 0, 1, VIRTIO_BLK_S_OK},
        {VIRTIO_BLK_T_IN, SECTORS, 512, 0, VIRTIO_BLK_S_IOERR},
        {VIRTIO_BLK_T_IN, 0, 100, 0, VIRTIO_BLK_S_IOERR},
        {VIRTIO_BLK_T_IN, SECTORS + 1, 0, 1, VIRTIO_BLK_S_IOERR},
        {VIRTIO_BLK_T_OUT, 0, 512, 1, VIRTIO_BLK_S_OK},
        {VIRTIO_BLK_T_OUT, SECTORS, 512, 1, VIRTIO_BLK_S_IOERR},
        {VIRTIO_BLK_T_FLUSH, 0, 0, 1, VIRTIO_BLK_S_OK},
        {VIRTIO_BLK_T_GET_ID, 0, 0, 1, VIRTIO_BLK_S_OK},
        {VIRTIO_BLK_T_GET_ID, 0, 7, 8, VIRTIO_BLK_S_OK},
        {VIRTIO_BLK_T_GET_ID, 0, 20, 21, VIRTIO_BLK_S_OK},
        {VIRTIO_BLK_T_GET_ID, 0, 21, 20, VIRTIO_BLK_S_OK},
        {VIRTIO_BLK_T_GET_ID, 0, 512, 20, VIRTIO_BLK_S_OK},
        {VIRTIO_BLK_T_SECURE_ERASE, 0, 16, 1, VIRTIO_BLK_S_UNSUPP},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(io); i++) {
        put_request(io[i].type, io[i].sector, DATA, io[i].len);
        assert_int_equal(submit(io[i].written), io[i].status);
    }
    /* Writable data where the request has no use for any. */
    for (uint32_t type = 2; type < 16; type++) {
        if (is_to_guest(type))
            continue;
        put_request(type, 0, DATA, 512);
        put_desc(drv.desc, 1, DATA, 512, NEXT | WRITE, 2);
        submit(0);
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
        cmocka_unit_test_setup(test_written, setup),
        cmocka_unit_test_setup(test_unsupported, setup),
        cmocka_unit_test_setup(test_read_only, setup),
        cmocka_unit_test_setup(test_zeroing, setup),
        cmocka_unit_test_setup(test_zeroing_errors, setup),
        cmocka_unit_test_setup(test_zeroing_lengths, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
