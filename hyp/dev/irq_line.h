/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire from a device to the interrupt controller. A device knows its level and
 * nothing else; vgic_set_line() stands at the other end, a recorder in unit tests.
 */
#ifndef DEV_IRQ_LINE_H
#define DEV_IRQ_LINE_H

#include <stdbool.h>
#include <stdint.h>

struct irq_line {
    void (*set_fn)(void *ctx, uint32_t intid, bool level);
    void *ctx;
    uint32_t intid;
};

/* Drive the wire. Calling it again with the same level changes nothing. */
static inline void irq_line_set(const struct irq_line *line, bool level)
{
    line->set_fn(line->ctx, line->intid, level);
}

#endif
