/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The split virtqueue: where it may lie, what both rings say and wrap at, who wants to hear of it.
 * What hangs off the rings is in test_virtq_chain.c.
 */
#include "virtq_fixture.h"

static int try_layout(uint64_t desc, uint64_t avail, uint64_t used, uint32_t size)
{
    struct virtq_layout layout = {ipa(desc), ipa(avail), ipa(used), size};
    int err;

    virtq_reset(&vq);
    err = virtq_setup(&vq, &test_mem, &layout, 0);
    assert_int_equal(virtq_is_ready(&vq), err == 0);
    return err;
}

static void test_setup_sizes(void **state)
{
    static const uint32_t bad[] = {0,   3,       12,      255,        257,
                                   512, 0x10000, 0x10100, 0x80000000, UINT32_MAX};

    (void)state;
    for (uint32_t size = 1; size <= VIRTQ_MAX_SIZE; size *= 2)
        assert_int_equal(try_layout(RAM0_IPA, RAM0_IPA + 0x2000, RAM0_IPA + 0x3000, size), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(try_layout(RAM0_IPA, RAM0_IPA + 0x2000, RAM0_IPA + 0x3000, bad[i]),
                         -ERR_INVAL);
}

static void test_setup_alignment(void **state)
{
    uint64_t a = RAM0_IPA;

    (void)state;
    assert_int_equal(try_layout(a + 16, a + 0x2002, a + 0x3004, 8), 0);
    assert_int_equal(try_layout(a + 8, a + 0x2000, a + 0x3000, 8), -ERR_INVAL);
    assert_int_equal(try_layout(a, a + 0x2001, a + 0x3000, 8), -ERR_INVAL);
    assert_int_equal(try_layout(a, a + 0x2000, a + 0x3002, 8), -ERR_INVAL);
}

/* Each part may end with the RAM, to the byte, and not two bytes or an element later. */
static void test_setup_ends_of_ram(void **state)
{
    const uint64_t a = RAM0_IPA;
    const uint64_t desc = RAM0_END - 8 * 16, avail = RAM0_END - (4 + 8 * 2 + 2);
    const uint64_t used = RAM1_IPA + RAM1_SIZE - (4 + 8 * 8 + 4); /* 4-aligned, 2 bytes to spare */

    (void)state;
    assert_int_equal(try_layout(desc, a, a, 8), 0);
    assert_int_equal(try_layout(desc + 16, a, a, 8), -ERR_RANGE);
    assert_int_equal(try_layout(a, avail, a, 8), 0);
    assert_int_equal(try_layout(a, avail + 2, a, 8), -ERR_RANGE);
    assert_int_equal(try_layout(a, a, used, 8), 0);
    assert_int_equal(try_layout(a, a, used + 4, 8), -ERR_RANGE);
    assert_int_equal(try_layout(RAM0_IPA - 16, a, a, 8), -ERR_RANGE);
    assert_int_equal(try_layout(UINT64_MAX & ~UINT64_C(15), a, a, 8), -ERR_RANGE);
    assert_int_equal(try_layout(a, UINT64_MAX - 1, a, 8), -ERR_RANGE);
    assert_int_equal(try_layout(a, a, 0, 8), -ERR_RANGE);
}

static void test_pop_empty(void **state)
{
    (void)state;
    assert_int_equal(virtq_pop(&vq, &chain), -ERR_NOENT);
}

static void test_pop_too_many_waiting(void **state)
{
    (void)state;
    put_desc(drv.desc, 0, DATA, 8, 0, 0);
    driver_avail(&drv)->idx = 8;
    assert_int_equal(virtq_pop(&vq, &chain), 0);
    driver_avail(&drv)->idx = 10; /* 1 taken, 9 waiting, of 8 */
    assert_int_equal(virtq_pop(&vq, &chain), -ERR_INVAL);
    driver_avail(&drv)->idx = 0; /* backwards */
    assert_int_equal(virtq_pop(&vq, &chain), -ERR_INVAL);
}

static void take_and_return(uint32_t size, uint32_t i)
{
    uint16_t head = (uint16_t)((i * 3) % size);
    uint32_t id, len;

    assert_int_equal(pop_offered(head), 0);
    assert_ptr_equal(chain.seg[0].ptr, ram(DATA + head * 16U));
    virtq_push(&vq, chain.head, i);
    assert_true(driver_take(&drv, &id, &len));
    assert_int_equal(id, head);
    assert_int_equal(len, i);
    assert_false(driver_take(&drv, &id, &len));
}

/* Indices wrap at 65536 and the ring at its size, several times. */
static void test_wrap(void **state)
{
    (void)state;
    for (uint32_t size = 1; size <= VIRTQ_MAX_SIZE; size *= 16) {
        make_queue(size, 0);
        for (uint32_t i = 0; i < size; i++)
            put_desc(drv.desc, i, DATA + i * 16, 16, WRITE, 0);
        for (uint32_t i = 0; i < 140000; i++)
            take_and_return(size, i);
    }
}

/* Chains may come back in another order than they were taken. */
static void test_push_out_of_order(void **state)
{
    uint32_t id, len;

    (void)state;
    put_desc(drv.desc, 1, DATA, 16, WRITE, 0);
    put_desc(drv.desc, 2, DATA, 16, WRITE, 0);
    assert_int_equal(pop_offered(1), 0);
    assert_int_equal(pop_offered(2), 0);
    virtq_push(&vq, 2, 5);
    virtq_push(&vq, 1, 16);
    assert_true(driver_take(&drv, &id, &len));
    assert_int_equal(id, 2);
    assert_int_equal(len, 5);
    assert_true(driver_take(&drv, &id, &len));
    assert_int_equal(id, 1);
    assert_int_equal(len, 16);
}

static void test_interrupt_flag(void **state)
{
    (void)state;
    make_queue(8, 0);
    assert_false(virtq_wants_interrupt(&vq));
    virtq_push(&vq, 0, 0);
    assert_true(virtq_wants_interrupt(&vq));
    assert_false(virtq_wants_interrupt(&vq)); /* told once */
    driver_avail(&drv)->flags = VRING_AVAIL_F_NO_INTERRUPT;
    virtq_push(&vq, 0, 0);
    assert_false(virtq_wants_interrupt(&vq));
    driver_avail(&drv)->flags = 0xfffe; /* other bits mean nothing */
    virtq_push(&vq, 0, 0);
    assert_true(virtq_wants_interrupt(&vq));
}

static void test_interrupt_event(void **state)
{
    (void)state;
    driver_avail(&drv)->flags = VRING_AVAIL_F_NO_INTERRUPT; /* not looked at with event indices */
    *driver_used_event(&drv) = 2;                           /* when element 2 is used, the third */
    virtq_push(&vq, 0, 0);
    assert_false(virtq_wants_interrupt(&vq));
    virtq_push(&vq, 0, 0);
    assert_false(virtq_wants_interrupt(&vq));
    virtq_push(&vq, 0, 0);
    assert_true(virtq_wants_interrupt(&vq));
    virtq_push(&vq, 0, 0);
    assert_false(virtq_wants_interrupt(&vq));
    *driver_used_event(&drv) = 5; /* in the middle of a batch of three: 4, 5, 6 */
    virtq_push(&vq, 0, 0);
    virtq_push(&vq, 0, 0);
    virtq_push(&vq, 0, 0);
    assert_true(virtq_wants_interrupt(&vq));
    assert_false(virtq_wants_interrupt(&vq));
}

static void test_interrupt_event_wraps(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 0xffff; i++)
        virtq_push(&vq, 0, 0);
    (void)!virtq_wants_interrupt(&vq);
    *driver_used_event(&drv) = 0;
    virtq_push(&vq, 0, 0); /* element 0xffff */
    assert_false(virtq_wants_interrupt(&vq));
    virtq_push(&vq, 0, 0); /* element 0 */
    assert_true(virtq_wants_interrupt(&vq));
}

