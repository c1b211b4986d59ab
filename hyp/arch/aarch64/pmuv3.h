/* SPDX-License-Identifier: Apache-2.0 */
/*
 * This CPU's performance monitors, PMUv3 (Arm ARM, "The Performance Monitors Extension").
 * Neighbours: trap/pmu.h decides who may use them; el1_ctx.c resets them.
 */
#ifndef ARCH_PMUV3_H
#define ARCH_PMUV3_H

#include <stdint.h>

#include "lib/bits.h"
#include "regs.h"

/* ID_AA64DFR0_EL1.PMUVer */
#define PMUVER_V3P4   5
#define PMUVER_V3P5   6
#define PMUVER_IMPDEF 0xf /* monitors, but not PMUv3 */

#define PMCR_EL0_P        BIT(1)
#define PMCR_EL0_C        BIT(2)
#define PMCR_EL0_N        GENMASK(15, 11)
#define PMSELR_EL0_SEL    GENMASK(4, 0)
#define PMEVTYPER_EL0_NSH BIT(27)

#define MDCR_EL2_HPMN  GENMASK(4, 0)
#define MDCR_EL2_TPMCR BIT(5)
#define MDCR_EL2_TPM   BIT(6)
#define MDCR_EL2_HPMD  BIT(17)
#define MDCR_EL2_HCCD  BIT(23)

/* PMUVer of ID_AA64DFR0_EL1, `dfr0`, where that is a version of PMUv3, else 0. */
static inline uint64_t pmuv3_version(uint64_t dfr0)
{
    uint64_t version = FIELD_GET(ID_AA64DFR0_EL1_PMUVer, dfr0);

    return version == PMUVER_IMPDEF ? 0 : version;
}

/* Nothing counts, nothing asks for an interrupt, every register is zero. Does nothing on a CPU
 * without PMUv3. */
void pmuv3_reset(void);

#endif
