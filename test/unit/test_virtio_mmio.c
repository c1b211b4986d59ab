/* SPDX-License-Identifier: Apache-2.0 */
/* The virtio-mmio transport: each register, the games a driver can play with features and status.
 */
#include "virtio_driver.h"

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>

#include "dev/virtio_mmio.h"

#define NR_QUEUES 3
#define DATA      (RAM0_IPA + 0x100000)

#define F_DEVICE (BIT(3) | BIT(35))
#define F_TRANSPORT                                                                                \
    (BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_RING_F_INDIRECT_DESC) | BIT(VIRTIO_RING_F_EVENT_IDX))

enum {
    ACK = VIRTIO_CONFIG_S_ACKNOWLEDGE,
    DRIVER = VIRTIO_CONFIG_S_DRIVER,
    FEATURES_OK = VIRTIO_CONFIG_S_FEATURES_OK,
    DRIVER_OK = VIRTIO_CONFIG_S_DRIVER_OK,
    NEEDS_RESET = VIRTIO_CONFIG_S_NEEDS_RESET,
    FAILED = VIRTIO_CONFIG_S_FAILED,
    RUNNING = ACK | DRIVER | FEATURES_OK | DRIVER_OK,
};

static struct virtio_mmio slot;
static struct test_irq irq;
static struct driver drv;

/* The device: takes up to `budget` chains, hands them back, and says what it is told to. */
static unsigned notified[NR_QUEUES];
static enum virtio_outcome outcome;
static unsigned budget;
static struct virtq_chain chain;

static enum virtio_outcome notify(void *ctx, unsigned index, struct virtq *vq)
{
    assert_ptr_equal(ctx, &budget);
    assert_true(index < NR_QUEUES);
    assert_ptr_equal(vq, &slot.queue[index].vq);
    assert_true(virtq_is_ready(vq));
    notified[index]++;
    for (unsigned i = 0; i < budget && virtq_pop(vq, &chain) == 0; i++)
        virtq_push(vq, chain.head, 0);
    return outcome;
}

static const uint8_t config[10] = {0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19};

static const struct virtio_device device = {
    .id = 42,
    .features = F_DEVICE,
    .nr_queues = NR_QUEUES,
    .config_size = sizeof(config),
    .config = config,
    .notify_fn = notify,
    .ctx = &budget,
};

static int setup(void **state)
{
    const struct irq_line line = {test_irq_set, &irq, 48};

    (void)state;
    memset(ram0, 0, sizeof(ram0));
    memset(notified, 0, sizeof(notified));
    memset(&irq, 0, sizeof(irq));
    memset(&slot, 0xa5, sizeof(slot));
    outcome = VIRTIO_IDLE;
    budget = 1000;
    virtio_mmio_init(&slot, &device, &test_mem, &line);
    return 0;
}

static uint64_t read_sized(uint64_t offset, uint8_t size)
{
    struct mmio_access access = {.offset = offset, .size = size, .value = ~UINT64_C(0)};

    assert_int_equal(virtio_mmio_access(&slot, &access), MMIO_OK);
    return access.value;
}

static void write_sized(uint64_t offset, uint8_t size, uint64_t value)
{
    struct mmio_access access = {.offset = offset, .size = size, .value = value, .write = true};

    assert_int_equal(virtio_mmio_access(&slot, &access), MMIO_OK);
}

static uint32_t rd(uint64_t offset)
{
    return (uint32_t)read_sized(offset, 4);
}

static void wr(uint64_t offset, uint32_t value)
{
    write_sized(offset, 4, value);
}

