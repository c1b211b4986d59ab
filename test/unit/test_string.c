/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of lib/string.c beside the host's own functions, under other names. memcpy and memset are
 * assembly and not among them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define memmove hyp_memmove
#define memcmp  hyp_memcmp
#define memchr  hyp_memchr
#define strlen  hyp_strlen
#define strnlen hyp_strnlen
#define strchr  hyp_strchr
#define strrchr hyp_strrchr
#define strncmp hyp_strncmp
#define strcmp  hyp_strcmp
#include "../../hyp/lib/string.c"
#undef memmove
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strchr
#undef strrchr
#undef strncmp
#undef strcmp

static int sign(int v)
{
    return (v > 0) - (v < 0);
}

/* A copy on the heap with nothing behind it, so that reading on is an error. */
static char *exactly(const char *text, size_t size)
{
    char *copy = malloc(size);

    assert_non_null(copy);
    memcpy(copy, text, size);
    return copy;
}

static void moves_in_either_direction(void **state)
{
    (void)state;
    for (size_t size = 0; size < 40; size++) {
        for (size_t from = 0; from < 48; from++) {
            for (size_t to = 0; to < 48; to++) {
                unsigned char ours[96];
                unsigned char theirs[96];

                for (size_t i = 0; i < sizeof(ours); i++)
                    ours[i] = theirs[i] = (unsigned char)i;
                assert_ptr_equal(hyp_memmove(ours + to, ours + from, size), ours + to);
                memmove(theirs + to, theirs + from, size);
                assert_memory_equal(ours, theirs, sizeof(ours));
            }
        }
    }
}

static void compares_memory(void **state)
{
    (void)state;
    assert_int_equal(hyp_memcmp("ab\0cd", "ab\0cd", 5), 0);
    assert_true(hyp_memcmp("ab\0cd", "ab\0ce", 5) < 0);
    assert_true(hyp_memcmp("ab\0ce", "ab\0cd", 5) > 0);
    assert_int_equal(hyp_memcmp("ab\0ce", "ab\0cd", 4), 0);
    assert_true(hyp_memcmp("\x80", "\x7f", 1) > 0); /* bytes have no sign */
    assert_true(hyp_memcmp("\xff", "\x00", 1) > 0);
    assert_int_equal(hyp_memcmp("a", "b", 0), 0);
}

static void finds_a_byte(void **state)
{
    (void)state;
    const char text[] = "one\0\xe9two";

    assert_ptr_equal(hyp_memchr(text, 'n', sizeof(text)), text + 1);
    assert_ptr_equal(hyp_memchr(text, 'w', sizeof(text)), text + 6);
    assert_ptr_equal(hyp_memchr(text, 0, sizeof(text)), text + 3);
    assert_ptr_equal(hyp_memchr(text, 0xe9, sizeof(text)), text + 4);
    assert_ptr_equal(hyp_memchr(text, 0x1e9, sizeof(text)), text + 4); /* as an unsigned char */
    assert_ptr_equal(hyp_memchr(text, -23, sizeof(text)), text + 4);
    assert_null(hyp_memchr(text, 'w', 6));
    assert_null(hyp_memchr(text, 'o', 0));
    assert_null(hyp_memchr(text, 'x', sizeof(text)));
}

static void measures(void **state)
{
    (void)state;
    char *text = exactly("four", 5);
    char *open = exactly("four", 4);

    assert_int_equal(hyp_strlen(""), 0);
    assert_int_equal(hyp_strlen(text), 4);
    assert_int_equal(hyp_strnlen(text, 100), 4);
    assert_int_equal(hyp_strnlen(text, 4), 4);
    assert_int_equal(hyp_strnlen(text, 3), 3);
    assert_int_equal(hyp_strnlen(open, 4), 4); /* and reads no further */
    assert_int_equal(hyp_strnlen(text, 0), 0);
    free(text);
    free(open);
}

static void finds_a_character(void **state)
{
    (void)state;
    char *text = exactly("a=b=c", 6);

    assert_ptr_equal(hyp_strchr(text, '='), text + 1);
    assert_ptr_equal(hyp_strrchr(text, '='), text + 3);
    assert_ptr_equal(hyp_strchr(text, 'a'), text);
    assert_ptr_equal(hyp_strrchr(text, 'a'), text);
    assert_ptr_equal(hyp_strrchr(text, 'c'), text + 4);
    assert_ptr_equal(hyp_strchr(text, '\0'), text + 5);
    assert_ptr_equal(hyp_strrchr(text, '\0'), text + 5);
    assert_null(hyp_strchr(text, 'd'));
    assert_null(hyp_strrchr(text, 'd'));
    assert_null(hyp_strchr("", 'd'));
    assert_null(hyp_strrchr("", 'd'));
    free(text);
}

static void compares_strings(void **state)
{
    (void)state;
    static const char *const words[] = {"", "a", "ab", "abc", "abd", "b", "\x7f", "\x80", "\xff"};

    for (unsigned i = 0; i < 9; i++) {
        for (unsigned j = 0; j < 9; j++) {
            assert_int_equal(sign(hyp_strcmp(words[i], words[j])),
                             sign(strcmp(words[i], words[j])));
            for (size_t n = 0; n < 5; n++)
                assert_int_equal(sign(hyp_strncmp(words[i], words[j], n)),
                                 sign(strncmp(words[i], words[j], n)));
        }
    }
    assert_int_equal(hyp_strncmp("ab\0x", "ab\0y", 4), 0); /* both have ended */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves_in_either_direction),
        cmocka_unit_test(compares_memory),
        cmocka_unit_test(finds_a_byte),
        cmocka_unit_test(measures),
        cmocka_unit_test(finds_a_character),
        cmocka_unit_test(compares_strings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
