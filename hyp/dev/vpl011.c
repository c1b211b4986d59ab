/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The emulated PL011. Sending takes no time here, so the transmit FIFO is always empty and
 * a guest never waits for it. Receiving is held back, not dropped, while the FIFO is full.
 * A real PL011 raises its receive timeout interrupt when data has lain in the FIFO for a
 * while; this one raises it as soon as there is any, so no byte waits for a timer.
 *
 * Like other emulated PL011s, and unlike the hardware, this one sends and receives whether
 * or not UARTCR enables it: small guests often never write it.
 *
 * trap/abort.c calls vpl011_access(); docs/adding-a-device.md walks through this file.
 */
#include "dev/vpl011.h"

#include <stddef.h>

#include "lib/addr.h"
#include "lib/bits.h"
#include "lib/pl011_regs.h"
#include "lib/string.h"

#define UARTCR_RESET   (UARTCR_TXE | UARTCR_RXE)
#define UARTIFLS_RESET 0x12U /* both FIFOs: half full */

#define INDEX(offset) ((offset) / sizeof(uint32_t))

/* The bits that can be written of the registers that keep what is written; the others read as 0. */
static const uint16_t writable[VPL011_NR_REGS] = {
    [INDEX(UARTILPR)] = 0xff,  [INDEX(UARTIBRD)] = 0xffff, [INDEX(UARTFBRD)] = 0x3f,
    [INDEX(UARTLCR_H)] = 0xff, [INDEX(UARTCR)] = 0xff87,   [INDEX(UARTIFLS)] = 0x3f,
    [INDEX(UARTIMSC)] = 0x7ff, [INDEX(UARTDMACR)] = 0x7,
};

/* The modem inputs: each one's flag, its interrupt, and the output that loops back to it. */
static const struct {
    uint32_t flag;
    uint32_t irq;
    uint32_t output; /* in UARTCR */
} modem_lines[] = {
    {UARTFR_CTS, UART_INT_CTS, UARTCR_RTS},
    {UARTFR_DSR, UART_INT_DSR, UARTCR_DTR},
    {UARTFR_DCD, UART_INT_DCD, UARTCR_Out1},
    {UARTFR_RI, UART_INT_RI, UARTCR_Out2},
};

/* UARTPeriphID0-3 and UARTPCellID0-3: designer Arm, part 0x011, revision 1, which has 16-byte
 * FIFOs. */
