/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's UART. See pl011.h; drv/console.c is the only user. */
#include "drv/pl011.h"

#include "mm/io.h"

#define UARTDR    0x000
#define UARTFR    0x018
#define UARTLCR_H 0x02c
#define UARTIFLS  0x034
#define UARTIMSC  0x038
#define UARTCR    0x030

#define UARTFR_RXFE        (UINT32_C(1) << 4)
#define UARTFR_TXFE        (UINT32_C(1) << 7)
#define UARTLCR_H_8N1_FEN  (UINT32_C(3) << 5 | UINT32_C(1) << 4) /* 8 bits, FIFOs on */
#define UARTCR_UARTEN      (UINT32_C(1) << 0)
#define UARTCR_TXE         (UINT32_C(1) << 8)
#define UARTCR_RXE         (UINT32_C(1) << 9)
#define UARTINT_RX         (UINT32_C(1) << 4)
#define UARTINT_RT         (UINT32_C(1) << 6)
#define UARTIFLS_RX_EIGHTH 0

#define TX_FIFO_SIZE 16

static pa_t uart;
static unsigned tx_room; /* bytes that the transmit FIFO takes for certain */

void pl011_init(pa_t base)
{
    uart = base;
    io_write32(io_reg(uart, UARTIMSC), 0);
    io_write32(io_reg(uart, UARTLCR_H), UARTLCR_H_8N1_FEN);
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
    if ((io_read32(io_reg(uart, UARTFR)) & UARTFR_RXFE) != 0)
        return -1;
    return (int)(io_read32(io_reg(uart, UARTDR)) & 0xff);
}

void pl011_set_rx_interrupt(bool enabled)
{
    io_write32(io_reg(uart, UARTIMSC), enabled ? UARTINT_RX | UARTINT_RT : 0);
}
