/* SPDX-License-Identifier: Apache-2.0 */
/* The emulated clock: the time, setting it, the alarm, its wire, and whom it asks to be woken by.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dev/vpl031.h"

enum { DR = 0, MR = 4, LR = 8, CR = 12, IMSC = 16, RIS = 20, MIS = 24, ICR = 28 };

#define FREQUENCY UINT64_C(62500000)
#define EPOCH     1700000000U
#define START     (1000 * FREQUENCY + 17)
#define NOW       (EPOCH + 1000) /* by the clock, at START */
#define INTID     34

static struct vpl031 rtc;
static uint64_t counter, alarm;
static bool wire;
static unsigned wire_calls;

static uint64_t now(void)
{
    return counter;
}

static void set_alarm(void *ctx, uint64_t due)
{
    assert_ptr_equal(ctx, &alarm);
    alarm = due;
}

static void set_wire(void *ctx, uint32_t intid, bool level)
{
    assert_ptr_equal(ctx, &wire);
    assert_int_equal(intid, INTID);
    wire = level;
    wire_calls++;
}

static int set_up(void **state)
{
    struct irq_line line = {set_wire, &wire, INTID};
    struct vpl031_ops ops = {now, set_alarm, &alarm};

    (void)state;
    counter = START;
    alarm = 0;
    wire = false;
    wire_calls = 0;
    vpl031_init(&rtc, &line, &ops, FREQUENCY, EPOCH);
    vpl031_reset(&rtc);
    assert_int_equal(alarm, VPL031_NEVER);
    return 0;
}

static uint32_t rd(uint64_t offset)
{
    struct mmio_access access = {.offset = offset, .size = 4};

    assert_int_equal(vpl031_access(&rtc, &access), MMIO_OK);
    return (uint32_t)access.value;
}

static void wr(uint64_t offset, uint32_t value)
{
    struct mmio_access access = {.offset = offset, .size = 4, .value = value, .write = true};

    assert_int_equal(vpl031_access(&rtc, &access), MMIO_OK);
}

/* The tick at which the clock begins to show this. */
static uint64_t tick_of(uint32_t time)
{
    return (time - EPOCH) * FREQUENCY;
}

/* The counter goes on to `tick`, and whoever was to ring rings. */
static void pass_to(uint64_t tick)
{
    while (alarm <= tick) {
        counter = alarm;
        alarm = VPL031_NEVER;
        vpl031_alarm(&rtc);
    }
    counter = tick;
}

static void time_passes(void **state)
{
    (void)state;
    assert_int_equal(rd(DR), NOW);
    counter += FREQUENCY - 18;
    assert_int_equal(rd(DR), NOW);
    counter++;
    assert_int_equal(rd(DR), NOW + 1);
    counter = tick_of(UINT32_MAX);
    assert_int_equal(rd(DR), UINT32_MAX);
    counter += FREQUENCY;
    assert_int_equal(rd(DR), 0);
    assert_int_equal(rd(CR), 1);
    wr(CR, 0);
    assert_int_equal(rd(CR), 1);
    wr(DR, 5);
    assert_int_equal(rd(DR), 0);
}

static void is_set(void **state)
{
    (void)state;
    wr(LR, 86400);
    assert_int_equal(rd(LR), 86400);
    assert_int_equal(rd(DR), 86400);
    counter += 10 * FREQUENCY;
    assert_int_equal(rd(DR), 86410);
    vpl031_reset(&rtc);
    assert_int_equal(rd(DR), 86410);
    assert_int_equal(rd(LR), 0);
}

static void rings(void **state)
{
    (void)state;
    wr(MR, NOW + 60);
    assert_int_equal(rd(MR), NOW + 60);
    assert_int_equal(alarm, VPL031_NEVER); /* nobody would hear it */
    wr(IMSC, 1);
    assert_int_equal(rd(IMSC), 1);
    assert_int_equal(alarm, tick_of(NOW + 60));
    pass_to(alarm - 1);
    assert_false(wire);
    assert_int_equal(rd(RIS), 0);
    pass_to(counter + 1);
    assert_true(wire);
    assert_int_equal(rd(RIS), 1);
    assert_int_equal(rd(MIS), 1);
    assert_int_equal(rd(DR), NOW + 60);
    assert_int_equal(alarm, VPL031_NEVER);
    wr(ICR, 0);
    assert_true(wire);
    wr(ICR, 1);
    assert_false(wire);
    assert_int_equal(rd(RIS), 0);
    pass_to(counter + 1000 * FREQUENCY);
    assert_false(wire);
    assert_int_equal(wire_calls, 3); /* the reset's, up, down */
}

