/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's own PSCI firmware (DEN 0022), called by the conduit that the host's tree names. */
#ifndef DRV_HOST_PSCI_H
#define DRV_HOST_PSCI_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

void host_psci_init(bool smc);

/* Start the CPU of affinity `mpidr` at `entry`, physical, x0 = `context`. -ERR_INVAL: it refuses.
 */
int must_check host_psci_cpu_on(uint64_t mpidr, uint64_t entry, uint64_t context);

void host_psci_system_off(void) __attribute__((noreturn));

#endif
