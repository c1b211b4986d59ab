/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device of any type whose requests wait by a rule, whose backend answers as it likes, and which
 * is set up and reset through dev/virtio_fault.c.
 */
#include "virtio_mmio_fixture.h"

#include "virtio_fault_fixture.h"

static unsigned cancels, starts, resets;
static uint64_t accepted;
static int queue_error;

/* The device's own: any number of requests at once, all of which end as `outcome` says. */
static enum virtio_outcome obey(void *ctx, struct virtio_request *r)
{
    assert_ptr_equal(ctx, &good);
    assert_int_equal(slot.queue[r->queue].lock.locked, 0);
    assert_int_equal(fault.lock.locked, 0);
    served[r->queue]++;
    r->written = 3;
    return outcome;
}

static void count_cancel(void *ctx, unsigned index)
{
    (void)ctx;
    cancels++;
    virtio_queue_abandon(&slot, index);
}

static bool accept_any(void *ctx, uint64_t features)
{
    (void)ctx;
    accepted = features;
    return true;
}

static int begin_queue(void *ctx, unsigned index)
{
    (void)ctx;
    (void)index;
    return queue_error;
}

static void count_start(void *ctx)
{
    (void)ctx;
    starts++;
}

static void count_reset(void *ctx)
{
    (void)ctx;
    resets++;
}

static void answer_config(void *ctx, struct mmio_access *access)
{
    (void)ctx;
    access->value = 0x44332211;
}

static uint32_t seventy(void *ctx)
{
    (void)ctx;
    return 70;
}

static const struct virtio_backend_ops few_ops = {.serve_fn = obey};
static const struct virtio_backend_ops all_ops = {.serve_fn = obey,
                                                  .cancel_fn = count_cancel,
                                                  .accept_fn = accept_any,
                                                  .queue_fn = begin_queue,
                                                  .start_fn = count_start,
                                                  .reset_fn = count_reset,
                                                  .config_fn = answer_config,
                                                  .generation_fn = seventy};
static struct virtio_backend inner;

static void use_device(const struct virtio_backend_ops *with)
{
    const struct irq_line line = {test_irq_set, &irq, 48};

    inner = backend;
    inner.ops = with;
    virtio_mmio_init(&slot, &inner, &test_mem, &line);
    wire();
    cancels = starts = resets = 0;
    queue_error = 0;
    start(F_TRANSPORT);
}

static int setup_wait(void **state)
{
    setup(state);
    use_device(&few_ops);
    return 0;
}

static void use(enum fault_action action, uint64_t arg)
{
    rule[0] = any(action, arg, 0);
    use_rules(1);
}

static void offer(uint16_t head)
{
    driver_offer(&drv, head);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
}

/* The chain that has come back, -1: none. */
static int back(void)
{
    uint32_t id, len;

    if (!driver_take(&drv, &id, &len))
        return -1;
    assert_int_equal(len, 3);
    return (int)id;
}

static void delayed(void **state)
{
    (void)state;
    use(FAULT_DELAY, 5 * MS);
    rule[0].count = 1;
    assert_int_equal(virtio_fault_next_due(&fault), UINT64_MAX);
    offer(0);
    assert_int_equal(alarms, 1);
    assert_int_equal(virtio_fault_next_due(&fault), now + 5 * MS);
    offer(1);
    assert_int_equal(back(), 1);
    now += 5 * MS - 1;
    virtio_fault_ring(&fault);
    assert_int_equal(back(), -1);
    now++;
    virtio_fault_ring(&fault);
    assert_int_equal(back(), 0);
    assert_int_equal(virtio_fault_next_due(&fault), UINT64_MAX);
    virtio_fault_ring(&fault);
    assert_int_equal(back(), -1);
}

static void held_and_released(void **state)
{
    (void)state;
    use(FAULT_HOLD, 0);
    rule[0].count = 2;
    rule[1] = any(FAULT_RELEASE, 0, 0);
    rule[1].nth = 4;
    use_rules(2);
    offer(0);
    offer(1);
    now += 1000000 * MS;
    virtio_fault_ring(&fault);
    assert_int_equal(back(), -1);
    assert_int_equal(alarms, 0);
    offer(2);
    assert_int_equal(back(), 2);
    offer(3);
    assert_int_equal(back(), 3);
    assert_int_equal(alarms, 1);
    assert_int_equal(virtio_fault_next_due(&fault), 0);
    virtio_fault_ring(&fault);
    assert_int_equal(back(), 0);
    assert_int_equal(back(), 1);
}

static void reordered(void **state)
{
    (void)state;
    use(FAULT_REORDER, 2);
    rule[0].count = 1;
    for (uint16_t i = 0; i < 3; i++)
        offer(i);
    assert_int_equal(alarms, 2);
    assert_int_equal(virtio_fault_next_due(&fault), 0);
    virtio_fault_ring(&fault);
    assert_int_equal(back(), 1);
    assert_int_equal(back(), 2);
    assert_int_equal(back(), 0);
    offer(3); /* nobody is left to count it */
    assert_int_equal(back(), 3);
}

