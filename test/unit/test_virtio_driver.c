/* SPDX-License-Identifier: Apache-2.0 */
/* drv/virtio_driver.c, a device's registers: what is read from them and written, in which order. */
#include "drv/virtio_driver.h"

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fake_virtio_device.h"
#include "lib/bits.h"
#include "mm/phys.h"

#define VERSION_1 BIT(VIRTIO_F_VERSION_1)
#define EVENT_IDX BIT(VIRTIO_RING_F_EVENT_IDX)
#define SIZE      8

static const struct pa_range regs = {{FAKE_VIRTIO_BASE}, FAKE_VIRTIO_SIZE};
static struct virtio_driver driver;
static struct virtio_ring ring;

static int setup(void **state)
{
    (void)state;
    fake_virtio_init(VIRTIO_ID_RNG, VERSION_1 | EVENT_IDX | BIT(3) | BIT(50), 2, SIZE);
    memset(&driver, 0xa5, sizeof(driver));
    memset(&ring, 0xa5, sizeof(ring));
    return 0;
}

static void open_device(void)
{
    assert_int_equal(virtio_driver_open(&driver, regs), 0);
}

static void test_open(void **state)
{
    (void)state;
    fake_virtio.status = VIRTIO_CONFIG_S_DRIVER_OK; /* somebody drove it before */
    open_device();
    assert_int_equal(fake_virtio.resets, 1);
    assert_int_equal(fake_virtio.status, 0);
    assert_int_equal(driver.regs.v, FAKE_VIRTIO_BASE);
    assert_int_equal(driver.config_size, FAKE_VIRTIO_CONFIG);
    assert_int_equal(driver.id, VIRTIO_ID_RNG);
    assert_int_equal(driver.features, fake_virtio.features);
    assert_int_equal(driver.nr_queues, 2);
    assert_int_equal(driver.queue_size, SIZE);
    assert_false(driver.event_idx);
}

/* What is no device of version 2 is left as it is. */
static void test_open_refused(void **state)
{
    (void)state;
    assert_int_equal(virtio_driver_open(&driver, (struct pa_range){pa(0x1000), FAKE_VIRTIO_SIZE}),
                     -ERR_NOENT);
    fake_virtio.id = 0;
    assert_int_equal(virtio_driver_open(&driver, regs), -ERR_NOENT);
    setup(state);
    fake_virtio.magic++;
    assert_int_equal(virtio_driver_open(&driver, regs), -ERR_NOENT);
    setup(state);
    fake_virtio.version = 1;
    assert_int_equal(virtio_driver_open(&driver, regs), -ERR_UNSUPPORTED);
    assert_int_equal(fake_virtio.resets, 0);
    fake_virtio_init(VIRTIO_ID_RNG, VERSION_1, 0, SIZE);
    assert_int_equal(virtio_driver_open(&driver, regs), -ERR_UNSUPPORTED);
}

static void test_no_reset(void **state)
{
    (void)state;
    open_device();
    fake_virtio.status = VIRTIO_CONFIG_S_ACKNOWLEDGE;
    fake_virtio.never_resets = true;
    assert_int_equal(virtio_driver_reset(&driver), -ERR_INVAL);
    assert_int_equal(virtio_driver_negotiate(&driver, 0), -ERR_INVAL);
    assert_int_equal(fake_virtio.status, VIRTIO_CONFIG_S_ACKNOWLEDGE);
    assert_int_equal(virtio_driver_open(&driver, regs), -ERR_INVAL);
}

static void test_queue_sizes(void **state)
{
    static const struct {
        uint32_t first, second;
        unsigned count, size;
    } cases[] = {
        {8, 8, 2, 8},     {1024, 1024, 2, 256}, {256, 64, 2, 64}, {64, 100, 2, 64},
        {100, 64, 2, 64}, {1, 3, 2, 1},         {255, 0, 1, 128}, {UINT32_MAX, 0, 1, 256},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        fake_virtio.queue[0].num_max = cases[i].first;
        fake_virtio.queue[1].num_max = cases[i].second;
        open_device();
        assert_int_equal(driver.nr_queues, cases[i].count);
        assert_int_equal(driver.queue_size, cases[i].size);
    }
}

