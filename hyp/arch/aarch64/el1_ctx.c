/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest's CPU is, in system registers. See el1_ctx.h; vm/power.c and vm/vm.c call. */
#include "el1_ctx.h"

#include <stdbool.h>

#include "barrier.h"
#include "el1_regs.h"
#include "fpsimd.h"
#include "gicc.h"
#include "lib/bits.h"
#include "pauth.h"
#include "pmuv3.h"
#include "regs.h"
#include "sysreg.h"
#include "tlb.h"

/*
 * Stage 2 on; interrupts and system errors come to EL2; ID registers, firmware calls and what
 * the guest is not shown trap. WFI, the timers, debug and set/way maintenance do not.
 */
#define HCR_GUEST                                                                                  \
    (HCR_EL2_VM | HCR_EL2_SWIO | HCR_EL2_FMO | HCR_EL2_IMO | HCR_EL2_AMO | HCR_EL2_BSU_IS |        \
     HCR_EL2_RW | HCR_EL2_TSC | HCR_EL2_TIDCP | HCR_EL2_TACR | HCR_EL2_TID3 | HCR_EL2_TLOR |       \
     HCR_EL2_TERR | HCR_EL2_API | HCR_EL2_APK)

/* OSLAR_EL1: as a reset leaves it, no debug exceptions until the guest unlocks. */
#define OS_LOCKED 1

static bool has_feature(uint64_t id_register, uint64_t field)
{
    return (id_register & field) != 0;
}

static void configure_traps(uint64_t mdcr)
{
    uint64_t pfr0 = read_sysreg(id_aa64pfr0_el1);
    uint64_t dfr0 = read_sysreg(id_aa64dfr0_el1);
    uint64_t cptr = CPTR_EL2_RES1 | CPTR_EL2_TSM | CPTR_EL2_TTA;

    if (has_feature(pfr0, ID_AA64PFR0_EL1_AMU))
        cptr |= CPTR_EL2_TAM;
    if (!has_feature(pfr0, ID_AA64PFR0_EL1_SVE))
        cptr |= CPTR_EL2_TZ; /* RES1 where there is no SVE */
    write_sysreg(cptr, cptr_el2);
    if (has_feature(pfr0, ID_AA64PFR0_EL1_RAS))
        write_sysreg(0, vsesr_el2); /* the syndrome of exit_serror()'s virtual error */
    if (has_feature(dfr0, ID_AA64DFR0_EL1_PMSVer))
        mdcr |= MDCR_EL2_TPMS;
    if (has_feature(dfr0, ID_AA64DFR0_EL1_TraceFilt))
        mdcr |= MDCR_EL2_TTRF;
    write_sysreg(mdcr, mdcr_el2);
    write_sysreg(0, hstr_el2);
    write_sysreg(CNTHCTL_EL2_EL1PCTEN | CNTHCTL_EL2_EL1PCEN, cnthctl_el2);
    write_sysreg(0, cntvoff_el2);
    write_sysreg(HCR_GUEST, hcr_el2);
    isb(); /* CPTR_EL2 lets EL2 reach ZCR_EL2 from here on */
    if (has_feature(pfr0, ID_AA64PFR0_EL1_SVE))
        write_sysreg(ZCR_ELx_LEN, zcr_el2);
}

/* Newer trap controls, which a reset leaves unknown. */
static void configure_fine_grained(void)
{
    if (has_feature(read_sysreg(id_aa64mmfr0_el1), ID_AA64MMFR0_EL1_FGT)) {
        write_sysreg(0, hfgrtr_el2);
        write_sysreg(0, hfgwtr_el2);
        write_sysreg(0, hfgitr_el2);
        write_sysreg(0, hdfgrtr_el2);
        write_sysreg(0, hdfgwtr_el2);
        if (has_feature(read_sysreg(id_aa64pfr0_el1), ID_AA64PFR0_EL1_AMU))
            write_sysreg(0, hafgrtr_el2);
    }
    if (has_feature(read_sysreg(id_aa64mmfr1_el1), ID_AA64MMFR1_EL1_HCX))
        write_sysreg(0, hcrx_el2);
}

