/* SPDX-License-Identifier: Apache-2.0 */
/* drv/host_channel.c: bytes to and from a console that the test plays. */
#include "drv/host_channel.h"

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "fake_virtio_device.h"
#include "lib/bits.h"

#define RECEIVE  0
#define TRANSMIT 1

static const struct pa_range regs = {{FAKE_VIRTIO_BASE}, FAKE_VIRTIO_SIZE};
static const uint8_t head[HOST_CHANNEL_HEAD] = {1, 2, 3};
static struct host_channel channel;
static uint8_t got[4096];
static size_t nr_got;
static unsigned calls;
static unsigned buffers; /* of the latest that was sent */

static void receive(void *ctx, const void *bytes, size_t len)
{
    assert_ptr_equal(ctx, got);
    memcpy(got + nr_got, bytes, len);
    nr_got += len;
    calls++;
}

/* The device takes what is sent at once, as QEMU's does. */
static void take(unsigned queue)
{
    struct fake_virtio_chain chain;

    if (queue != TRANSMIT || !fake_virtio_take(TRANSMIT, &chain))
        return;
    buffers = chain.count;
    for (unsigned i = 0; i < chain.count; i++) {
        memcpy(got + nr_got, (void *)(uintptr_t)chain.desc[i].addr, chain.desc[i].len);
        nr_got += chain.desc[i].len;
    }
    fake_virtio_use(TRANSMIT, chain.head, 0);
}

static int setup(void **state)
{
    (void)state;
    fake_virtio_init(VIRTIO_ID_CONSOLE, BIT(VIRTIO_F_VERSION_1), 2, 128);
    fake_virtio.notified_fn = take;
    memset(&channel, 0, sizeof(channel));
    memset(got, 0, sizeof(got));
    nr_got = 0;
    calls = 0;
    return 0;
}

static int open(void)
{
    return host_channel_open(&channel, regs, receive, got);
}

static void opening(void **state)
{
    (void)state;
    assert_int_equal(open(), 0);
    assert_true((fake_virtio.status & VIRTIO_CONFIG_S_DRIVER_OK) != 0);
    assert_true(fake_virtio.queue[RECEIVE].ready && fake_virtio.queue[TRANSMIT].ready);
    assert_int_not_equal(fake_virtio.queue[RECEIVE].notified, 0);
}

static void what_is_no_channel(void **state)
{
    (void)state;
    fake_virtio.id = 0;
    assert_int_equal(open(), -ERR_NOENT);
    fake_virtio.id = VIRTIO_ID_RNG;
    assert_int_equal(open(), -ERR_UNSUPPORTED);
    fake_virtio.id = VIRTIO_ID_CONSOLE;
    fake_virtio.queue[TRANSMIT].num_max = HOST_CHANNEL_BUFFERS / 2;
    assert_int_equal(open(), -ERR_UNSUPPORTED);
    fake_virtio.queue[TRANSMIT].num_max = 128;
    fake_virtio.refuses_features = true;
    assert_int_equal(open(), -ERR_INVAL);
    fake_virtio.refuses_features = false;
    fake_virtio.refuses_queues = true;
    assert_int_equal(open(), -ERR_INVAL);
}

static void sending(void **state)
{
    (void)state;
    assert_int_equal(open(), 0);
    for (unsigned i = 0; i < 300; i++) { /* around the ring */
        nr_got = 0;
        assert_int_equal(host_channel_send(&channel, head, "data", 4), 0);
        assert_int_equal(nr_got, HOST_CHANNEL_HEAD + 4);
        assert_memory_equal(got, head, HOST_CHANNEL_HEAD);
        assert_memory_equal(got + HOST_CHANNEL_HEAD, "data", 4);
    }
    assert_int_equal(buffers, 1); /* QEMU may drop one of two */
    nr_got = 0;
    assert_int_equal(host_channel_send(&channel, head, NULL, 0), 0);
    assert_int_equal(nr_got, HOST_CHANNEL_HEAD);
    assert_int_equal(host_channel_send(&channel, head, got, HOST_CHANNEL_DATA_MAX + 1), -ERR_INVAL);
    assert_int_equal(nr_got, HOST_CHANNEL_HEAD);
}

/* The device hands back what it does not have. */
static void lie(unsigned queue)
{
    struct fake_virtio_chain chain;

    if (queue == TRANSMIT && fake_virtio_take(TRANSMIT, &chain))
        fake_virtio_use(TRANSMIT, 100, 0);
}

static void sending_to_a_broken_device(void **state)
{
    (void)state;
    assert_int_equal(open(), 0);
    fake_virtio.notified_fn = lie;
    assert_int_equal(host_channel_send(&channel, head, NULL, 0), -ERR_INVAL);
}

/* Nobody waits for ever for a device that takes nothing. */
static void sending_to_a_dead_device(void **state)
{
    (void)state;
    assert_int_equal(open(), 0);
    fake_virtio.notified_fn = NULL;
    fake_virtio.never_resets = true; /* so that the looks at it are quick */
    assert_int_equal(host_channel_send(&channel, head, NULL, 0), -ERR_INVAL);
}

/* More than there was room for, or a buffer that the device does not have. */
static void receiving_from_a_liar(void **state)
{
    struct fake_virtio_chain chain;

    (void)state;
    assert_int_equal(open(), 0);
    assert_true(fake_virtio_take(RECEIVE, &chain));
    fake_virtio_use(RECEIVE, chain.head, 5 * HOST_CHANNEL_BUFFER_SIZE);
    host_channel_interrupt(&channel);
    assert_int_equal(nr_got, HOST_CHANNEL_BUFFER_SIZE);
    fake_virtio_use(RECEIVE, 100, 5);
    host_channel_interrupt(&channel);
    assert_int_equal(calls, 1);
}

static void receiving(void **state)
{
    (void)state;
    assert_int_equal(open(), 0);
    for (unsigned i = 0; i < 3 * HOST_CHANNEL_BUFFERS; i++) { /* each buffer comes back */
        struct fake_virtio_chain chain;

        nr_got = 0;
        assert_true(fake_virtio_take(RECEIVE, &chain));
        assert_int_equal(chain.count, 1);
        assert_int_equal(chain.desc[0].len, HOST_CHANNEL_BUFFER_SIZE);
        memcpy((void *)(uintptr_t)chain.desc[0].addr, "hello", 5);
        assert_true(fake_virtio_use(RECEIVE, chain.head, 5));
        host_channel_interrupt(&channel);
        assert_int_equal(nr_got, 5);
        assert_memory_equal(got, "hello", 5);
        assert_int_equal(fake_virtio.interrupt, 0);
    }
    host_channel_interrupt(&channel);
    assert_int_equal(calls, 3 * HOST_CHANNEL_BUFFERS);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(opening),
        TEST(what_is_no_channel),
        TEST(sending),
        TEST(receiving),
        TEST(sending_to_a_broken_device),
        TEST(sending_to_a_dead_device),
        TEST(receiving_from_a_liar),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
