/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of dev/vpl011.c share: a UART with a wire and a console that record, and access to
 * its registers.
 */
#ifndef VPL011_FIXTURE_H
#define VPL011_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dev/vpl011.h"
#include "lib/bits.h"

enum {
    DR = 0x000,
    RSR = 0x004,
    FR = 0x018,
    ILPR = 0x020,
    IBRD = 0x024,
    FBRD = 0x028,
    LCR_H = 0x02c,
    CR = 0x030,
    IFLS = 0x034,
    IMSC = 0x038,
    RIS = 0x03c,
    MIS = 0x040,
    ICR = 0x044,
    DMACR = 0x048,
};

enum {
    FR_CTS = 1,
    FR_DSR = 2,
    FR_DCD = 4,
    FR_RXFE = 0x10,
    FR_RXFF = 0x40,
    FR_TXFE = 0x80,
    FR_RI = 0x100,
    FR_IDLE = FR_CTS | FR_DSR | FR_DCD | FR_TXFE,
};

enum {
    INT_RI = 1,
    INT_CTS = 2,
    INT_DCD = 4,
    INT_DSR = 8,
    INT_RX = 0x10,
    INT_TX = 0x20,
    INT_RT = 0x40,
    INT_OE = 0x400
};

enum {
    CR_LBE = 0x80,
    CR_DTR = 0x400,
    CR_RTS = 0x800,
    CR_OUT1 = 0x1000,
    CR_OUT2 = 0x2000,
    CR_RESET = 0x300
};

#define LCR_H_FEN 0x10U

static struct vpl011 uart;
static bool line;
static unsigned line_calls;
static uint8_t sent[64];
static unsigned nr_sent;
static unsigned rooms;
static const char *refill; /* what the console offers when told of room */

static inline void set_line(void *ctx, uint32_t intid, bool level)
{
    assert_ptr_equal(ctx, &line);
    assert_int_equal(intid, 33);
    line = level;
    line_calls++;
}

static inline void tx(void *ctx, uint8_t byte)
{
    assert_ptr_equal(ctx, sent);
    assert_true(nr_sent < sizeof(sent));
    sent[nr_sent++] = byte;
}

/* As the contract allows, from within it: the lock must be free. */
static inline void room(void *ctx)
{
    assert_ptr_equal(ctx, sent);
    rooms++;
    while (refill != NULL && *refill != '\0' && vpl011_receive(&uart, (uint8_t)*refill))
        refill++;
}

static const struct irq_line irq = {set_line, &line, 33};
static const struct console_ops console = {tx, room};

static inline int setup(void **state)
{
    (void)state;
    line = false;
    line_calls = 0;
    nr_sent = 0;
    rooms = 0;
    refill = NULL;
    memset(&uart, 0xa5, sizeof(uart));
    vpl011_init(&uart, &irq, &console, sent);
    return 0;
}

/* As its caller takes it: `size` bytes of the answer. */
static inline uint64_t read_sized(uint64_t offset, uint8_t size)
{
    struct mmio_access access = {.offset = offset, .size = size, .value = ~UINT64_C(0)};

    assert_int_equal(vpl011_access(&uart, &access), MMIO_OK);
    return access.value & GENMASK(8 * size - 1, 0);
}

static inline void write_sized(uint64_t offset, uint8_t size, uint64_t value)
{
    struct mmio_access access = {.offset = offset, .size = size, .value = value, .write = true};

    assert_int_equal(vpl011_access(&uart, &access), MMIO_OK);
}

static inline uint32_t rd(uint64_t offset)
{
    return (uint32_t)read_sized(offset, 4);
}

static inline void wr(uint64_t offset, uint32_t value)
{
    write_sized(offset, 4, value);
}

static inline void receive(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        assert_true(vpl011_receive(&uart, (uint8_t)('a' + i)));
}

#endif
