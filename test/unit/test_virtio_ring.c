/* SPDX-License-Identifier: Apache-2.0 */
/* drv/virtio_driver.c, a ring: chains that go to the device and come back, or what it says of them.
 */
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drv/virtio_driver.h"
#include "fake_virtio_device.h"
#include "lib/bits.h"
#include "mm/phys.h"

#define SIZE 8

static const struct pa_range regs = {{FAKE_VIRTIO_BASE}, FAKE_VIRTIO_SIZE};
static struct virtio_driver driver;
static struct virtio_ring ring;
static uint8_t buffer[4096];
static uint16_t tag;
static uint32_t written;

static void start(uint64_t features)
{
    fake_virtio_init(VIRTIO_ID_RNG, BIT(VIRTIO_F_VERSION_1) | features, 1, SIZE);
    assert_int_equal(virtio_driver_open(&driver, regs), 0);
    assert_int_equal(virtio_driver_negotiate(&driver, 0), 0);
    assert_int_equal(virtio_driver_add_queue(&driver, 0, &ring), 0);
    virtio_driver_start(&driver);
    memset(buffer, 0, sizeof(buffer));
}

static int setup(void **state)
{
    (void)state;
    start(0);
    return 0;
}

static int setup_event_idx(void **state)
{
    (void)state;
    start(BIT(VIRTIO_RING_F_EVENT_IDX));
    return 0;
}

/* A chain of `count` buffers of 16 bytes, of which the device reads `nr_read`. */
static int add(uint16_t head, uint16_t nr_read, uint16_t count)
{
    struct virtq_chain chain = {.head = head, .nr_read = nr_read, .nr_segs = count};

    for (unsigned i = 0; i < count; i++)
        chain.seg[i] = (struct virtq_seg){buffer + 16 * i, 16};
    chain.read_len = 16U * nr_read;
    chain.write_len = 16U * (uint64_t)(count - nr_read);
    return virtio_ring_add(&ring, &chain);
}

static bool publish(uint16_t head, uint16_t nr_read, uint16_t count)
{
    assert_int_equal(add(head, nr_read, count), 0);
    return virtio_ring_publish(&ring);
}

static int take(void)
{
    tag = 0xdead;
    written = 0xdeadbeef;
    return virtio_ring_take(&ring, &tag, &written);
}

static void test_there_and_back(void **state)
{
    struct fake_virtio_chain chain;

    (void)state;
    assert_int_equal(add(77, 2, 3), 0);
    assert_false(fake_virtio_take(0, &chain)); /* it is not published */
    assert_true(virtio_ring_publish(&ring));
    assert_true(fake_virtio_take(0, &chain));
    assert_int_equal(chain.count, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(chain.desc[i].addr, ptr_to_pa(buffer + 16 * i).v);
        assert_int_equal(chain.desc[i].len, 16);
        assert_int_equal(chain.desc[i].flags & VRING_DESC_F_WRITE, i < 2 ? 0 : VRING_DESC_F_WRITE);
    }
    assert_int_equal(take(), -ERR_NOENT);
    assert_true(fake_virtio_use(0, chain.head, 9));
    assert_true(virtio_ring_wants_take(&ring));
    assert_int_equal(take(), 0);
    assert_int_equal(tag, 77);
    assert_int_equal(written, 9);
    assert_int_equal(take(), -ERR_NOENT);
    assert_false(virtio_ring_wants_take(&ring));
}

/* Chains of every length, as long as the indices need to wrap, handed back in another order. */
static void test_round_and_round(void **state)
{
    struct fake_virtio_chain chain[2];

    (void)state;
    for (unsigned round = 0; round < 70000; round++) {
        uint16_t count = (uint16_t)(1 + round % (SIZE - 1));
        uint16_t back = (uint16_t)(round & 1);

        publish(1, 0, count);
        publish(0, 1, 1);
        assert_true(fake_virtio_take(0, &chain[1]));
        assert_true(fake_virtio_take(0, &chain[0]));
        assert_int_equal(chain[1].count, count);
        fake_virtio_use(0, chain[back].head, 0);
        fake_virtio_use(0, chain[1 - back].head, 0);
        assert_int_equal(take(), 0);
        assert_int_equal(tag, back);
        assert_int_equal(take(), 0);
        assert_int_equal(tag, 1 - back);
        assert_int_equal(ring.nr_free, SIZE);
    }
}

static void test_full(void **state)
{
    struct fake_virtio_chain chain;

    (void)state;
    assert_int_equal(add(0, 0, SIZE + 1), -ERR_NOMEM);
    publish(1, 0, SIZE - 1);
    assert_int_equal(add(2, 0, 2), -ERR_NOMEM);
    publish(3, 0, 1);
    assert_int_equal(add(4, 0, 1), -ERR_NOMEM);
    assert_true(fake_virtio_take(0, &chain));
    fake_virtio_use(0, chain.head, 0);
    assert_int_equal(take(), 0);
    publish(5, 0, SIZE - 1);
    assert_int_equal(virtio_ring_drop(&ring), 2);
    assert_int_equal(virtio_ring_drop(&ring), 0);
    fake_virtio_use(0, 0, 0);
    assert_false(virtio_ring_wants_take(&ring));
    assert_int_equal(take(), -ERR_NOENT);
}

/* It can't have written more than there was room for. */
static void test_too_much_written(void **state)
{
    static const uint32_t said[] = {0, 31, 32, 33, UINT32_MAX};
    struct fake_virtio_chain chain;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
        publish(1, 1, 3);
        assert_true(fake_virtio_take(0, &chain));
        fake_virtio_use(0, chain.head, said[i]);
        assert_int_equal(take(), 0);
        assert_int_equal(written, said[i] < 32 ? said[i] : 32);
    }
}

