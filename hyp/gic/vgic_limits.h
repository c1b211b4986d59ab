/* SPDX-License-Identifier: Apache-2.0 */
/* How many interrupts a VM's GIC has, and where each kind begins (GICv3, "INTIDs"). */
#ifndef GIC_VGIC_LIMITS_H
#define GIC_VGIC_LIMITS_H

#define VGIC_FIRST_PPI 16
#define VGIC_FIRST_SPI 32
#define VGIC_NR_IRQS   288 /* 16 SGIs, 16 PPIs, 256 SPIs */
#define VGIC_NR_SPIS   (VGIC_NR_IRQS - VGIC_FIRST_SPI)

#endif
