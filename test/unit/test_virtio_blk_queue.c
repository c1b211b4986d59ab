/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block device and its queues: chains of any layout and chains that break it, many requests at
 * once, how much it does for one notification. Requests one by one are in test_virtio_blk.c.
 */
#include "virtio_blk_fixture.h"

#include <pthread.h>
#include <sched.h>

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
            if (rd(VIRTIO_MMIO_INTERRUPT_STATUS, 4) != 0) /* a turn that was over goes on */
                wr(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
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
