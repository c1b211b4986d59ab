/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtio-mmio transport: queues set up and torn down, notifications, interrupts, reset. The
 * other registers are in test_virtio_mmio.c.
 */
#include "virtio_mmio_fixture.h"

static void test_queue_selection(void **state)
{
    (void)state;
    assert_true(negotiate(F_TRANSPORT));
    for (unsigned i = 0; i < NR_QUEUES; i++) {
        wr(VIRTIO_MMIO_QUEUE_SEL, i);
        assert_int_equal(rd(VIRTIO_MMIO_QUEUE_NUM_MAX), VIRTQ_MAX_SIZE);
        assert_int_equal(rd(VIRTIO_MMIO_QUEUE_READY), 0);
    }
    drv = driver_init(0, 8);
    assert_false(add_queue(NR_QUEUES, &drv));
    assert_int_equal(rd(VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
    assert_false(add_queue(UINT32_MAX, &drv));
    assert_int_equal(rd(VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
    assert_true(add_queue(2, &drv));
    wr(VIRTIO_MMIO_QUEUE_SEL, 1);
    assert_int_equal(rd(VIRTIO_MMIO_QUEUE_READY), 0);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS) & NEEDS_RESET, 0);
}

static void test_queue_before_features(void **state)
{
    (void)state;
    drv = driver_init(0, 8);
    assert_false(add_queue(0, &drv));
    assert_true(negotiate(F_TRANSPORT));
    wr(VIRTIO_MMIO_QUEUE_READY, 1);
    assert_int_equal(rd(VIRTIO_MMIO_QUEUE_READY), 1);
}

static void test_queue_locked_while_ready(void **state)
{
    struct driver other = driver_init(1, 4);

    (void)state;
    start(F_TRANSPORT);
    describe_queue(0, &other);
    wr(VIRTIO_MMIO_QUEUE_READY, 1); /* no second set-up */
    assert_ptr_equal(slot.queue[0].vq.desc, ram(drv.desc));
    assert_int_equal(slot.queue[0].layout.size, 8);
    wr(VIRTIO_MMIO_QUEUE_READY, 0);
    assert_int_equal(rd(VIRTIO_MMIO_QUEUE_READY), 0);
    driver_offer(&drv, 0);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    assert_int_equal(served[0], 0);
    assert_true(add_queue(0, &other));
    assert_ptr_equal(slot.queue[0].vq.desc, ram(other.desc));
    assert_int_equal(slot.queue[0].vq.size, 4);
}

/* Both halves of each address count. */
static void test_queue_addresses(void **state)
{
    static const uint64_t high[] = {VIRTIO_MMIO_QUEUE_DESC_HIGH, VIRTIO_MMIO_QUEUE_AVAIL_HIGH,
                                    VIRTIO_MMIO_QUEUE_USED_HIGH};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        setup(NULL);
        assert_true(negotiate(F_TRANSPORT));
        drv = driver_init(0, 8);
        describe_queue(0, &drv);
        wr(high[i], 1);
        wr(VIRTIO_MMIO_QUEUE_READY, 1);
        assert_int_equal(rd(VIRTIO_MMIO_QUEUE_READY), 0);
        assert_int_equal(rd(VIRTIO_MMIO_STATUS) & NEEDS_RESET, NEEDS_RESET);
        assert_false(irq.level); /* the driver is not running yet */
        wr(VIRTIO_MMIO_STATUS, RUNNING);
        assert_true(irq.level); /* now it is, and hears of it */
        assert_int_equal(rd(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_CONFIG);
    }
}

static void test_broken_queue_while_running(void **state)
{
    (void)state;
    start(F_TRANSPORT);
    wr(VIRTIO_MMIO_QUEUE_SEL, 1);
    wr(VIRTIO_MMIO_QUEUE_READY, 1); /* of size 0 */
    assert_int_equal(rd(VIRTIO_MMIO_QUEUE_READY), 0);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), RUNNING | NEEDS_RESET);
    assert_int_equal(rd(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_CONFIG);
    assert_true(irq.level);
}

/* The features that shape the queues reach them. */
static void test_features_reach_queue(void **state)
{
    (void)state;
    start(BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_RING_F_EVENT_IDX));
    assert_true(slot.queue[0].vq.event_idx);
    assert_false(slot.queue[0].vq.indirect);
    wr(VIRTIO_MMIO_STATUS, 0);
    start(BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_RING_F_INDIRECT_DESC));
    assert_false(slot.queue[0].vq.event_idx);
    assert_true(slot.queue[0].vq.indirect);
}