static uint64_t device_features(void)
{
    uint64_t low;

    wr(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
    low = rd(VIRTIO_MMIO_DEVICE_FEATURES);
    wr(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
    return low | (uint64_t)rd(VIRTIO_MMIO_DEVICE_FEATURES) << 32;
}

static void driver_features(uint64_t features)
{
    wr(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
    wr(VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)features);
    wr(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
    wr(VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32));
}

/* Negotiate; true when the device has accepted. */
static bool negotiate(uint64_t features)
{
    wr(VIRTIO_MMIO_STATUS, ACK);
    wr(VIRTIO_MMIO_STATUS, ACK | DRIVER);
    driver_features(features);
    wr(VIRTIO_MMIO_STATUS, ACK | DRIVER | FEATURES_OK);
    return (rd(VIRTIO_MMIO_STATUS) & FEATURES_OK) != 0;
}

static void describe_queue(unsigned index, const struct driver *d)
{
    wr(VIRTIO_MMIO_QUEUE_SEL, index);
    wr(VIRTIO_MMIO_QUEUE_NUM, d->size);
    wr(VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)d->desc);
    wr(VIRTIO_MMIO_QUEUE_DESC_HIGH, (uint32_t)(d->desc >> 32));
    wr(VIRTIO_MMIO_QUEUE_AVAIL_LOW, (uint32_t)d->avail);
    wr(VIRTIO_MMIO_QUEUE_AVAIL_HIGH, (uint32_t)(d->avail >> 32));
    wr(VIRTIO_MMIO_QUEUE_USED_LOW, (uint32_t)d->used);
    wr(VIRTIO_MMIO_QUEUE_USED_HIGH, (uint32_t)(d->used >> 32));
}

static bool add_queue(unsigned index, const struct driver *d)
{
    describe_queue(index, d);
    wr(VIRTIO_MMIO_QUEUE_READY, 1);
    return rd(VIRTIO_MMIO_QUEUE_READY) == 1;
}

/* A running device with queue 0 of 8 descriptors in `drv`, each a buffer. */
static void start(uint64_t features)
{
    assert_true(negotiate(features));
    drv = driver_init(0, 8);
    for (unsigned i = 0; i < 8; i++)
        put_desc(drv.desc, i, DATA, 16, 0, 0);
    assert_true(add_queue(0, &drv));
    wr(VIRTIO_MMIO_STATUS, RUNNING);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), RUNNING);
}

static void test_identity(void **state)
{
    (void)state;
    assert_int_equal(rd(VIRTIO_MMIO_MAGIC_VALUE), 0x74726976);
    assert_int_equal(rd(VIRTIO_MMIO_VERSION), 2);
    assert_int_equal(rd(VIRTIO_MMIO_DEVICE_ID), 42);
    assert_memory_equal(&(uint32_t){rd(VIRTIO_MMIO_VENDOR_ID)}, "TRAP", 4);
    assert_int_equal(rd(VIRTIO_MMIO_CONFIG_GENERATION), 0);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), 0);
    assert_int_equal(rd(VIRTIO_MMIO_INTERRUPT_STATUS), 0);
    for (uint64_t reg = VIRTIO_MMIO_SHM_LEN_LOW; reg <= VIRTIO_MMIO_SHM_BASE_HIGH; reg += 4)
        assert_int_equal(rd(reg), UINT32_MAX);
}

static void test_empty_slot(void **state)
{
    (void)state;
    memset(&slot, 0xa5, sizeof(slot));
    virtio_mmio_init_empty(&slot);
    for (uint64_t reg = 0; reg < 0x200; reg += 4)
        wr(reg, UINT32_MAX);
    wr(VIRTIO_MMIO_STATUS, 0);
    virtio_mmio_reset(&slot);
    assert_int_equal(rd(VIRTIO_MMIO_MAGIC_VALUE), 0x74726976);
    assert_int_equal(rd(VIRTIO_MMIO_VERSION), 2);
    assert_int_not_equal(rd(VIRTIO_MMIO_VENDOR_ID), 0);
    for (uint64_t reg = 0; reg < 0x200; reg++) {
        if (reg > VIRTIO_MMIO_VENDOR_ID || reg == VIRTIO_MMIO_DEVICE_ID)
            assert_int_equal(rd(reg), 0);
        assert_int_equal(read_sized(reg, 1), 0);
        assert_int_equal(read_sized(reg, 8), 0);
    }
}

