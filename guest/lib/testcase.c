/* SPDX-License-Identifier: Apache-2.0 */
/* Running a test guest's cases: see testcase.h. */
#include "testcase.h"

#include "console.h"

static const char *running;
static void (*after)(void);
static bool failed, skipped;
static unsigned count_run, count_failed;

void test_set_after(void (*fn)(void))
{
    after = fn;
}

void test_fail(const char *format, ...)
{
    va_list args;

    if (failed)
        return;
    failed = true;
    va_start(args, format);
    printf("case %s: FAIL ", running);
    vprintf(format, args);
    printf("\n");
    va_end(args);
}

bool test_has_failed(void)
{
    return failed;
}

void test_skip(const char *format, ...)
{
    va_list args;

    if (failed || skipped)
        return;
    skipped = true;
    va_start(args, format);
    printf("case %s: skip ", running);
    vprintf(format, args);
    printf("\n");
    va_end(args);
}

static void run_one(const struct test_case *test)
{
    running = test->name;
    failed = false;
    skipped = false;
    test->fn();
    if (after)
        after();
    count_run++;
    if (failed)
        count_failed++;
    else if (!skipped)
        printf("case %s: ok\n", running);
}

void test_run(const struct test_case *const tables[], unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        for (const struct test_case *test = tables[i]; test->name; test++)
            run_one(test);
    printf("verdict: %u cases, %u failed\n", count_run, count_failed);
}
