/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting, parking and stopping vCPUs and the VM: what trap/psci.c decides, this
 * carries out on the physical CPUs.
 */
#ifndef VM_POWER_H
#define VM_POWER_H

#include <stdbool.h>
#include <stdint.h>

#include "vm/vm.h"

/* Interrupt the CPU of `target`, so that it looks at what has changed: its power or the VM's
 * run_state. */
void power_kick(struct vcpu *target);

/*
 * Park the calling vCPU, which is VCPU_OFF and loses its EL1 registers, until it is
 * VCPU_ON_PENDING; then make it VCPU_ON with fresh registers and return. Takes vm->power_lock; call
 * without it.
 */
void power_park(struct vcpu *vcpu);

/*
 * The calling vCPU waits in EL2, with no lock held: sleep until an interrupt has come, and handle
 * it. False: the VM stops, so the vCPU is to return as if it had what it waits for.
 */
bool power_sleep(struct vcpu *vcpu);

/* Wait, in EL2, until an interrupt can be delivered to the calling vCPU. */
void power_wait_for_interrupt(struct vcpu *vcpu);

/*
 * Stop every vCPU, then power the machine off (reset false) or start the guest again (true), but
 * for a VM whose configuration says no_reboot: that ends as if powered off, the exit line says why.
 * Returns for the calling vCPU only where the guest starts again on it.
 */
void power_stop_vm(struct vcpu *vcpu, bool reset);

/*
 * Stop the VM for good because of something it did, with a report of the vCPU's registers;
 * `reason`, a string that lasts, ends up in the exit line. Does not return, unless another vCPU has
 * had the guest reset in the same moment: then as power_stop_vm() does.
 */
void power_kill_vm(struct vcpu *vcpu, const char *reason);

/*
 * Stop the VM for good, as `ending`, because of `reason`, a string that lasts; ignored when it
 * stops already. From any CPU, in an interrupt: returns, and every vCPU finds it out.
 */
void power_request_stop(struct vm *vm, enum vm_ending ending, const char *reason);

/* The VM is not VM_RUNNING: take the calling vCPU there where power_stop_vm() wants it. */
void power_join_stop(struct vcpu *vcpu);

#endif
