/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest's CPU is, in system registers. See el1_ctx.h; vm/power.c and vm/vm.c call. */
#include "el1_ctx.h"

#include <stdbool.h>

#include "barrier.h"
#include "fpsimd.h"
#include "lib/bits.h"
#include "pauth.h"
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

/* SCTLR_EL1 with everything off: its bits that are RES1, or were before an extension used them. */
#define SCTLR_EL1_RESET UINT64_C(0x30d00980)

static bool has(uint64_t id_register, uint64_t field)
{
    return (id_register & field) != 0;
}

static void configure_traps(void)
{
    uint64_t pfr0 = read_sysreg(id_aa64pfr0_el1);
    uint64_t dfr0 = read_sysreg(id_aa64dfr0_el1);
    uint64_t cptr = CPTR_EL2_RES1 | CPTR_EL2_TSM | CPTR_EL2_TTA;
    uint64_t mdcr = 0;

    if (has(pfr0, ID_AA64PFR0_EL1_AMU))
        cptr |= CPTR_EL2_TAM;
    if (!has(pfr0, ID_AA64PFR0_EL1_SVE))
        cptr |= CPTR_EL2_TZ; /* RES1 where there is no SVE */
    write_sysreg(cptr, cptr_el2);
    if (has(pfr0, ID_AA64PFR0_EL1_RAS))
        write_sysreg_enc(0, vsesr_el2); /* the syndrome of exit_serror()'s virtual error */
    if (has(dfr0, ID_AA64DFR0_EL1_PMUVer))
        mdcr |= MDCR_EL2_TPM | MDCR_EL2_TPMCR | FIELD_GET(PMCR_EL0_N, read_sysreg(pmcr_el0));
    if (has(dfr0, ID_AA64DFR0_EL1_PMSVer))
        mdcr |= MDCR_EL2_TPMS;
    if (has(dfr0, ID_AA64DFR0_EL1_TraceFilt))
        mdcr |= MDCR_EL2_TTRF;
    write_sysreg(mdcr, mdcr_el2);
    write_sysreg(0, hstr_el2);
    write_sysreg(CNTHCTL_EL2_EL1PCTEN | CNTHCTL_EL2_EL1PCEN, cnthctl_el2);
    write_sysreg(0, cntvoff_el2);
    write_sysreg(HCR_GUEST, hcr_el2);
    isb(); /* CPTR_EL2 lets EL2 reach ZCR_EL2 from here on */
    if (has(pfr0, ID_AA64PFR0_EL1_SVE))
        write_sysreg_enc(ZCR_ELx_LEN, zcr_el2);
}

/* Newer trap controls, which a reset leaves unknown. */
static void configure_fine_grained(void)
{
    if (has(read_sysreg(id_aa64mmfr0_el1), ID_AA64MMFR0_EL1_FGT)) {
        write_sysreg_enc(0, hfgrtr_el2);
        write_sysreg_enc(0, hfgwtr_el2);
        write_sysreg_enc(0, hfgitr_el2);
        write_sysreg_enc(0, hdfgrtr_el2);
        write_sysreg_enc(0, hdfgwtr_el2);
        if (has(read_sysreg(id_aa64pfr0_el1), ID_AA64PFR0_EL1_AMU))
            write_sysreg_enc(0, hafgrtr_el2);
    }
    if (has(read_sysreg(id_aa64mmfr1_el1), ID_AA64MMFR1_EL1_HCX))
        write_sysreg_enc(0, hcrx_el2);
}

void el1_ctx_configure(uint64_t vmpidr, uint64_t vtcr, uint64_t vttbr)
{
    write_sysreg(vtcr, vtcr_el2);
    write_sysreg(vttbr, vttbr_el2);
    write_sysreg(vmpidr, vmpidr_el2);
    write_sysreg(read_sysreg(midr_el1), vpidr_el2);
    configure_traps();
    configure_fine_grained();
    isb();            /* the TLBI below is for the VMID just written */
    tlb_flush_vmid(); /* nothing that firmware left under it */
}

static void reset_translation(void)
{
    write_sysreg(SCTLR_EL1_RESET, sctlr_el1);
    write_sysreg(0, tcr_el1);
    write_sysreg(0, ttbr0_el1);
    write_sysreg(0, ttbr1_el1);
    write_sysreg(0, mair_el1);
    write_sysreg(0, amair_el1);
    write_sysreg(0, contextidr_el1);
    write_sysreg(0, vbar_el1);
    write_sysreg(0, par_el1);
}