static void test_many_queues(void **state)
{
    (void)state;
    fake_virtio_init(VIRTIO_ID_NET, VERSION_1, FAKE_VIRTIO_QUEUES, SIZE);
    open_device();
    assert_int_equal(driver.nr_queues, VIRTIO_MAX_QUEUES);
}

static void test_negotiate(void **state)
{
    const uint32_t accepted =
        VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK;

    (void)state;
    open_device();
    fake_virtio.status = accepted | VIRTIO_CONFIG_S_NEEDS_RESET;
    assert_int_equal(virtio_driver_negotiate(&driver, BIT(3) | BIT(4)), 0);
    assert_int_equal(fake_virtio.status, accepted);
    assert_int_equal(fake_virtio.driver_features, VERSION_1 | EVENT_IDX | BIT(3));
    assert_true(driver.event_idx);
    assert_int_equal(virtio_driver_negotiate(&driver, BIT(50)), 0);
    assert_int_equal(fake_virtio.driver_features, VERSION_1 | EVENT_IDX | BIT(50));
    virtio_driver_start(&driver);
    assert_int_equal(fake_virtio.status, accepted | VIRTIO_CONFIG_S_DRIVER_OK);
}

static void test_negotiate_less(void **state)
{
    (void)state;
    fake_virtio.features = VERSION_1;
    open_device();
    assert_int_equal(virtio_driver_negotiate(&driver, BIT(3)), 0);
    assert_int_equal(fake_virtio.driver_features, VERSION_1);
    assert_false(driver.event_idx);
    fake_virtio.refuses_features = true;
    assert_int_equal(virtio_driver_negotiate(&driver, 0), -ERR_UNSUPPORTED);
}

static void expect_part(const struct fake_virtio_queue *queue, unsigned part, const void *at)
{
    assert_int_equal(queue->part[part], ptr_to_pa(at).v);
}

static void test_add_queue(void **state)
{
    const struct fake_virtio_queue *queue = &fake_virtio.queue[1];

    (void)state;
    open_device();
    assert_int_equal(virtio_driver_negotiate(&driver, 0), 0);
    assert_int_equal(virtio_driver_add_queue(&driver, 1, &ring), 0);
    assert_true(queue->ready);
    assert_false(fake_virtio.queue[0].ready);
    assert_int_equal(queue->num, SIZE);
    expect_part(queue, 0, ring.desc);
    expect_part(queue, 1, &ring.avail);
    expect_part(queue, 2, &ring.used);
    assert_int_equal(ring.avail.idx, 0);
    assert_int_equal(ring.used.idx, 0);
    assert_false(virtio_ring_wants_take(&ring));
    assert_int_equal(virtio_ring_drop(&ring), 0);
}

static void test_add_queue_refused(void **state)
{
    (void)state;
    open_device();
    assert_int_equal(virtio_driver_negotiate(&driver, 0), 0);
    fake_virtio.queue[0].num_max = SIZE - 1; /* it had more */
    assert_int_equal(virtio_driver_add_queue(&driver, 0, &ring), -ERR_INVAL);
    fake_virtio.refuses_queues = true;
    assert_int_equal(virtio_driver_add_queue(&driver, 1, &ring), -ERR_INVAL);
}

