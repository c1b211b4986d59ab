/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accesses of the guest that stage 2 stopped: carried out by the device that answers there, or
 * given back to the guest as the abort that hardware would give. exit.c calls; mmio_bus.c finds
 * the device; insn.c reads the instructions that the syndrome does not describe.
 */
#ifndef TRAP_ABORT_H
#define TRAP_ABORT_H

struct vcpu;
struct trap;

/*
 * A Data Abort from a lower exception level. On return the guest goes on at vcpu->regs.pc: past
 * the instruction, or at its own exception vector. The exit is counted here, under the device's
 * reason if a device has answered, else EXIT_ABORT. No lock may be held.
 */
void abort_data(struct vcpu *vcpu, const struct trap *trap);

/* An Instruction Abort from a lower exception level, likewise: no code runs from a device. */
void abort_instruction(struct vcpu *vcpu, const struct trap *trap);

#endif