/* What is writable may have 4 GiB and more: as much as can be said. */
static void test_long_chain(void **state)
{
    struct virtq_chain chain = {.nr_segs = 2, .write_len = UINT64_C(0x1fffffffe)};
    struct fake_virtio_chain seen;

    (void)state;
    chain.seg[0] = (struct virtq_seg){buffer, UINT32_MAX};
    chain.seg[1] = chain.seg[0];
    assert_int_equal(virtio_ring_add(&ring, &chain), 0);
    assert_true(virtio_ring_publish(&ring));
    assert_true(fake_virtio_take(0, &seen));
    fake_virtio_use(0, seen.head, UINT32_MAX);
    assert_int_equal(take(), 0);
    assert_int_equal(written, UINT32_MAX);
}

static void test_unknown_chains(void **state)
{
    static const uint32_t bad[] = {SIZE, 0x10000, UINT32_MAX, 1, SIZE - 1};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        setup(state);
        publish(1, 0, 2); /* descriptors 0 and 1: 1 is the head of none */
        fake_virtio_use(0, bad[i], 0);
        assert_int_equal(take(), -ERR_INVAL);
        assert_int_equal(take(), -ERR_INVAL);
        assert_int_equal(virtio_ring_drop(&ring), 1);
    }
}

static void test_twice(void **state)
{
    (void)state;
    publish(1, 0, 2);
    fake_virtio_use(0, 0, 0);
    fake_virtio_use(0, 0, 0);
    assert_int_equal(take(), 0);
    assert_int_equal(take(), -ERR_INVAL);
}

/* An index far ahead: it is believed only as long as there are chains. */
static void test_index_ahead(void **state)
{
    unsigned taken = 0;

    (void)state;
    for (uint16_t i = 0; i < SIZE; i++) {
        publish(i, 0, 1);
        ring.used.ring[i].id = i;
    }
    __atomic_store_n(&ring.used.idx, UINT16_MAX, __ATOMIC_RELEASE);
    while (take() == 0)
        assert_int_equal(tag, taken++);
    assert_int_equal(taken, SIZE);
    assert_int_equal(take(), -ERR_INVAL);
}

static void test_notifications(void **state)
{
    (void)state;
    assert_true(publish(0, 0, 1));
    ring.used.flags = VRING_USED_F_NO_NOTIFY;
    assert_false(publish(1, 0, 1));
    ring.used.flags = 0;
    assert_true(publish(2, 0, 1));
}

/* The device names the chain after which it wants to hear: none other notifies. */
static void test_event_index(void **state)
{
    struct fake_virtio_chain chain;

    (void)state;
    assert_false(fake_virtio_take(0, &chain));
    assert_true(publish(0, 0, 1));
    assert_false(publish(1, 0, 1));
    assert_true(fake_virtio_take(0, &chain));
    assert_false(publish(2, 0, 1)); /* it has more to do first */
    assert_true(fake_virtio_take(0, &chain));
    assert_true(fake_virtio_take(0, &chain));
    assert_false(fake_virtio_take(0, &chain));
    assert_int_equal(add(3, 0, 1), 0);
    assert_int_equal(add(4, 0, 1), 0);
    assert_true(virtio_ring_publish(&ring)); /* one of the two is it */
    assert_false(virtio_ring_publish(&ring));
}

/* The device interrupts for the first chain, and for the next once there was none to take. */
static void test_interrupts(void **state)
{
    struct fake_virtio_chain chain;

    (void)state;
    for (uint16_t i = 0; i < 4; i++)
        publish(i, 0, 1);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(fake_virtio_take(0, &chain));
        assert_true(fake_virtio_use(0, chain.head, 0));
        assert_true(fake_virtio_take(0, &chain));
        assert_false(fake_virtio_use(0, chain.head, 0));
        assert_int_equal(take(), 0);
        assert_int_equal(take(), 0);
        assert_int_equal(take(), -ERR_NOENT);
    }
}

/* Who stops before there is none has not asked for an interrupt yet, and knows it. */
static void test_interrupt_not_asked_for(void **state)
{
    struct fake_virtio_chain chain;

    (void)state;
    publish(0, 0, 1);
    assert_true(fake_virtio_take(0, &chain));
    assert_true(fake_virtio_use(0, chain.head, 0));
    assert_int_equal(take(), 0);
    assert_true(virtio_ring_wants_take(&ring));
    assert_int_equal(take(), -ERR_NOENT);
    assert_false(virtio_ring_wants_take(&ring));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_there_and_back, setup),
        cmocka_unit_test_setup(test_there_and_back, setup_event_idx),
        cmocka_unit_test_setup(test_round_and_round, setup),
        cmocka_unit_test_setup(test_round_and_round, setup_event_idx),
        cmocka_unit_test_setup(test_full, setup),
        cmocka_unit_test_setup(test_too_much_written, setup),
        cmocka_unit_test_setup(test_long_chain, setup),
        cmocka_unit_test_setup(test_unknown_chains, setup),
        cmocka_unit_test_setup(test_twice, setup),
        cmocka_unit_test_setup(test_index_ahead, setup),
        cmocka_unit_test_setup(test_notifications, setup),
        cmocka_unit_test_setup(test_event_index, setup_event_idx),
        cmocka_unit_test_setup(test_interrupts, setup_event_idx),
        cmocka_unit_test_setup(test_interrupt_not_asked_for, setup_event_idx),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
