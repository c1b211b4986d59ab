/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of lib/lz4_frame.c: frames put together here, of blocks that liblz4 has packed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lz4.h>

#include "lib/lz4_frame.h"

#define BLOCK      UINT32_C(0x10000) /* as BD says: 64 KiB */
#define CONTENT    (2 * BLOCK + 1234)
#define FLAGS      0x68 /* version 1, blocks independent, with its size */
#define BD         0x40
#define HEADER     15
#define STORED     UINT32_C(0x80000000)
#define FRAME_ROOM (2 * CONTENT)

static uint8_t content[CONTENT];
static uint8_t *frame; /* of its exact size, once end() was called */
static uint64_t size;

static void put(uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        frame[size++] = (uint8_t)(value >> (8 * i));
}

static void begin(uint8_t flags, uint8_t bd, uint64_t says)
{
    size = 0;
    put(0x184d2204, 4);
    put(flags, 1);
    put(bd, 1);
    put(says, 8);
    put(0, 1);
}

static void add_stored(const uint8_t *bytes, uint32_t count)
{
    put(STORED | count, 4);
    memcpy(frame + size, bytes, count);
    size += count;
}

static void add_packed(const uint8_t *bytes, uint32_t count)
{
    int got = LZ4_compress_default((const char *)bytes, (char *)frame + size + 4, (int)count,
                                   (int)(FRAME_ROOM - size - 4));

    assert_true(got > 0);
    put((uint32_t)got, 4);
    size += (uint32_t)got;
}

static void end(void)
{
    put(0, 4);
    frame = realloc(frame, size);
    assert_non_null(frame);
}

static int start(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CONTENT; i++)
        content[i] = (uint8_t)(i % 251 + i / 1000);
    frame = malloc(FRAME_ROOM);
    assert_non_null(frame);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    free(frame);
    return 0;
}

/* What is said of the frame, unpacked into `room` bytes; NULL: nothing. */
static const char *unpack(uint64_t room)
{
    uint8_t *to = malloc(room);
    const char *wrong;

    assert_non_null(to);
    wrong = lz4_frame_unpack(frame, size, to, room);
    if (wrong == NULL)
        assert_memory_equal(to, content, room);
    free(to);
    return wrong;
}

static void refused(uint64_t room, const char *says)
{
    const char *wrong = unpack(room);

    assert_non_null(wrong);
    assert_non_null(strstr(wrong, says));
}

static void unpacks(void **state)
{
    uint64_t unpacked;

    (void)state;
    begin(FLAGS, BD, CONTENT);
    add_packed(content, BLOCK);
    add_stored(content + BLOCK, BLOCK);
    add_packed(content + 2 * (size_t)BLOCK, 1234);
    end();
    assert_null(lz4_frame_size(frame, size, &unpacked));
    assert_int_equal(unpacked, CONTENT);
    assert_null(unpack(CONTENT));
}

static void block_checksums(void **state)
{
    (void)state;
    begin(FLAGS | 0x10, BD, BLOCK + 10);
    add_packed(content, BLOCK);
    put(0x12345678, 4);
    add_stored(content + BLOCK, 10);
    put(0x12345678, 4);
    end();
    assert_null(unpack(BLOCK + 10));
}

static void larger_blocks(void **state)
{
    (void)state;
    begin(FLAGS, 0x50, CONTENT); /* 256 KiB */
    add_packed(content, CONTENT);
    end();
    assert_null(unpack(CONTENT));
    frame[5] = BD;
    refused(CONTENT, "block of its LZ4 frame is broken");
}

static void headers(void **state)
{
    static const struct {
        uint8_t flags, bd;
        const char *says;
    } bad[] = {
        {FLAGS ^ 0x80, BD, "unknown version"},
        {FLAGS | 2, BD, "unknown version"},
        {FLAGS, 0x30, "unknown version"},
        {FLAGS | 1, BD, "dictionary"},
        {FLAGS & ~0x20, BD, "-BI"},
        {FLAGS & ~8, BD, "--content-size"},
    };
    uint64_t unpacked;

    (void)state;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        begin(bad[i].flags, bad[i].bd, 10);
        assert_non_null(strstr(lz4_frame_size(frame, size, &unpacked), bad[i].says));
        refused(10, bad[i].says);
    }
    begin(FLAGS, BD, 10);
    assert_non_null(strstr(lz4_frame_size(frame, HEADER - 1, &unpacked), "cut off"));
    frame[0]++;
    assert_non_null(strstr(lz4_frame_size(frame, size, &unpacked), "magic number"));
}

/* Wherever it ends too early. */
static void cut_off(void **state)
{
    uint64_t whole;

    (void)state;
    begin(FLAGS, BD, 300);
    add_packed(content, 200);
    add_stored(content + 200, 100);
    put(0, 4);
    for (whole = size, size = 0; size < whole; size++)
        refused(300, "cut off");
    assert_null(unpack(300));
}

static void says_another_size(void **state)
{
    (void)state;
    begin(FLAGS, BD, 300);
    add_packed(content, 200);
    add_stored(content + 200, 100);
    end();
    refused(301, "less than it says");
    refused(299, "more than it says");
    refused(199, "more than it says");
}

static void long_block(void **state)
{
    (void)state;
    begin(FLAGS, BD, CONTENT);
    add_stored(content, BLOCK + 1);
    end();
    refused(CONTENT, "too long");
}

/* Any byte of a packed block may be any other: what is written stays in its place (ASan). */
static void broken_blocks(void **state)
{
    unsigned wrong = 0;

    (void)state;
    begin(FLAGS, BD, 5000);
    add_packed(content, 5000);
    end();
    for (uint64_t at = HEADER; at < size; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            uint8_t *to = malloc(5000);

            frame[at] ^= (uint8_t)(1U << bit);
            wrong += lz4_frame_unpack(frame, size, to, 5000) != NULL;
            frame[at] ^= (uint8_t)(1U << bit);
            free(to);
        }
    }
    assert_true(wrong > 100);
    assert_null(unpack(5000));
}

#define test(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(unpacks), test(block_checksums),   test(larger_blocks), test(headers),
        test(cut_off), test(says_another_size), test(long_block),    test(broken_blocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
