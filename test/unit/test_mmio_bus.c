/* SPDX-License-Identifier: Apache-2.0 */
/* The map of devices: who is found at which address, and what may not be added. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "trap/mmio_bus.h"

static enum mmio_result access_fn(void *dev, struct mmio_access *access)
{
    (void)dev;
    (void)access;
    return MMIO_OK;
}

static int add(struct mmio_bus *bus, uint64_t base, uint64_t size)
{
    /* The base serves as the device, to tell who was found. */
    return mmio_bus_add(bus, (struct ipa_range){ipa(base), size}, access_fn, (void *)base,
                        EXIT_MMIO_DEVICE);
}

static uint64_t found(const struct mmio_bus *bus, uint64_t at)
{
    const struct mmio_region *region = mmio_bus_find(bus, ipa(at));

    return region == NULL ? UINT64_MAX : (uint64_t)region->dev;
}

static void empty(void **state)
{
    struct mmio_bus bus = {.count = 3};

    (void)state;
    mmio_bus_init(&bus);
    assert_null(mmio_bus_find(&bus, ipa(0)));
    assert_null(mmio_bus_find(&bus, ipa(UINT64_MAX)));
}

static void edges(void **state)
{
    struct mmio_bus bus;
    const struct mmio_region *region;

    (void)state;
    mmio_bus_init(&bus);
    assert_int_equal(add(&bus, 0x9000000, 0x1000), 0);
    assert_int_equal(add(&bus, 0x8000000, 0x10000), 0);
    assert_int_equal(add(&bus, 0x9001000, 0x200), 0);
    assert_int_equal(found(&bus, 0x7ffffff), UINT64_MAX);
    assert_int_equal(found(&bus, 0x8000000), 0x8000000);
    assert_int_equal(found(&bus, 0x800ffff), 0x8000000);
    assert_int_equal(found(&bus, 0x8010000), UINT64_MAX);
    assert_int_equal(found(&bus, 0x9000fff), 0x9000000);
    assert_int_equal(found(&bus, 0x9001000), 0x9001000);
    assert_int_equal(found(&bus, 0x90011ff), 0x9001000);
    assert_int_equal(found(&bus, 0x9001200), UINT64_MAX);
    assert_int_equal(found(&bus, UINT64_MAX), UINT64_MAX);
    region = mmio_bus_find(&bus, ipa(0x9000004));
    assert_ptr_equal(region->access_fn, access_fn);
    assert_int_equal(region->reason, EXIT_MMIO_DEVICE);
    assert_int_equal(region->range.size, 0x1000);
}

static void ends_of_the_address_space(void **state)
{
    struct mmio_bus bus;

    (void)state;
    mmio_bus_init(&bus);
    assert_int_equal(add(&bus, 0, 1), 0);
    assert_int_equal(add(&bus, UINT64_MAX - 0xfff, 0x1000), 0);
    assert_int_equal(found(&bus, 0), 0);
    assert_int_equal(found(&bus, 1), UINT64_MAX);
    assert_int_equal(found(&bus, UINT64_MAX), UINT64_MAX - 0xfff);
}

static void refuses_overlap(void **state)
{
    struct mmio_bus bus;

    (void)state;
    mmio_bus_init(&bus);
    assert_int_equal(add(&bus, 0x2000, 0x1000), 0);
    assert_int_equal(add(&bus, 0x2000, 0x1000), -ERR_EXIST);
    assert_int_equal(add(&bus, 0x2fff, 1), -ERR_EXIST);
    assert_int_equal(add(&bus, 0x1fff, 2), -ERR_EXIST);
    assert_int_equal(add(&bus, 0x1000, 0x3000), -ERR_EXIST);
    assert_int_equal(add(&bus, 0x2800, 0x10), -ERR_EXIST);
    assert_int_equal(add(&bus, 0x2800, 0x10000), -ERR_EXIST);
    assert_int_equal(add(&bus, 0, UINT64_MAX), -ERR_EXIST);
    assert_int_equal(bus.count, 1);
    assert_int_equal(add(&bus, 0x1000, 0x1000), 0);
    assert_int_equal(add(&bus, 0x3000, 0x1000), 0);
    /* Between two neighbours, across both, and from the one into the gap before the other. */
    assert_int_equal(add(&bus, 0x5000, 0x1000), 0);
    assert_int_equal(add(&bus, 0x3800, 0x1000), -ERR_EXIST);
    assert_int_equal(add(&bus, 0x4800, 0x1000), -ERR_EXIST);
    assert_int_equal(add(&bus, 0x4000, 0x1000), 0);
    assert_int_equal(bus.count, 5);
}

static void refuses_bad_ranges(void **state)
{
    struct mmio_bus bus;

    (void)state;
    mmio_bus_init(&bus);
    assert_int_equal(add(&bus, 0x1000, 0), -ERR_INVAL);
    assert_int_equal(add(&bus, UINT64_MAX, 2), -ERR_INVAL);
    assert_int_equal(add(&bus, 0x1000, UINT64_MAX), -ERR_INVAL);
    assert_int_equal(bus.count, 0);
}

/* All that fit, added in an order that sorts them in at both ends and in between. */
static void full(void **state)
{
    struct mmio_bus bus;

    (void)state;
    mmio_bus_init(&bus);
    for (uint64_t i = 0; i < MMIO_BUS_MAX_REGIONS; i++)
        assert_int_equal(add(&bus, 0x10000 + i * 37 % MMIO_BUS_MAX_REGIONS * 0x200, 0x100), 0);
    for (uint64_t i = 0; i < MMIO_BUS_MAX_REGIONS; i++) {
        uint64_t base = 0x10000 + i * 0x200;

        assert_int_equal(found(&bus, base), base);
        assert_int_equal(found(&bus, base + 0xff), base);
        assert_int_equal(found(&bus, base + 0x100), UINT64_MAX);
    }
    assert_int_equal(add(&bus, 0x100000, 0x1000), -ERR_NOMEM);
    assert_int_equal(add(&bus, 0x10000, 0x1000), -ERR_EXIST);
    assert_int_equal(bus.count, MMIO_BUS_MAX_REGIONS);
}

static void takes(void **state)
{
    const struct mmio_region region = {.range = {ipa(0x1000), 0x16}};

    (void)state;
    assert_true(mmio_region_takes(&region, ipa(0x1000), 8));
    assert_true(mmio_region_takes(&region, ipa(0x1008), 8));
    assert_true(mmio_region_takes(&region, ipa(0x1015), 1));
    assert_true(mmio_region_takes(&region, ipa(0x1014), 2));
    assert_false(mmio_region_takes(&region, ipa(0x1010), 8)); /* its last two bytes lie beyond */
    assert_false(mmio_region_takes(&region, ipa(0x1014), 4));
    assert_false(mmio_region_takes(&region, ipa(0x1016), 1));
    for (uint64_t below = 1; below <= 8; below++)
        for (unsigned size = 1; size <= 8; size *= 2)
            assert_false(mmio_region_takes(&region, ipa(0x1000 - below), size));
    assert_false(mmio_region_takes(&region, ipa(0x1001), 2));
    assert_false(mmio_region_takes(&region, ipa(0x1002), 4));
    assert_false(mmio_region_takes(&region, ipa(0x1004), 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty),
        cmocka_unit_test(edges),
        cmocka_unit_test(ends_of_the_address_space),
        cmocka_unit_test(refuses_overlap),
        cmocka_unit_test(refuses_bad_ranges),
        cmocka_unit_test(full),
        cmocka_unit_test(takes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
