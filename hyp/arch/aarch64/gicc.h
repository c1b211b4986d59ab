/* SPDX-License-Identifier: Apache-2.0 */
/*
 * This CPU's interface to the machine's GIC, as EL2 uses it (GICv3, "AArch64 physical GIC CPU
 * interface System registers"). With EOImode = 1 an interrupt ends in two steps: gicc_eoi()
 * lets others of its priority through, gicc_deactivate() lets itself through again. For a
 * linked interrupt the guest's own EOI does the second.
 */
#ifndef ARCH_GICC_H
#define ARCH_GICC_H

#include <stdint.h>

/* ICC_SRE_EL2 */
#define ICC_SRE_SRE    UINT64_C(0x1)
#define ICC_SRE_DFB    UINT64_C(0x2)
#define ICC_SRE_DIB    UINT64_C(0x4)
#define ICC_SRE_Enable UINT64_C(0x8)
/* ICC_CTLR_EL1.EOImode; gic/gic_regs.h has the other fields. */
#define EOIMODE_1 UINT64_C(0x2)

static inline uint32_t gicc_acknowledge(void)
{
    uint64_t v;

    __asm__ volatile("mrs %0, S3_0_C12_C12_0\n" /* ICC_IAR1_EL1 */
                     "dsb sy" /* what follows sees what was written before the interrupt was sent */
                     : "=r"(v)
                     :
                     : "memory");
    return (uint32_t)v;
}

static inline void gicc_eoi(uint32_t intid)
{
    __asm__ volatile("msr S3_0_C12_C12_1, %0"
                     :
                     : "r"((uint64_t)intid)
                     : "memory"); /* ICC_EOIR1_EL1 */
}

static inline void gicc_deactivate(uint32_t intid)
{
    __asm__ volatile("msr S3_0_C12_C11_1, %0"
                     :
                     : "r"((uint64_t)intid)
                     : "memory"); /* ICC_DIR_EL1 */
}

static inline void gicc_send_sgi(uint64_t sgir)
{
    __asm__ volatile("dsb ishst\n" /* what the receiver shall find is written before it is told */
                     "msr S3_0_C12_C11_5, %0\n" /* ICC_SGI1R_EL1 */
                     "isb"
                     :
                     : "r"(sgir)
                     : "memory");
}

static inline uint64_t gicc_read_ctlr(void)
{
    uint64_t v;

    __asm__ volatile("mrs %0, S3_0_C12_C12_4" : "=r"(v));
    return v;
}

/* Turn the CPU interface on: every priority, group 1, EOImode 1; the same to be had by EL1. */
static inline void gicc_init(void)
{
    uint64_t sre = ICC_SRE_SRE | ICC_SRE_DFB | ICC_SRE_DIB | ICC_SRE_Enable;

    __asm__ volatile("msr S3_4_C12_C9_5, %0\n"   /* ICC_SRE_EL2 */
                     "isb\n"                     /* the registers below exist from here on */
                     "msr S3_0_C12_C12_4, %1\n"  /* ICC_CTLR_EL1 */
                     "msr S3_0_C4_C6_0, %2\n"    /* ICC_PMR_EL1 */
                     "msr S3_0_C12_C12_3, xzr\n" /* ICC_BPR1_EL1 */
                     "msr S3_0_C12_C12_7, %3\n"  /* ICC_IGRPEN1_EL1 */
                     "isb"
                     :
                     : "r"(sre), "r"(EOIMODE_1), "r"(UINT64_C(0xff)), "r"(UINT64_C(1)));
}

#endif
