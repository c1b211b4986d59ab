// SPDX-License-Identifier: Apache-2.0
/*
 * The emulated flash: accesses of every size anywhere, commands more often than not. Only an erase
 * makes ones of zeros, a locked block does not change, and what the guest reads while the content
 * is shown is the content.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dev/vpflash.h"
#include "fuzz.h"
#include "lib/bits.h"

#define SIZE (2 * VPFLASH_BLOCK)

static struct vpflash flash;
static uint8_t *content; /* exactly as large as it must be: ASan sees what lies beyond */
static bool shown;

static void show(void *ctx, bool now)
{
    (void)ctx;
    fuzz_require(now != shown && flash.lock.locked != 0);
    shown = now;
}

static uint64_t access_at(uint64_t offset, unsigned size, bool write, uint64_t value)
{
    struct mmio_access access = {
        .offset = offset, .size = (uint8_t)size, .write = write, .value = value};

    fuzz_require(vpflash_access(&flash, &access) == MMIO_OK);
    fuzz_require(flash.lock.locked == 0);
    return access.value;
}

static void read_any(uint64_t offset, unsigned size)
{
    uint64_t value = access_at(offset, size, false, 0);

    fuzz_require(size == 8 || value >> 8 * size == 0);
    fuzz_require(!shown || memcmp(&value, content + offset, size) == 0);
}

/* Has nothing become one? By words: it is asked for each write. */
static bool only_clears(const uint8_t *before, const uint8_t *after, uint64_t length)
{
    uint64_t set = 0;

    for (; length >= sizeof(uint64_t); length -= 8, before += 8, after += 8) {
        uint64_t was, is;

        memcpy(&was, before, sizeof(was));
        memcpy(&is, after, sizeof(is));
        set |= is & ~was;
    }
    for (; length > 0; length--)
        set |= *after++ & (unsigned)~*before++;
    return set == 0;
}

/* What may change is looked at before and after: what is written to, or what the buffer is for. */
static void write_any(uint64_t offset, unsigned size, uint64_t value)
{
    static uint8_t before[VPFLASH_BUFFER];
    bool by_buffer = flash.state == VPFLASH_BUFFER_CONFIRM;
    uint64_t at = by_buffer ? flash.at : offset;
    uint64_t length = by_buffer ? sizeof(before) : size;
    bool locked = (flash.locked[0] & BIT(at / VPFLASH_BLOCK)) != 0;
    bool erases = size == 8 || flash.state == VPFLASH_ERASE; /* 8 bytes are two writes */

    memcpy(before, content + at, length);
    access_at(offset, size, true, value);
    fuzz_require(erases || only_clears(before, content + at, length));
    fuzz_require(!locked || size == 8 || memcmp(before, content + at, length) == 0);
}

static void access_any(struct fuzz_input *in)
{
    static const uint8_t commands[] = {0x01, 0x10, 0x20, 0x40, 0x50, 0x60, 0x70,
                                       0x90, 0x98, 0xd0, 0xd0, 0xe8, 0xff};
    unsigned kind = fuzz_below(in, 16);
    unsigned size = kind < 8 ? 4 : 1U << (kind & 3);
    uint64_t offset = fuzz_take(in, 3) % SIZE & ~(uint64_t)(size - 1);
    uint64_t value = fuzz_value(in);

    if (kind < 8)
        value = commands[fuzz_below(in, sizeof(commands))] * UINT64_C(0x10001);
    if (size < 8)
        value &= BIT(8 * size) - 1;
    if (fuzz_below(in, 4) == 0)
        read_any(offset, size);
    else
        write_any(offset, size, value);
}

/* A whole buffer, as drivers write it; the count may be anything. */
static void write_buffer(struct fuzz_input *in)
{
    uint64_t at = fuzz_take(in, 3) % SIZE & ~UINT64_C(0xfff);
    unsigned count = fuzz_below(in, 0x404);

    write_any(at, 4, 0xe8);
    write_any(at, 4, count);
    for (unsigned i = 0; i <= count; i++)
        write_any(at + 4 * i % VPFLASH_BUFFER, 4, i * 0x1234567);
    write_any(at, 4, 0xd0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct vpflash_ops ops = {show, NULL};
    struct fuzz_input in = {data, size};

    if (content == NULL)
        content = malloc(SIZE);
    memset(content, 0xa5, SIZE);
    memset(&flash, 0, sizeof(flash));
    shown = false;
    vpflash_init(&flash, content, SIZE, &ops);
    vpflash_reset(&flash);
    for (unsigned i = 0; i < 400 && in.left > 0; i++) {
        unsigned kind = fuzz_below(&in, 64);

        if (kind == 0)
            vpflash_reset(&flash);
        else if (kind == 1)
            write_buffer(&in);
        else
            access_any(&in);
        fuzz_require(shown == (flash.state == VPFLASH_ARRAY));
    }
    return 0;
}
