/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields of system registers, by the Arm ARM's names ("AArch64 System register
 * descriptions"; the section of each register has its name as title). Constants only: pure code
 * uses them too.
 */
#ifndef ARCH_REGS_H
#define ARCH_REGS_H

#include "lib/bits.h"

/* SPSR_ELx and PSTATE */
#define PSR_M_EL0t UINT64_C(0x0)
#define PSR_M_EL1t UINT64_C(0x4)
#define PSR_M_EL1h UINT64_C(0x5)
#define PSR_M_EL2h UINT64_C(0x9)
#define PSR_M_MASK GENMASK(4, 0)
#define PSR_M_EL   GENMASK(3, 2) /* the exception level within M */
#define PSR_M_nRW  BIT(4)        /* AArch32 */
#define PSR_F      BIT(6)
#define PSR_I      BIT(7)
#define PSR_A      BIT(8)
#define PSR_D      BIT(9)
#define PSR_E      BIT(9) /* AArch32: data accesses are big-endian */
#define PSR_DAIF   (PSR_D | PSR_A | PSR_I | PSR_F)
#define PSR_BTYPE  (BIT(10) | BIT(11))
#define PSR_SSBS   BIT(12)
#define PSR_ALLINT BIT(13)
#define PSR_IL     BIT(20)
#define PSR_SS     BIT(21)
#define PSR_PAN    BIT(22)
#define PSR_UAO    BIT(23)
#define PSR_DIT    BIT(24)
#define PSR_TCO    BIT(25)
#define PSR_T32    BIT(5)
#define PSR_NZCV   GENMASK(31, 28)

/* SCTLR_EL1 */
#define SCTLR_EL1_M         BIT(0)
#define SCTLR_EL1_WXN       BIT(19)
#define SCTLR_EL1_EE        BIT(25)
#define SCTLR_EL1_E0E       BIT(24)
#define SCTLR_EL1_SPAN      BIT(23)
#define SCTLR_EL1_DSSBS     BIT(44)
#define SCTLR_EL1_SPINTMASK BIT(62)

/* TCR_EL1 and TTBRn_EL1 */
#define TCR_EL1_T0SZ    GENMASK(5, 0)
#define TCR_EL1_EPD0    BIT(7) /* no walks by TTBR0_EL1 */
#define TCR_EL1_SH0     GENMASK(13, 12)
#define TCR_EL1_TG0     GENMASK(15, 14)
#define TCR_EL1_TG0_64K UINT64_C(1)
#define TCR_EL1_TG0_16K UINT64_C(2)
#define TCR_EL1_T1SZ    GENMASK(21, 16)
#define TCR_EL1_EPD1    BIT(23)
#define TCR_EL1_SH1     GENMASK(29, 28)
#define TCR_EL1_TG1     GENMASK(31, 30)
#define TCR_EL1_TG1_16K UINT64_C(1)
#define TCR_EL1_TG1_64K UINT64_C(3)
#define TCR_EL1_IPS     GENMASK(34, 32)
#define TCR_EL1_TBI0    BIT(37) /* the top byte is a tag */
#define TCR_EL1_TBI1    BIT(38)
#define TCR_EL1_HPD0    BIT(41) /* tables take no rights away */
#define TCR_EL1_HPD1    BIT(42)
#define TCR_EL1_DS      BIT(59) /* 52-bit addresses with granules of 4 and 16 KiB */
#define TTBR_EL1_BADDR  GENMASK(47, 1)

/* VTTBR_EL2 */
#define VTTBR_EL2_VMID GENMASK(63, 48)

/* HPFAR_EL2 */
#define HPFAR_EL2_FIPA GENMASK(47, 4) /* bits [55:12] of the IPA */

/* HCR_EL2 */
#define HCR_EL2_VM     BIT(0)
#define HCR_EL2_SWIO   BIT(1)
#define HCR_EL2_FMO    BIT(3)
#define HCR_EL2_IMO    BIT(4)
#define HCR_EL2_AMO    BIT(5)
#define HCR_EL2_VSE    BIT(8)
#define HCR_EL2_BSU_IS BIT(10)
#define HCR_EL2_TID3   BIT(18)
#define HCR_EL2_TSC    BIT(19)
#define HCR_EL2_TIDCP  BIT(20)
#define HCR_EL2_TACR   BIT(21)
#define HCR_EL2_RW     BIT(31)
#define HCR_EL2_TLOR   BIT(35)
#define HCR_EL2_TERR   BIT(36)
#define HCR_EL2_APK    BIT(40)
#define HCR_EL2_API    BIT(41)