static void reset_exceptions(void)
{
    write_sysreg(0, esr_el1);
    write_sysreg(0, far_el1);
    write_sysreg(0, afsr0_el1);
    write_sysreg(0, afsr1_el1);
    write_sysreg(0, elr_el1);
    write_sysreg(0, spsr_el1);
    write_sysreg(0, sp_el0);
    write_sysreg(0, sp_el1);
    write_sysreg(0, mdscr_el1);
    write_sysreg(0, csselr_el1);
    write_sysreg(0, cpacr_el1);
    write_sysreg(0, tpidr_el0);
    write_sysreg(0, tpidrro_el0);
    write_sysreg(0, tpidr_el1);
}

/* DBGBCR<n>_EL1 and DBGBVR<n>_EL1, or of watchpoints; `last` is the number of the last. */
#define RESET_PAIR(kind, n, last)                                                                  \
    do {                                                                                           \
        if ((last) >= (n)) {                                                                       \
            write_sysreg(0, dbg##kind##cr##n##_el1);                                               \
            write_sysreg(0, dbg##kind##vr##n##_el1);                                               \
        }                                                                                          \
    } while (0)
#define RESET_4_PAIRS(kind, a, b, c, d, last)                                                      \
    do {                                                                                           \
        RESET_PAIR(kind, a, last);                                                                 \
        RESET_PAIR(kind, b, last);                                                                 \
        RESET_PAIR(kind, c, last);                                                                 \
        RESET_PAIR(kind, d, last);                                                                 \
    } while (0)

/* What was set up before a reset stops nothing after it. */
static void reset_debug(void)
{
    uint64_t dfr0 = read_sysreg(id_aa64dfr0_el1);
    int breakpoint = (int)FIELD_GET(ID_AA64DFR0_EL1_BRPs, dfr0);
    int watchpoint = (int)FIELD_GET(ID_AA64DFR0_EL1_WRPs, dfr0);

    RESET_4_PAIRS(b, 0, 1, 2, 3, breakpoint);
    RESET_4_PAIRS(b, 4, 5, 6, 7, breakpoint);
    RESET_4_PAIRS(b, 8, 9, 10, 11, breakpoint);
    RESET_4_PAIRS(b, 12, 13, 14, 15, breakpoint);
    RESET_4_PAIRS(w, 0, 1, 2, 3, watchpoint);
    RESET_4_PAIRS(w, 4, 5, 6, 7, watchpoint);
    RESET_4_PAIRS(w, 8, 9, 10, 11, watchpoint);
    RESET_4_PAIRS(w, 12, 13, 14, 15, watchpoint);
    write_sysreg(0, mdccint_el1);
    write_sysreg(0, osdlr_el1); /* the double lock, or nothing where there is none */
    write_sysreg(OS_LOCKED, oslar_el1);
}

/* The registers of extensions. ZCR_EL2 lets all of a vector be cleared. */
static void reset_extensions(void)
{
    uint64_t pfr0 = read_sysreg(id_aa64pfr0_el1);

    fpsimd_clear();
    if (has(pfr0, ID_AA64PFR0_EL1_SVE)) {
        write_sysreg_enc(0, zcr_el1);
        sve_clear_predicates();
    }
    if (has(pfr0, ID_AA64PFR0_EL1_RAS))
        write_sysreg_enc(0, vdisr_el2); /* what the guest reads as DISR_EL1 */
}

static void reset_timers(void)
{
    write_sysreg(0, cntkctl_el1);
    write_sysreg(0, cntv_ctl_el0);
    write_sysreg(0, cntp_ctl_el0);
    write_sysreg(0, cntv_cval_el0);
    write_sysreg(0, cntp_cval_el0);
}

/* All but APIAKey, which is EL2's at the moment: vm/power.c resets what vectors.S will put there.
 */
static void reset_keys(void)
{
    if (!pauth_is_there())
        return;
    write_sysreg_enc(0, apibkeylo_el1);
    write_sysreg_enc(0, apibkeyhi_el1);
    write_sysreg_enc(0, apdakeylo_el1);
    write_sysreg_enc(0, apdakeyhi_el1);
    write_sysreg_enc(0, apdbkeylo_el1);
    write_sysreg_enc(0, apdbkeyhi_el1);
    write_sysreg_enc(0, apgakeylo_el1);
    write_sysreg_enc(0, apgakeyhi_el1);
}

void el1_ctx_reset(void)
{
    write_sysreg(HCR_GUEST, hcr_el2); /* a system error that waits for the guest (VSE) goes */
    reset_translation();
    reset_exceptions();
    reset_timers();
    reset_keys();
    reset_debug();
    reset_extensions();
    __asm__ volatile("tlbi vmalle1\n" /* nothing of the guest before a reset outlives it */
                     "ic iallu\n"
                     "dsb nsh\n" /* done before the guest runs */
                     "isb"
                     :
                     :
                     : "memory");
}
