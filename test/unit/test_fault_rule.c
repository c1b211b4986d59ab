/* SPDX-License-Identifier: Apache-2.0 */
/* Which event goes wrong, and when: conditions, counts, dice, times, what is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dev/fault_rule.h"
#include "lib/log.h"

#define HZ    UINT64_C(62500000)
#define START UINT64_C(1000)
#define MS    UINT64_C(1000000) /* ns */

static struct fault_rules rules;
static struct fault_rule rule[2];
static char said[128];

void log_print(enum log_kind kind, const char *fmt, ...)
{
    va_list ap;

    assert_int_equal(kind, LOG_INFO);
    va_start(ap, fmt);
    fmt_vsnprintf(said, sizeof(said), fmt, ap);
    va_end(ap);
}

static struct fault_rule any(enum fault_kind kind)
{
    return (struct fault_rule){.kind = kind,
                               .number = 1,
                               .first = 0x100,
                               .last = 0x1ff,
                               .queues = UINT32_MAX,
                               .types = UINT32_MAX,
                               .last_sector = UINT64_MAX,
                               .until = UINT64_MAX};
}

static void begin(unsigned count)
{
    fault_rules_init(&rules, rule, count, HZ);
    fault_rules_start(&rules, START);
}

static struct fault_event request(void)
{
    return (struct fault_event){.kind = FAULT_REQUEST, .where = 0x100, .now = START};
}

/* How many of so many requests rule[0] takes. */
static unsigned taken(unsigned count, struct fault_event event)
{
    unsigned n = 0;

    for (unsigned i = 0; i < count; i++)
        n += fault_match(&rules, &event) == &rule[0];
    return n;
}

static void conditions(void **state)
{
    struct fault_event event = request();

    (void)state;
    rule[0] = any(FAULT_REQUEST);
    rule[0].queues = 1U << 2 | 1U << 31;
    rule[0].types = 1U << 1;
    rule[0].first_sector = 8;
    rule[0].last_sector = 15;
    begin(1);
    event.queue = 2;
    event.type = 1;
    event.first_sector = 0;
    event.last_sector = 8;
    assert_int_equal(taken(1, event), 1);
    event.first_sector = event.last_sector = 15;
    assert_int_equal(taken(1, event), 1);
    event.queue = 77;
    assert_int_equal(taken(1, event), 1);

    for (unsigned i = 0; i < 8; i++) {
        struct fault_event other = event;

        if (i == 0)
            other.kind = FAULT_ACCESS;
        else if (i == 1)
            other.where = 0xff;
        else if (i == 2)
            other.where = 0x200;
        else if (i == 3)
            other.queue = 3;
        else if (i == 4)
            other.type = 40;
        else if (i == 5)
            other.first_sector = other.last_sector = 16;
        else if (i == 6)
            other.first_sector = other.last_sector = 7;
        else
            other.type = 0;
        assert_int_equal(taken(1, other), 0);
    }
    assert_int_equal(rule[0].seen, 3);
}

static void counts(void **state)
{
    (void)state;
    rule[0] = any(FAULT_REQUEST);
    rule[0].nth = 3;
    begin(1);
    assert_int_equal(taken(2, request()), 0);
    assert_int_equal(taken(1, request()), 1);
    assert_int_equal(taken(9, request()), 0);

    rule[0] = any(FAULT_REQUEST);
    rule[0].every = 4;
    rule[0].count = 2;
    begin(1);
    assert_int_equal(taken(3, request()), 0);
    assert_int_equal(taken(5, request()), 2);
    assert_int_equal(taken(90, request()), 0);
}

/* The first rule acts, and the second counts what it fits all the same. */
static void two_rules(void **state)
{
    const struct fault_event event = request();

    (void)state;
    rule[0] = any(FAULT_REQUEST);
    rule[0].count = 1;
    rule[1] = any(FAULT_REQUEST);
    rule[1].nth = 2;
    begin(2);
    assert_ptr_equal(fault_match(&rules, &event), &rule[0]);
    assert_ptr_equal(fault_match(&rules, &event), &rule[1]);
    assert_null(fault_match(&rules, &event));
}

