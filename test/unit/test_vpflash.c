/* SPDX-License-Identifier: Apache-2.0 */
/* dev/vpflash.c: commands, answers, what is programmed and what is not, and when the content is
 * shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dev/vpflash.h"
#include "lib/bits.h"

#define SIZE  (4 * VPFLASH_BLOCK)
#define BLOCK VPFLASH_BLOCK

#define READY    UINT64_C(0x00800080)
#define SEQUENCE UINT64_C(0x00b000b0)

static struct vpflash flash;
static uint8_t *content; /* exactly as large as it must be: ASan sees what lies beyond */
static bool shown;
static unsigned changes;

static void show(void *ctx, bool now)
{
    assert_ptr_equal(ctx, &changes);
    assert_int_not_equal(now, shown);
    shown = now;
    changes++;
}

static int start(void **state)
{
    const struct vpflash_ops ops = {show, &changes};

    (void)state;
    content = malloc(SIZE);
    assert_non_null(content);
    for (uint64_t i = 0; i < SIZE; i++)
        content[i] = (uint8_t)(i * 7 + 1);
    memset(&flash, 0, sizeof(flash));
    shown = false;
    vpflash_init(&flash, content, SIZE, &ops);
    vpflash_reset(&flash);
    assert_true(shown);
    changes = 0;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    free(content);
    return 0;
}

static uint64_t rd(uint64_t offset, uint8_t size)
{
    struct mmio_access access = {.offset = offset, .size = size, .value = ~UINT64_C(0)};

    assert_int_equal(vpflash_access(&flash, &access), MMIO_OK);
    return access.value;
}

static void wr(uint64_t offset, uint8_t size, uint64_t value)
{
    struct mmio_access access = {.offset = offset, .size = size, .value = value, .write = true};

    assert_int_equal(vpflash_access(&flash, &access), MMIO_OK);
}

/* The same command to both chips, as drivers do. */
static void command(uint64_t offset, unsigned value)
{
    wr(offset, 4, value | (uint64_t)value << 16);
}

static uint64_t status(void)
{
    command(0, 0x70);
    return rd(0x123 & ~3u, 4);
}

static void clear_status(void)
{
    command(0, 0x50);
}

static void erase(uint64_t offset)
{
    command(offset, 0x20);
    command(offset, 0xd0);
}

static void shows_its_content(void **state)
{
    (void)state;
    assert_int_equal(rd(5, 1), content[5]);
    assert_int_equal(rd(0x10, 2), content[0x10] | content[0x11] << 8);
    assert_memory_equal(&(uint64_t){rd(SIZE - 8, 8)}, content + SIZE - 8, 8);
    assert_int_equal(changes, 0);
    command(0, 0x70);
    assert_false(shown);
    command(0, 0xff);
    assert_true(shown);
    command(0, 0xf0); /* not one of its commands */
    assert_true(shown);
    assert_int_equal(changes, 2);
}

static void answers_a_query(void **state)
{
    static const struct {
        unsigned word;
        uint8_t value;
    } cases[] = {{0x0f, 0},    {0x10, 'Q'}, {0x11, 'R'}, {0x12, 'Y'}, {0x13, 1},   {0x14, 0},
                 {0x15, 0x31}, {0x27, 19},  {0x28, 2},   {0x2a, 11},  {0x2c, 1},   {0x2d, 3},
                 {0x2e, 0},    {0x2f, 0},   {0x30, 2},   {0x31, 'P'}, {0x34, '1'}, {0x35, '0'},
                 {0x3f, 1},    {0x40, 0},   {0xffff, 0}};

    (void)state;
    command(0x55 * 4, 0x98);
    assert_false(shown);
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t value = cases[i].value;

        assert_int_equal(rd(cases[i].word * 4, 4), value | value << 16);
        assert_int_equal(rd(cases[i].word * 4 + 2, 2), value);
        assert_int_equal(rd(cases[i].word * 4 + 1, 1), 0);
    }
    assert_int_equal(rd(0x10 * 4, 8), UINT64_C(0x0052005200510051));
    command(0, 0xff);
    assert_true(shown);
}

static void tells_the_largest_size(void **state)
{
    (void)state;
    flash.size = VPFLASH_MAX_SIZE;
    command(0, 0x98);
    assert_int_equal(rd(0x27 * 4, 1), 25);
    assert_int_equal(rd(0x2d * 4, 1), 0xff);
    assert_int_equal(rd(0x2e * 4, 1), 0);
}

static void identifies_itself(void **state)
{
    (void)state;
    command(0, 0x90);
    assert_int_equal(rd(BLOCK, 4), 0x00890089);
    assert_int_equal(rd(4, 4), 0x00180018);
    assert_int_equal(rd(8, 4), 0);
    assert_int_equal(rd(12, 4), 0);
}

static void programs_words(void **state)
{
    static const uint8_t sizes[] = {1, 2, 4};

    (void)state;
    erase(BLOCK);
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        uint64_t at = BLOCK + 0x40 * i;

        command(at, i == 0 ? 0x10 : 0x40);
        wr(at, sizes[i], UINT64_C(0x12ff5634));
        assert_int_equal(rd(0, 4), READY);
        command(0, 0xff);
        assert_int_equal(rd(at, sizes[i]),
                         UINT64_C(0x12ff5634) & (~UINT64_C(0) >> (64 - 8 * sizes[i])));
        assert_int_equal(rd(at + sizes[i], 1), 0xff);
    }
    command(BLOCK, 0x40); /* ones stay zeros */
    wr(BLOCK, 1, 0xf3);
    command(0, 0xff);
    assert_int_equal(content[BLOCK], 0x34 & 0xf3);
    assert_int_equal(status(), READY);
}

