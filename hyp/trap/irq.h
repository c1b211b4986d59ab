/* SPDX-License-Identifier: Apache-2.0 */
/* Physical interrupts: what each does, whether a guest was running or the CPU waited in EL2. */
#ifndef TRAP_IRQ_H
#define TRAP_IRQ_H

#include <stdint.h>

struct vcpu;

/* INTIDs that the board gives. Called once at boot. */
void irq_init(uint32_t maintenance, uint32_t console);

/* Acknowledge one interrupt on the CPU of `vcpu` and do what it asks for; none is fine. */
void irq_handle(struct vcpu *vcpu);

#endif
