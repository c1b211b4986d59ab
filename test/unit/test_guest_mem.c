/* SPDX-License-Identifier: Apache-2.0 */
/* mm/guest_mem.c: a guest address is a pointer only where all of the bytes are one region's RAM. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mm/guest_mem.h"
#include "mm/phys.h"

#define SIZE UINT64_C(0x2000)
#define LOW  UINT64_C(0x40000000)
#define HIGH UINT64_C(0xffffffffffffe000) /* ends with the address space */

static uint8_t first[SIZE], second[SIZE], last[SIZE];
static struct guest_mem mem;

static int setup(void **state)
{
    (void)state;
    mem = (struct guest_mem){
        .count = 3,
        .region = {{ipa(LOW), ptr_to_pa(first), SIZE},
                   {ipa(LOW + SIZE), ptr_to_pa(second), SIZE}, /* next to it, elsewhere in PA */
                   {ipa(HIGH), ptr_to_pa(last), SIZE}},
    };
    for (size_t i = 0; i < SIZE; i++)
        first[i] = second[i] = last[i] = (uint8_t)(i * 7);
    return 0;
}

static void test_pointers_inside_each_region(void **state)
{
    (void)state;
    assert_ptr_equal(guest_mem_ptr(&mem, ipa(LOW), 1), first);
    assert_ptr_equal(guest_mem_ptr(&mem, ipa(LOW), SIZE), first);
    assert_ptr_equal(guest_mem_ptr(&mem, ipa(LOW + SIZE - 1), 1), first + SIZE - 1);
    assert_ptr_equal(guest_mem_ptr(&mem, ipa(LOW + SIZE), SIZE), second);
    assert_ptr_equal(guest_mem_ptr(&mem, ipa(LOW + SIZE + 0x123), 8), second + 0x123);
    assert_ptr_equal(guest_mem_ptr(&mem, ipa(HIGH), SIZE), last);
    assert_ptr_equal(guest_mem_ptr(&mem, ipa(UINT64_MAX), 1), last + SIZE - 1);
}

static void test_nothing_just_outside(void **state)
{
    (void)state;
    assert_null(guest_mem_ptr(&mem, ipa(LOW - 1), 1));
    assert_null(guest_mem_ptr(&mem, ipa(LOW - 1), 2));
    assert_null(guest_mem_ptr(&mem, ipa(LOW + 2 * SIZE), 1));
    assert_null(guest_mem_ptr(&mem, ipa(LOW + 2 * SIZE - 1), 2));
    assert_null(guest_mem_ptr(&mem, ipa(HIGH - 1), 1));
    assert_null(guest_mem_ptr(&mem, ipa(0), 1));
}

static void test_runs(void **state)
{
    (void)state;
    assert_int_equal(guest_mem_run(&mem, ipa(LOW), 5), 5);
    assert_int_equal(guest_mem_run(&mem, ipa(LOW + SIZE - 3), 5), 3);
    assert_int_equal(guest_mem_run(&mem, ipa(LOW + SIZE), 2 * SIZE), SIZE);
    assert_int_equal(guest_mem_run(&mem, ipa(UINT64_MAX), UINT64_MAX), 1);
    assert_int_equal(guest_mem_run(&mem, ipa(LOW - 1), 5), 0);
    assert_int_equal(guest_mem_run(&mem, ipa(LOW), 0), 0);
}

static void test_nothing_across_two_regions(void **state)
{
    (void)state;
    assert_null(guest_mem_ptr(&mem, ipa(LOW + SIZE - 1), 2));
    assert_null(guest_mem_ptr(&mem, ipa(LOW), 2 * SIZE));
    assert_null(guest_mem_ptr(&mem, ipa(LOW), SIZE + 1));
}

static void test_lengths_that_wrap_or_are_zero(void **state)
{
    (void)state;
    assert_null(guest_mem_ptr(&mem, ipa(LOW), 0));
    assert_null(guest_mem_ptr(&mem, ipa(LOW), UINT64_MAX));
    assert_null(guest_mem_ptr(&mem, ipa(LOW + 8), UINT64_MAX - LOW));
    assert_null(guest_mem_ptr(&mem, ipa(HIGH), SIZE + 1));
    assert_null(guest_mem_ptr(&mem, ipa(UINT64_MAX), 2));
    assert_null(guest_mem_ptr(&mem, ipa(UINT64_MAX), UINT64_MAX));
}

static void test_no_regions(void **state)
{
    (void)state;
    mem.count = 0;
    assert_null(guest_mem_ptr(&mem, ipa(LOW), 1));
}

static void test_read(void **state)
{
    uint8_t buf[16];

    (void)state;
    memset(buf, 0xee, sizeof(buf));
    assert_int_equal(guest_mem_read(&mem, ipa(LOW + SIZE - 4), buf, 4), 0);
    assert_memory_equal(buf, first + SIZE - 4, 4);
    assert_int_equal(buf[4], 0xee);
}

static void test_a_failed_copy_moves_no_byte(void **state)
{
    uint8_t buf[8];

    (void)state;
    memset(buf, 0xee, sizeof(buf));
    assert_int_equal(guest_mem_read(&mem, ipa(LOW + 2 * SIZE - 4), buf, 8), -ERR_RANGE);
    for (size_t i = 0; i < sizeof(buf); i++)
        assert_int_equal(buf[i], 0xee);
    assert_int_equal(guest_mem_read(&mem, ipa(LOW), buf, 0), -ERR_RANGE);
}

/* What is read may lie in ROM, which is no RAM. */
static void test_roms(void **state)
{
    static uint8_t content[2][SIZE];
    const struct ram_region rom[] = {{ipa(0), ptr_to_pa(content[0]), SIZE},
                                     {ipa(SIZE), ptr_to_pa(content[1]), SIZE}};
    uint16_t value;

    (void)state;
    assert_null(guest_mem_readable(&mem, ipa(0), 1));
    for (unsigned i = 0; i < GUEST_MEM_MAX_ROMS; i++)
        assert_int_equal(guest_mem_add_rom(&mem, &rom[i]), 0);
    assert_int_equal(guest_mem_add_rom(&mem, &rom[0]), -ERR_NOMEM);
    assert_ptr_equal(guest_mem_readable(&mem, ipa(SIZE), SIZE), content[1]);
    assert_ptr_equal(guest_mem_readable(&mem, ipa(LOW), SIZE), first);
    assert_null(guest_mem_readable(&mem, ipa(SIZE - 1), 2));
    assert_null(guest_mem_ptr(&mem, ipa(0), 1));
    content[0][7] = 0x34;
    content[0][8] = 0x12;
    assert_int_equal(guest_mem_read(&mem, ipa(7), &value, sizeof(value)), 0);
    assert_int_equal(value, 0x1234);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_pointers_inside_each_region, setup),
        cmocka_unit_test_setup(test_nothing_just_outside, setup),
        cmocka_unit_test_setup(test_runs, setup),
        cmocka_unit_test_setup(test_nothing_across_two_regions, setup),
        cmocka_unit_test_setup(test_lengths_that_wrap_or_are_zero, setup),
        cmocka_unit_test_setup(test_no_regions, setup),
        cmocka_unit_test_setup(test_read, setup),
        cmocka_unit_test_setup(test_a_failed_copy_moves_no_byte, setup),
        cmocka_unit_test_setup(test_roms, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
