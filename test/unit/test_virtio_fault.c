/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk whose requests go wrong by a rule: how they end, what is on the disk and in the guest's
 * buffers afterwards. Requests that wait are in test_virtio_fault_wait.c.
 */
#include "virtio_blk_fixture.h"

#include "virtio_fault_fixture.h"

#define NONE BIT(31) /* of fault_rule.types: a request without a header */
#define FILL 0xfe    /* no byte of the disk's is that */

static int setup_fault(void **state)
{
    struct virtio_blk_setup s = good_setup();

    setup(state);
    assert_int_equal(init(&s), 0);
    wire();
    start(8, F_ALL);
    memset(ram(DATA), FILL, 8 * SECTOR);
    return 0;
}

static void use(enum fault_action action, uint64_t arg0, uint64_t arg1)
{
    rule[0] = any(action, arg0, arg1);
    use_rules(1);
}

/* Offer the chain at descriptor 0. How many have come back? */
static unsigned offer(void)
{
    uint16_t before = driver_used(&drv)->idx;

    driver_offer(&drv, 0);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    return (uint16_t)(driver_used(&drv)->idx - before);
}

static unsigned offer_read(void)
{
    put_request(VIRTIO_BLK_T_IN, 5, DATA, SECTOR);
    return offer();
}

static void without_a_rule(void **state)
{
    (void)state;
    assert_int_equal(request(VIRTIO_BLK_T_IN, 5, DATA, SECTOR), VIRTIO_BLK_S_OK);
    assert_memory_equal(ram(DATA), sector_ptr(5), SECTOR);
    assert_int_equal(said, 0);
}

/* Nothing is done, and a status says how it ended. */
static void fails(void **state)
{
    (void)state;
    use(FAULT_FAIL, VIRTIO_BLK_S_IOERR, 0);
    put_request(VIRTIO_BLK_T_IN, 5, DATA, SECTOR);
    assert_int_equal(submit(0), VIRTIO_BLK_S_IOERR);
    assert_int_equal(*(uint8_t *)ram(DATA), FILL);
    put_request(VIRTIO_BLK_T_FLUSH, 0, DATA, 0);
    assert_int_equal(submit(1), VIRTIO_BLK_S_IOERR);
    use(FAULT_DROP, 0, 0);
    put_request(VIRTIO_BLK_T_OUT, 5, DATA, SECTOR);
    assert_int_equal(submit(1), VIRTIO_BLK_S_OK);
    assert_disk_untouched();
    assert_int_equal(said, 1);
}

/* One that has no room for a status can't be told. */
static void fails_without_a_status(void **state)
{
    uint32_t len;

    (void)state;
    use(FAULT_FAIL, VIRTIO_BLK_S_IOERR, 0);
    put_request(VIRTIO_BLK_T_OUT, 5, DATA, SECTOR);
    put_desc(drv.desc, 1, DATA, SECTOR, 0, 0);
    assert_int_equal(submit_any(&len), UNTOUCHED);
    assert_int_equal(len, 0);
}

/* Does a request of that type, sector and length fit the rule? */
static bool hits(uint32_t type, uint64_t sector, uint32_t len)
{
    unsigned before = said;

    (void)request(type, sector, DATA, len);
    return said != before;
}

static void conditions(void **state)
{
    (void)state;
    rule[0] = any(FAULT_FAIL, VIRTIO_BLK_S_IOERR, 0);
    rule[0].types = BIT(VIRTIO_BLK_T_OUT) | BIT(VIRTIO_BLK_T_IN);
    rule[0].first_sector = 10;
    rule[0].last_sector = 11;
    use_rules(1);
    assert_true(hits(VIRTIO_BLK_T_OUT, 9, 2 * SECTOR));
    assert_false(hits(VIRTIO_BLK_T_OUT, 9, SECTOR));
    assert_true(hits(VIRTIO_BLK_T_IN, 8, 3 * SECTOR));
    assert_true(hits(VIRTIO_BLK_T_IN, 11, SECTOR));
    assert_false(hits(VIRTIO_BLK_T_IN, 12, SECTOR));
    assert_false(hits(VIRTIO_BLK_T_GET_ID, 10, 20));
}

static void short_header(void **state)
{
    (void)state;
    rule[0] = any(FAULT_FAIL, VIRTIO_BLK_S_UNSUPP, 0);
    rule[0].types = NONE;
    use_rules(1);
    assert_false(hits(VIRTIO_BLK_T_IN, 5, SECTOR));
    put_desc(drv.desc, 0, HEADER, 8, NEXT, 2);
    assert_int_equal(submit(1), VIRTIO_BLK_S_UNSUPP);
}

