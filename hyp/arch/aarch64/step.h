/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One instruction of the guest at a time, by software step (Arm ARM, "Software Step exceptions"),
 * taken to EL2 whatever the guest has set up for itself. For the vCPU whose CPU runs this.
 */
#ifndef ARCH_STEP_H
#define ARCH_STEP_H

#include <stdint.h>

#include "lib/bits.h"
#include "regs.h"
#include "sysreg.h"

#define MDCR_EL2_TDE BIT(8)
#define MDSCR_EL1_SS BIT(0)
#define OSLSR_OSLK   BIT(1)

/* What of the guest's own debugging is out of the way meanwhile. */
struct step {
    uint64_t mdscr, osdlr, oslsr;
};

/* The guest's next instruction ends in EL2. `pstate` is what it goes on with. */
static inline void step_begin(struct step *step, uint64_t *pstate)
{
    step->mdscr = read_sysreg(mdscr_el1);
    step->osdlr = read_sysreg(osdlr_el1);
    step->oslsr = read_sysreg(oslsr_el1);
    write_sysreg(0, osdlr_el1);
    write_sysreg(0, oslar_el1);
    write_sysreg(step->mdscr | MDSCR_EL1_SS, mdscr_el1);
    write_sysreg(read_sysreg(mdcr_el2) | MDCR_EL2_TDE, mdcr_el2);
    *pstate |= PSR_SS;
}

/* It has; or it shall not. The guest's own single step, if it is under way, goes on. */
static inline void step_end(const struct step *step, uint64_t *pstate)
{
    write_sysreg(read_sysreg(mdcr_el2) & ~MDCR_EL2_TDE, mdcr_el2);
    write_sysreg(step->mdscr, mdscr_el1);
    write_sysreg((step->oslsr & OSLSR_OSLK) != 0 ? 1 : 0, oslar_el1);
    write_sysreg(step->osdlr, osdlr_el1);
    if ((step->mdscr & MDSCR_EL1_SS) == 0)
        *pstate &= ~PSR_SS;
}

#endif