static void test_rearm(void **state)
{
    (void)state;
    put_desc(drv.desc, 0, DATA, 16, 0, 0);
    assert_int_equal(pop_offered(0), 0);
    assert_false(virtq_rearm(&vq));
    assert_int_equal(*driver_avail_event(&drv), 1);
    driver_offer(&drv, 0);
    assert_true(virtq_rearm(&vq));
    assert_int_equal(*driver_avail_event(&drv), 1);
    assert_int_equal(virtq_pop(&vq, &chain), 0);
    assert_false(virtq_rearm(&vq));
    assert_int_equal(*driver_avail_event(&drv), 2);
}

static void test_rearm_without_event(void **state)
{
    (void)state;
    make_queue(8, F_INDIRECT);
    *driver_avail_event(&drv) = 0x5a5a; /* the field does not exist now */
    put_desc(drv.desc, 0, DATA, 16, 0, 0);
    assert_false(virtq_rearm(&vq));
    driver_offer(&drv, 0);
    assert_true(virtq_rearm(&vq));
    assert_int_equal(*driver_avail_event(&drv), 0x5a5a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_setup_sizes, setup),
        cmocka_unit_test_setup(test_setup_alignment, setup),
        cmocka_unit_test_setup(test_setup_ends_of_ram, setup),
        cmocka_unit_test_setup(test_pop_empty, setup),
        cmocka_unit_test_setup(test_pop_too_many_waiting, setup),
        cmocka_unit_test_setup(test_wrap, setup),
        cmocka_unit_test_setup(test_push_out_of_order, setup),
        cmocka_unit_test_setup(test_interrupt_flag, setup),
        cmocka_unit_test_setup(test_interrupt_event, setup),
        cmocka_unit_test_setup(test_interrupt_event_wraps, setup),
        cmocka_unit_test_setup(test_rearm, setup),
        cmocka_unit_test_setup(test_rearm_without_event, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
