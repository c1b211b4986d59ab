// SPDX-License-Identifier: Apache-2.0
/* The emulated PL011: accesses of every offset and size, bytes that arrive, resets. */
#include <stdbool.h>
#include <string.h>

#include "dev/vpl011.h"
#include "fuzz.h"

#define UART_SIZE 0x1000U
#define RIS       0x3c
#define IMSC      0x38
#define MIS       0x40

static struct vpl011 uart;
static bool line;
static unsigned refused;

static void set_line(void *ctx, uint32_t intid, bool level)
{
    (void)ctx;
    fuzz_require(intid == 33);
    line = level;
}

static void tx(void *ctx, uint8_t byte)
{
    (void)ctx;
    (void)byte;
    fuzz_require(uart.lock.locked != 0);
}

/* Each refusal is followed by one of these at most, and with the lock free. */
static void room(void *ctx)
{
    (void)ctx;
    fuzz_require(uart.lock.locked == 0 && refused > 0);
    refused = vpl011_receive(&uart, 'r') ? 0 : 1;
}

static enum mmio_result access_at(uint64_t offset, unsigned size, bool write, uint64_t *value)
{
    struct mmio_access access = {
        .offset = offset, .size = (uint8_t)size, .write = write, .value = *value};
    enum mmio_result result = vpl011_access(&uart, &access);

    *value = access.value;
    return result;
}

static void access_any(struct fuzz_input *in)
{
    unsigned kind = fuzz_below(in, 32);
    unsigned size = kind < 24 ? 4 : 1U << (kind & 3);
    bool write = (kind & 4) != 0;
    uint64_t offset = kind < 24 ? 4 * fuzz_below(in, 0x14) : fuzz_take(in, 2);
    uint64_t value = write ? fuzz_value(in) : 0;
    enum mmio_result result;

    if (size < 8)
        value &= (UINT64_C(1) << 8 * size) - 1;
    offset %= UART_SIZE - size + 1;
    result = access_at(offset, size, write, &value);
    fuzz_require(result == MMIO_OK || size == 8 || offset % size != 0);
}

static uint64_t read_reg(uint64_t offset)
{
    uint64_t value = 0;

    fuzz_require(access_at(offset, 4, false, &value) == MMIO_OK);
    return value;
}

static void check(void)
{
    uint64_t masked = read_reg(MIS);

    fuzz_require(uart.lock.locked == 0);
    fuzz_require(masked == (read_reg(RIS) & read_reg(IMSC)));
    fuzz_require(line == (masked != 0));
    fuzz_require(uart.rx_count <= VPL011_FIFO_SIZE && uart.rx_head < VPL011_FIFO_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct irq_line irq = {set_line, NULL, 33};
    static const struct console_ops console = {tx, room};
    struct fuzz_input in = {data, size};

    line = false;
    refused = 0;
    vpl011_init(&uart, &irq, &console, NULL);
    for (unsigned i = 0; i < 400 && in.left > 0; i++) {
        unsigned kind = fuzz_below(&in, 16);

        if (kind < 12)
            access_any(&in);
        else if (kind < 15)
            refused += vpl011_receive(&uart, (uint8_t)fuzz_take(&in, 1)) ? 0 : 1;
        else
            vpl011_reset(&uart);
        check();
    }
    return 0;
}
