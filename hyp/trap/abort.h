/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accesses of the guest that stage 2 stopped: carried out by the device that answers there, or
 * given back to the guest as the abort that hardware would give. exit.c calls; mmio_bus.c finds
 * the device; insn.c reads the instructions that the syndrome does not describe.
 */
#ifndef TRAP_ABORT_H
#define TRAP_ABORT_H

#include <stdint.h>

struct vcpu;

/*
 * A Data Abort from a lower exception level with this ESR_EL2; FAR_EL2 and HPFAR_EL2 are still its
 * own. On return the guest goes on at vcpu->regs.pc: past the instruction, at its own exception
 * vector or, where stage 2 allows the access by now, at the instruction again. The exit is counted
 * here, under the device's reason if a device has answered, else EXIT_ABORT*. No lock may be held.
 */
void abort_data(struct vcpu *vcpu, uint64_t esr);

/* The same, quicker where it is the plainest of accesses to the device that had the last one. */
void abort_fast(struct vcpu *vcpu, uint64_t esr);

/* An Instruction Abort from a lower exception level, likewise: no code runs from a device. */
void abort_instruction(struct vcpu *vcpu, uint64_t esr);

/* The end of a data abort whose device has answered MMIO_ABORT. */
void abort_data_refused(struct vcpu *vcpu, uint64_t esr);

#endif
