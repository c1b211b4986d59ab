/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of lib/fmt.c beside the host's own printf. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/log.h"

#define ROOM 256

/* The same arguments for both give the same text, length and end. */
#define same(...)                                                                                  \
    do {                                                                                           \
        char ours[ROOM];                                                                           \
        char theirs[ROOM];                                                                         \
                                                                                                   \
        memset(ours, 'x', ROOM);                                                                   \
        assert_int_equal(fmt_snprintf(ours, ROOM, __VA_ARGS__),                                    \
                         snprintf(theirs, ROOM, __VA_ARGS__));                                     \
        assert_string_equal(ours, theirs);                                                         \
    } while (0)

static void plain_text(void **state)
{
    (void)state;
    const char *empty = "";

    same("%s", empty);
    same("no conversion\n");
    same("100%%");
    same("%% %d %%", 1);
}

static void integers(void **state)
{
    (void)state;
    static const int small[] = {0, 1, -1, 9, 10, -10, 42, INT_MAX, INT_MIN};
    static const long large[] = {0, 1, -1, LONG_MAX, LONG_MIN, 1L << 32, -(1L << 32)};

    for (unsigned i = 0; i < sizeof(small) / sizeof(small[0]); i++) {
        same("%d %u %x", small[i], (unsigned)small[i], (unsigned)small[i]);
        same("[%5d] [%-5d] [%05d] [%-5u]", small[i], small[i], small[i], (unsigned)small[i]);
    }
    for (unsigned i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
        same("%ld %lu %lx", large[i], (unsigned long)large[i], (unsigned long)large[i]);
        same("[%25ld] [%-25lx] [%025ld] [%016lx]", large[i], (unsigned long)large[i], large[i],
             (unsigned long)large[i]);
    }
}

static void widths(void **state)
{
    (void)state;
    same("[%1d] [%2d] [%3d] [%4d]", -12, -12, -12, -12);
    same("[%01d] [%02d] [%03d] [%04d]", -12, -12, -12, -12);
    same("[%-1d] [%-4d] [%60d] [%060d]", -12, -12, -12, -12);
    same("[%08x] [%8x] [%-8x]", 0xbeefU, 0xbeefU, 0xbeefU);
    same("[%10s] [%-10s] [%2s]", "text", "text", "text");
}

static void text_in_between(void **state)
{
    (void)state;
    same("[traproom] vCPU %u: %s at 0x%016lx (%d)", 3U, "stopped", 0x48001000UL, -2);
    same("%s%s%s", "a", "", "bc");
}

/* What does not fit is cut, but counted, and there is always an end. */
static void cut_to_the_buffer(void **state)
{
    (void)state;
    for (size_t size = 0; size < 16; size++) {
        char ours[16 + 1];
        char theirs[16 + 1];

        memset(ours, 'x', sizeof(ours));
        memset(theirs, 'x', sizeof(theirs));
        assert_int_equal(fmt_snprintf(ours, size, "ab%dcd%5sef", 123, "xyz"), 14);
        snprintf(theirs, size, "ab%dcd%5sef", 123, "xyz");
        assert_memory_equal(ours, theirs, sizeof(ours));
    }
    assert_int_equal(fmt_snprintf(NULL, 0, "%u", 12345U), 5);
}

/* A format that breaks off or asks for what is not there: no harm is done. */
static void odd_formats(void **state)
{
    (void)state;
    static const char *const odd[] = {"ab%", "ab%-0", "ab%12", "ab%l"};
    char buf[ROOM];
    int (*format)(char *buf, size_t size, const char *fmt, ...) = fmt_snprintf;

    for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        assert_int_equal(format(buf, ROOM, odd[i]), 2);
        assert_string_equal(buf, "ab");
    }
    assert_int_equal(format(buf, ROOM, "%q!"), 2);
    assert_string_equal(buf, "q!");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text),
        cmocka_unit_test(integers),
        cmocka_unit_test(widths),
        cmocka_unit_test(text_in_between),
        cmocka_unit_test(cut_to_the_buffer),
        cmocka_unit_test(odd_formats),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
