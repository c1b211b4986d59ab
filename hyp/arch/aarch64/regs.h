/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields of system registers, by the Arm ARM's names ("AArch64 System register
 * descriptions"; the section of each register has its name as title). Constants only: pure code
 * uses them too.
 */
#ifndef ARCH_REGS_H
#define ARCH_REGS_H

#ifdef __ASSEMBLER__
#define UL(v)   (v)
#define RBIT(n) (1 << (n))
#else
#include "lib/bits.h"
#define UL(v)   UINT64_C(v)
#define RBIT(n) (UINT64_C(1) << (n))
#endif

/* SPSR_ELx and PSTATE */
#define PSR_M_EL0t UL(0x0)
#define PSR_M_EL1t UL(0x4)
#define PSR_M_EL1h UL(0x5)
#define PSR_M_EL2h UL(0x9)
#define PSR_M_MASK UL(0x1f)
#define PSR_M_EL   UL(0xc) /* the exception level within M */
#define PSR_M_nRW  RBIT(4) /* AArch32 */
#define PSR_F      RBIT(6)
#define PSR_I      RBIT(7)
#define PSR_A      RBIT(8)
#define PSR_D      RBIT(9)
#define PSR_E      RBIT(9) /* AArch32: data accesses are big-endian */
#define PSR_DAIF   (PSR_D | PSR_A | PSR_I | PSR_F)
#define PSR_BTYPE  (RBIT(10) | RBIT(11))
#define PSR_SSBS   RBIT(12)
#define PSR_ALLINT RBIT(13)
#define PSR_IL     RBIT(20)
#define PSR_SS     RBIT(21)
#define PSR_PAN    RBIT(22)
#define PSR_UAO    RBIT(23)
#define PSR_DIT    RBIT(24)
#define PSR_TCO    RBIT(25)
#define PSR_T32    RBIT(5)
#define PSR_NZCV   UL(0xf0000000)

/* SCTLR_EL1 */
#define SCTLR_EL1_M         RBIT(0)
#define SCTLR_EL1_WXN       RBIT(19)
#define SCTLR_EL1_EE        RBIT(25)
#define SCTLR_EL1_E0E       RBIT(24)
#define SCTLR_EL1_SPAN      RBIT(23)
#define SCTLR_EL1_DSSBS     RBIT(44)
#define SCTLR_EL1_SPINTMASK RBIT(62)

/* TCR_EL1 and TTBRn_EL1 */
#define TCR_EL1_T0SZ    UL(0x3f)
#define TCR_EL1_EPD0    RBIT(7) /* no walks by TTBR0_EL1 */
#define TCR_EL1_SH0     (UL(3) << 12)
#define TCR_EL1_TG0     (UL(3) << 14)
#define TCR_EL1_TG0_64K UL(1)
#define TCR_EL1_TG0_16K UL(2)
#define TCR_EL1_T1SZ    (UL(0x3f) << 16)
#define TCR_EL1_EPD1    RBIT(23)
#define TCR_EL1_SH1     (UL(3) << 28)
#define TCR_EL1_TG1     (UL(3) << 30)
#define TCR_EL1_TG1_16K UL(1)
#define TCR_EL1_TG1_64K UL(3)
#define TCR_EL1_IPS     (UL(7) << 32)
#define TCR_EL1_TBI0    RBIT(37) /* the top byte is a tag */
#define TCR_EL1_TBI1    RBIT(38)
#define TCR_EL1_HPD0    RBIT(41) /* tables take no rights away */
#define TCR_EL1_HPD1    RBIT(42)
#define TCR_EL1_DS      RBIT(59) /* 52-bit addresses with granules of 4 and 16 KiB */
#define TTBR_EL1_BADDR  (UL(0x7fffffffffff) << 1)

/* VTTBR_EL2 */
#define VTTBR_EL2_VMID (UL(0xffff) << 48)

/* HPFAR_EL2 */
#define HPFAR_EL2_FIPA (UL(0xfffffffffff) << 4) /* bits [55:12] of the IPA */

/* HCR_EL2 */
#define HCR_EL2_VM     RBIT(0)
#define HCR_EL2_SWIO   RBIT(1)
#define HCR_EL2_FMO    RBIT(3)
#define HCR_EL2_IMO    RBIT(4)
#define HCR_EL2_AMO    RBIT(5)
#define HCR_EL2_VSE    RBIT(8)
#define HCR_EL2_BSU_IS RBIT(10)
#define HCR_EL2_TID3   RBIT(18)
#define HCR_EL2_TSC    RBIT(19)
#define HCR_EL2_TIDCP  RBIT(20)
#define HCR_EL2_TACR   RBIT(21)
#define HCR_EL2_RW     RBIT(31)
#define HCR_EL2_TLOR   RBIT(35)
#define HCR_EL2_TERR   RBIT(36)
#define HCR_EL2_APK    RBIT(40)
#define HCR_EL2_API    RBIT(41)

