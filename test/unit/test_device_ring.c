/* SPDX-License-Identifier: Apache-2.0 */
/* check/device_ring.c: chains of a guest's buffers, and each way in which one is not. */
#include "check/device_ring.h"

#include "invariants_fixture.h"
#include "mm/phys.h"

#define RING 8

static struct virtio_ring ring;

static int setup_ring(void **state)
{
    memset(&ring, 0, sizeof(ring));
    ring.size = RING;
    return setup(state);
}

/* The chain that was put into the ring last: descriptors from `head` on, to be linked. */
static void offer(uint16_t head)
{
    ring.avail.ring[ring.next_avail++ % RING] = head;
}

static void give(uint16_t index, uint64_t at, uint32_t len, uint16_t flags)
{
    ring.desc[index] = (struct vring_desc){at, len, flags, (uint16_t)(index + 1)};
}

static void expect_good(void)
{
    assert_int_equal(device_ring_check(&rules, &ring, NULL, text, sizeof(text)), 0);
}

static void expect_bad(const char *words)
{
    text[0] = '\0';
    assert_int_equal(device_ring_check(&rules, &ring, NULL, text, sizeof(text)), -ERR_INVAL);
    assert_string_equal(text, words);
}

static void test_guests(void **state)
{
    (void)state;
    give(3, GUEST, 1, VRING_DESC_F_NEXT);
    give(4, GUEST + 2 * SIZE_2M - 16, 16, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE);
    give(5, GUEST_B, SIZE_2M, VRING_DESC_F_WRITE);
    for (unsigned i = 0; i < 2 * RING; i++) {
        offer(3);
        expect_good();
    }
}

/* What the hypervisor has copied for the device may be read where it says so, not written. */
static void test_copy(void **state)
{
    static uint8_t copy[16];

    (void)state;
    offer(0);
    give(0, ptr_to_pa(copy).v, sizeof(copy), 0);
    assert_int_equal(device_ring_check(&rules, &ring, copy, text, sizeof(text)), 0);
    assert_int_equal(device_ring_check(&rules, &ring, NULL, text, sizeof(text)), -ERR_INVAL);
    assert_int_equal(device_ring_check(&rules, &ring, copy + 1, text, sizeof(text)), -ERR_INVAL);
    give(0, ptr_to_pa(copy).v, sizeof(copy), VRING_DESC_F_WRITE);
    assert_int_equal(device_ring_check(&rules, &ring, copy, text, sizeof(text)), -ERR_INVAL);
}

/* Two of a guest's neighbours make one buffer. */
static void test_neighbours(void **state)
{
    (void)state;
    claim(GUEST + 2 * SIZE_2M, PAGE_SIZE, "yet more");
    phys_map_give(&phys, pa(GUEST + 2 * SIZE_2M));
    offer(0);
    give(0, GUEST, 2 * SIZE_2M + PAGE_SIZE, 0);
    expect_good();
    give(0, GUEST, 2 * SIZE_2M + PAGE_SIZE + 1, 0);
    expect_bad("a device is given 0x401001 bytes at 0x48000000: 0x48401000 is of nobody");
}

static void test_foreign(void **state)
{
    (void)state;
    offer(0);
    give(0, TEXT, 16, 0);
    expect_bad("a device is given 0x10 bytes at 0x40200000: 0x40200000 is of the hypervisor");
    give(0, 0x8000000, 4, VRING_DESC_F_WRITE);
    expect_bad("a device is given 0x4 bytes at 0x8000000: 0x8000000 is of nobody");
    give(0, GUEST - 1, 2, 0);
    expect_bad("a device is given 0x2 bytes at 0x47ffffff: 0x47ffffff is of nobody");
    give(0, GUEST + 2 * SIZE_2M - 1, 2, 0);
    expect_bad("a device is given 0x2 bytes at 0x483fffff: 0x48400000 is of nobody");
}

static void test_no_range(void **state)
{
    (void)state;
    offer(0);
    give(0, GUEST, 0, 0);
    expect_bad("a device is given 0x0 bytes at 0x48000000");
    give(0, UINT64_MAX - 1, 16, 0);
    expect_bad("a device is given 0x10 bytes at 0xfffffffffffffffe");
}

static void test_later_in_the_chain(void **state)
{
    (void)state;
    offer(6);
    give(6, GUEST, 16, VRING_DESC_F_NEXT);
    give(7, TEXT, 16, VRING_DESC_F_WRITE);
    expect_bad("a device is given 0x10 bytes at 0x40200000: 0x40200000 is of the hypervisor");
    offer(6);
    expect_bad("a device is given 0x10 bytes at 0x40200000: 0x40200000 is of the hypervisor");
}

/* A table would be read by the device, and nobody has checked that. */
static void test_flags(void **state)
{
    (void)state;
    offer(1);
    give(1, GUEST, 16, VRING_DESC_F_INDIRECT);
    expect_bad("a device is given a descriptor with flags 0x4");
}

static void test_no_end(void **state)
{
    (void)state;
    offer(0);
    give(0, GUEST, 16, VRING_DESC_F_NEXT);
    ring.desc[0].next = 0;
    expect_bad("a device is given a chain without an end");
    ring.desc[0].next = RING;
    expect_bad("a device is given a chain without an end");
}

static void test_asked(void **state)
{
    (void)state;
    offer(0);
    give(0, TEXT, 16, 0);
    device_ring_expect(&ring, NULL); /* nobody watches yet */
    assert_int_equal(breaches, 0);
    invariants_watch(&rules);
    device_ring_expect(&ring, NULL);
    assert_int_equal(breaches, 1);
    give(0, GUEST, 16, 0);
    device_ring_expect(&ring, NULL);
    assert_int_equal(breaches, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_guests, setup_ring),
        cmocka_unit_test_setup(test_copy, setup_ring),
        cmocka_unit_test_setup(test_neighbours, setup_ring),
        cmocka_unit_test_setup(test_foreign, setup_ring),
        cmocka_unit_test_setup(test_no_range, setup_ring),
        cmocka_unit_test_setup(test_later_in_the_chain, setup_ring),
        cmocka_unit_test_setup(test_flags, setup_ring),
        cmocka_unit_test_setup(test_no_end, setup_ring),
        cmocka_unit_test_setup(test_asked, setup_ring),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
