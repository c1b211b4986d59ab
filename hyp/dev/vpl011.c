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
 * trap/mmio_bus.c calls vpl011_access(); docs/adding-a-device.md walks through this file.
 */
#include "dev/vpl011.h"

#include <stddef.h>

#include "lib/addr.h"
#include "lib/bits.h"
#include "lib/pl011_regs.h"

/* The bits that can be written; the others read as 0. */
#define UARTILPR_MASK  0xffU
#define UARTIBRD_MASK  0xffffU
#define UARTFBRD_MASK  0x3fU
#define UARTLCR_H_MASK 0xffU
#define UARTCR_MASK    0xff87U
#define UARTIFLS_MASK  0x3fU
#define UARTIMSC_MASK  0x7ffU
#define UARTDMACR_MASK 0x7U

#define UARTCR_RESET   (UARTCR_TXE | UARTCR_RXE)
#define UARTIFLS_RESET 0x12U /* both FIFOs: half full */

/* UARTPeriphID0-3 and UARTPCellID0-3: designer Arm, part 0x011, revision 1, which has 16-byte
 * FIFOs. */
static const uint8_t id_regs[] = {0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

static unsigned fifo_depth(const struct vpl011 *uart)
{
    return (uart->line_control & UARTLCR_H_FEN) != 0 ? VPL011_FIFO_SIZE : 1;
}

/* How many bytes in the FIFO raise the receive interrupt; reserved encodings act as the fullest. */
static unsigned rx_trigger(const struct vpl011 *uart)
{
    static const uint8_t sixteenths[] = {2, 4, 8, 12, 14, 14, 14, 14};

    if (fifo_depth(uart) == 1)
        return 1;
    return sixteenths[FIELD_GET(UARTIFLS_RXIFLSEL, uart->fifo_levels)];
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

    if ((uart->control & UARTCR_LBE) == 0)
        return UARTFR_CTS | UARTFR_DSR | UARTFR_DCD;
    if ((uart->control & UARTCR_RTS) != 0)
        flags |= UARTFR_CTS;
    if ((uart->control & UARTCR_DTR) != 0)
        flags |= UARTFR_DSR;
    if ((uart->control & UARTCR_Out1) != 0)
        flags |= UARTFR_DCD;
    if ((uart->control & UARTCR_Out2) != 0)
        flags |= UARTFR_RI;
    return flags;
}

static uint32_t compute_flags(const struct vpl011 *uart)
{
    uint32_t flags = modem_inputs(uart) | UARTFR_TXFE;

    if (uart->rx_count == 0)
        flags |= UARTFR_RXFE;
    if (!rx_has_room(uart))
        flags |= UARTFR_RXFF;
    return flags;
}

static void update_flags(struct vpl011 *uart)
{
    __atomic_store_n(&uart->flags, compute_flags(uart), __ATOMIC_RELAXED);
}

/* What follows from the state, once it has changed: UARTFR and the line. */
static void update_outputs(struct vpl011 *uart)
{
    bool level = (raw_irqs(uart) & uart->irq_mask) != 0;

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
    if ((uart->control & UARTCR_LBE) == 0) {
        if (uart->console != NULL)
            uart->console->tx_fn(uart->console_ctx, byte);
    } else if (rx_has_room(uart)) {
        rx_put(uart, byte);
    } else {
        uart->overrun = true;
        uart->rx_error |= UARTRSR_OE;
        uart->raw_irqs |= UART_INT_OE;
    }
}

static void write_control(struct vpl011 *uart, uint32_t value)
{
    uint32_t before = modem_inputs(uart);
    uint32_t changed;

    uart->control = value & UARTCR_MASK;
    changed = before ^ modem_inputs(uart);
    if ((changed & UARTFR_RI) != 0)
        uart->raw_irqs |= UART_INT_RI;
    if ((changed & UARTFR_CTS) != 0)
        uart->raw_irqs |= UART_INT_CTS;
    if ((changed & UARTFR_DCD) != 0)
        uart->raw_irqs |= UART_INT_DCD;
    if ((changed & UARTFR_DSR) != 0)
        uart->raw_irqs |= UART_INT_DSR;
}

static uint32_t read_reg(struct vpl011 *uart, uint64_t offset)
{
    switch (offset) {
    case UARTDR:
        return read_data(uart);
    case UARTRSR:
        return uart->rx_error;
    case UARTILPR:
        return uart->irda_divisor;
    case UARTIBRD:
        return uart->baud_integer;
    case UARTFBRD:
        return uart->baud_fraction;
    case UARTLCR_H:
        return uart->line_control;
    case UARTCR:
        return uart->control;
    case UARTIFLS:
        return uart->fifo_levels;
    case UARTIMSC:
        return uart->irq_mask;
    case UARTRIS:
        return raw_irqs(uart);
    case UARTMIS:
        return raw_irqs(uart) & uart->irq_mask;
    case UARTDMACR:
        return uart->dma_control;
    default:
        if (offset >= UARTPeriphID0 && offset < UARTPeriphID0 + 4 * sizeof(id_regs))
            return id_regs[(offset - UARTPeriphID0) / 4];
        return 0;
    }
}

static void write_reg(struct vpl011 *uart, uint64_t offset, uint32_t value)
{
    switch (offset) {
    case UARTDR:
        write_data(uart, (uint8_t)(value & UARTDR_DATA));
        break;
    case UARTRSR:
        uart->rx_error = 0;
        break;
    case UARTILPR:
        uart->irda_divisor = value & UARTILPR_MASK;
        break;
    case UARTIBRD:
        uart->baud_integer = value & UARTIBRD_MASK;
        break;
    case UARTFBRD:
        uart->baud_fraction = value & UARTFBRD_MASK;
        break;
    case UARTLCR_H:
        uart->line_control = value & UARTLCR_H_MASK;
        break;
    case UARTCR:
        write_control(uart, value);
        break;
    case UARTIFLS:
        uart->fifo_levels = value & UARTIFLS_MASK;
        break;
    case UARTIMSC:
        uart->irq_mask = value & UARTIMSC_MASK;
        break;
    case UARTICR:
        uart->raw_irqs &= ~value;
        break;
    case UARTDMACR:
        uart->dma_control = value & UARTDMACR_MASK;
        break;
    default:
        break;
    }
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

static void reset_state(struct vpl011 *uart)
{
    uart->overrun = false;
    uart->rx_head = 0;
    uart->rx_count = 0;
    uart->raw_irqs = 0;
    uart->irq_mask = 0;
    uart->rx_error = 0;
    uart->control = UARTCR_RESET;
    uart->line_control = 0;
    uart->fifo_levels = UARTIFLS_RESET;
    uart->irda_divisor = 0;
    uart->baud_integer = 0;
    uart->baud_fraction = 0;
    uart->dma_control = 0;
    update_flags(uart);
}

void vpl011_init(struct vpl011 *uart, const struct irq_line *line,
                 const struct console_ops *console, void *console_ctx)
{
    *uart = (struct vpl011){.line = *line, .console = console, .console_ctx = console_ctx};
    reset_state(uart);
}

void vpl011_reset(struct vpl011 *uart)
{
    bool call_room;

    spin_lock(&uart->lock);
    reset_state(uart);
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
    uint64_t reg = access->offset & ~UINT64_C(3);
    unsigned shift = 8 * (access->offset & 3);
    bool call_room = false;

    if (access->size > 4 || !is_aligned(access->offset, access->size))
        return MMIO_ABORT;
    if (reg == UARTFR) { /* guests poll it: one load, no lock */
        access->value = __atomic_load_n(&uart->flags, __ATOMIC_RELAXED) >> shift;
        return MMIO_OK;
    }
    spin_lock(&uart->lock);
    if (!access->write)
        access->value = read_reg(uart, reg) >> shift;
    else if (shift == 0)
        write_reg(uart, reg, (uint32_t)access->value);
    if (access->write || reg == UARTDR) { /* reading another register changes nothing */
        update_outputs(uart);
        call_room = take_room_call(uart);
    }
    spin_unlock(&uart->lock);
    if (call_room)
        uart->console->rx_room_fn(uart->console_ctx);
    return MMIO_OK;
}
