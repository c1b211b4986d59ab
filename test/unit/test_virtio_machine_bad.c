/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dev/virtio_machine.c with a guest or a device that does what it must not, and with resets at any
 * moment.
 */
#include "virtio_machine_fixture.h"

#include <pthread.h>

#include "dev/virtio_addresses.h"

static void expect_refused(void)
{
    struct fake_virtio_chain chain;

    assert_false(fake_virtio_take(0, &chain));
    expect_nothing_used(0);
    expect_broken();
}

/* Buffers that are not the guest's RAM, all of them or from a byte on. */
static void test_outside(void **state)
{
    static const struct {
        uint64_t addr;
        uint32_t len;
    } bad[] = {
        {0, 16},
        {RAM0_IPA - 1, 2},
        {RAM0_END - 1, 2},
        {RAM0_END, 1},
        {RAM0_IPA, RAM0_SIZE + 1},
        {FAKE_VIRTIO_BASE, 4},
        {UINT64_MAX, 2},
        {DATA, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        put_desc(guest[0].desc, 0, DATA, 16, VRING_DESC_F_NEXT, 1);
        put_desc(guest[0].desc, 1, bad[i].addr, bad[i].len, VRING_DESC_F_WRITE, 0);
        driver_offer(&guest[0], 0);
        wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
        expect_refused();
    }
}

/* A chain may be as long as the device's ring, not longer. */
static void test_too_long(void **state)
{
    struct fake_virtio_chain chain;

    (void)state;
    ask_indirect(0, 0, RING);
    assert_true(device_take(0, &chain));
    assert_int_equal(chain.count, RING);
    fake_virtio_use(0, chain.head, 0);
    interrupt();
    expect_used(0, 0, 0);
    ask_indirect(0, 1, RING + 1);
    expect_refused();
}

/* A balloon's page that is not the guest's, and lists that are none. */
static void test_bad_addresses(void **state)
{
    static const uint32_t lengths[] = {4, 3, BALLOON_COPY_SIZE + 4};

    (void)state;
    insert(VIRTIO_ID_BALLOON, EVENT_IDX, 3, RING);
    bring_up(INDIRECT, 3);
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        struct fake_virtio_chain chain;

        put_desc(guest[1].desc, 0, DATA, lengths[i], 0, 0);
        driver_offer(&guest[1], 0);
        wr(VIRTIO_MMIO_QUEUE_NOTIFY, 1);
        assert_false(fake_virtio_take(1, &chain));
        assert_int_equal(rd(VIRTIO_MMIO_STATUS), RUNNING | NEEDS_RESET);
        wr(VIRTIO_MMIO_STATUS, 0);
        bring_up(INDIRECT, 3);
    }
    ask(1, 0); /* nothing to read */
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), RUNNING | NEEDS_RESET);
}

/* What the device hands back that it does not have. */
static void test_unknown_chains(void **state)
{
    static const uint32_t bad[] = {RING, UINT32_MAX, 3};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct fake_virtio_chain chain;

        ask(0, 0);
        ask(1, 4);
        assert_true(device_take(0, &chain));
        assert_true(fake_virtio_use(0, bad[i], 16));
        interrupt();
        expect_nothing_used(0);
        expect_nothing_used(1);
        assert_int_equal(slot.queue[0].in_flight, 0);
        assert_int_equal(slot.queue[1].in_flight, 0);
        ask(0, 1); /* it gets no more */
        assert_false(fake_virtio_take(0, &chain));
        expect_broken();
        assert_int_equal(warnings, i + 1);
    }
}

static void test_twice(void **state)
{
    struct fake_virtio_chain chain;

    (void)state;
    ask(0, 0);
    ask(0, 1);
    assert_true(device_take(0, &chain));
    fake_virtio_use(0, chain.head, 16);
    fake_virtio_use(0, chain.head, 16);
    interrupt();
    expect_used(0, 0, 16);
    expect_nothing_used(0);
    expect_broken();
}

static void test_too_much_written(void **state)
{
    struct fake_virtio_chain chain;

    (void)state;
    ask(0, 0);
    assert_true(device_take(0, &chain));
    fake_virtio_use(0, chain.head, UINT32_MAX);
    interrupt();
    expect_used(0, 0, 16);
    expect_works();
}

static void test_needs_reset(void **state)
{
    (void)state;
    ask(0, 0);
    fake_virtio_need_reset();
    interrupt();
    assert_int_equal(slot.queue[0].in_flight, 0);
    fake_virtio_need_reset(); /* once more changes nothing */
    interrupt();
    assert_int_equal(warnings, 1);
    expect_broken();
}

/* A queue of a device that is given up is not set up again before its reset. */
static void test_queue_after_the_end(void **state)
{
    (void)state;
    fake_virtio_need_reset();
    interrupt();
    wr(VIRTIO_MMIO_QUEUE_SEL, 0);
    wr(VIRTIO_MMIO_QUEUE_READY, 0);
    assert_int_equal(rd(VIRTIO_MMIO_QUEUE_READY), 0);
    wr(VIRTIO_MMIO_QUEUE_READY, 1);
    assert_int_equal(rd(VIRTIO_MMIO_QUEUE_READY), 0);
    expect_broken();
}

static void test_queue_refused(void **state)
{
    (void)state;
    wr(VIRTIO_MMIO_STATUS, 0);
    fake_virtio.refuses_queues = true;
    assert_true(negotiate(VERSION_1));
    guest[0] = driver_init(0, RING);
    assert_false(add_queue(0, &guest[0]));
    wr(VIRTIO_MMIO_STATUS, RUNNING);
    fake_virtio.refuses_queues = false;
    expect_broken();
}