/* Registers that cannot be read are 0, those that cannot be written keep their value. */
static void test_one_way_registers(void **state)
{
    static const uint64_t write_only[] = {
        VIRTIO_MMIO_DEVICE_FEATURES_SEL,
        VIRTIO_MMIO_DRIVER_FEATURES,
        VIRTIO_MMIO_DRIVER_FEATURES_SEL,
        VIRTIO_MMIO_QUEUE_SEL,
        VIRTIO_MMIO_QUEUE_NUM,
        VIRTIO_MMIO_QUEUE_NOTIFY,
        VIRTIO_MMIO_INTERRUPT_ACK,
        VIRTIO_MMIO_QUEUE_DESC_LOW,
        VIRTIO_MMIO_QUEUE_DESC_HIGH,
        VIRTIO_MMIO_QUEUE_AVAIL_LOW,
        VIRTIO_MMIO_QUEUE_AVAIL_HIGH,
        VIRTIO_MMIO_QUEUE_USED_LOW,
        VIRTIO_MMIO_QUEUE_USED_HIGH,
        VIRTIO_MMIO_SHM_SEL,
        0x018,
        VIRTIO_MMIO_GUEST_PAGE_SIZE,
        VIRTIO_MMIO_QUEUE_ALIGN,
        VIRTIO_MMIO_QUEUE_PFN,
        0x0c0,
    };
    static const uint64_t read_only[] = {
        VIRTIO_MMIO_MAGIC_VALUE,      VIRTIO_MMIO_VERSION,          VIRTIO_MMIO_DEVICE_ID,
        VIRTIO_MMIO_VENDOR_ID,        VIRTIO_MMIO_DEVICE_FEATURES,  VIRTIO_MMIO_QUEUE_NUM_MAX,
        VIRTIO_MMIO_SHM_LEN_LOW,      VIRTIO_MMIO_INTERRUPT_STATUS, VIRTIO_MMIO_SHM_BASE_HIGH,
        VIRTIO_MMIO_CONFIG_GENERATION};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(write_only); i++) {
        wr(write_only[i], 1);
        assert_int_equal(rd(write_only[i]), 0);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(read_only); i++) {
        uint32_t before = rd(read_only[i]);

        wr(read_only[i], ~before);
        assert_int_equal(rd(read_only[i]), before);
    }
}

/* Registers answer to aligned words only. */
static void test_register_sizes(void **state)
{
    (void)state;
    assert_int_equal(read_sized(VIRTIO_MMIO_MAGIC_VALUE, 1), 0);
    assert_int_equal(read_sized(VIRTIO_MMIO_MAGIC_VALUE, 2), 0);
    assert_int_equal(read_sized(VIRTIO_MMIO_MAGIC_VALUE, 8), 0);
    assert_int_equal(read_sized(VIRTIO_MMIO_MAGIC_VALUE + 2, 4), 0);
    assert_int_equal(read_sized(VIRTIO_MMIO_CONFIG - 4, 8), 0);
    write_sized(VIRTIO_MMIO_STATUS, 1, ACK);
    write_sized(VIRTIO_MMIO_STATUS, 8, ACK);
    write_sized(VIRTIO_MMIO_STATUS - 2, 4, UINT32_MAX);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), 0);
}

static void test_config(void **state)
{
    (void)state;
    for (uint8_t size = 1; size <= 8; size = (uint8_t)(size * 2)) {
        for (uint64_t at = 0; at < 24; at++) {
            uint64_t want = 0;

            for (unsigned i = 0; i < size && at + i < sizeof(config); i++)
                want |= (uint64_t)config[at + i] << (8 * i);
            write_sized(VIRTIO_MMIO_CONFIG + at, size, UINT64_MAX);
            assert_int_equal(read_sized(VIRTIO_MMIO_CONFIG + at, size), want);
        }
    }
    assert_int_equal(rd(0x1000 - 4), 0);
}

static void test_device_features(void **state)
{
    (void)state;
    assert_int_equal(device_features(), F_DEVICE | F_TRANSPORT);
    wr(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2);
    assert_int_equal(rd(VIRTIO_MMIO_DEVICE_FEATURES), 0);
    wr(VIRTIO_MMIO_DEVICE_FEATURES_SEL, UINT32_MAX);
    assert_int_equal(rd(VIRTIO_MMIO_DEVICE_FEATURES), 0);
}

