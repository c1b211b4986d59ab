/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers of the GICv3 by the specification's names ("The GIC register map"), for the
 * driver of the machine's GIC and for the virtual one alike.
 */
#ifndef GIC_GIC_REGS_H
#define GIC_GIC_REGS_H

#include "lib/bits.h"

#define GICD_SIZE     UINT64_C(0x10000)
#define GICR_SIZE     UINT64_C(0x20000) /* a redistributor's two frames */
#define GICR_SGI_BASE UINT64_C(0x10000) /* the second frame */

/* Distributor; from GICD_IGROUPR to GICD_IGRPMODR also the offsets in the second GICR frame. */
#define GICD_CTLR       0x0000
#define GICD_TYPER      0x0004
#define GICD_IGROUPR    0x0080
#define GICD_ISENABLER  0x0100
#define GICD_ICENABLER  0x0180
#define GICD_ISPENDR    0x0200
#define GICD_ICPENDR    0x0280
#define GICD_ISACTIVER  0x0300
#define GICD_ICACTIVER  0x0380
#define GICD_IPRIORITYR 0x0400
#define GICD_ICFGR      0x0c00
#define GICD_IROUTER    0x6000 /* of INTID 0; the first that exists is SPI 32's */
#define GICD_PIDR2      0xffe8

#define GICD_ICFGR_EDGE UINT32_C(2) /* of an interrupt's two bits the upper */

#define GICD_CTLR_EnableGrp0 BIT(0)
#define GICD_CTLR_EnableGrp1 BIT(1) /* EnableGrp1A where there are two security states */
#define GICD_CTLR_ARE        BIT(4)
#define GICD_CTLR_DS         BIT(6)
#define GICD_CTLR_RWP        BIT(31)

#define GICD_TYPER_ITLinesNumber GENMASK(4, 0)
#define GICD_TYPER_IDbits        GENMASK(23, 19)
#define GICD_TYPER_A3V           BIT(24)
#define GICD_TYPER_RSS           BIT(26)

#define GICD_IROUTER_IRM BIT(31)
#define GICD_IROUTER_AFF (GENMASK(39, 32) | GENMASK(23, 0))

#define PIDR2_ArchRev_GICv3 UINT32_C(0x30)

/* Redistributor, first frame */
#define GICR_CTLR  0x0000
#define GICR_TYPER 0x0008
#define GICR_WAKER 0x0014
#define GICR_PIDR2 0xffe8

#define GICR_CTLR_RWP               BIT(3)
#define GICR_TYPER_Last             BIT(4)
#define GICR_TYPER_Processor_Number GENMASK(23, 8)
#define GICR_TYPER_Affinity_Value   GENMASK(63, 32)
#define GICR_WAKER_ProcessorSleep   BIT(1)
#define GICR_WAKER_ChildrenAsleep   BIT(2)

/* ICH_LR<n>_EL2 */
#define ICH_LR_vINTID   GENMASK(31, 0)
#define ICH_LR_pINTID   GENMASK(44, 32)
#define ICH_LR_EOI      BIT(41) /* with HW = 0: maintenance interrupt at EOI */
#define ICH_LR_Priority GENMASK(55, 48)
#define ICH_LR_Group    BIT(60)
#define ICH_LR_HW       BIT(61)
#define ICH_LR_Pending  BIT(62)
#define ICH_LR_Active   BIT(63)
#define ICH_LR_State    (ICH_LR_Pending | ICH_LR_Active)

/* ICH_HCR_EL2 */
#define ICH_HCR_En       BIT(0)
#define ICH_HCR_LRENPIE  BIT(2)
#define ICH_HCR_NPIE     BIT(3)
#define ICH_HCR_TC       BIT(10)
#define ICH_HCR_TDIR     BIT(14)
#define ICH_HCR_EOIcount GENMASK(31, 27)

/* ICH_VMCR_EL2 */
#define ICH_VMCR_VCBPR BIT(4)
#define ICH_VMCR_VEOIM BIT(9)
#define ICH_VMCR_VPMR  GENMASK(31, 24)

/* ICH_VTR_EL2 */
#define ICH_VTR_ListRegs GENMASK(4, 0)
#define ICH_VTR_TDS      BIT(19) /* ICH_HCR_EL2.TDIR works */
#define ICH_VTR_A3V      BIT(21)
#define ICH_VTR_SEIS     BIT(22)
#define ICH_VTR_IDbits   GENMASK(25, 23)
#define ICH_VTR_PREbits  GENMASK(28, 26)
#define ICH_VTR_PRIbits  GENMASK(31, 29)

/* ICC_CTLR_EL1 and ICC_RPR_EL1 */
#define ICC_CTLR_CBPR    BIT(0)
#define ICC_CTLR_EOImode BIT(1)
#define ICC_CTLR_PRIbits GENMASK(10, 8)
#define ICC_CTLR_IDbits  GENMASK(13, 11)
#define ICC_CTLR_SEIS    BIT(14)
#define ICC_CTLR_A3V     BIT(15)
#define ICC_CTLR_RSS     BIT(18)
#define ICC_RPR_IDLE     0xff

/* ICC_SGI1R_EL1 and its siblings */
#define ICC_SGIR_TargetList GENMASK(15, 0)
#define ICC_SGIR_Aff1       GENMASK(23, 16)
#define ICC_SGIR_INTID      GENMASK(27, 24)
#define ICC_SGIR_Aff2       GENMASK(39, 32)
#define ICC_SGIR_IRM        BIT(40)
#define ICC_SGIR_RS         GENMASK(47, 44)
#define ICC_SGIR_Aff3       GENMASK(55, 48)
#define ICC_SGIR_NEAR_AFF0  15 /* the greatest that is reached without RS */

/* MPIDR_EL1's affinity fields, which IROUTER and the SGI registers name as well */
#define MPIDR_Aff0 GENMASK(7, 0)
#define MPIDR_Aff1 GENMASK(15, 8)
#define MPIDR_Aff2 GENMASK(23, 16)
#define MPIDR_Aff3 GENMASK(39, 32)

/* How a write to an SGI register with IRM = 0 names the CPU of these affinity fields. */
#define ICC_SGIR_CLUSTER (ICC_SGIR_Aff3 | ICC_SGIR_Aff2 | ICC_SGIR_Aff1 | ICC_SGIR_RS)
static inline uint64_t gic_sgir_target(uint64_t mpidr)
{
    return FIELD_PREP(ICC_SGIR_Aff3, FIELD_GET(MPIDR_Aff3, mpidr)) |
           FIELD_PREP(ICC_SGIR_Aff2, FIELD_GET(MPIDR_Aff2, mpidr)) |
           FIELD_PREP(ICC_SGIR_Aff1, FIELD_GET(MPIDR_Aff1, mpidr)) |
           FIELD_PREP(ICC_SGIR_RS, FIELD_GET(MPIDR_Aff0, mpidr) >> 4) | BIT(mpidr & 0xf);
}

#define GIC_INTID_MASK    GENMASK(23, 0)
#define GIC_INTID_SPECIAL 1020 /* from here on: nothing to handle */

#endif