/* Memory partitioning (MPAM), none of which the guest is shown: its registers trap. */
static void configure_mpam(void)
{
    uint64_t mpamidr;

    if (!has_feature(read_sysreg(id_aa64pfr0_el1), ID_AA64PFR0_EL1_MPAM) &&
        !has_feature(read_sysreg(id_aa64pfr1_el1), ID_AA64PFR1_EL1_MPAM_frac))
        return;
    mpamidr = read_sysreg(mpamidr_el1);
    write_sysreg(MPAM2_EL2_TRAPMPAM0EL1 | MPAM2_EL2_TRAPMPAM1EL1 |
                     (has_feature(mpamidr, MPAMIDR_EL1_HAS_TIDR) ? MPAM2_EL2_TIDR : 0),
                 mpam2_el2);
    if (has_feature(mpamidr, MPAMIDR_EL1_HAS_HCR))
        write_sysreg(MPAMHCR_EL2_TRAP_MPAMIDR_EL1, mpamhcr_el2);
}

void el1_ctx_configure(uint64_t vmpidr, uint64_t vtcr, uint64_t vttbr, uint64_t mdcr_pmu)
{
    write_sysreg(vtcr, vtcr_el2);
    write_sysreg(vttbr, vttbr_el2);
    write_sysreg(vmpidr, vmpidr_el2);
    write_sysreg(read_sysreg(midr_el1), vpidr_el2);
    configure_traps(mdcr_pmu);
    configure_fine_grained();
    configure_mpam();
    isb();                 /* the TLBI below is for the VMID just written */
    tlb_flush_vmid(vttbr); /* nothing that firmware left under it */
}

static unsigned extensions(void)
{
    uint64_t pfr0 = read_sysreg(id_aa64pfr0_el1);

    return (has_feature(pfr0, ID_AA64PFR0_EL1_SVE) ? EL1_HAS_SVE : 0) |
           (has_feature(pfr0, ID_AA64PFR0_EL1_RAS) ? EL1_HAS_RAS : 0) |
           (pauth_is_there() ? EL1_HAS_PAUTH : 0);
}

/* What was set up before a reset stops nothing after it. */
static void reset_debug(void)
{
    uint64_t dfr0 = read_sysreg(id_aa64dfr0_el1);
    int last_breakpoint = (int)FIELD_GET(ID_AA64DFR0_EL1_BRPs, dfr0);
    int last_watchpoint = (int)FIELD_GET(ID_AA64DFR0_EL1_WRPs, dfr0);

#define X(n)                                                                                       \
    if (n <= last_breakpoint) {                                                                    \
        write_sysreg(0, dbgbcr##n##_el1);                                                          \
        write_sysreg(0, dbgbvr##n##_el1);                                                          \
    }                                                                                              \
    if (n <= last_watchpoint) {                                                                    \
        write_sysreg(0, dbgwcr##n##_el1);                                                          \
        write_sysreg(0, dbgwvr##n##_el1);                                                          \
    }
    SYSREG_0_TO_15(X)
#undef X
    dbgclaim_clear();
    write_sysreg(OS_LOCKED, oslar_el1);
}

/* APIAKey is EL2's at the moment: vm/power.c resets what vectors.S will put there. */
void el1_ctx_reset(void)
{
    unsigned there = extensions();

    write_sysreg(HCR_GUEST, hcr_el2); /* a system error that waits for the guest (VSE) goes */
#define X(name, value) write_sysreg(value, name);
    EL1_REGS(X)
#undef X
#define X(name, extension, value)                                                                  \
    if ((there & (extension)) != 0)                                                                \
        write_sysreg(value, name);
    EL1_REGS_OF_EXTENSIONS(X)
#undef X
    pmuv3_reset();
    reset_debug();
    fpsimd_clear(); /* ZCR_EL2 lets all of a vector be cleared */
    if ((there & EL1_HAS_SVE) != 0)
        sve_clear_predicates();
    __asm__ volatile("tlbi vmalle1\n" /* nothing of the guest before a reset outlives it */
                     "ic iallu\n"
                     "dsb nsh\n" /* done before the guest runs */
                     "isb"
                     :
                     :
                     : "memory");
}
