/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields of system registers, by the Arm ARM's names ("AArch64 System register
 * descriptions"; the section of each register has its name as title). Constants only: pure code uses them too.
 */
#ifndef ARCH_REGS_H
#define ARCH_REGS_H

#ifdef __ASSEMBLER__
#define UL(v) (v)
#define RBIT(n) (1 << (n))
#else
#include "lib/bits.h"
#define UL(v) UINT64_C(v)
#define RBIT(n) (UINT64_C(1) << (n))
#endif

/* SPSR_ELx and PSTATE */
#define PSR_M_EL0t   UL(0x0)
#define PSR_M_EL1t   UL(0x4)
#define PSR_M_EL1h   UL(0x5)
#define PSR_M_EL2h   UL(0x9)
#define PSR_M_MASK   UL(0x1f)
#define PSR_M_EL     UL(0xc) /* the exception level within M */
#define PSR_M_nRW    RBIT(4) /* AArch32 */
#define PSR_F        RBIT(6)
#define PSR_I        RBIT(7)
#define PSR_A        RBIT(8)
#define PSR_D        RBIT(9)
#define PSR_DAIF     (PSR_D | PSR_A | PSR_I | PSR_F)
#define PSR_BTYPE    (RBIT(10) | RBIT(11))
#define PSR_SSBS     RBIT(12)
#define PSR_ALLINT   RBIT(13)
#define PSR_IL       RBIT(20)
#define PSR_SS       RBIT(21)
#define PSR_PAN      RBIT(22)
#define PSR_UAO      RBIT(23)
#define PSR_DIT      RBIT(24)
#define PSR_TCO      RBIT(25)
#define PSR_T32      RBIT(5)
#define PSR_NZCV     UL(0xf0000000)

/* SCTLR_EL1 */
#define SCTLR_EL1_M     RBIT(0)
#define SCTLR_EL1_EE    RBIT(25)
#define SCTLR_EL1_E0E   RBIT(24)
#define SCTLR_EL1_SPAN  RBIT(23)
#define SCTLR_EL1_DSSBS RBIT(44)

/* PAR_EL1 */
#define PAR_EL1_F  RBIT(0)
#define PAR_EL1_PA (UL(0xfffffffff) << 12)

#endif