static void test_negotiation(void **state)
{
    const uint64_t v1 = BIT(VIRTIO_F_VERSION_1);

    (void)state;
    assert_true(negotiate(v1));
    setup(NULL);
    assert_true(negotiate(F_DEVICE | F_TRANSPORT));
    setup(NULL);
    assert_false(negotiate(0));
    setup(NULL);
    assert_false(negotiate(F_DEVICE)); /* without VERSION_1 */
    for (unsigned bit = 0; bit < 64; bit++) {
        setup(NULL);
        assert_int_equal(negotiate(v1 | BIT(bit)), ((F_DEVICE | F_TRANSPORT) & BIT(bit)) != 0);
    }
    setup(NULL);
    wr(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 2); /* there is no third word to spoil the others */
    wr(VIRTIO_MMIO_DRIVER_FEATURES, UINT32_MAX);
    assert_true(negotiate(v1));
}

/* A driver that was refused may think again; one that was accepted may not. */
static void test_renegotiation(void **state)
{
    (void)state;
    assert_false(negotiate(BIT(VIRTIO_F_VERSION_1) | BIT(5)));
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), ACK | DRIVER);
    assert_true(negotiate(BIT(VIRTIO_F_VERSION_1)));
    driver_features(F_DEVICE | F_TRANSPORT);
    assert_int_equal(slot.driver_features, BIT(VIRTIO_F_VERSION_1));
}

static void test_status(void **state)
{
    (void)state;
    wr(VIRTIO_MMIO_STATUS, ACK);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), ACK);
    wr(VIRTIO_MMIO_STATUS, DRIVER); /* bits stay until reset */
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), ACK | DRIVER);
    wr(VIRTIO_MMIO_STATUS, ACK | DRIVER | DRIVER_OK); /* not without FEATURES_OK */
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), ACK | DRIVER);
    wr(VIRTIO_MMIO_STATUS, ~(uint32_t)(FEATURES_OK | DRIVER_OK));
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), ACK | DRIVER | FAILED); /* NEEDS_RESET is not its */
    wr(VIRTIO_MMIO_STATUS, 0);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), 0);
    driver_features(BIT(VIRTIO_F_VERSION_1));
    wr(VIRTIO_MMIO_STATUS, RUNNING); /* all in one */
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), RUNNING);
    assert_int_equal(irq.rises, 0);
}

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
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    assert_int_equal(notified[0], 0);
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
    assert_int_equal(notified[0], 1);
    assert_true(driver_take(&drv, &id, &len));
    assert_int_equal(id, 5);
    assert_true(irq.level);
    assert_int_equal(irq.intid, 48);
    assert_int_equal(rd(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_VRING);
    wr(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_CONFIG);
    assert_true(irq.level);
    wr(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
    assert_false(irq.level);
    wr(VIRTIO_MMIO_INTERRUPT_ACK, UINT32_MAX);
    assert_int_equal(rd(VIRTIO_MMIO_INTERRUPT_STATUS), 0);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0); /* nothing there: no interrupt */
    assert_int_equal(notified[0], 2);
    assert_int_equal(irq.rises, 1);
}

static void test_notify_without_interrupt(void **state)
{
    (void)state;
    start(BIT(VIRTIO_F_VERSION_1));
    driver_avail(&drv)->flags = VRING_AVAIL_F_NO_INTERRUPT;
    driver_offer(&drv, 0);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    assert_int_equal(notified[0], 1);
    assert_int_equal(driver_used(&drv)->idx, 1);
    assert_int_equal(rd(VIRTIO_MMIO_INTERRUPT_STATUS), 0);
    assert_false(irq.level);
}

static void test_notify_is_refused(void **state)
{
    static const uint32_t index[] = {1, 2, NR_QUEUES, 4, 32, 0x10000, UINT32_MAX};

    (void)state;
    start(F_TRANSPORT);
    for (unsigned i = 0; i < ARRAY_SIZE(index); i++) /* not ready, or not there */
        wr(VIRTIO_MMIO_QUEUE_NOTIFY, index[i]);
    wr(VIRTIO_MMIO_STATUS, RUNNING | FAILED);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    setup(NULL);
    assert_true(negotiate(F_TRANSPORT));
    assert_true(add_queue(0, &drv));
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0); /* before DRIVER_OK */
    for (unsigned i = 0; i < NR_QUEUES; i++)
        assert_int_equal(notified[i], 0);
}

