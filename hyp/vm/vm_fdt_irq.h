/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which interrupts a device has: "interrupts" or "interrupts-extended" as specifiers of a GICv3
 * (Devicetree Specification, "Interrupts and Interrupt Mapping"; Linux's binding arm,gic-v3).
 */
#ifndef VM_VM_FDT_IRQ_H
#define VM_VM_FDT_IRQ_H

#include <stdint.h>

#include "lib/err.h"
#include "vm/vm_fdt_walk.h"

/*
 * The INTID of interrupt `index` of the node that the walk is at, whose interrupts must go to
 * `gic`, a node of that tree. -ERR_NOENT: there is no such interrupt; not logged. Others are:
 * -ERR_INVAL: a property is broken; -ERR_UNSUPPORTED: it goes to another controller, or is
 * neither an SPI nor a PPI.
 */
int must_check vm_fdt_irq_intid(const struct vm_fdt_walk *at, int gic, unsigned index,
                                uint32_t *intid);

#endif
