/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flash's commands. See vpflash.h; "Command Definitions" and "Status Register Definitions" in
 * the data sheets of such chips, Intel StrataFlash J3 say. An operation is over with the write that
 * starts it, so the chips are always ready.
 */
#include "dev/vpflash.h"

#include "cache.h"
#include "lib/addr.h"
#include "lib/bits.h"
#include "lib/string.h"

enum command {
    CMD_LOCK_SET = 0x01,
    CMD_PROGRAM_OLD = 0x10,
    CMD_ERASE = 0x20,
    CMD_PROGRAM = 0x40,
    CMD_CLEAR_STATUS = 0x50,
    CMD_LOCK = 0x60,
    CMD_READ_STATUS = 0x70,
    CMD_READ_ID = 0x90,
    CMD_QUERY = 0x98,
    CMD_CONFIRM = 0xd0, /* of an erase, a buffer; after CMD_LOCK it unlocks */
    CMD_BUFFER = 0xe8,
    CMD_READ_ARRAY = 0xff,
};

#define STATUS_READY         0x80
#define STATUS_ERASE_ERROR   0x20
#define STATUS_PROGRAM_ERROR 0x10
#define STATUS_LOCKED        0x02
#define STATUS_SEQUENCE      (STATUS_ERASE_ERROR | STATUS_PROGRAM_ERROR) /* no such commands */

#define CHIPS      2
#define WORD_BYTES 4 /* of both chips */
#define CHIP_BITS  16
#define CHIP_MASK  0xffff
#define MOST_BYTES 4 /* of one access: wider ones are several */

#define LOG2(power_of_two) ((unsigned)__builtin_ctzll(power_of_two))

/* "Read Identifier Codes", by word of a block. */
#define ID_MANUFACTURER 0
#define ID_DEVICE       1
#define ID_LOCK         2
#define INTEL           0x89
#define DEVICE          0x18

/* ---- Answers ---- */

static bool is_locked(const struct vpflash *flash, uint64_t offset)
{
    uint64_t block = offset / VPFLASH_BLOCK;

    return (flash->locked[block / 64] & BIT(block % 64)) != 0;
}

static void set_lock(struct vpflash *flash, uint64_t offset, bool lock)
{
    uint64_t block = offset / VPFLASH_BLOCK;

    flash->locked[block / 64] &= ~BIT(block % 64);
    flash->locked[block / 64] |= lock ? BIT(block % 64) : 0;
}

static unsigned read_id(const struct vpflash *flash, uint64_t offset)
{
    switch (offset % VPFLASH_BLOCK / WORD_BYTES) {
    case ID_MANUFACTURER:
        return INTEL;
    case ID_DEVICE:
        return DEVICE;
    case ID_LOCK:
        return is_locked(flash, offset) ? 1 : 0;
    default:
        return 0;
    }
}

/*
 * The tables of the CFI, "CFI Query Identification String", "System Interface Information", "Device
 * Geometry Definition", and of the command set, "Primary Vendor-Specific Extended Query". What
 * depends on the size is put in by query().
 */
#define QUERY_FIRST       0x10
#define QUERY_SIZE        0x27
#define QUERY_BLOCKS      0x2d
#define QUERY_BLOCKS_HIGH 0x2e

static const uint8_t query_table[] = {
    [0x10 - QUERY_FIRST] = 'Q',
    'R',
    'Y',
    [0x13 - QUERY_FIRST] = 0x01,
    0x00, /* command set: Intel, extended */
    [0x15 - QUERY_FIRST] = 0x31,
    0x00,                        /* the word where its table begins */
    [0x1b - QUERY_FIRST] = 0x45, /* volts, 4.5 to 5.5 */
    [0x1c - QUERY_FIRST] = 0x55,
    [0x1f - QUERY_FIRST] = 0x07, /* log2 of the us that a word takes, as a rule; */
    [0x20 - QUERY_FIRST] = 0x07, /* a buffer; */
    [0x21 - QUERY_FIRST] = 0x0a, /* of the ms that a block takes */
    [0x23 - QUERY_FIRST] = 0x04, /* and log2 of the factor that these are at most */
    [0x24 - QUERY_FIRST] = 0x04,
    [0x25 - QUERY_FIRST] = 0x04,
    [0x28 - QUERY_FIRST] = 0x02,
    0x00, /* 8 or 16 bits wide */
    [0x2a - QUERY_FIRST] = LOG2(VPFLASH_BUFFER / CHIPS),
    [0x2c - QUERY_FIRST] = 0x01, /* all blocks are alike */
    [0x2f - QUERY_FIRST] = VPFLASH_BLOCK / CHIPS / 256 % 256,
    [0x30 - QUERY_FIRST] = VPFLASH_BLOCK / CHIPS / 256 / 256,
    [0x31 - QUERY_FIRST] = 'P',
    'R',
    'I',
    '1',
    '0',
    [0x3f - QUERY_FIRST] = 0x01, /* one field of protection registers, which is not there */
};

