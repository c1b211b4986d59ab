/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The GIC's virtual interface control registers of this CPU (GICv3, "AArch64 virtualization
 * control System registers"). Reads and writes of list registers take effect for the guest
 * at the exception return, which synchronises them.
 */
#ifndef ARCH_GICH_H
#define ARCH_GICH_H

#include <stdint.h>

#include "sysreg.h"

/* List register `n`, below the number that ICH_VTR_EL2.ListRegs gives. */
uint64_t gich_read_lr(unsigned n);
void gich_write_lr(unsigned n, uint64_t value);

/* A bit for each list register that holds nothing (ICH_ELRSR_EL2). */
static inline uint32_t gich_read_free(void)
{
    return (uint32_t)read_sysreg(ich_elrsr_el2);
}

static inline uint64_t gich_read_hcr(void)
{
    return read_sysreg(ich_hcr_el2);
}

static inline void gich_write_hcr(uint64_t v)
{
    write_sysreg(v, ich_hcr_el2);
}

/* What the guest has in its ICC_CTLR_EL1, ICC_PMR_EL1 and their like (ICH_VMCR_EL2). */
static inline uint64_t gich_read_vmcr(void)
{
    return read_sysreg(ich_vmcr_el2);
}

static inline void gich_write_vmcr(uint64_t v)
{
    write_sysreg(v, ich_vmcr_el2);
}

static inline uint64_t gich_read_vtr(void)
{
    return read_sysreg(ich_vtr_el2);
}

/*
 * Word `n` of the priorities at which the guest has interrupts active, of either group
 * (ICH_AP0R<n>_EL2, ICH_AP1R<n>_EL2); there is one for each 32 levels that ICH_VTR_EL2.PREbits
 * gives.
 */
uint32_t gich_read_active_priorities(unsigned n);

/* Nothing of the guest is pending or active; its masks are as after a reset. */
void gich_reset(void);

#endif
