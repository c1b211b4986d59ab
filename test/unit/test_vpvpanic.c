/* SPDX-License-Identifier: Apache-2.0 */
/* The emulated pvpanic: what it says that it knows, what it hands on, what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dev/vpvpanic.h"

static unsigned calls;
static uint8_t told;

static void hear(void *ctx, uint8_t events)
{
    assert_ptr_equal(ctx, &calls);
    calls++;
    told = events;
}

static struct vpvpanic pvpanic = {hear, &calls};

static uint64_t rd(uint64_t offset)
{
    struct mmio_access access = {.offset = offset, .size = 1, .value = 0x55};

    assert_int_equal(vpvpanic_access(&pvpanic, &access), MMIO_OK);
    return access.value;
}

static void wr(uint64_t offset, uint64_t value)
{
    struct mmio_access access = {.offset = offset, .size = 1, .value = value, .write = true};

    assert_int_equal(vpvpanic_access(&pvpanic, &access), MMIO_OK);
}

static void says_what_it_knows(void **state)
{
    (void)state;
    assert_int_equal(rd(0), PVPANIC_PANICKED | PVPANIC_CRASH_LOADED | PVPANIC_SHUTDOWN);
    assert_int_equal(rd(1), 0);
    assert_int_equal(calls, 0);
}

static void hands_on(void **state)
{
    (void)state;
    wr(0, PVPANIC_PANICKED);
    assert_int_equal(calls, 1);
    assert_int_equal(told, PVPANIC_PANICKED);
    wr(0, 0xff);
    assert_int_equal(calls, 2);
    assert_int_equal(told, PVPANIC_EVENTS);
    vpvpanic_reset(&pvpanic);
    assert_int_equal(calls, 2);
}

static void knows_no_more(void **state)
{
    (void)state;
    calls = 0;
    wr(0, 0);
    wr(0, 0xf8);
    wr(1, PVPANIC_PANICKED);
    assert_int_equal(calls, 0);
}

static void refuses_other_sizes(void **state)
{
    (void)state;
    calls = 0;
    for (uint8_t size = 2; size <= 8; size = (uint8_t)(size * 2)) {
        struct mmio_access access = {.size = size, .value = 1, .write = true};

        assert_int_equal(vpvpanic_access(&pvpanic, &access), MMIO_ABORT);
    }
    assert_int_equal(calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_it_knows),
        cmocka_unit_test(hands_on),
        cmocka_unit_test(knows_no_more),
        cmocka_unit_test(refuses_other_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