static void is_silent_while_masked(void **state)
{
    (void)state;
    wr(MR, NOW + 2);
    pass_to(START + 5 * FREQUENCY);
    assert_int_equal(rd(RIS), 1);
    assert_int_equal(rd(MIS), 0);
    assert_false(wire);
    wr(IMSC, 1);
    assert_true(wire);
    assert_int_equal(rd(MIS), 1);
    wr(IMSC, 0xfffffffe);
    assert_int_equal(rd(IMSC), 0);
    assert_false(wire);
    assert_int_equal(rd(RIS), 1);
}

/* At once, if it is for now; in 136 years, if it is for the past. */
static void now_and_past(void **state)
{
    (void)state;
    wr(IMSC, 1);
    wr(MR, NOW);
    assert_true(wire);
    wr(ICR, 1);
    assert_false(wire);
    wr(MR, NOW - 1);
    assert_int_equal(alarm, tick_of(NOW) + UINT64_C(0xffffffff) * FREQUENCY);
    pass_to(alarm);
    assert_true(wire);
    assert_int_equal(rd(DR), NOW - 1);
}

static void moves_with_the_clock(void **state)
{
    (void)state;
    wr(IMSC, 1);
    wr(MR, 1000);
    wr(LR, 990);
    assert_int_equal(alarm, tick_of(NOW + 10));
    wr(LR, 999);
    assert_int_equal(alarm, tick_of(NOW + 1));
    pass_to(alarm);
    assert_true(wire);
}

/* Who rings may do it too early, too often, and on several CPUs. */
static void needless_calls(void **state)
{
    (void)state;
    vpl031_alarm(&rtc);
    assert_int_equal(alarm, VPL031_NEVER);
    wr(IMSC, 1);
    wr(MR, NOW + 3);
    vpl031_alarm(&rtc);
    assert_int_equal(alarm, tick_of(NOW + 3));
    assert_false(wire);
    pass_to(alarm);
    vpl031_alarm(&rtc);
    assert_true(wire);
    assert_int_equal(wire_calls, 2);
}

static void reset_ends_it(void **state)
{
    (void)state;
    wr(IMSC, 1);
    wr(MR, NOW);
    assert_true(wire);
    vpl031_reset(&rtc);
    assert_false(wire);
    assert_int_equal(alarm, VPL031_NEVER);
    for (uint64_t offset = MR; offset <= ICR; offset += 4)
        assert_int_equal(rd(offset), offset == CR);
    wr(IMSC, 1);
    assert_int_equal(alarm, VPL031_NEVER);
}

static void identification(void **state)
{
    static const uint8_t id[] = {0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        wr(0xfe0 + 4 * i, 0);
        assert_int_equal(rd(0xfe0 + 4 * i), id[i]);
    }
    for (uint64_t offset = ICR; offset < 0xfe0; offset += 4) {
        wr(offset, 0);
        assert_int_equal(rd(offset), 0);
    }
}

static void sizes(void **state)
{
    static const struct {
        uint8_t size, offset;
        enum mmio_result result;
        uint32_t value;
    } cases[] = {
        {1, 0, MMIO_OK, 0x12345678}, {2, 0, MMIO_OK, 0x12345678}, {1, 1, MMIO_OK, 0x123456},
        {2, 2, MMIO_OK, 0x1234},     {1, 3, MMIO_OK, 0x12},       {2, 1, MMIO_ABORT, 0},
        {4, 2, MMIO_ABORT, 0},       {8, 0, MMIO_ABORT, 0},
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mmio_access access = {.offset = MR + cases[i].offset, .size = cases[i].size};

        set_up(state);
        wr(MR, 0x12345678);
        assert_int_equal(vpl031_access(&rtc, &access), cases[i].result);
        assert_int_equal(access.value, cases[i].value);
        access.write = true;
        access.value = 7;
        assert_int_equal(vpl031_access(&rtc, &access), cases[i].result);
        assert_int_equal(rd(MR),
                         cases[i].result == MMIO_OK && cases[i].offset == 0 ? 7 : 0x12345678);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(time_passes, set_up),
        cmocka_unit_test_setup(is_set, set_up),
        cmocka_unit_test_setup(rings, set_up),
        cmocka_unit_test_setup(is_silent_while_masked, set_up),
        cmocka_unit_test_setup(now_and_past, set_up),
        cmocka_unit_test_setup(moves_with_the_clock, set_up),
        cmocka_unit_test_setup(needless_calls, set_up),
        cmocka_unit_test_setup(reset_ends_it, set_up),
        cmocka_unit_test_setup(identification, set_up),
        cmocka_unit_test_setup(sizes, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