static void test_notify(void **state)
{
    uint32_t id, len;

    (void)state;
    start(F_TRANSPORT);
    driver_offer(&drv, 5);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    assert_int_equal(served[0], 1);
    assert_true(driver_take(&drv, &id, &len));
    assert_int_equal(id, 5);
    assert_true(irq.level);
    assert_int_equal(irq.intid, 48);
    assert_int_equal(rd(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_VRING);
    wr(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_CONFIG);
    assert_true(irq.level);
    assert_int_equal(irq.rises, 1);
    wr(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
    assert_false(irq.level);
    wr(VIRTIO_MMIO_INTERRUPT_ACK, UINT32_MAX);
    assert_int_equal(rd(VIRTIO_MMIO_INTERRUPT_STATUS), 0);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0); /* nothing there: no interrupt */
    assert_int_equal(served[0], 1);
    assert_int_equal(irq.rises, 1);
}

static void test_notify_without_interrupt(void **state)
{
    (void)state;
    start(BIT(VIRTIO_F_VERSION_1));
    driver_avail(&drv)->flags = VRING_AVAIL_F_NO_INTERRUPT;
    driver_offer(&drv, 0);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    assert_int_equal(served[0], 1);
    assert_int_equal(driver_used(&drv)->idx, 1);
    assert_int_equal(rd(VIRTIO_MMIO_INTERRUPT_STATUS), 0);
    assert_false(irq.level);
}

static void test_notify_is_refused(void **state)
{
    static const uint32_t index[] = {1, 2, NR_QUEUES, 4, 32, 0x10000, UINT32_MAX};

    (void)state;
    start(F_TRANSPORT);
    driver_offer(&drv, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(index); i++) /* not ready, or not there */
        wr(VIRTIO_MMIO_QUEUE_NOTIFY, index[i]);
    wr(VIRTIO_MMIO_STATUS, RUNNING | FAILED);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    setup(NULL);
    assert_true(negotiate(F_TRANSPORT));
    drv = driver_init(0, 8);
    put_desc(drv.desc, 0, DATA, 16, 0, 0);
    assert_true(add_queue(0, &drv));
    driver_offer(&drv, 0);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0); /* before DRIVER_OK */
    for (unsigned i = 0; i < NR_QUEUES; i++)
        assert_int_equal(served[i], 0);
}

static void test_broken_request(void **state)
{
    (void)state;
    start(F_TRANSPORT);
    outcome = VIRTIO_BROKEN;
    good = 1;
    for (uint16_t i = 0; i < 3; i++)
        driver_offer(&drv, i);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    assert_int_equal(served[0], 2);
    assert_int_equal(driver_used(&drv)->idx, 1);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), RUNNING | NEEDS_RESET);
    /* What was done before the error is reported as well. */
    assert_int_equal(rd(VIRTIO_MMIO_INTERRUPT_STATUS),
                     VIRTIO_MMIO_INT_CONFIG | VIRTIO_MMIO_INT_VRING);
    assert_int_equal(irq.rises, 1);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    assert_int_equal(served[0], 2);
    wr(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
    assert_true(irq.level);
    assert_int_equal(irq.rises, 2); /* what is left may have come after the driver's look */
    wr(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_CONFIG);
    assert_false(irq.level);

    wr(VIRTIO_MMIO_STATUS, 0);
    outcome = VIRTIO_DONE;
    start(F_TRANSPORT);
    driver_offer(&drv, 0);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    assert_int_equal(served[0], 3);
}

/* A ring that is broken is an error before any backend sees it. */
static void test_broken_ring(void **state)
{
    (void)state;
    start(F_TRANSPORT);
    driver_offer(&drv, 8); /* no such descriptor */
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    assert_int_equal(served[0], 0);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), RUNNING | NEEDS_RESET);
    assert_int_equal(rd(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_CONFIG);
}

#define HALF_A_TURN (UINT64_C(16) << 20)