static void erases_a_block(void **state)
{
    (void)state;
    erase(BLOCK + 0x1234);
    assert_int_equal(rd(0, 4), READY);
    assert_int_equal(content[BLOCK - 1], (uint8_t)((BLOCK - 1) * 7 + 1));
    assert_int_equal(content[2 * BLOCK], (uint8_t)(2 * BLOCK * 7 + 1));
    for (uint64_t i = BLOCK; i < 2 * BLOCK; i++)
        assert_int_equal(content[i], 0xff);
    command(0, 0x20);
    command(0, 0xff); /* not confirmed */
    assert_int_equal(rd(0, 4), SEQUENCE);
    assert_int_equal(content[0], 1);
    assert_int_equal(status(), SEQUENCE);
    clear_status();
    assert_true(shown);
    assert_int_equal(status(), READY);
}

static void programs_by_its_buffer(void **state)
{
    (void)state;
    erase(0);
    command(0x1ff0, 0xe8);
    assert_int_equal(rd(0, 4), READY);
    command(0x1ff0, 2); /* three writes */
    wr(0x1ff0, 4, 0x11223344);
    wr(0x1ff8, 2, 0x5566);
    wr(0x1000, 4, 0x778899aa);
    assert_int_equal(content[0x1ff0], 0xff);
    assert_int_equal(rd(0, 4), READY);
    command(0x1ff0, 0xd0);
    assert_int_equal(rd(0, 4), READY);
    command(0, 0xff);
    assert_int_equal(rd(0x1ff0, 4), 0x11223344);
    assert_int_equal(rd(0x1ff4, 4), 0xffffffff);
    assert_int_equal(rd(0x1ff8, 4), 0xffff5566);
    assert_int_equal(rd(0x1000, 4), 0x778899aa);
    assert_int_equal(rd(0x2000, 4), 0xffffffff);
}

/* As many writes as there can be, of 8 bytes: each is two. */
static void fills_its_buffer(void **state)
{
    (void)state;
    erase(SIZE / 2);
    command(0, 0xe8);
    command(0, 0x3ff);
    for (uint64_t at = 0; at < VPFLASH_BUFFER; at += 8)
        wr(SIZE / 2 + at, 8, at);
    command(0, 0xd0);
    command(0, 0xff);
    assert_int_equal(rd(SIZE / 2 + VPFLASH_BUFFER - 8, 8), VPFLASH_BUFFER - 8);
    assert_int_equal(status(), READY);
}

static void refuses_what_does_not_fit_its_buffer(void **state)
{
    (void)state;
    erase(0);
    command(0, 0xe8);
    command(0, 0x400);
    assert_int_equal(rd(0, 4), SEQUENCE);
    clear_status();
    command(0, 0xe8);
    command(0, 1);
    wr(0xffc, 4, 0);
    wr(0x1000, 4, 0); /* another part */
    assert_int_equal(rd(0, 4), SEQUENCE);
    clear_status();
    command(0, 0xe8);
    command(0, 0);
    wr(0, 4, 0);
    command(0, 0x70); /* not confirmed */
    assert_int_equal(rd(0, 4), SEQUENCE);
    for (uint64_t i = 0; i < BLOCK; i++)
        assert_int_equal(content[i], 0xff);
}

static void locks_blocks(void **state)
{
    (void)state;
    erase(2 * BLOCK);
    command(2 * BLOCK, 0x60);
    command(2 * BLOCK, 0x01);
    assert_int_equal(rd(0, 4), READY);
    command(2 * BLOCK, 0x90);
    assert_int_equal(rd(2 * BLOCK + 8, 4), 0x00010001);
    assert_int_equal(rd(BLOCK + 8, 4), 0);
    command(2 * BLOCK, 0x40);
    wr(2 * BLOCK, 4, 0);
    assert_int_equal(rd(0, 4), READY | 0x00120012);
    clear_status();
    erase(2 * BLOCK);
    assert_int_equal(rd(0, 4), READY | 0x00220022);
    assert_int_equal(content[2 * BLOCK], 0xff);
    clear_status();
    command(2 * BLOCK, 0x60);
    command(2 * BLOCK, 0xd0);
    erase(2 * BLOCK);
    assert_int_equal(rd(0, 4), READY);
    command(0, 0x60);
    command(0, 0x2f); /* for good: it has no such lock */
    assert_int_equal(rd(0, 4), SEQUENCE);
}

/* In the midst of a command, with a lock and errors; what was programmed stays. */
static void starts_again(void **state)
{
    (void)state;
    erase(0);
    command(BLOCK, 0x60);
    command(BLOCK, 0x01);
    command(0, 0x20);
    command(0, 0x20);
    command(0, 0xe8);
    vpflash_reset(&flash);
    assert_true(shown);
    assert_int_equal(rd(0, 4), 0xffffffff);
    assert_int_equal(status(), READY);
    command(BLOCK, 0x90);
    assert_int_equal(rd(BLOCK + 8, 4), 0);
    vpflash_reset(&flash);
    assert_true(shown);
}

int main(void)
{
#define test(f) cmocka_unit_test_setup_teardown(f, start, stop)
    const struct CMUnitTest tests[] = {
        test(shows_its_content),
        test(answers_a_query),
        test(tells_the_largest_size),
        test(identifies_itself),
        test(programs_words),
        test(erases_a_block),
        test(programs_by_its_buffer),
        test(fills_its_buffer),
        test(refuses_what_does_not_fit_its_buffer),
        test(locks_blocks),
        test(starts_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
