/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's own PSCI. See host_psci.h; the guest's is trap/psci.c. */
#include "drv/host_psci.h"

#include "conduit.h"
#include "cpu.h"
#include "lib/psci_abi.h"

static bool by_smc = true; /* HVC at EL2 reaches firmware only where that plays EL2 for us */

static int64_t call(uint32_t function, uint64_t x1, uint64_t x2, uint64_t x3)
{
    return by_smc ? conduit_smc(function, x1, x2, x3) : conduit_hvc(function, x1, x2, x3);
}

void host_psci_init(bool smc)
{
    by_smc = smc;
}

int host_psci_cpu_on(uint64_t mpidr, uint64_t entry, uint64_t context)
{
    return call(PSCI_CPU_ON_64, mpidr, entry, context) == PSCI_SUCCESS ? 0 : -ERR_INVAL;
}

void host_psci_system_off(void)
{
    call(PSCI_SYSTEM_OFF, 0, 0, 0);
    for (;;)
        cpu_wfi();
}