/* What is in the used ring for one read, whose length is 513 when nothing is wrong. */
static void odd_entries(void **state)
{
    static const struct {
        enum fault_action action;
        uint64_t arg;
        unsigned count;
        uint32_t id, len;
    } odd[] = {
        {FAULT_TWICE, 0, 2, 0, SECTOR + 1},       {FAULT_ID, 9999, 1, 9999, SECTOR + 1},
        {FAULT_LEN, 70000, 1, 0, 70000},          {FAULT_SHORT, 1, 1, 0, 1},
        {FAULT_SHORT, 1 << 20, 1, 0, SECTOR + 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        use(odd[i].action, odd[i].arg, 0);
        assert_int_equal(offer_read(), odd[i].count);
        for (unsigned n = 0; n < odd[i].count; n++) {
            uint32_t id, len;

            assert_true(driver_take(&drv, &id, &len));
            assert_int_equal(id, odd[i].id);
            assert_int_equal(len, odd[i].len);
        }
        assert_memory_equal(ram(DATA), sector_ptr(5), SECTOR);
        assert_int_equal(status_byte(), VIRTIO_BLK_S_OK);
    }
}

/* Byte 514 of two buffers is byte 2 of the second; 1024 + 514 is the same one. */
static void corrupts_what_is_read(void **state)
{
    (void)state;
    for (uint64_t offset = 514; offset < 2048; offset += 1024) {
        use(FAULT_CORRUPT, offset, 0x81);
        put_header(VIRTIO_BLK_T_IN, 5);
        put_desc(drv.desc, 0, HEADER, 16, NEXT, 1);
        put_desc(drv.desc, 1, DATA, SECTOR, NEXT | WRITE, 2);
        put_desc(drv.desc, 2, DATA + 4096, SECTOR, NEXT | WRITE, 3);
        put_desc(drv.desc, 3, STATUS, 1, WRITE, 0);
        assert_int_equal(submit(2 * SECTOR + 1), VIRTIO_BLK_S_OK);
        assert_memory_equal(ram(DATA), sector_ptr(5), SECTOR);
        assert_int_equal(((uint8_t *)ram(DATA + 4096))[2], sector_ptr(6)[2] ^ 0x81);
        ((uint8_t *)ram(DATA + 4096))[2] ^= 0x81;
        assert_memory_equal(ram(DATA + 4096), sector_ptr(6), SECTOR);
        assert_disk_untouched();
    }
}

/* On the disk it is wrong, in the guest's memory it is not. */
static void corrupts_what_is_written(void **state)
{
    (void)state;
    use(FAULT_CORRUPT, 3, 0xff);
    assert_int_equal(request(VIRTIO_BLK_T_OUT, 5, DATA, SECTOR), VIRTIO_BLK_S_OK);
    assert_int_equal(sector_ptr(5)[3], FILL ^ 0xff);
    assert_int_equal(sector_ptr(5)[2], FILL);
    assert_int_equal(((uint8_t *)ram(DATA))[3], FILL);
}

static void nothing_to_corrupt(void **state)
{
    (void)state;
    use(FAULT_CORRUPT, 3, 0xff);
    assert_int_equal(request(VIRTIO_BLK_T_FLUSH, 0, DATA, 0), VIRTIO_BLK_S_OK);
    assert_int_equal(said, 1);
}

/* Of three sectors in buffers of 700 and 836 bytes so many are still written, and nothing ends. */
static void torn_write(void **state)
{
    for (uint64_t sectors = 0; sectors < 5; sectors++) {
        uint64_t written = sectors < 3 ? sectors : 3;

        setup_fault(state);
        use(FAULT_CUT, sectors, 0);
        put_header(VIRTIO_BLK_T_OUT, 7);
        put_desc(drv.desc, 0, HEADER, 16, NEXT, 1);
        put_desc(drv.desc, 1, DATA, 700, NEXT, 2);
        put_desc(drv.desc, 2, DATA + 700, 3 * SECTOR - 700, NEXT, 3);
        put_desc(drv.desc, 3, STATUS, 1, WRITE, 0);
        assert_int_equal(offer(), 0);
        assert_int_equal(cuts, 1);
        for (uint64_t i = 0; i < 3 * SECTOR; i++)
            assert_int_equal(sector_ptr(7)[i] == FILL, i < written * SECTOR);
    }
}

/* A request that is none tears nothing; the cut comes all the same. */
static void cut_without_a_header(void **state)
{
    (void)state;
    use(FAULT_CUT, 0, 0);
    put_request(VIRTIO_BLK_T_FLUSH, 0, DATA, 0);
    put_desc(drv.desc, 0, HEADER, 8, NEXT, 2);
    (void)offer();
    assert_disk_untouched();
}

/* A lost one ends when the device is reset; more than can be lost are served. */
static void loses(void **state)
{
    (void)state;
    use(FAULT_LOSE, 0, 0);
    rule[0].count = VIRTIO_FAULT_MARKS + 1;
    rule[1] = any(FAULT_ID, 9999, 0);
    use_rules(2);
    for (unsigned i = 0; i < VIRTIO_FAULT_MARKS; i++)
        assert_int_equal(offer_read(), 0);
    assert_int_equal(offer_read(), 1);
    assert_memory_equal(ram(DATA), sector_ptr(5), SECTOR);
    assert_int_equal(offer_read(), 1); /* no mark is left for it, either */
    assert_int_equal(driver_used(&drv)->ring[1].id, 0);
    start(8, F_ALL);
    use_rules(0);
    assert_int_equal(offer_read(), 1);
}

static void about_interrupts(void **state)
{
    (void)state;
    use(FAULT_LOSE_IRQ, 0, 0);
    rule[0].count = 1;
    *driver_used_event(&drv) = 0;
    assert_int_equal(offer_read(), 1);
    assert_int_equal(irq.rises, 0);
    assert_int_equal(rd(VIRTIO_MMIO_INTERRUPT_STATUS, 4), 0);
    *driver_used_event(&drv) = 1;
    assert_int_equal(offer_read(), 1);
    assert_int_equal(irq.rises, 1);
    wr(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
    use(FAULT_ADD_IRQ, 0, 0);
    virtio_fault_now(&fault, &rule[0]);
    assert_int_equal(irq.rises, 2);
    assert_int_equal(rd(VIRTIO_MMIO_INTERRUPT_STATUS, 4), VIRTIO_MMIO_INT_VRING);
}

static void needs_reset(void **state)
{
    (void)state;
    use(FAULT_NEEDS_RESET, 0, 0);
    assert_int_equal(offer_read(), 1);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS, 4), RUNNING | VIRTIO_CONFIG_S_NEEDS_RESET);
    assert_int_equal(offer_read(), 0);
}