/* The others do not come: it goes on without them. */
static void reordered_alone(void **state)
{
    (void)state;
    use(FAULT_REORDER, 2);
    rule[0].count = 1;
    offer(0);
    offer(1);
    assert_int_equal(back(), 1);
    assert_int_equal(virtio_fault_next_due(&fault), now + 1000 * MS);
    now += 1000 * MS;
    virtio_fault_ring(&fault);
    assert_int_equal(back(), 0);
}

static void no_room_to_wait(void **state)
{
    (void)state;
    use(FAULT_HOLD, 0);
    for (unsigned i = 0; i < VIRTIO_FAULT_HELD; i++)
        offer((uint16_t)(i % 8));
    assert_int_equal(back(), -1);
    offer(7);
    assert_int_equal(back(), 7);
}

/* The device has no room for the one that goes on: it is tried again a little later. */
static void full_when_it_goes_on(void **state)
{
    (void)state;
    use(FAULT_DELAY, MS);
    offer(0);
    outcome = VIRTIO_FULL;
    now += MS;
    virtio_fault_ring(&fault);
    assert_int_equal(virtio_fault_next_due(&fault), now + MS);
    outcome = VIRTIO_DONE;
    now += MS;
    virtio_fault_ring(&fault);
    assert_int_equal(back(), 0);
    assert_int_equal(served[0], 2);
}

static void in_flight_when_it_goes_on(void **state)
{
    (void)state;
    use(FAULT_DELAY, MS);
    offer(0);
    outcome = VIRTIO_IN_FLIGHT;
    now += MS;
    virtio_fault_ring(&fault);
    assert_int_equal(back(), -1);
    virtio_queue_complete(&slot, 0, 0, 3);
    assert_int_equal(back(), 0);
}

static void broken_when_it_goes_on(void **state)
{
    (void)state;
    use(FAULT_DELAY, MS);
    offer(0);
    outcome = VIRTIO_BROKEN;
    now += MS;
    virtio_fault_ring(&fault);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), RUNNING | NEEDS_RESET);
}

/* Chain 0 is in flight, and the device takes no other until it has ended. */
static void fill(void)
{
    outcome = VIRTIO_IN_FLIGHT;
    offer(0);
    outcome = VIRTIO_FULL;
}

/* A request that is brought again counts once, and keeps what its rule says. */
static void brought_again(void **state)
{
    uint32_t id, len;

    (void)state;
    use(FAULT_ID, 5);
    rule[0].nth = 2;
    fill();
    offer(1);
    assert_int_equal(rule[0].seen, 2);
    outcome = VIRTIO_DONE;
    virtio_queue_complete(&slot, 0, 0, 3);
    assert_int_equal(rule[0].seen, 2);
    assert_int_equal(back(), 0);
    assert_true(driver_take(&drv, &id, &len));
    assert_int_equal(id, 5);
    offer(2);
    assert_int_equal(rule[0].seen, 3);
    assert_int_equal(back(), 2);
}

/* A queue that starts anew has no such request: its first is new. */
static void not_brought_again(void **state)
{
    (void)state;
    use(FAULT_LEN, 3);
    fill();
    offer(1);
    outcome = VIRTIO_DONE;
    virtio_queue_abandon(&slot, 0);
    wr(VIRTIO_MMIO_STATUS, 0);
    start(F_TRANSPORT);
    offer(2);
    assert_int_equal(rule[0].seen, 3);
    assert_int_equal(back(), 2);
}

static void broken_with_a_mark(void **state)
{
    (void)state;
    use(FAULT_TWICE, 0);
    outcome = VIRTIO_BROKEN;
    offer(0);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), RUNNING | NEEDS_RESET);
    assert_null(fault.mark[0].rule);
}

/* Data of a device that is no disk: all of it may be corrupted, from the first byte on. */
static void corrupt_any(void **state)
{
    uint8_t *data = ram(DATA);

    (void)state;
    data[0] = 0x11;
    rule[0] = any(FAULT_CORRUPT, 16, 0x0f);
    use_rules(1);
    outcome = VIRTIO_IN_FLIGHT;
    offer(0);
    assert_int_equal(data[0], 0x1e);
    virtio_queue_complete(&slot, 0, 0, 3);
    assert_int_equal(data[0], 0x11);
    outcome = VIRTIO_DONE;
    put_desc(drv.desc, 1, DATA, 16, VRING_DESC_F_WRITE, 0);
    offer(1);
    assert_int_equal(data[0], 0x1e);
}

