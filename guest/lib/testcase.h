/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test guests: a table of cases, each printed as `case NAME: ok` or
 * `case NAME: FAIL why`, and a closing `verdict:` line, which test/guest/run.py reads.
 */
#ifndef GUEST_TESTCASE_H
#define GUEST_TESTCASE_H

#include <stdbool.h>
#include <stddef.h>

/* A table of these ends with one whose name is NULL. */
struct test_case {
    const char *name;
    void (*fn)(void);
};

/* Run all cases of `count` tables and print the verdict. */
void test_run(const struct test_case *const tables[], unsigned count);

/* Call `fn` after each case, in which it may still fail. NULL: nothing. */
void test_set_after(void (*fn)(void));

/* The running case fails, for this reason; the first one counts. */
void test_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Has it? */
bool test_has_failed(void);

/* The running case can't be judged on this machine, for this reason; counts as passed. */
void test_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* In a case: fail and leave it unless the condition holds. */
#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            test_fail(__VA_ARGS__);                                                                \
            return;                                                                                \
        }                                                                                          \
    } while (0)

/* test_run with the tables named. */
#define TEST_RUN(...)                                                                              \
    do {                                                                                           \
        static const struct test_case *const tables_[] = {__VA_ARGS__};                            \
        test_run(tables_, sizeof(tables_) / sizeof(tables_[0]));                                   \
    } while (0)

#endif
