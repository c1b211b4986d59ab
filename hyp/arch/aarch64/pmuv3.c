/* SPDX-License-Identifier: Apache-2.0 */
/* The reset of this CPU's performance monitors. See pmuv3.h. */
#include "pmuv3.h"

#include "barrier.h"
#include "sysreg.h"

#define ALL_COUNTERS UINT64_C(0xffffffff)

void pmuv3_reset(void)
{
    if (pmuv3_version(read_sysreg(id_aa64dfr0_el1)) == 0)
        return;
    write_sysreg(PMCR_EL0_P | PMCR_EL0_C, pmcr_el0);
    write_sysreg(ALL_COUNTERS, pmcntenclr_el0);
    write_sysreg(ALL_COUNTERS, pmintenclr_el1);
    write_sysreg(ALL_COUNTERS, pmovsclr_el0);
    for (uint64_t n = FIELD_GET(PMCR_EL0_N, read_sysreg(pmcr_el0)); n > 0; n--) {
        write_sysreg(n - 1, pmselr_el0);
        isb(); /* PMXEVTYPER_EL0 is that counter's from here on */
        write_sysreg(0, pmxevtyper_el0);
    }
    write_sysreg(0, pmselr_el0);
    write_sysreg(0, pmccfiltr_el0);
    write_sysreg(0, pmuserenr_el0);
}
