/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's UART. See pl011.h; drv/console.c is the only user. */
#include "drv/pl011.h"

#include "lib/pl011_regs.h"
#include "mm/io.h"

#define TX_FIFO_SIZE 16 /* at least */

static pa_t uart;
static unsigned tx_room; /* bytes that the transmit FIFO takes for certain */

void pl011_init(pa_t base)
{
    uart = base;
    io_write32(io_reg(uart, UARTIMSC), 0);
    io_write32(io_reg(uart, UARTLCR_H), UARTLCR_H_WLEN_8 | UARTLCR_H_FEN);
    tx_room = 0;
    io_write32(io_reg(uart, UARTIFLS), UARTIFLS_RX_EIGHTH);
    io_write32(io_reg(uart, UARTCR), UARTCR_UARTEN | UARTCR_TXE | UARTCR_RXE);
}

void pl011_put(uint8_t byte)
{
    if (tx_room == 0) {
        while ((io_read32(io_reg(uart, UARTFR)) & UARTFR_TXFE) == 0)
            ;
        tx_room = TX_FIFO_SIZE;
    }
    tx_room--;
    io_write32(io_reg(uart, UARTDR), byte);
}

int pl011_get(void)
{
    uint32_t data;

    if ((io_read32(io_reg(uart, UARTFR)) & UARTFR_RXFE) != 0)
        return -1;
    data = io_read32(io_reg(uart, UARTDR));
    return (data & UARTDR_BE) != 0 ? PL011_BREAK : (int)(data & UARTDR_DATA);
}

void pl011_set_rx_interrupt(bool enabled)
{
    io_write32(io_reg(uart, UARTIMSC), enabled ? UART_INT_RX | UART_INT_RT : 0);
}
