/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PSCI for the guest (Arm DEN 0022, Power State Coordination Interface 1.1): what each function
 * decides about the state of vCPUs. Neighbours: smccc.c calls; vm/power.c carries it out.
 */
#ifndef TRAP_PSCI_H
#define TRAP_PSCI_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/psci_abi.h"
#include "trap/smccc.h"
#include "vm/vcpu.h"

/* Is this function identifier one of those set aside for PSCI? */
static inline bool psci_owns(uint32_t function)
{
    return (function & ~(SMCCC_64 | PSCI_NUMBER)) == (SMCCC_FAST | SMCCC_STANDARD);
}

/*
 * Serve `function`, for which psci_owns() is true and which vcpu has in W0. pc is past the call.
 * Takes vm->power_lock; call without it.
 */
void psci_call(struct vcpu *vcpu, uint32_t function);

#endif