static void test_interrupts(void **state)
{
    (void)state;
    open_device();
    assert_int_equal(virtio_driver_acknowledge(&driver), 0);
    fake_virtio_interrupt(VIRTIO_MMIO_INT_VRING | VIRTIO_MMIO_INT_CONFIG);
    assert_int_equal(virtio_driver_acknowledge(&driver),
                     VIRTIO_MMIO_INT_VRING | VIRTIO_MMIO_INT_CONFIG);
    assert_int_equal(fake_virtio.interrupt, 0);
    assert_false(virtio_driver_needs_reset(&driver));
    fake_virtio_need_reset();
    assert_true(virtio_driver_needs_reset(&driver));
    assert_int_equal(virtio_driver_acknowledge(&driver), VIRTIO_MMIO_INT_CONFIG);
    fake_virtio_interrupt(VIRTIO_MMIO_INT_CONFIG);
    fake_virtio.interrupts_next =
        VIRTIO_MMIO_INT_VRING; /* while the first is acknowledged: no edge */
    assert_int_equal(virtio_driver_acknowledge(&driver),
                     VIRTIO_MMIO_INT_VRING | VIRTIO_MMIO_INT_CONFIG);
    assert_int_equal(fake_virtio.interrupt, 0);
    fake_virtio_interrupt(VIRTIO_MMIO_INT_CONFIG);
    fake_virtio.interrupts_next = VIRTIO_MMIO_INT_CONFIG;
    fake_virtio.interrupts_for_ever = true;
    assert_int_equal(virtio_driver_acknowledge(&driver), VIRTIO_MMIO_INT_CONFIG);
    virtio_driver_notify(&driver, 1);
    assert_int_equal(fake_virtio.queue[0].notified, 0);
    assert_int_equal(fake_virtio.queue[1].notified, 1);
    fake_virtio.generation = 77;
    assert_int_equal(virtio_driver_generation(&driver), 77);
}

static uint64_t config(uint64_t offset, uint8_t size, bool write, uint64_t value)
{
    struct mmio_access access = {.offset = offset, .size = size, .write = write, .value = value};

    virtio_driver_config(&driver, &access);
    return access.value;
}

/* What the bytes of the configuration say, with 0 behind its end. */
static uint64_t expected(uint64_t offset, uint8_t size, uint64_t end)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size && offset + i < end; i++)
        value |= (uint64_t)fake_virtio.config[offset + i] << (8 * i);
    return value;
}

/* The device sees only aligned accesses: it would end the test at others. */
static void test_config_read(void **state)
{
    (void)state;
    open_device();
    for (uint8_t size = 1; size <= 8; size = (uint8_t)(2 * size)) {
        for (uint64_t offset = 0; offset < FAKE_VIRTIO_CONFIG + 16; offset++)
            assert_int_equal(config(offset, size, false, ~UINT64_C(0)),
                             expected(offset, size, FAKE_VIRTIO_CONFIG));
    }
    assert_int_equal(config(UINT64_MAX - 7, 8, false, 1), 0);
    driver.config_size = 6;
    assert_int_equal(config(0, 8, false, 1), expected(0, 4, 6)); /* two halves, one is not there */
    assert_int_equal(config(3, 4, false, 1), expected(3, 4, 6));
}

static void test_config_write(void **state)
{
    static const uint64_t value = UINT64_C(0x8877665544332211);

    (void)state;
    open_device();
    for (uint8_t size = 1; size <= 8; size = (uint8_t)(2 * size)) {
        for (uint64_t offset = 0; offset <= FAKE_VIRTIO_CONFIG - size; offset++) {
            uint8_t before[FAKE_VIRTIO_CONFIG];

            memcpy(before, fake_virtio.config, sizeof(before));
            memcpy(before + offset, &value, size);
            config(offset, size, true, value);
            assert_memory_equal(fake_virtio.config, before, sizeof(before));
            fake_virtio.config[offset] = 0;
        }
    }
    config(FAKE_VIRTIO_CONFIG, 4, true, value); /* to nowhere */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_open, setup),
        cmocka_unit_test_setup(test_open_refused, setup),
        cmocka_unit_test_setup(test_no_reset, setup),
        cmocka_unit_test_setup(test_queue_sizes, setup),
        cmocka_unit_test_setup(test_many_queues, setup),
        cmocka_unit_test_setup(test_negotiate, setup),
        cmocka_unit_test_setup(test_negotiate_less, setup),
        cmocka_unit_test_setup(test_add_queue, setup),
        cmocka_unit_test_setup(test_add_queue_refused, setup),
        cmocka_unit_test_setup(test_interrupts, setup),
        cmocka_unit_test_setup(test_config_read, setup),
        cmocka_unit_test_setup(test_config_write, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
