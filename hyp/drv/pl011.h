/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's UART, an Arm PL011 (DDI 0183). The boot loader has set its speed. */
#ifndef DRV_PL011_H
#define DRV_PL011_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"

/* Use the UART whose registers lie at `base`, mapped as a device. Input interrupts are off. */
void pl011_init(pa_t base);

/* Send a byte. The FIFO's state is read once for each filling: then it waits until it is empty. */
void pl011_put(uint8_t byte);

#define PL011_BREAK 0x100 /* the line was held low for longer than any byte takes */

/* The next byte received, PL011_BREAK, or -1. */
int pl011_get(void);

/* Raise the UART's interrupt, or not, while there is input. */
void pl011_set_rx_interrupt(bool enabled);

#endif
