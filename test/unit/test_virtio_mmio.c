/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtio-mmio transport: each register, the games a driver can play with features and status.
 * Those of queues are in test_virtio_mmio_queue.c.
 */
#include "virtio_mmio_fixture.h"

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
    slot = (struct virtio_mmio){0};
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

static uint64_t device_features(void)
{
    uint64_t low;

    wr(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
    low = rd(VIRTIO_MMIO_DEVICE_FEATURES);
    wr(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
    return low | (uint64_t)rd(VIRTIO_MMIO_DEVICE_FEATURES) << 32;
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
