/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An emulated PL011 UART (Arm DDI 0183, "PrimeCell UART (PL011) Technical Reference
 * Manual"). Trapped accesses come from trap/abort.c; bytes leave through the
 * console_ops and arrive through vpl011_receive().
 */
#ifndef DEV_VPL011_H
#define DEV_VPL011_H

#include <stdbool.h>
#include <stdint.h>

#include "dev/irq_line.h"
#include "dev/mmio.h"
#include "lib/err.h"
#include "spinlock.h"

#define VPL011_FIFO_SIZE 16
#define VPL011_NR_REGS   19 /* up to UARTDMACR */

/*
 * What stands at the other end of the UART's wire: the machine's console, or a recorder in unit
 * tests. The other direction is vpl011_receive().
 */
struct console_ops {
    /* The guest has sent a byte. Called with the device's lock held, so that bytes keep their
     * order. */
    void (*tx_fn)(void *ctx, uint8_t byte);
    /*
     * The guest has made room after vpl011_receive() refused a byte: offer it again. Called
     * with no lock held, once per refusal or run of refusals; it may call vpl011_receive().
     */
    void (*rx_room_fn)(void *ctx);
};

struct vpl011 {
    spinlock_t lock; /* protects all below but line, console and console_ctx, which are constant */
    struct irq_line line;
    const struct console_ops *console; /* NULL: output is discarded */
    void *console_ctx;

    bool line_level;
    bool rx_refused; /* vpl011_receive() owes the console a rx_room_fn */
    bool overrun;    /* a looped-back byte found the receive FIFO full */
    uint8_t rx_head;
    uint8_t rx_count;
    uint8_t rx_fifo[VPL011_FIFO_SIZE];

    uint32_t flags;    /* UARTFR: follows from the rest, and is read without the lock */
    uint32_t raw_irqs; /* the part of UARTRIS that is latched; the rest follows the FIFO */
    uint32_t reg[VPL011_NR_REGS]; /* by offset / 4: those that keep what is written, and UARTRSR */
};

/*
 * Make `uart` a PL011 just out of reset. `console` is NULL for a UART that is wired to
 * nothing; it must outlive `uart`. The line is taken to be low.
 */
void vpl011_init(struct vpl011 *uart, const struct irq_line *line,
                 const struct console_ops *console, void *console_ctx);

/* Back to the reset state: FIFO empty, interrupts masked, line low. Takes the lock. `dev` is the
 * struct vpl011. */
void vpl011_reset(void *dev);

/*
 * A byte arrives. False: the FIFO is full and the byte is not taken; the console's
 * rx_room_fn says when to offer it again. Takes the lock.
 */
bool must_check vpl011_receive(struct vpl011 *uart, uint8_t byte);

/* The mmio_access_fn; `dev` is the struct vpl011. MMIO_ABORT for 8-byte and unaligned accesses. */
enum mmio_result vpl011_access(void *dev, struct mmio_access *access);

#endif
