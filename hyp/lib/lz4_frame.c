/* SPDX-License-Identifier: Apache-2.0 */
/* The frame around LZ4's blocks. See lz4_frame.h. */
#include "lib/lz4_frame.h"

#include <lz4.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/bits.h"
#include "lib/bytes.h"
#include "lib/string.h"

#define MAGIC UINT32_C(0x184d2204)

/* "Frame Descriptor" */
#define FLG_VERSION      0xc0
#define FLG_VERSION_1    1
#define FLG_INDEPENDENT  0x20
#define FLG_BLOCK_CHECK  0x10
#define FLG_CONTENT_SIZE 0x08
#define FLG_RESERVED     0x02
#define FLG_DICTIONARY   0x01
#define BD_BLOCK_MAX     0x70
#define BD_BLOCK_MIN     4 /* 64 KiB, each next one four times as large */

#define FIXED_SIZE  6 /* magic number, FLG, BD */
#define HEADER_SIZE (FIXED_SIZE + 8 + 1)
#define CHECK_SIZE  4

/* "Data Blocks" */
#define BLOCK_STORED UINT32_C(0x80000000)
#define END_MARK     0

static const char CUT_OFF[] = "it is cut off";

/* What is left of a frame, and of the room for it. */
struct reader {
    const uint8_t *at;
    uint64_t left;
    uint8_t *to;
    uint64_t room;
    uint8_t flags;
    uint64_t block_max;
    uint64_t unpacked;
};

static uint64_t take_number(struct reader *reader, unsigned bytes)
{
    uint64_t value = bytes_le(reader->at, bytes);

    reader->at += bytes;
    reader->left -= bytes;
    return value;
}

static const char *read_descriptor(struct reader *reader)
{
    unsigned block;

    if (reader->left < HEADER_SIZE)
        return CUT_OFF;
    if (take_number(reader, sizeof(uint32_t)) != MAGIC)
        return "it is no LZ4 frame: its magic number is not 0x184d2204";
    reader->flags = (uint8_t)take_number(reader, 1);
    block = (unsigned)FIELD_GET(BD_BLOCK_MAX, take_number(reader, 1));
    if (FIELD_GET(FLG_VERSION, reader->flags) != FLG_VERSION_1 ||
        (reader->flags & FLG_RESERVED) != 0 || block < BD_BLOCK_MIN)
        return "its LZ4 frame is of an unknown version";
    if ((reader->flags & FLG_DICTIONARY) != 0)
        return "its LZ4 frame needs a dictionary";
    if ((reader->flags & FLG_INDEPENDENT) == 0)
        return "the blocks of its LZ4 frame need each other: make it by `lz4 -BI`";
    if ((reader->flags & FLG_CONTENT_SIZE) == 0)
        return "its LZ4 frame does not say its size: make it by `lz4 --content-size`";
    reader->block_max = UINT64_C(0x10000) << (2 * (block - BD_BLOCK_MIN));
    reader->unpacked = take_number(reader, sizeof(uint64_t));
    take_number(reader, 1); /* the header's checksum */
    return NULL;
}

/* The block of `size` bytes that comes next. */
static const char *unpack_block(struct reader *reader, uint64_t size, bool stored)
{
    uint64_t room = reader->room < reader->block_max ? reader->room : reader->block_max;
    uint64_t check = (reader->flags & FLG_BLOCK_CHECK) != 0 ? CHECK_SIZE : 0;
    int got = stored ? (int)size : 0;

    if (size > reader->block_max)
        return "a block of its LZ4 frame is too long";
    if (size + check > reader->left)
        return CUT_OFF;
    if (!stored)
        got =
            LZ4_decompress_safe((const char *)reader->at, (char *)reader->to, (int)size, (int)room);
    if (got < 0 || (uint64_t)got > room)
        return "a block of its LZ4 frame is broken, or it has more than it says";
    if (stored)
        memcpy(reader->to, reader->at, size);
    reader->at += size + check;
    reader->left -= size + check;
    reader->to += got;
    reader->room -= (uint64_t)got;
    return NULL;
}

/* *last: there is no further block, but the end mark. */
static const char *read_next(struct reader *reader, bool *last)
{
    uint64_t word;

    if (reader->left < sizeof(uint32_t))
        return CUT_OFF;
    word = take_number(reader, sizeof(uint32_t));
    *last = word == END_MARK;
    return *last ? NULL
                 : unpack_block(reader, word & ~(uint64_t)BLOCK_STORED, (word & BLOCK_STORED) != 0);
}

const char *lz4_frame_size(const uint8_t *frame, uint64_t size, uint64_t *unpacked)
{
    struct reader reader = {.at = frame, .left = size};
    const char *wrong = read_descriptor(&reader);

    *unpacked = reader.unpacked;
    return wrong;
}

const char *lz4_frame_unpack(const uint8_t *frame, uint64_t size, uint8_t *to, uint64_t unpacked)
{
    struct reader reader = {.at = frame, .left = size, .to = to, .room = unpacked};
    const char *wrong = read_descriptor(&reader);
    bool last = false;

    while (wrong == NULL && !last)
        wrong = read_next(&reader, &last);
    if (wrong == NULL && reader.room != 0)
        wrong = "its LZ4 frame has less than it says";
    return wrong;
}