/* The same for a seed, another for another one, and about as often as it says. */
static void dice(void **state)
{
    bool first[1000];
    unsigned unlike = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 3; seed++) {
        unsigned n = 0;

        rule[0] = any(FAULT_REQUEST);
        rule[0].chance = 1U << 30;
        rule[0].seed = seed / 2;
        begin(1);
        for (unsigned i = 0; i < 1000; i++) {
            bool hit = taken(1, request()) == 1;

            n += hit;
            if (seed == 0)
                first[i] = hit;
            else if (seed == 1)
                assert_int_equal(hit, first[i]);
            else
                unlike += hit != first[i];
        }
        assert_in_range(n, 180, 320);
    }
    assert_in_range(unlike, 200, 600);
}

static void windows(void **state)
{
    struct fault_event event = request();

    (void)state;
    rule[0] = any(FAULT_REQUEST);
    rule[0].from = 2 * MS;
    rule[0].until = 3 * MS;
    begin(1);
    assert_int_equal(taken(1, event), 0);
    event.now = START + 2 * HZ / 1000;
    assert_int_equal(taken(1, event), 1);
    event.now = START + 3 * HZ / 1000 - 1;
    assert_int_equal(taken(1, event), 1);
    event.now++;
    assert_int_equal(taken(1, event), 0);
}

static void given_times(void **state)
{
    const uint64_t ms = HZ / 1000;

    (void)state;
    rule[0] = any(FAULT_TIME);
    rule[0].from = 2 * MS;
    rule[1] = any(FAULT_TIME);
    rule[1].from = 5 * MS;
    rule[1].period = 10 * MS;
    rule[1].count = 3;
    begin(2);
    assert_int_equal(fault_next_due(&rules), START + 2 * ms);
    assert_null(fault_take_due(&rules, START + 2 * ms - 1));
    assert_ptr_equal(fault_take_due(&rules, START + 2 * ms), &rule[0]);
    assert_null(fault_take_due(&rules, START + 2 * ms));
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(fault_next_due(&rules), START + (5 + 10 * i) * ms);
        assert_ptr_equal(fault_take_due(&rules, START + (5 + 10 * i) * ms), &rule[1]);
    }
    assert_int_equal(fault_next_due(&rules), UINT64_MAX);

    rule[0] = any(FAULT_TIME);
    rule[0].period = 10 * MS;
    rule[0].until = 15 * MS;
    begin(1);
    assert_ptr_equal(fault_take_due(&rules, START + 100 * ms), &rule[0]);
    assert_ptr_equal(fault_take_due(&rules, START + 100 * ms), &rule[0]);
    assert_null(fault_take_due(&rules, START + 100 * ms));
}

static void time_is_ns(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(fault_ticks(&rules, 0), 0);
    assert_int_equal(fault_ticks(&rules, 1500 * MS), HZ * 3 / 2);
    assert_int_equal(fault_ns(&rules, START + HZ * 3 / 2), 1500 * MS);
    fault_rules_init(&rules, rule, 0, UINT64_C(1) << 33);
    assert_int_equal(fault_ticks(&rules, UINT64_MAX), UINT64_MAX / 2);
}

static void what_is_said(void **state)
{
    struct fault_event event = request();

    (void)state;
    rule[0] = any(FAULT_REQUEST);
    rule[0].number = 12;
    begin(1);
    event.now = START + HZ;
    event.queue = 2;
    event.type = 1;
    event.first_sector = 99;
    fault_log(&rules, &rule[0], &event);
    assert_string_equal(said, "inject: rule 12 at 1000000000 ns, queue 2, type 1, sector 99");
    event.kind = FAULT_ACCESS;
    fault_log(&rules, &rule[0], &event);
    assert_string_equal(said, "inject: rule 12 at 1000000000 ns, write at 0x100");
    event.type = 0;
    fault_log(&rules, &rule[0], &event);
    assert_string_equal(said, "inject: rule 12 at 1000000000 ns, read at 0x100");
    event.kind = FAULT_TIME;
    fault_log(&rules, &rule[0], &event);
    assert_string_equal(said, "inject: rule 12 at 1000000000 ns");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions), cmocka_unit_test(counts),       cmocka_unit_test(two_rules),
        cmocka_unit_test(dice),       cmocka_unit_test(windows),      cmocka_unit_test(given_times),
        cmocka_unit_test(time_is_ns), cmocka_unit_test(what_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
