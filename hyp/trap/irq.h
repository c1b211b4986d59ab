/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Physical interrupts: a table of what each does, whether a guest was running or the CPU waited in
 * EL2. The guest's timers and kicks are not in it: they go by the shortest way.
 */
#ifndef TRAP_IRQ_H
#define TRAP_IRQ_H

#include <stdint.h>

#include "lib/err.h"
#include "trap/exit_reason.h"

struct vcpu;

enum irq_trigger {
    IRQ_EDGE,  /* ended before it is handled: what comes meanwhile comes again */
    IRQ_LEVEL, /* ended afterwards, when its handler has had the device lower the line */
};

/* Do what the interrupt asks for, on the CPU of `vcpu`. No lock is held. */
typedef void (*irq_fn)(void *ctx, struct vcpu *vcpu);

/*
 * From now on `intid` is handled by fn(ctx), and an exit for it counts as `reason`. An SPI is
 * enabled, and goes to the calling CPU. For boot alone. -ERR_RANGE: no such interrupt; -ERR_EXIST:
 * it has a handler.
 */
int must_check irq_register(uint32_t intid, enum irq_trigger trigger, enum exit_reason reason,
                            irq_fn fn, void *ctx);

/* The same for the virtual GIC's maintenance interrupt, a PPI. */
int must_check irq_init(uint32_t maintenance);

/*
 * Acknowledge one interrupt on the CPU of `vcpu`, which waits in EL2, and do what it asks for; none
 * is fine. One that the guest exits for comes by exit_irq().
 */
void irq_handle(struct vcpu *vcpu);

#endif