/* SCTLR_EL2, without HCR_EL2.E2H */
#define SCTLR_EL2_M    RBIT(0)
#define SCTLR_EL2_C    RBIT(2)
#define SCTLR_EL2_SA   RBIT(3)
#define SCTLR_EL2_I    RBIT(12)
#define SCTLR_EL2_WXN  RBIT(19)
#define SCTLR_EL2_EnIA RBIT(31)
#define SCTLR_EL2_BT   RBIT(36)
#define SCTLR_EL2_RES1                                                                             \
    (RBIT(4) | RBIT(5) | RBIT(11) | RBIT(16) | RBIT(18) | RBIT(22) | RBIT(23) | RBIT(28) | RBIT(29))

/* CPTR_EL2, without HCR_EL2.E2H */
#define CPTR_EL2_RES1 UL(0x22ff) /* bits 13, 9 and 7 to 0, less those named below */
#define CPTR_EL2_TZ   RBIT(8)
#define CPTR_EL2_TSM  RBIT(12)
#define CPTR_EL2_TTA  RBIT(20)
#define CPTR_EL2_TAM  RBIT(30)

/* MDCR_EL2; pmuv3.h has its bits about the PMU */
#define MDCR_EL2_TPMS RBIT(14)
#define MDCR_EL2_TTRF RBIT(19)

/* CNTHCTL_EL2, without HCR_EL2.E2H */
#define CNTHCTL_EL2_EL1PCTEN RBIT(0)
#define CNTHCTL_EL2_EL1PCEN  RBIT(1)

#define CNTHP_CTL_EL2_ENABLE RBIT(0)

#define ZCR_ELx_LEN UL(0xf)

/* MPAM2_EL2, MPAMHCR_EL2, MPAMIDR_EL1 */
#define MPAM2_EL2_TRAPMPAM1EL1       RBIT(48)
#define MPAM2_EL2_TRAPMPAM0EL1       RBIT(49)
#define MPAM2_EL2_TIDR               RBIT(58)
#define MPAMHCR_EL2_TRAP_MPAMIDR_EL1 RBIT(31)
#define MPAMIDR_EL1_HAS_HCR          RBIT(17)
#define MPAMIDR_EL1_HAS_TIDR         RBIT(58)

/* ID_AA64*_EL1 fields, by register */
#define ID_AA64ISAR0_EL1_RNDR     (UL(0xf) << 60)
#define ID_AA64ISAR1_EL1_APA      (UL(0xf) << 4)
#define ID_AA64ISAR1_EL1_API      (UL(0xf) << 8)
#define ID_AA64ISAR2_EL1_APA3     (UL(0xf) << 12)
#define ID_AA64PFR0_EL1_RAS       (UL(0xf) << 28)
#define ID_AA64PFR0_EL1_SVE       (UL(0xf) << 32)
#define ID_AA64PFR0_EL1_MPAM      (UL(0xf) << 40)
#define ID_AA64PFR0_EL1_AMU       (UL(0xf) << 44)
#define ID_AA64PFR1_EL1_BT        UL(0xf)
#define ID_AA64PFR1_EL1_SSBS      (UL(0xf) << 4)
#define ID_AA64PFR1_EL1_MTE       (UL(0xf) << 8)
#define ID_AA64PFR1_EL1_MPAM_frac (UL(0xf) << 16)
#define ID_AA64PFR1_EL1_NMI       (UL(0xf) << 36)
#define ID_AA64MMFR0_EL1_FGT      (UL(0xf) << 56)
#define ID_AA64MMFR0_EL1_TGran16  (UL(0xf) << 20)
#define ID_AA64MMFR1_EL1_PAN      (UL(0xf) << 20)
#define ID_AA64MMFR1_EL1_HCX      (UL(0xf) << 40)
#define ID_AA64MMFR2_EL1_VARange  (UL(0xf) << 16)
#define ID_AA64DFR0_EL1_BRPs      (UL(0xf) << 12) /* breakpoints but one */
#define ID_AA64DFR0_EL1_WRPs      (UL(0xf) << 20) /* watchpoints but one */
#define ID_AA64DFR0_EL1_PMUVer    (UL(0xf) << 8)
#define ID_AA64DFR0_EL1_PMSVer    (UL(0xf) << 32)
#define ID_AA64DFR0_EL1_TraceFilt (UL(0xf) << 40)

/* MPIDR_EL1 */
#define MPIDR_AFF_MASK UL(0xff00ffffff)
#define MPIDR_RES1     RBIT(31)

#endif
