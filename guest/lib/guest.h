/* SPDX-License-Identifier: Apache-2.0 */
/* What a small guest provides. */
#ifndef GUEST_GUEST_H
#define GUEST_GUEST_H

/*
 * The guest's work, on the boot CPU at EL1 with MMU, vectors, console and GIC set up and
 * interrupts masked. When it returns, the machine is powered off.
 */
void guest_main(void);

#endif
