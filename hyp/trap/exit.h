/* SPDX-License-Identifier: Apache-2.0 */
/* The vectors' side of an exit: called with the guest's registers in `vcpu`, on EL2's own stack. */
#ifndef TRAP_EXIT_H
#define TRAP_EXIT_H

struct vcpu;

void exit_sync(struct vcpu *vcpu);
void exit_irq(struct vcpu *vcpu);
void exit_serror(struct vcpu *vcpu);

/* Run the current vCPU (cpu_set_current()). Its exits come to the functions above. In vectors.S. */
void guest_enter(void) __attribute__((noreturn));

#endif