static void test_broken_device(void **state)
{
    (void)state;
    start(F_TRANSPORT);
    outcome = VIRTIO_BROKEN;
    budget = 1;
    driver_offer(&drv, 0);
    driver_offer(&drv, 1);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), RUNNING | NEEDS_RESET);
    /* What was done before the error is reported as well. */
    assert_int_equal(rd(VIRTIO_MMIO_INTERRUPT_STATUS),
                     VIRTIO_MMIO_INT_CONFIG | VIRTIO_MMIO_INT_VRING);
    assert_int_equal(irq.rises, 1);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    assert_int_equal(notified[0], 1);
    wr(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
    assert_true(irq.level);
    wr(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_CONFIG);
    assert_false(irq.level);

    wr(VIRTIO_MMIO_STATUS, 0);
    outcome = VIRTIO_IDLE;
    start(F_TRANSPORT);
    driver_offer(&drv, 0);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    assert_int_equal(notified[0], 2);
}

/* Chains beyond a device's share are taken up when the driver acknowledges the interrupt. */
static void test_unfinished_queue(void **state)
{
    (void)state;
    start(F_TRANSPORT);
    *driver_used_event(&drv) = 100; /* no interrupt is wanted; one comes all the same */
    budget = 2;
    outcome = VIRTIO_MORE;
    for (uint16_t i = 0; i < 5; i++)
        driver_offer(&drv, i);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    assert_int_equal(driver_used(&drv)->idx, 2);
    assert_true(irq.level);
    wr(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
    assert_int_equal(driver_used(&drv)->idx, 4);
    assert_int_equal(irq.rises, 2);
    outcome = VIRTIO_IDLE;
    wr(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
    assert_int_equal(driver_used(&drv)->idx, 5);
    assert_int_equal(notified[0], 3);
    assert_false(irq.level);
    wr(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
    assert_int_equal(notified[0], 3);
}

/* The right queue is resumed, and a reset forgets it. */
static void test_unfinished_last_queue(void **state)
{
    struct driver last = driver_init(1, 8);

    (void)state;
    start(F_TRANSPORT);
    assert_true(add_queue(NR_QUEUES - 1, &last));
    outcome = VIRTIO_MORE;
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, NR_QUEUES - 1);
    wr(VIRTIO_MMIO_INTERRUPT_ACK, 0);
    assert_int_equal(notified[NR_QUEUES - 1], 2);
    assert_int_equal(notified[0], 0);
    wr(VIRTIO_MMIO_STATUS, 0);
    start(F_TRANSPORT);
    assert_true(add_queue(NR_QUEUES - 1, &last));
    wr(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
    assert_int_equal(notified[NR_QUEUES - 1], 2);
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
        cmocka_unit_test_setup(test_identity, setup),
        cmocka_unit_test_setup(test_empty_slot, setup),
        cmocka_unit_test_setup(test_one_way_registers, setup),
        cmocka_unit_test_setup(test_register_sizes, setup),
        cmocka_unit_test_setup(test_config, setup),
        cmocka_unit_test_setup(test_device_features, setup),
        cmocka_unit_test_setup(test_negotiation, setup),
        cmocka_unit_test_setup(test_renegotiation, setup),
        cmocka_unit_test_setup(test_status, setup),
        cmocka_unit_test_setup(test_queue_selection, setup),
        cmocka_unit_test_setup(test_queue_before_features, setup),
        cmocka_unit_test_setup(test_queue_locked_while_ready, setup),
        cmocka_unit_test_setup(test_queue_addresses, setup),
        cmocka_unit_test_setup(test_broken_queue_while_running, setup),
        cmocka_unit_test_setup(test_features_reach_queue, setup),
        cmocka_unit_test_setup(test_notify, setup),
        cmocka_unit_test_setup(test_notify_without_interrupt, setup),
        cmocka_unit_test_setup(test_notify_is_refused, setup),
        cmocka_unit_test_setup(test_broken_device, setup),
        cmocka_unit_test_setup(test_unfinished_queue, setup),
        cmocka_unit_test_setup(test_unfinished_last_queue, setup),
        cmocka_unit_test_setup(test_reset, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