static unsigned query(const struct vpflash *flash, uint64_t offset)
{
    uint64_t word = offset / WORD_BYTES;
    uint64_t last_block = flash->size / VPFLASH_BLOCK - 1;

    switch (word) {
    case QUERY_SIZE:
        return LOG2(flash->size / CHIPS);
    case QUERY_BLOCKS:
        return (uint8_t)last_block;
    case QUERY_BLOCKS_HIGH:
        return (uint8_t)(last_block >> 8);
    default:
        return word - QUERY_FIRST < sizeof(query_table) ? query_table[word - QUERY_FIRST] : 0;
    }
}

/* What each chip has on its 16 lines. */
static unsigned chip_answer(const struct vpflash *flash, uint64_t offset)
{
    if (flash->state == VPFLASH_ID)
        return read_id(flash, offset);
    if (flash->state == VPFLASH_QUERY)
        return query(flash, offset);
    return STATUS_READY | flash->status;
}

static uint64_t read_part(const struct vpflash *flash, uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    if (flash->state == VPFLASH_ARRAY) {
        memcpy(&value, &flash->content[offset], size);
    } else {
        value = chip_answer(flash, offset);
        value = (value | value << CHIP_BITS) >> 8 * (offset % WORD_BYTES);
    }
    return mmio_low_bytes(value, size);
}

/* ---- Operations ---- */

static void set_state(struct vpflash *flash, enum vpflash_state state)
{
    bool shown = flash->state == VPFLASH_ARRAY;
    bool show = state == VPFLASH_ARRAY;

    flash->state = state;
    if (show != shown)
        flash->ops.show_fn(flash->ops.ctx, show);
}

static void end_operation(struct vpflash *flash, unsigned errors)
{
    flash->status |= (uint8_t)errors;
    set_state(flash, VPFLASH_STATUS);
}

/* Ones can become zeros; only an erase makes ones of them. Returns what went wrong. */
static unsigned program(struct vpflash *flash, uint64_t offset, const uint8_t *data, uint64_t size)
{
    if (is_locked(flash, offset))
        return STATUS_PROGRAM_ERROR | STATUS_LOCKED;
    for (uint64_t i = 0; i < size; i++)
        flash->content[offset + i] &= data[i];
    cache_clean_poc(&flash->content[offset], size);
    return 0;
}

static unsigned erase(struct vpflash *flash, uint64_t offset)
{
    uint64_t block = align_down(offset, VPFLASH_BLOCK);

    if (is_locked(flash, offset))
        return STATUS_ERASE_ERROR | STATUS_LOCKED;
    memset(&flash->content[block], VPFLASH_ERASED, VPFLASH_BLOCK);
    cache_clean_poc(&flash->content[block], VPFLASH_BLOCK);
    return 0;
}

/* ---- Writes, by state ---- */

/* Each chip is told the number of writes less one. */
static void write_count(struct vpflash *flash, uint64_t value)
{
    uint64_t count = (value & CHIP_MASK) + 1;

    if (count > VPFLASH_BUFFER / WORD_BYTES) {
        end_operation(flash, STATUS_SEQUENCE);
        return;
    }
    flash->left = (unsigned)count;
    flash->placed = false;
    memset(flash->buffer, VPFLASH_ERASED, sizeof(flash->buffer));
    set_state(flash, VPFLASH_BUFFER_DATA);
}