/* SCTLR_EL2, without HCR_EL2.E2H */
#define SCTLR_EL2_M    BIT(0)
#define SCTLR_EL2_C    BIT(2)
#define SCTLR_EL2_SA   BIT(3)
#define SCTLR_EL2_I    BIT(12)
#define SCTLR_EL2_WXN  BIT(19)
#define SCTLR_EL2_EnIA BIT(31)
#define SCTLR_EL2_BT   BIT(36)
#define SCTLR_EL2_RES1                                                                             \
    (BIT(4) | BIT(5) | BIT(11) | BIT(16) | BIT(18) | BIT(22) | BIT(23) | BIT(28) | BIT(29))

/* CPTR_EL2, without HCR_EL2.E2H */
#define CPTR_EL2_RES1 UINT64_C(0x22ff) /* bits 13, 9 and 7 to 0, less those named below */
#define CPTR_EL2_TZ   BIT(8)
#define CPTR_EL2_TSM  BIT(12)
#define CPTR_EL2_TTA  BIT(20)
#define CPTR_EL2_TAM  BIT(30)

/* MDCR_EL2; pmuv3.h has its bits about the PMU */
#define MDCR_EL2_TPMS BIT(14)
#define MDCR_EL2_TTRF BIT(19)

/* CNTHCTL_EL2, without HCR_EL2.E2H */
#define CNTHCTL_EL2_EL1PCTEN BIT(0)
#define CNTHCTL_EL2_EL1PCEN  BIT(1)

#define CNTHP_CTL_EL2_ENABLE BIT(0)

#define ZCR_ELx_LEN GENMASK(3, 0)

/* MPAM2_EL2, MPAMHCR_EL2, MPAMIDR_EL1 */
#define MPAM2_EL2_TRAPMPAM1EL1       BIT(48)
#define MPAM2_EL2_TRAPMPAM0EL1       BIT(49)
#define MPAM2_EL2_TIDR               BIT(58)
#define MPAMHCR_EL2_TRAP_MPAMIDR_EL1 BIT(31)
#define MPAMIDR_EL1_HAS_HCR          BIT(17)
#define MPAMIDR_EL1_HAS_TIDR         BIT(58)

/* ID_AA64*_EL1 fields, by register */
#define ID_AA64ISAR0_EL1_SHA2     GENMASK(15, 12)
#define ID_AA64ISAR0_EL1_CRC32    GENMASK(19, 16)
#define ID_AA64ISAR0_EL1_RNDR     GENMASK(63, 60)
#define ID_AA64ISAR1_EL1_APA      GENMASK(7, 4)
#define ID_AA64ISAR1_EL1_API      GENMASK(11, 8)
#define ID_AA64ISAR2_EL1_APA3     GENMASK(15, 12)
#define ID_AA64PFR0_EL1_RAS       GENMASK(31, 28)
#define ID_AA64PFR0_EL1_SVE       GENMASK(35, 32)
#define ID_AA64PFR0_EL1_MPAM      GENMASK(43, 40)
#define ID_AA64PFR0_EL1_AMU       GENMASK(47, 44)
#define ID_AA64PFR1_EL1_BT        GENMASK(3, 0)
#define ID_AA64PFR1_EL1_SSBS      GENMASK(7, 4)
#define ID_AA64PFR1_EL1_MTE       GENMASK(11, 8)
#define ID_AA64PFR1_EL1_MPAM_frac GENMASK(19, 16)
#define ID_AA64PFR1_EL1_NMI       GENMASK(39, 36)
#define ID_AA64MMFR0_EL1_FGT      GENMASK(59, 56)
#define ID_AA64MMFR0_EL1_TGran16  GENMASK(23, 20)
#define ID_AA64MMFR1_EL1_PAN      GENMASK(23, 20)
#define ID_AA64MMFR1_EL1_HCX      GENMASK(43, 40)
#define ID_AA64MMFR2_EL1_VARange  GENMASK(19, 16)
#define ID_AA64DFR0_EL1_BRPs      GENMASK(15, 12) /* breakpoints but one */
#define ID_AA64DFR0_EL1_WRPs      GENMASK(23, 20) /* watchpoints but one */
#define ID_AA64DFR0_EL1_PMUVer    GENMASK(11, 8)
#define ID_AA64DFR0_EL1_PMSVer    GENMASK(35, 32)
#define ID_AA64DFR0_EL1_TraceFilt GENMASK(43, 40)

/* MPIDR_EL1 */
#define MPIDR_AFF_MASK UINT64_C(0xff00ffffff)
#define MPIDR_RES1     BIT(31)

#endif
