/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The GIC's virtual interface control registers of this CPU (GICv3, "AArch64 virtualization
 * control System registers"). Reads and writes of list registers take effect for the guest
 * at the exception return, which synchronises them.
 */
#ifndef ARCH_GICH_H
#define ARCH_GICH_H

#include <stdint.h>

/* List register `n`, below the number that ICH_VTR_EL2.ListRegs gives. */
uint64_t gich_read_lr(unsigned n);
void gich_write_lr(unsigned n, uint64_t value);

/* A bit for each list register that is empty and whose end, if asked for, was told (ICH_ELRSR_EL2).
 */
static inline uint32_t gich_empty_lrs(void)
{
    uint64_t v;

    __asm__ volatile("mrs %0, S3_4_C12_C11_5" : "=r"(v));
    return (uint32_t)v;
}

/* A bit for each list register whose interrupt has ended and asked to be told (ICH_EISR_EL2). */
static inline uint32_t gich_ended_lrs(void)
{
    uint64_t v;

    __asm__ volatile("mrs %0, S3_4_C12_C11_3" : "=r"(v));
    return (uint32_t)v;
}

static inline uint64_t gich_read_hcr(void)
{
    uint64_t v;

    __asm__ volatile("mrs %0, S3_4_C12_C11_0" : "=r"(v));
    return v;
}

static inline void gich_write_hcr(uint64_t v)
{
    __asm__ volatile("msr S3_4_C12_C11_0, %0" : : "r"(v));
}

/* What the guest has in its ICC_CTLR_EL1, ICC_PMR_EL1 and their like (ICH_VMCR_EL2). */
static inline uint64_t gich_read_vmcr(void)
{
    uint64_t v;

    __asm__ volatile("mrs %0, S3_4_C12_C11_7" : "=r"(v));
    return v;
}

static inline uint64_t gich_read_vtr(void)
{
    uint64_t v;

    __asm__ volatile("mrs %0, S3_4_C12_C11_1" : "=r"(v));
    return v;
}

/*
 * The running priority of the guest is idle, nothing is active, its masks are as after a reset, its
 * interface is one of system registers.
 */
void gich_reset(void);

#endif
