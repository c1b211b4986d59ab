/* SPDX-License-Identifier: Apache-2.0 */
/* dev/virtio_machine.c with a guest and a device that mean well: what goes through, and back. */
#include "virtio_machine_fixture.h"

#include <linux/virtio_blk.h>
#include <linux/virtio_gpu.h>

#include "dev/virtio_addresses.h"

/* The type's own features pass, and none of the transport's, which the mediator has itself. */
static void test_offer(void **state)
{
    (void)state;
    insert(VIRTIO_ID_NET, GENMASK(41, 24) | BIT(3) | BIT(50) | EVENT_IDX, 2, 100);
    assert_int_equal(rd(VIRTIO_MMIO_DEVICE_ID), VIRTIO_ID_NET);
    assert_int_equal(rd(VIRTIO_MMIO_DEVICE_FEATURES), (uint32_t)F_TRANSPORT | BIT(3));
    wr(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
    assert_int_equal(rd(VIRTIO_MMIO_DEVICE_FEATURES), F_TRANSPORT >> 32 | BIT(50 - 32));
    assert_int_equal(rd(VIRTIO_MMIO_QUEUE_NUM_MAX), 64);
    wr(VIRTIO_MMIO_QUEUE_SEL, 2);
    assert_int_equal(rd(VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
    take_out(state);
    insert(VIRTIO_ID_GPU, GPU_FEATURES_NEVER | BIT(VIRTIO_GPU_F_EDID), 2, RING);
    assert_int_equal(rd(VIRTIO_MMIO_DEVICE_FEATURES),
                     (uint32_t)F_TRANSPORT | BIT(VIRTIO_GPU_F_EDID));
}

static void test_negotiation(void **state)
{
    (void)state;
    insert(VIRTIO_ID_NET, BIT(3) | BIT(5) | BIT(50) | EVENT_IDX, 2, RING);
    assert_false(negotiate(VERSION_1 | BIT(4))); /* it was not offered */
    assert_int_equal(fake_virtio.status, 0);
    wr(VIRTIO_MMIO_STATUS, 0);
    assert_true(negotiate(VERSION_1 | BIT(3) | BIT(50) | INDIRECT));
    assert_int_equal(fake_virtio.driver_features, VERSION_1 | BIT(3) | BIT(50) | EVENT_IDX);
    assert_int_equal(fake_virtio.status, ACK | DRIVER | FEATURES_OK);
    guest[0] = driver_init(0, RING);
    assert_true(add_queue(0, &guest[0]));
    assert_true(fake_virtio.queue[0].ready);
    assert_false(fake_virtio.queue[1].ready);
    wr(VIRTIO_MMIO_STATUS, RUNNING);
    assert_int_equal(fake_virtio.status, RUNNING);
}

static void test_refused_features(void **state)
{
    (void)state;
    insert(VIRTIO_ID_NET, BIT(3) | BIT(5), 2, RING);
    fake_virtio.refuses_features = true;
    assert_false(negotiate(VERSION_1 | BIT(3)));
    fake_virtio.refuses_features = false;
    wr(VIRTIO_MMIO_STATUS, 0);
    bring_up(VERSION_1 | BIT(5), 2);
    expect_works();
}

/* The device reads what the guest wrote, and writes where the guest reads. */
static void test_data(void **state)
{
    struct fake_virtio_chain chain;

    (void)state;
    memcpy(ram(DATA), "from the guest", 15);
    put_desc(guest[1].desc, 5, DATA, 15, VRING_DESC_F_NEXT, 2);
    put_desc(guest[1].desc, 2, DATA + 0x100, 8, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 3);
    put_desc(guest[1].desc, 3, RAM1_IPA + RAM1_SIZE - 24, 24, VRING_DESC_F_WRITE, 0);
    driver_offer(&guest[1], 5);
    assert_false(fake_virtio_take(1, &chain)); /* the guest has not notified */
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 1);
    assert_int_equal(fake_virtio.queue[1].notified, 1);
    assert_false(fake_virtio_take(0, &chain));
    assert_true(device_take(1, &chain));
    assert_int_equal(chain.count, 3);
    assert_string_equal(pa_to_ptr(pa(chain.desc[0].addr)), "from the guest");
    assert_int_equal(chain.desc[0].len, 15);
    assert_int_equal(chain.desc[0].flags, VRING_DESC_F_NEXT);
    assert_int_equal(chain.desc[1].flags, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE);
    assert_int_equal(chain.desc[2].flags, VRING_DESC_F_WRITE);
    assert_ptr_equal(pa_to_ptr(pa(chain.desc[2].addr)), ram1 + RAM1_SIZE - 24);
    expect_nothing_used(1);
    assert_true(fake_virtio_use(1, chain.head, 20));
    interrupt();
    expect_used(1, 5, 20);
    assert_int_equal(irq.rises, 1);
    assert_int_equal(rd(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_VRING);
}

/* Once the guest has notified, its descriptors and tables may say what they want. */
static void test_changed_meanwhile(void **state)
{
    struct fake_virtio_chain chain;

    (void)state;
    ask(0, 0);
    ask_indirect(0, 1, 2);
    put_desc(guest[0].desc, 0, 0x1000, UINT32_MAX, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 1);
    memset(ram(TABLE + 0x1000), 0xff, 32);
    assert_true(device_take(0, &chain));
    assert_int_equal(chain.count, 1);
    assert_ptr_equal(pa_to_ptr(pa(chain.desc[0].addr)), ram(DATA));
    assert_true(device_take(0, &chain));
    assert_int_equal(chain.count, 2);
}

/* With more buffers than the device's ring has, requests wait for the end of others, in order. */
static void test_full(void **state)
{
    struct fake_virtio_chain chain;

    (void)state;
    for (uint16_t i = 0; i < RING; i++)
        ask_indirect(0, i, 3);
    for (uint16_t i = 0; i < RING; i++) {
        assert_int_equal(slot.queue[0].in_flight, i < RING - 1 ? 2 : 1);
        assert_true(device_take(0, &chain));
        assert_int_equal(chain.count, 3);
        fake_virtio_use(0, chain.head, i);
        interrupt();
        expect_used(0, i, i);
    }
    assert_int_equal(slot.queue[0].in_flight, 0);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), RUNNING);
    expect_works();
}

/* The guest says which of its requests shall interrupt it. */
static void test_event_index(void **state)
{
    (void)state;
    insert(VIRTIO_ID_RNG, EVENT_IDX, 2, RING);
    bring_up(EVENT_IDX, 1);
    *driver_used_event(&guest[0]) = 1;
    for (uint16_t i = 0; i < 3; i++) {
        assert_int_equal(*driver_avail_event(&guest[0]), i);
        ask(0, i);
        assert_true(fake_virtio_serve(0, 0));
        interrupt();
        expect_used(0, i, 16);
        assert_int_equal(irq.rises, i < 1 ? 0 : 1);
        wr(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
    }
}

/* A turn ends after as many requests as two rings have, even if then there are no more. */
static void test_turn(void **state)
{
    (void)state;
    insert(VIRTIO_ID_RNG, EVENT_IDX, 3, VIRTIO_RING_SIZE);
    bring_up(0, 3);
    for (unsigned queue = 0; queue < 2; queue++) {
        for (uint16_t i = 0; i < VIRTIO_RING_SIZE; i++) {
            ask(queue, i);
            assert_true(fake_virtio_serve(queue, 0));
        }
    }
    ask(2, 0);
    assert_true(fake_virtio_serve(2, 0));
    assert_true(virtio_machine_interrupt(machine));
    assert_int_equal(slot.queue[0].in_flight, 0);
    assert_int_equal(slot.queue[1].in_flight, 0);
    assert_int_equal(slot.queue[2].in_flight, 1);
    assert_false(virtio_machine_interrupt(machine));
    for (unsigned queue = 0; queue < 3; queue++) {
        ask(queue, 0);
        assert_true(fake_virtio_serve(queue, 0));
        assert_int_equal(fake_virtio_interrupts(), VIRTIO_MMIO_INT_VRING);
        assert_false(virtio_machine_interrupt(machine));
        assert_int_equal(slot.queue[queue].in_flight, 0);
    }
}

/* Commands of a display: a copy with the machine's addresses, one at a time. */
static void put_backing(uint16_t head, uint64_t address)
{
    uint64_t at = DATA + 0x1000U * head;
    struct virtio_gpu_resource_attach_backing attach = {
        .hdr.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, .nr_entries = 1};
    struct virtio_gpu_mem_entry piece = {.addr = address, .length = 4096};

    memcpy(ram(at), &attach, sizeof(attach));
    memcpy(ram(at + 0x100), &piece, sizeof(piece));
    put_desc(guest[0].desc, head, at, sizeof(attach), VRING_DESC_F_NEXT, head + 1U);
    put_desc(guest[0].desc, head + 1U, at + 0x100, sizeof(piece), VRING_DESC_F_NEXT, head + 2U);
    put_desc(guest[0].desc, head + 2U, at + 0x200, 24, VRING_DESC_F_WRITE, 0);
    driver_offer(&guest[0], head);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    memset(ram(at), 0xff, 0x200); /* what was checked is the copy */
}

static uint64_t take_backing(struct fake_virtio_chain *chain)
{
    const uint8_t *copy;
    struct virtio_gpu_mem_entry piece;

    assert_true(device_take(0, chain));
    assert_int_equal(chain->count, 2);
    copy = pa_to_ptr(pa(chain->desc[0].addr));
    assert_ptr_equal(copy, machine->ring[0].copy);
    assert_int_equal(chain->desc[0].len,
                     sizeof(struct virtio_gpu_resource_attach_backing) + sizeof(piece));
    assert_int_equal(chain->desc[1].len, 24);
    memcpy(&piece, copy + sizeof(struct virtio_gpu_resource_attach_backing), sizeof(piece));
    return piece.addr;
}

static void test_addresses(void **state)
{
    struct fake_virtio_chain chain, more;

    (void)state;
    insert(VIRTIO_ID_GPU, EVENT_IDX, 2, RING);
    bring_up(0, 2);
    put_backing(0, RAM1_IPA);
    put_backing(3, RAM0_IPA);
    assert_int_equal(take_backing(&chain), ptr_to_pa(ram1).v);
    assert_false(fake_virtio_take(0, &more)); /* the copy is in use */
    ask(1, 0);                                /* the other queue has no addresses */
    assert_true(device_take(1, &more));
    assert_int_equal(more.count, 1);
    fake_virtio_use(0, chain.head, 24);
    interrupt();
    expect_used(0, 0, 24);
    /* The guest had overwritten the second before it was copied: then it is no command. */
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), RUNNING | NEEDS_RESET);
    assert_false(fake_virtio_take(0, &more));
}