/* The first write says which part of the content the buffer is for; the others must be there. */
static void write_buffer(struct vpflash *flash, uint64_t offset, uint64_t value, unsigned size)
{
    uint64_t at = align_down(offset, VPFLASH_BUFFER);

    if (!flash->placed)
        flash->at = at;
    flash->placed = true;
    if (at != flash->at) {
        end_operation(flash, STATUS_SEQUENCE);
        return;
    }
    memcpy(&flash->buffer[offset - at], &value, size);
    if (--flash->left == 0)
        set_state(flash, VPFLASH_BUFFER_CONFIRM);
}

static void write_lock(struct vpflash *flash, uint64_t offset, unsigned command)
{
    bool known = command == CMD_LOCK_SET || command == CMD_CONFIRM;

    if (known)
        set_lock(flash, offset, command == CMD_LOCK_SET);
    end_operation(flash, known ? 0 : STATUS_SEQUENCE);
}

static void write_command(struct vpflash *flash, unsigned command)
{
    static const struct {
        uint8_t command;
        uint8_t state;
    } states[] = {
        {CMD_PROGRAM, VPFLASH_PROGRAM},     {CMD_PROGRAM_OLD, VPFLASH_PROGRAM},
        {CMD_ERASE, VPFLASH_ERASE},         {CMD_LOCK, VPFLASH_LOCK},
        {CMD_READ_STATUS, VPFLASH_STATUS},  {CMD_READ_ID, VPFLASH_ID},
        {CMD_BUFFER, VPFLASH_BUFFER_COUNT}, {CMD_QUERY, VPFLASH_QUERY},
    };
    enum vpflash_state state = VPFLASH_ARRAY; /* CMD_READ_ARRAY, and what is no command */

    if (command == CMD_CLEAR_STATUS)
        flash->status = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(states); i++) {
        if (states[i].command == command)
            state = (enum vpflash_state)states[i].state;
    }
    set_state(flash, state);
}

static void write_part(struct vpflash *flash, uint64_t offset, uint64_t value, unsigned size)
{
    unsigned command = value & 0xff;

    switch (flash->state) {
    case VPFLASH_PROGRAM:
        end_operation(flash, program(flash, offset, (const uint8_t *)&value, size));
        break;
    case VPFLASH_ERASE:
        end_operation(flash, command == CMD_CONFIRM ? erase(flash, offset) : STATUS_SEQUENCE);
        break;
    case VPFLASH_LOCK:
        write_lock(flash, offset, command);
        break;
    case VPFLASH_BUFFER_COUNT:
        write_count(flash, value);
        break;
    case VPFLASH_BUFFER_DATA:
        write_buffer(flash, offset, value, size);
        break;
    case VPFLASH_BUFFER_CONFIRM:
        end_operation(flash, command == CMD_CONFIRM
                                 ? program(flash, flash->at, flash->buffer, VPFLASH_BUFFER)
                                 : STATUS_SEQUENCE);
        break;
    default:
        write_command(flash, command);
        break;
    }
}

void vpflash_init(struct vpflash *flash, uint8_t *content, uint64_t size,
                  const struct vpflash_ops *ops)
{
    flash->ops = *ops;
    flash->content = content;
    flash->size = size;
    flash->state = VPFLASH_STATUS; /* nothing is shown yet */
}

void vpflash_reset(void *dev)
{
    struct vpflash *flash = dev;

    spin_lock(&flash->lock);
    flash->status = 0;
    memset(flash->locked, 0, sizeof(flash->locked));
    set_state(flash, VPFLASH_ARRAY);
    spin_unlock(&flash->lock);
}

enum mmio_result vpflash_access(void *dev, struct mmio_access *access)
{
    struct vpflash *flash = dev;
    unsigned size = access->size < MOST_BYTES ? access->size : MOST_BYTES;
    uint64_t value = 0;

    spin_lock(&flash->lock);
    for (unsigned at = 0; at < access->size; at += size) {
        if (access->write)
            write_part(flash, access->offset + at, mmio_low_bytes(access->value >> 8 * at, size),
                       size);
        else
            value |= read_part(flash, access->offset + at, size) << 8 * at;
    }
    spin_unlock(&flash->lock);
    if (!access->write)
        access->value = value;
    return MMIO_OK;
}