/* The device never ends it: when its queue stops, the byte is put back. */
static void corrupt_and_reset(void **state)
{
    uint8_t *data = ram(DATA);

    (void)state;
    use_device(&all_ops);
    data[0] = 0x11;
    rule[0] = any(FAULT_CORRUPT, 0, 0x0f);
    use_rules(1);
    outcome = VIRTIO_IN_FLIGHT;
    offer(0);
    assert_int_equal(data[0], 0x1e);
    wr(VIRTIO_MMIO_STATUS, 0);
    assert_int_equal(data[0], 0x11);
    assert_int_equal(cancels, 1);
}

static void answered_without_the_device(void **state)
{
    uint32_t id, len;

    (void)state;
    use(FAULT_DROP, 0);
    offer(4);
    assert_true(driver_take(&drv, &id, &len));
    assert_int_equal(id, 4);
    assert_int_equal(len, 0);
    assert_int_equal(served[0], 0);
}

/* What waits here ends first; the device hears of a reset only for what it has. */
static void reset_while_they_wait(void **state)
{
    (void)state;
    use_device(&all_ops);
    use(FAULT_HOLD, 0);
    offer(0);
    offer(1);
    wr(VIRTIO_MMIO_STATUS, 0);
    assert_int_equal(cancels, 0);
    assert_int_equal(resets, 1);
    start(F_TRANSPORT);
    use_rules(0);
    outcome = VIRTIO_IN_FLIGHT;
    offer(2);
    wr(VIRTIO_MMIO_STATUS, 0);
    assert_int_equal(cancels, 1);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), 0);
}

/* The other queue's stay. */
static void one_queue_stops(void **state)
{
    struct driver second = driver_init(1, 8);

    (void)state;
    put_desc(second.desc, 0, DATA, 16, 0, 0);
    assert_true(add_queue(1, &second));
    use(FAULT_HOLD, 0);
    offer(0);
    driver_offer(&second, 0);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 1);
    wr(VIRTIO_MMIO_QUEUE_SEL, 1);
    wr(VIRTIO_MMIO_QUEUE_READY, 0);
    rule[0] = any(FAULT_RELEASE, 0, 0);
    virtio_fault_now(&fault, &rule[0]);
    virtio_fault_ring(&fault);
    assert_int_equal(served[0], 1);
    assert_int_equal(served[1], 0);
    assert_int_equal(back(), 0);
}

static void set_up_through_it(void **state)
{
    (void)state;
    use_device(&all_ops);
    assert_int_equal(accepted, F_TRANSPORT);
    assert_int_equal(starts, 1);
    assert_int_equal(rd(VIRTIO_MMIO_CONFIG_GENERATION), 70);
    assert_int_equal(read_sized(VIRTIO_MMIO_CONFIG, 4), 0x44332211);
    rule[0] = any(FAULT_CONFIG, UINT64_C(1) << 32 | 2, 0xee);
    virtio_fault_now(&fault, &rule[0]);
    assert_int_equal(read_sized(VIRTIO_MMIO_CONFIG, 4), 0x44ee2211);
    assert_int_equal(rd(VIRTIO_MMIO_CONFIG_GENERATION), 71);
    wr(VIRTIO_MMIO_STATUS, 0);
    queue_error = -ERR_INVAL;
    assert_true(negotiate(F_TRANSPORT));
    assert_false(add_queue(0, &drv));
}

/* A device with none of that. */
static void nothing_to_set_up(void **state)
{
    (void)state;
    assert_int_equal(rd(VIRTIO_MMIO_CONFIG_GENERATION), 0);
    assert_int_equal(read_sized(VIRTIO_MMIO_CONFIG, 4), 0x13121110);
    write_sized(VIRTIO_MMIO_CONFIG, 4, 0);
    assert_int_equal(read_sized(VIRTIO_MMIO_CONFIG, 4), 0x13121110);
    wr(VIRTIO_MMIO_STATUS, 0);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(delayed, setup_wait),
        cmocka_unit_test_setup(held_and_released, setup_wait),
        cmocka_unit_test_setup(reordered, setup_wait),
        cmocka_unit_test_setup(reordered_alone, setup_wait),
        cmocka_unit_test_setup(no_room_to_wait, setup_wait),
        cmocka_unit_test_setup(full_when_it_goes_on, setup_wait),
        cmocka_unit_test_setup(in_flight_when_it_goes_on, setup_wait),
        cmocka_unit_test_setup(broken_when_it_goes_on, setup_wait),
        cmocka_unit_test_setup(brought_again, setup_wait),
        cmocka_unit_test_setup(not_brought_again, setup_wait),
        cmocka_unit_test_setup(broken_with_a_mark, setup_wait),
        cmocka_unit_test_setup(corrupt_any, setup_wait),
        cmocka_unit_test_setup(corrupt_and_reset, setup_wait),
        cmocka_unit_test_setup(answered_without_the_device, setup_wait),
        cmocka_unit_test_setup(reset_while_they_wait, setup_wait),
        cmocka_unit_test_setup(one_queue_stops, setup_wait),
        cmocka_unit_test_setup(set_up_through_it, setup_wait),
        cmocka_unit_test_setup(nothing_to_set_up, setup_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