static void test_addresses_one_by_one(void **state)
{
    struct fake_virtio_chain chain;

    (void)state;
    insert(VIRTIO_ID_GPU, EVENT_IDX, 2, RING);
    bring_up(0, 2);
    for (unsigned i = 0; i < 3; i++) {
        put_backing(0, RAM0_IPA + 0x1000 * i);
        assert_int_equal(take_backing(&chain), ptr_to_pa(ram0).v + 0x1000 * i);
        fake_virtio_use(0, chain.head, 24);
        interrupt();
        expect_used(0, 0, 24);
    }
}

static void test_config(void **state)
{
    (void)state;
    insert(VIRTIO_ID_BLOCK, 0, 1, RING);
    for (uint8_t size = 1; size <= 8; size = (uint8_t)(2 * size)) {
        for (uint64_t offset = 0; offset < FAKE_VIRTIO_CONFIG; offset++) {
            uint8_t before[FAKE_VIRTIO_CONFIG];
            bool allowed = size == 1 && offset == offsetof(struct virtio_blk_config, wce);
            uint64_t value = 0;

            memcpy(before, fake_virtio.config, sizeof(before));
            memcpy(&value, before + offset,
                   offset + size <= sizeof(before) ? size : sizeof(before) - offset);
            assert_int_equal(read_sized(VIRTIO_MMIO_CONFIG + offset, size), value);
            if (allowed)
                before[offset] = 0x99;
            write_sized(VIRTIO_MMIO_CONFIG + offset, size, UINT64_C(0x9999999999999999));
            assert_memory_equal(fake_virtio.config, before, sizeof(before));
        }
    }
}

static void test_config_change(void **state)
{
    (void)state;
    fake_virtio_interrupt(VIRTIO_MMIO_INT_CONFIG);
    fake_virtio.generation = 9;
    interrupt();
    assert_int_equal(rd(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_CONFIG);
    assert_int_equal(rd(VIRTIO_MMIO_CONFIG_GENERATION), 9);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), RUNNING);
    assert_int_equal(irq.rises, 1);
    wr(VIRTIO_MMIO_STATUS, 0);
    fake_virtio_interrupt(VIRTIO_MMIO_INT_CONFIG); /* nobody wants to hear of it */
    interrupt();
    assert_false(irq.level);
    assert_int_equal(rd(VIRTIO_MMIO_INTERRUPT_STATUS), 0);
}

#define T(name)     cmocka_unit_test_teardown(name, take_out)
#define T_RNG(name) cmocka_unit_test_setup_teardown(name, setup_rng, take_out)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_offer),
        T(test_negotiation),
        T(test_refused_features),
        T_RNG(test_data),
        T_RNG(test_changed_meanwhile),
        T_RNG(test_full),
        T(test_event_index),
        T(test_turn),
        T(test_addresses),
        T(test_addresses_one_by_one),
        T(test_config),
        T_RNG(test_config_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