/* It does not come out of its reset: nothing is negotiated until it does. */
static void test_no_reset(void **state)
{
    (void)state;
    ask(0, 0);
    fake_virtio.never_resets = true;
    wr(VIRTIO_MMIO_STATUS, 0);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), 0);
    assert_int_equal(slot.queue[0].in_flight, 0);
    assert_false(negotiate(VERSION_1));
    fake_virtio.never_resets = false;
    wr(VIRTIO_MMIO_STATUS, 0);
    bring_up(0, 2);
    expect_works();
}

/* A reset ends what is in flight, or waits for it, and none of it comes back later. */
static void test_reset_in_flight(void **state)
{
    struct fake_virtio_chain chain;

    (void)state;
    for (uint16_t i = 0; i < RING; i++)
        ask_indirect(0, i, 3);
    ask(1, 0);
    assert_true(device_take(0, &chain));
    wr(VIRTIO_MMIO_STATUS, 0);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), 0);
    assert_int_equal(slot.queue[0].in_flight, 0);
    assert_int_equal(slot.queue[1].in_flight, 0);
    assert_false(fake_virtio_use(0, chain.head, 16));
    bring_up(0, 2);
    interrupt();
    expect_nothing_used(0);
    expect_works();
}

/* A queue stops alone: the device is reset for it, and the guest told of what the other lost. */
static void test_stop_one(void **state)
{
    (void)state;
    ask(0, 0);
    ask(1, 0);
    wr(VIRTIO_MMIO_QUEUE_SEL, 0);
    wr(VIRTIO_MMIO_QUEUE_READY, 0);
    assert_int_equal(rd(VIRTIO_MMIO_QUEUE_READY), 0);
    assert_int_equal(slot.queue[0].in_flight, 0);
    assert_int_equal(slot.queue[1].in_flight, 0);
    assert_int_equal(fake_virtio.status, 0);
    expect_broken();
}

/* With nothing in flight it may stop and go on. */
static void test_stop_idle(void **state)
{
    (void)state;
    expect_works();
    wr(VIRTIO_MMIO_QUEUE_SEL, 0);
    wr(VIRTIO_MMIO_QUEUE_READY, 0);
    guest[0] = driver_init(0, RING);
    assert_true(add_queue(0, &guest[0]));
    expect_works();
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), RUNNING);
}

/*
 * Two vCPUs notify, a device serves and interrupts, a third vCPU resets and brings up again, every
 * other time with requests in flight.
 */
#define ROUNDS 200

static bool over;

static bool is_over(void)
{
    return __atomic_load_n(&over, __ATOMIC_ACQUIRE);
}

static void *run_device(void *arg)
{
    (void)arg;
    while (!is_over()) {
        fake_virtio_serve(0, 0x5a);
        fake_virtio_serve(1, 0x5a);
        if (fake_virtio_interrupts() != 0)
            (void)virtio_machine_interrupt(machine);
    }
    return NULL;
}

static void *run_vcpu(void *arg)
{
    unsigned queue = *(unsigned *)arg;

    while (!is_over()) {
        wr(VIRTIO_MMIO_QUEUE_NOTIFY, queue);
        wr(VIRTIO_MMIO_INTERRUPT_ACK, rd(VIRTIO_MMIO_INTERRUPT_STATUS));
    }
    return NULL;
}

/* As bring_up(), but that the other vCPUs never rest. */
static void bring_up_again(void)
{
    assert_true(negotiate(VERSION_1));
    for (unsigned i = 0; i < 2; i++) {
        guest[i] = driver_init(i, RING);
        for (uint16_t head = 0; head < RING; head++) {
            put_desc(guest[i].desc, head, DATA + 16U * head, 16, VRING_DESC_F_WRITE, 0);
            driver_offer(&guest[i], head);
        }
        assert_true(add_queue(i, &guest[i]));
    }
    wr(VIRTIO_MMIO_STATUS, RUNNING);
}

static bool all_used(unsigned queue)
{
    const struct vring_used *used = driver_used(&guest[queue]);

    return __atomic_load_n(&used->idx, __ATOMIC_ACQUIRE) == RING;
}

static void test_race(void **state)
{
    static unsigned queue[2] = {0, 1};
    pthread_t device, vcpu[2];

    (void)state;
    over = false;
    wr(VIRTIO_MMIO_STATUS, 0);
    bring_up_again();
    assert_int_equal(pthread_create(&device, NULL, run_device, NULL), 0);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&vcpu[i], NULL, run_vcpu, &queue[i]), 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        while (round % 2 == 0 && !(all_used(0) && all_used(1)))
            sched_yield();
        wr(VIRTIO_MMIO_STATUS, 0);
        assert_int_equal(slot.queue[0].in_flight, 0);
        assert_int_equal(slot.queue[1].in_flight, 0);
        bring_up_again();
    }
    __atomic_store_n(&over, true, __ATOMIC_RELEASE);
    pthread_join(device, NULL);
    for (unsigned i = 0; i < 2; i++)
        pthread_join(vcpu[i], NULL);
    assert_int_equal(warnings, 0);
}

#define T(name)     cmocka_unit_test_teardown(name, take_out)
#define T_RNG(name) cmocka_unit_test_setup_teardown(name, setup_rng, take_out)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T_RNG(test_outside),         T_RNG(test_too_long),
        T(test_bad_addresses),       T_RNG(test_unknown_chains),
        T_RNG(test_twice),           T_RNG(test_too_much_written),
        T_RNG(test_needs_reset),     T_RNG(test_queue_after_the_end),
        T_RNG(test_queue_refused),   T_RNG(test_no_reset),
        T_RNG(test_reset_in_flight), T_RNG(test_stop_one),
        T_RNG(test_stop_idle),       T_RNG(test_race),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
