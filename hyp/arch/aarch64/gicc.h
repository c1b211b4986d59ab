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

#include "barrier.h"
#include "sysreg.h"

/* ICC_SRE_EL2 */
#define ICC_SRE_SRE    UINT64_C(0x1)
#define ICC_SRE_DFB    UINT64_C(0x2)
#define ICC_SRE_DIB    UINT64_C(0x4)
#define ICC_SRE_Enable UINT64_C(0x8)
/* ICC_CTLR_EL1.EOImode; gic/gic_regs.h has the other fields. */
#define EOIMODE_1 UINT64_C(0x2)

static inline uint32_t gicc_acknowledge(void)
{
    uint64_t v = read_sysreg(icc_iar1_el1);

    dsb(sy); /* what follows sees what was written before the interrupt was sent */
    return (uint32_t)v;
}

/* What gicc_acknowledge() would give, which is left as it is. */
static inline uint32_t gicc_pending(void)
{
    return (uint32_t)read_sysreg(icc_hppir1_el1);
}

static inline void gicc_eoi(uint32_t intid)
{
    write_sysreg(intid, icc_eoir1_el1);
}

static inline void gicc_deactivate(uint32_t intid)
{
    write_sysreg(intid, icc_dir_el1);
}

static inline void gicc_send_sgi(uint64_t sgir)
{
    dsb(ishst); /* what the receiver shall find is written before it is told */
    write_sysreg(sgir, icc_sgi1r_el1);
    isb(); /* told now, not when the pipeline comes to it */
}

static inline uint64_t gicc_read_ctlr(void)
{
    return read_sysreg(icc_ctlr_el1);
}

/* Turn the CPU interface on: every priority, group 1, EOImode 1; the same to be had by EL1. */
static inline void gicc_init(void)
{
    write_sysreg(ICC_SRE_SRE | ICC_SRE_DFB | ICC_SRE_DIB | ICC_SRE_Enable, icc_sre_el2);
    isb(); /* the registers below exist from here on */
    write_sysreg(EOIMODE_1, icc_ctlr_el1);
    write_sysreg(0xff, icc_pmr_el1);
    write_sysreg(0, icc_bpr1_el1);
    write_sysreg(1, icc_igrpen1_el1);
    isb(); /* interrupts can be had from here on */
}

#endif
