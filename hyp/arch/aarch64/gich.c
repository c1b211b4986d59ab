/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual interface's numbered registers. See gich.h; gic/vgic_lr.c is the user. */
#include "gich.h"

#include "gic/gic_regs.h"
#include "gicc.h"

/* clang-format off */
#define FOR_EACH_LR(X)                                                                             \
    X(0, S3_4_C12_C12_0) X(1, S3_4_C12_C12_1) X(2, S3_4_C12_C12_2) X(3, S3_4_C12_C12_3)            \
    X(4, S3_4_C12_C12_4) X(5, S3_4_C12_C12_5) X(6, S3_4_C12_C12_6) X(7, S3_4_C12_C12_7)            \
    X(8, S3_4_C12_C13_0) X(9, S3_4_C12_C13_1) X(10, S3_4_C12_C13_2) X(11, S3_4_C12_C13_3)          \
    X(12, S3_4_C12_C13_4) X(13, S3_4_C12_C13_5) X(14, S3_4_C12_C13_6) X(15, S3_4_C12_C13_7)
/* clang-format on */

uint64_t gich_read_lr(unsigned n)
{
    uint64_t v = 0;

    switch (n) {
#define X(i, reg)                                                                                  \
    case i:                                                                                        \
        __asm__ volatile("mrs %0, " #reg : "=r"(v));                                               \
        break;
        FOR_EACH_LR(X)
#undef X
    default:
        break;
    }
    return v;
}

void gich_write_lr(unsigned n, uint64_t value)
{
    switch (n) {
#define X(i, reg)                                                                                  \
    case i:                                                                                        \
        __asm__ volatile("msr " #reg ", %x0" : : "rZ"(value));                                     \
        break;
        FOR_EACH_LR(X)
#undef X
    default:
        break;
    }
}

uint32_t gich_read_active_priorities(unsigned n)
{
    uint64_t group0 = 0;
    uint64_t group1 = 0;

    switch (n) {
#define X(i)                                                                                       \
    case i:                                                                                        \
        __asm__ volatile("mrs %0, S3_4_C12_C8_" #i "\n"                                            \
                         "mrs %1, S3_4_C12_C9_" #i                                                 \
                         : "=r"(group0), "=r"(group1));                                            \
        break;
        X(0)
        X(1)
        X(2)
        X(3)
#undef X
    default:
        break;
    }
    return (uint32_t)(group0 | group1);
}

/* ICH_AP0R<n>_EL2 and ICH_AP1R<n>_EL2: how many there are follows from the preemption bits. */
static void reset_active_priorities(unsigned preemption_bits)
{
    __asm__ volatile("msr S3_4_C12_C8_0, xzr\n"
                     "msr S3_4_C12_C9_0, xzr");
    if (preemption_bits >= 6)
        __asm__ volatile("msr S3_4_C12_C8_1, xzr\n"
                         "msr S3_4_C12_C9_1, xzr");
    if (preemption_bits >= 7)
        __asm__ volatile("msr S3_4_C12_C8_2, xzr\n"
                         "msr S3_4_C12_C9_2, xzr\n"
                         "msr S3_4_C12_C8_3, xzr\n"
                         "msr S3_4_C12_C9_3, xzr");
}

void gich_reset(void)
{
    unsigned count = (unsigned)FIELD_GET(ICH_VTR_ListRegs, gich_read_vtr()) + 1;

    for (unsigned i = 0; i < count; i++)
        gich_write_lr(i, 0);
    reset_active_priorities((unsigned)FIELD_GET(ICH_VTR_PREbits, gich_read_vtr()) + 1);
    __asm__ volatile("msr S3_4_C12_C11_7, xzr\n" /* ICH_VMCR_EL2 */
                     "msr S3_0_C12_C12_5, %0"    /* ICC_SRE_EL1 */
                     :
                     : "r"(ICC_SRE_SRE | ICC_SRE_DFB | ICC_SRE_DIB));
    gich_write_hcr(ICH_HCR_En);
}