static const uint8_t id_regs[] = {0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

static uint32_t kept(const struct vpl011 *uart, uint64_t offset)
{
    return uart->reg[INDEX(offset)];
}

static unsigned fifo_depth(const struct vpl011 *uart)
{
    return (kept(uart, UARTLCR_H) & UARTLCR_H_FEN) != 0 ? VPL011_FIFO_SIZE : 1;
}

/* How many bytes in the FIFO raise the receive interrupt; reserved encodings act as the fullest. */
static unsigned rx_trigger(const struct vpl011 *uart)
{
    static const uint8_t sixteenths[] = {2, 4, 8, 12, 14, 14, 14, 14};

    if (fifo_depth(uart) == 1)
        return 1;
    return sixteenths[FIELD_GET(UARTIFLS_RXIFLSEL, kept(uart, UARTIFLS))];
}

static uint32_t raw_irqs(const struct vpl011 *uart)
{
    uint32_t raw = uart->raw_irqs;

    if (uart->rx_count != 0) {
        raw |= UART_INT_RT;
        if (uart->rx_count >= rx_trigger(uart))
            raw |= UART_INT_RX;
    }
    return raw;
}

static bool rx_has_room(const struct vpl011 *uart)
{
    return uart->rx_count < fifo_depth(uart);
}

static void rx_put(struct vpl011 *uart, uint8_t byte)
{
    uart->rx_fifo[(uart->rx_head + uart->rx_count) % VPL011_FIFO_SIZE] = byte;
    uart->rx_count++;
}

/*
 * The modem inputs, in UARTFR's bits. Looped back they are the modem outputs ("UARTCR, Control
 * Register", LBE); otherwise they say that a console is there and ready.
 */
static uint32_t modem_inputs(const struct vpl011 *uart)
{
    uint32_t flags = 0;

    if ((kept(uart, UARTCR) & UARTCR_LBE) == 0)
        return UARTFR_CTS | UARTFR_DSR | UARTFR_DCD;
    for (unsigned i = 0; i < ARRAY_SIZE(modem_lines); i++) {
        if ((kept(uart, UARTCR) & modem_lines[i].output) != 0)
            flags |= modem_lines[i].flag;
    }
    return flags;
}

static void update_flags(struct vpl011 *uart)
{
    uint32_t flags = modem_inputs(uart) | UARTFR_TXFE;

    if (uart->rx_count == 0)
        flags |= UARTFR_RXFE;
    if (!rx_has_room(uart))
        flags |= UARTFR_RXFF;
    __atomic_store_n(&uart->flags, flags, __ATOMIC_RELAXED);
}

/* What follows from the state, once it has changed: UARTFR and the line. */
static void update_outputs(struct vpl011 *uart)
{
    bool level = (raw_irqs(uart) & kept(uart, UARTIMSC)) != 0;

    update_flags(uart);
    if (level != uart->line_level) {
        uart->line_level = level;
        irq_line_set(&uart->line, level);
    }
}

/* An empty FIFO gives its last byte again, as the hardware's does. */
static uint32_t read_data(struct vpl011 *uart)
{
    uint32_t data = uart->rx_fifo[uart->rx_head];

    if (uart->overrun) {
        data |= UARTDR_OE;
        uart->overrun = false;
    }
    if (uart->rx_count > 1)
        uart->rx_head = (uint8_t)((uart->rx_head + 1) % VPL011_FIFO_SIZE);
    if (uart->rx_count != 0)
        uart->rx_count--;
    return data;
}

static void write_data(struct vpl011 *uart, uint8_t byte)
{
    uart->raw_irqs |= UART_INT_TX;
    if ((kept(uart, UARTCR) & UARTCR_LBE) == 0) {
        if (uart->console != NULL)
            uart->console->tx_fn(uart->console_ctx, byte);
    } else if (rx_has_room(uart)) {
        rx_put(uart, byte);
    } else {
        uart->overrun = true;
        uart->reg[INDEX(UARTRSR)] = UARTRSR_OE;
        uart->raw_irqs |= UART_INT_OE;
    }
}

/* A register that keeps what is written. A modem input that changes with it is an interrupt. */
static void write_kept(struct vpl011 *uart, uint64_t offset, uint32_t value)
{
    uint32_t inputs = modem_inputs(uart);

    uart->reg[INDEX(offset)] = value & writable[INDEX(offset)];
    inputs ^= modem_inputs(uart);
    for (unsigned i = 0; i < ARRAY_SIZE(modem_lines); i++) {
        if ((inputs & modem_lines[i].flag) != 0)
            uart->raw_irqs |= modem_lines[i].irq;
    }
}

static uint32_t read_uart_reg(struct vpl011 *uart, uint64_t offset)
{
    switch (offset) {
    case UARTDR:
        return read_data(uart);
    case UARTRIS:
        return raw_irqs(uart);
    case UARTMIS:
        return raw_irqs(uart) & kept(uart, UARTIMSC);
    default:
        if (offset < sizeof(uart->reg))
            return kept(uart, offset);
        if (offset >= UARTPeriphID0 && offset < UARTPeriphID0 + 4 * sizeof(id_regs))
            return id_regs[(offset - UARTPeriphID0) / 4];
        return 0;
    }
}

/* UARTRSR needs no case of its own: none of its bits can be written, so any write clears it. */
static void write_uart_reg(struct vpl011 *uart, uint64_t offset, uint32_t value)
{
    if (offset == UARTDR)
        write_data(uart, (uint8_t)(value & UARTDR_DATA));
    else if (offset == UARTICR)
        uart->raw_irqs &= ~value;
    else if (offset < sizeof(uart->reg))
        write_kept(uart, offset, value);
}

/*
 * Is it time to call rx_room_fn? Not before half of the FIFO is free: each call costs the
 * guest an exit when the next byte comes.
 */
static bool take_room_call(struct vpl011 *uart)
{
    if (!uart->rx_refused || uart->rx_count > fifo_depth(uart) / 2)
        return false;
    uart->rx_refused = false;
    return uart->console != NULL;
}

static void reset_uart(struct vpl011 *uart)
{
    uart->overrun = false;
    uart->rx_head = 0;
    uart->rx_count = 0;
    uart->raw_irqs = 0;
    memset(uart->reg, 0, sizeof(uart->reg));
    uart->reg[INDEX(UARTCR)] = UARTCR_RESET;
    uart->reg[INDEX(UARTIFLS)] = UARTIFLS_RESET;
    update_flags(uart);
}

void vpl011_init(struct vpl011 *uart, const struct irq_line *line,
                 const struct console_ops *console, void *console_ctx)
{
    *uart = (struct vpl011){.line = *line, .console = console, .console_ctx = console_ctx};
    reset_uart(uart);
}

void vpl011_reset(void *dev)
{
    struct vpl011 *uart = dev;
    bool call_room;

    spin_lock(&uart->lock);
    reset_uart(uart);
    uart->line_level = false;
    irq_line_set(&uart->line, false);
    call_room = take_room_call(uart);
    spin_unlock(&uart->lock);
    if (call_room)
        uart->console->rx_room_fn(uart->console_ctx);
}

bool vpl011_receive(struct vpl011 *uart, uint8_t byte)
{
    bool taken;

    spin_lock(&uart->lock);
    taken = rx_has_room(uart);
    if (taken) {
        rx_put(uart, byte);
        update_outputs(uart);
    } else {
        uart->rx_refused = true;
    }
    spin_unlock(&uart->lock);
    return taken;
}

/*
 * Registers are 32 bits wide on a bus that writes whole registers: a narrower write to a
 * register's first byte writes all of it, one to its other bytes writes nothing.
 */
enum mmio_result vpl011_access(void *dev, struct mmio_access *access)
{
    struct vpl011 *uart = dev;
    uint64_t offset = align_down(access->offset, 4);
    unsigned shift = 8 * (access->offset & 3);
    bool call_room = false;

    if (access->size > 4 || !is_aligned(access->offset, access->size))
        return MMIO_ABORT;
    if (offset == UARTFR) { /* guests poll it: one load, no lock */
        access->value = __atomic_load_n(&uart->flags, __ATOMIC_RELAXED) >> shift;
        return MMIO_OK;
    }
    spin_lock(&uart->lock);
    if (!access->write)
        access->value = read_uart_reg(uart, offset) >> shift;
    else if (shift == 0)
        write_uart_reg(uart, offset, (uint32_t)access->value);
    if (access->write || offset == UARTDR) { /* reading another register changes nothing */
        update_outputs(uart);
        call_room = take_room_call(uart);
    }
    spin_unlock(&uart->lock);
    if (call_room)
        uart->console->rx_room_fn(uart->console_ctx);
    return MMIO_OK;
}
