/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of lib/bits.h and of the arithmetic of lib/addr.h, at the ends of the numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/addr.h"
#include "lib/bits.h"

#define TOP UINT64_MAX

static void masks(void **state)
{
    (void)state;
    assert_int_equal(BIT(0), 1);
    assert_int_equal(BIT(63), UINT64_C(0x8000000000000000));
    assert_int_equal(GENMASK(0, 0), 1);
    assert_int_equal(GENMASK(63, 0), TOP);
    assert_int_equal(GENMASK(63, 63), BIT(63));
    assert_int_equal(GENMASK(31, 0), UINT64_C(0xffffffff));
    assert_int_equal(GENMASK(39, 32), UINT64_C(0xff00000000));
}

static void fields(void **state)
{
    (void)state;
    assert_int_equal(FIELD_GET(GENMASK(15, 8), 0x123456), 0x34);
    assert_int_equal(FIELD_GET(BIT(63), TOP), 1);
    assert_int_equal(FIELD_GET(GENMASK(63, 32), -1), UINT64_C(0xffffffff));
    assert_int_equal(FIELD_PREP(GENMASK(15, 8), 0x34), 0x3400);
    assert_int_equal(FIELD_PREP(GENMASK(15, 8), 0x1ff), 0xff00); /* cut to the field */
    assert_int_equal(FIELD_PREP(GENMASK(63, 60), 0xf), UINT64_C(0xf000000000000000));
    for (unsigned n = 0; n < 64; n++)
        assert_int_equal(FIELD_GET(BIT(n), FIELD_PREP(BIT(n), 1)), 1);
}

static void arrays(void **state)
{
    (void)state;
    uint16_t some[7];

    assert_int_equal(ARRAY_SIZE(some), 7);
}

static void alignment(void **state)
{
    (void)state;
    assert_int_equal(align_up(0, PAGE_SIZE), 0);
    assert_int_equal(align_up(1, PAGE_SIZE), PAGE_SIZE);
    assert_int_equal(align_up(PAGE_SIZE, PAGE_SIZE), PAGE_SIZE);
    assert_int_equal(align_up(TOP, PAGE_SIZE), 0);
    assert_int_equal(align_up(7, 1), 7);
    assert_int_equal(align_down(PAGE_SIZE - 1, PAGE_SIZE), 0);
    assert_int_equal(align_down(TOP, SIZE_1G), TOP - SIZE_1G + 1);
    assert_true(is_aligned(0, SIZE_1G));
    assert_true(is_aligned(SIZE_2M, PAGE_SIZE));
    assert_false(is_aligned(SIZE_2M + 1, 2));
}

static void valid_ranges(void **state)
{
    (void)state;
    assert_true(range_is_valid(0, 0));
    assert_true(range_is_valid(TOP, 0));
    assert_true(range_is_valid(TOP, 1));
    assert_false(range_is_valid(TOP, 2));
    assert_true(range_is_valid(0, TOP));
    assert_true(range_is_valid(1, TOP));
    assert_false(range_is_valid(2, TOP));
}

static void overlaps(void **state)
{
    (void)state;
    assert_false(ranges_overlap(0, 10, 10, 10));
    assert_false(ranges_overlap(10, 10, 0, 10));
    assert_true(ranges_overlap(0, 11, 10, 10));
    assert_true(ranges_overlap(10, 10, 0, 11));
    assert_true(ranges_overlap(0, 100, 50, 1));
    assert_true(ranges_overlap(50, 1, 0, 100));
    assert_true(ranges_overlap(5, 5, 5, 5));
    assert_false(ranges_overlap(50, 0, 0, 100));
    assert_false(ranges_overlap(0, 100, 50, 0));
    assert_true(ranges_overlap(TOP, 1, TOP - 9, 10));
    assert_false(ranges_overlap(TOP, 1, TOP - 10, 10));
    assert_false(ranges_overlap(0, 1, TOP, 1));
}

static void containment(void **state)
{
    (void)state;
    assert_true(range_contains(10, 10, 10, 10));
    assert_true(range_contains(10, 10, 19, 1));
    assert_false(range_contains(10, 10, 19, 2));
    assert_false(range_contains(10, 10, 9, 1));
    assert_false(range_contains(10, 10, 9, 12));
    assert_true(range_contains(10, 10, 20, 0));
    assert_false(range_contains(10, 10, 21, 0));
    assert_false(range_contains(10, 10, 15, TOP));
    assert_false(range_contains(10, 10, TOP, 11));
    assert_true(range_contains(TOP - 9, 10, TOP, 1));
    assert_false(range_contains(TOP - 9, 10, TOP, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks),       cmocka_unit_test(fields),       cmocka_unit_test(arrays),
        cmocka_unit_test(alignment),   cmocka_unit_test(valid_ranges), cmocka_unit_test(overlaps),
        cmocka_unit_test(containment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