/* Requests beyond a turn are taken up when the driver acknowledges the interrupt. */
static void test_unfinished_queue(void **state)
{
    (void)state;
    start(F_TRANSPORT);
    *driver_used_event(&drv) = 100; /* no interrupt is wanted; one comes all the same */
    moves = HALF_A_TURN;
    for (uint16_t i = 0; i < 5; i++)
        driver_offer(&drv, i);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    assert_int_equal(driver_used(&drv)->idx, 2);
    assert_true(irq.level);
    wr(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
    assert_int_equal(driver_used(&drv)->idx, 4);
    assert_int_equal(irq.rises, 2);
    wr(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
    assert_int_equal(driver_used(&drv)->idx, 5);
    assert_false(irq.level);
    driver_offer(&drv, 5);
    wr(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
    assert_int_equal(served[0], 5);
}

/* The right queue is resumed, and a reset forgets it. */
static void test_unfinished_last_queue(void **state)
{
    struct driver last = driver_init(1, 8);

    (void)state;
    moves = HALF_A_TURN;
    for (unsigned round = 0; round < 2; round++) {
        start(F_TRANSPORT);
        last = driver_init(1, 8);
        for (uint16_t i = 0; i < 3; i++) {
            put_desc(last.desc, i, DATA, 16, 0, 0);
            driver_offer(&last, i);
        }
        assert_true(add_queue(NR_QUEUES - 1, &last));
        if (round == 1)
            break; /* what is left of the round before */
        wr(VIRTIO_MMIO_QUEUE_NOTIFY, NR_QUEUES - 1);
        assert_int_equal(served[NR_QUEUES - 1], 2);
        wr(VIRTIO_MMIO_INTERRUPT_ACK, 0);
        assert_int_equal(served[NR_QUEUES - 1], 3);
        for (uint16_t i = 0; i < 3; i++)
            driver_offer(&last, i);
        wr(VIRTIO_MMIO_QUEUE_NOTIFY, NR_QUEUES - 1);
        assert_int_equal(served[NR_QUEUES - 1], 5);
        wr(VIRTIO_MMIO_STATUS, 0);
    }
    wr(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
    assert_int_equal(served[NR_QUEUES - 1], 5);
    assert_int_equal(served[0], 0);
}

static void assert_reset_state(void)
{
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), 0);
    assert_int_equal(rd(VIRTIO_MMIO_INTERRUPT_STATUS), 0);
    assert_false(irq.level);
    assert_int_equal(slot.driver_features, 0);
    for (unsigned i = 0; i < NR_QUEUES; i++) {
        wr(VIRTIO_MMIO_QUEUE_SEL, i);
        assert_int_equal(rd(VIRTIO_MMIO_QUEUE_READY), 0);
        assert_int_equal(slot.queue[i].layout.size, 0);
    }
    assert_int_equal(rd(VIRTIO_MMIO_DEVICE_ID), 42);
}

static void test_reset(void **state)
{
    (void)state;
    for (unsigned way = 0; way < 2; way++) {
        setup(NULL);
        start(F_TRANSPORT);
        driver_offer(&drv, 0);
        wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
        assert_true(irq.level);
        if (way == 0)
            wr(VIRTIO_MMIO_STATUS, 0);
        else
            virtio_mmio_reset(&slot);
        assert_reset_state();
        start(F_TRANSPORT);
        assert_int_equal(slot.queue[0].vq.next_avail, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_queue_selection, setup),
        cmocka_unit_test_setup(test_queue_before_features, setup),
        cmocka_unit_test_setup(test_queue_locked_while_ready, setup),
        cmocka_unit_test_setup(test_queue_addresses, setup),
        cmocka_unit_test_setup(test_broken_queue_while_running, setup),
        cmocka_unit_test_setup(test_features_reach_queue, setup),
        cmocka_unit_test_setup(test_notify, setup),
        cmocka_unit_test_setup(test_notify_without_interrupt, setup),
        cmocka_unit_test_setup(test_notify_is_refused, setup),
        cmocka_unit_test_setup(test_broken_request, setup),
        cmocka_unit_test_setup(test_broken_ring, setup),
        cmocka_unit_test_setup(test_unfinished_queue, setup),
        cmocka_unit_test_setup(test_unfinished_last_queue, setup),
        cmocka_unit_test_setup(test_reset, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
