/* SPDX-License-Identifier: Apache-2.0 */
/* Output to the PL011 that the device tree names. */
#ifndef GUEST_CONSOLE_H
#define GUEST_CONSOLE_H

#include <stdarg.h>
#include <stdint.h>

/* PL011 registers ("PrimeCell UART (PL011) Technical Reference Manual", "Register summary") */
#define UARTDR        0x000
#define UARTFR        0x018
#define UARTIBRD      0x024
#define UARTFBRD      0x028
#define UARTLCR_H     0x02c
#define UARTCR        0x030
#define UARTIFLS      0x034
#define UARTIMSC      0x038
#define UARTRIS       0x03c
#define UARTMIS       0x040
#define UARTICR       0x044
#define UARTPERIPHID0 0xfe0
#define UARTPCELLID0  0xff0

#define UARTFR_BUSY    (1U << 3)
#define UARTFR_RXFE    (1U << 4)
#define UARTFR_TXFF    (1U << 5)
#define UARTFR_RXFF    (1U << 6)
#define UARTFR_TXFE    (1U << 7)
#define UARTLCR_H_FEN  (1U << 4)
#define UARTLCR_H_8BIT (3U << 5)
#define UARTCR_UARTEN  (1U << 0)
#define UARTCR_TXE     (1U << 8)
#define UARTCR_RXE     (1U << 9)
#define UART_INT_RX    (1U << 4)
#define UART_INT_TX    (1U << 5)
#define UART_INT_RT    (1U << 6)

/* Enable the UART. */
void console_init(void);

uint32_t uart_read(uint32_t offset);
void uart_write(uint32_t offset, uint32_t value);

/* %s %c %d %u %x %p with l, zero padding and width; whole lines are not mixed between CPUs. */
void printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void vprintf(const char *format, va_list args);

#endif
