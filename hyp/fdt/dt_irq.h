/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which interrupts a device has: "interrupts" or "interrupts-extended" as specifiers of a GICv3
 * (Devicetree Specification, "Interrupts and Interrupt Mapping"; Linux's binding arm,gic-v3).
 */
#ifndef FDT_DT_IRQ_H
#define FDT_DT_IRQ_H

#include <stdbool.h>
#include <stdint.h>

#include "fdt/dt_walk.h"
#include "lib/err.h"

struct dt_irq {
    uint32_t intid;
    bool edge; /* else level */
};

/*
 * The same, and its trigger. Errors as of dt_irq_intid(), which follows.
 */
int must_check dt_irq_read(const struct dt_walk *at, int gic, unsigned index, struct dt_irq *irq);

/*
 * The INTID of interrupt `index` of the node that the walk is at, whose interrupts must go to
 * `gic`, a node of that tree. -ERR_NOENT: there is no such interrupt; not logged. Others are:
 * -ERR_INVAL: a property is broken; -ERR_UNSUPPORTED: it goes to another controller, or is
 * neither an SPI nor a PPI.
 */
int must_check dt_irq_intid(const struct dt_walk *at, int gic, unsigned index, uint32_t *intid);

#endif
