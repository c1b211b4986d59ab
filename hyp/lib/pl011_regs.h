/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registers of an Arm PL011 UART (DDI 0183): the machine's (drv/pl011.c) and the guest's
 * (dev/vpl011.c).
 */
#ifndef LIB_PL011_REGS_H
#define LIB_PL011_REGS_H

/* DDI 0183, "Summary of registers" */
#define UARTDR        0x000
#define UARTRSR       0x004 /* written: UARTECR */
#define UARTFR        0x018
#define UARTILPR      0x020
#define UARTIBRD      0x024
#define UARTFBRD      0x028
#define UARTLCR_H     0x02c
#define UARTCR        0x030
#define UARTIFLS      0x034
#define UARTIMSC      0x038
#define UARTRIS       0x03c
#define UARTMIS       0x040
#define UARTICR       0x044
#define UARTDMACR     0x048
#define UARTPeriphID0 0xfe0

#define UARTDR_DATA 0xffU
#define UARTDR_BE   (1U << 10)
#define UARTDR_OE   (1U << 11)
#define UARTRSR_OE  (1U << 3)

#define UARTFR_CTS  (1U << 0)
#define UARTFR_DSR  (1U << 1)
#define UARTFR_DCD  (1U << 2)
#define UARTFR_RXFE (1U << 4)
#define UARTFR_RXFF (1U << 6)
#define UARTFR_TXFE (1U << 7)
#define UARTFR_RI   (1U << 8)

#define UARTLCR_H_FEN    (1U << 4)
#define UARTLCR_H_WLEN_8 (3U << 5)

#define UARTCR_UARTEN (1U << 0)
#define UARTCR_LBE    (1U << 7)
#define UARTCR_TXE    (1U << 8)
#define UARTCR_RXE    (1U << 9)
#define UARTCR_DTR    (1U << 10)
#define UARTCR_RTS    (1U << 11)
#define UARTCR_Out1   (1U << 12)
#define UARTCR_Out2   (1U << 13)

#define UARTIFLS_RXIFLSEL  0x38U
#define UARTIFLS_RX_EIGHTH 0x00U

/* UARTIMSC, UARTRIS, UARTMIS and UARTICR have the same bits. */
#define UART_INT_RI  (1U << 0)
#define UART_INT_CTS (1U << 1)
#define UART_INT_DCD (1U << 2)
#define UART_INT_DSR (1U << 3)
#define UART_INT_RX  (1U << 4)
#define UART_INT_TX  (1U << 5)
#define UART_INT_RT  (1U << 6)
#define UART_INT_OE  (1U << 10)

#endif
