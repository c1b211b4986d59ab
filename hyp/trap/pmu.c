/* SPDX-License-Identifier: Apache-2.0 */
/* Who may use the performance monitors. See pmu.h. */
#include "trap/pmu.h"

#include <stddef.h>

#include "fdt/vm_config.h"
#include "lib/log.h"
#include "pmuv3.h"
#include "sysreg.h"
#include "trap/id_regs.h"

/* Why the guest can't have it. NULL: it can. */
static const char *refusal(uint32_t wanted, uint32_t machine_intid)
{
    if (pmuv3_version(read_sysreg(id_aa64dfr0_el1)) == 0)
        return "the CPU has none";
    if (machine_intid == 0)
        return "the machine's tree names no PPI of it";
    if (wanted != machine_intid)
        return "its interrupt must be the same PPI as the machine's";
    return NULL;
}

void pmu_offer(struct vm_config *config, uint32_t machine_intid)
{
    const char *why = refusal(config->pmu_intid, machine_intid);

    if (config->pmu_intid == 0)
        return;
    if (why == NULL) {
        id_regs_show_pmu();
    } else {
        log_warn("no PMU for the guest: %s", why);
        config->pmu_intid = 0;
    }
}

uint64_t pmu_mdcr(bool offered)
{
    uint64_t version = pmuv3_version(read_sysreg(id_aa64dfr0_el1));
    uint64_t mdcr;

    if (version == 0)
        return 0;
    /* All counters are EL1's: none is left for EL2 alone. */
    mdcr = FIELD_PREP(MDCR_EL2_HPMN, FIELD_GET(PMCR_EL0_N, read_sysreg(pmcr_el0)));
    if (offered && version >= PMUVER_V3P5)
        return mdcr | MDCR_EL2_HPMD | MDCR_EL2_HCCD;
    return mdcr | MDCR_EL2_TPM | MDCR_EL2_TPMCR;
}
