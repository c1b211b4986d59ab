/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Synchronous exceptions for the guest: its CPU takes one to EL1 exactly as hardware would (Arm
 * ARM, shared pseudocode AArch64.TakeException() and AArch64.ReportException()). Each writes the
 * guest's ESR_EL1, ELR_EL1 and SPSR_EL1 on the calling CPU, which must be the vCPU's own, and sets
 * its pc and PSTATE; call at most one of them for an exit, and only with pc at the instruction
 * that trapped. abort.c and sysreg_trap.c are the main callers.
 */
#ifndef TRAP_INJECT_H
#define TRAP_INJECT_H

#include <stdint.h>

struct vcpu;

/* Take an exception to EL1 with this ESR_EL1. FAR_EL1 is the caller's business. */
void inject_sync(struct vcpu *vcpu, uint64_t esr);

/* The instruction is UNDEFINED. */
void inject_undefined(struct vcpu *vcpu);

/*
 * A Data Abort with fault status `fsc` (FSC_x, with its level) at virtual address `far`. Of `iss`,
 * the ISS that EL2 got, the guest sees what describes the access and not stage 2: FnV, EA, CM, WnR.
 */
void inject_data_abort(struct vcpu *vcpu, uint64_t far, unsigned fsc, uint64_t iss);

/* An Instruction Abort, likewise; of `iss` the guest sees FnV and EA. */
void inject_instruction_abort(struct vcpu *vcpu, uint64_t far, unsigned fsc, uint64_t iss);

#endif