/* Of the 8 bytes of a disk's capacity, bytes 1 and 2 change; a driver that reads sees it whole. */
static void new_config(void **state)
{
    uint64_t old = rd(VIRTIO_MMIO_CONFIG, 8);
    uint64_t generation = rd(VIRTIO_MMIO_CONFIG_GENERATION, 4);

    (void)state;
    use(FAULT_CONFIG, UINT64_C(2) << 32 | 1, 0xabcd);
    virtio_fault_now(&fault, &rule[0]);
    assert_int_equal(rd(VIRTIO_MMIO_CONFIG_GENERATION, 4), generation + 1);
    assert_int_equal(rd(VIRTIO_MMIO_CONFIG, 8), (old & ~UINT64_C(0xffff00)) | 0xabcd00);
    assert_int_equal(rd(VIRTIO_MMIO_CONFIG + 2, 1), 0xab);
    assert_int_equal(rd(VIRTIO_MMIO_INTERRUPT_STATUS, 4), VIRTIO_MMIO_INT_CONFIG);
    wr(VIRTIO_MMIO_CONFIG, 0); /* a disk's can't be written */
    assert_int_equal(rd(VIRTIO_MMIO_CONFIG + 2, 1), 0xab);
    rule[1] = any(FAULT_CONFIG, UINT64_C(8) << 32, UINT64_MAX);
    virtio_fault_now(&fault, &rule[1]);
    assert_int_equal(rd(VIRTIO_MMIO_CONFIG, 8), UINT64_MAX);
}

/* Requests on their way still reach the disk, but nobody hears of it; a reset brings it back. */
static void unplugged(void **state)
{
    (void)state;
    use(FAULT_UNPLUG, 0, 0);
    assert_int_equal(offer_read(), 0);
    assert_true(virtio_fault_is_gone(&fault));
    virtio_mmio_interrupt(&slot, VIRTIO_MMIO_INT_VRING);
    assert_int_equal(irq.rises, 0);
    virtio_mmio_reset(&slot);
    assert_false(virtio_fault_is_gone(&fault));
    start(8, F_ALL);
    use_rules(0);
    assert_int_equal(offer_read(), 1);
}

/* Some rules are about requests only: at a time they do nothing. */
static void not_by_time(void **state)
{
    (void)state;
    use(FAULT_TWICE, 0, 0);
    virtio_fault_now(&fault, &rule[0]);
    use(FAULT_CUT, 0, 0);
    virtio_fault_now(&fault, &rule[0]);
    assert_int_equal(cuts, 1);
    use_rules(0);
    assert_int_equal(offer_read(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_a_rule, setup_fault),
        cmocka_unit_test_setup(fails, setup_fault),
        cmocka_unit_test_setup(fails_without_a_status, setup_fault),
        cmocka_unit_test_setup(conditions, setup_fault),
        cmocka_unit_test_setup(short_header, setup_fault),
        cmocka_unit_test_setup(odd_entries, setup_fault),
        cmocka_unit_test_setup(corrupts_what_is_read, setup_fault),
        cmocka_unit_test_setup(corrupts_what_is_written, setup_fault),
        cmocka_unit_test_setup(nothing_to_corrupt, setup_fault),
        cmocka_unit_test_setup(torn_write, setup_fault),
        cmocka_unit_test_setup(cut_without_a_header, setup_fault),
        cmocka_unit_test_setup(loses, setup_fault),
        cmocka_unit_test_setup(about_interrupts, setup_fault),
        cmocka_unit_test_setup(needs_reset, setup_fault),
        cmocka_unit_test_setup(new_config, setup_fault),
        cmocka_unit_test_setup(unplugged, setup_fault),
        cmocka_unit_test_setup(not_by_time, setup_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
