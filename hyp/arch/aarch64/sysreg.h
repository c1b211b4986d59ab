/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing system registers, by the manual's name or, for newer ones, its encoding. */
#ifndef ARCH_SYSREG_H
#define ARCH_SYSREG_H

#include <stdint.h>

/* Registers that an Armv8.0 assembler does not know by name (Arm ARM, "AArch64 System registers").
 */
#define sysreg_id_aa64zfr0_el1  S3_0_C0_C4_4
#define sysreg_id_aa64isar2_el1 S3_0_C0_C6_2
#define sysreg_id_aa64mmfr2_el1 S3_0_C0_C7_2
#define sysreg_id_pfr2_el1      S3_0_C0_C3_4
#define sysreg_id_mmfr5_el1     S3_0_C0_C3_6
#define sysreg_id_isar6_el1     S3_0_C0_C2_7
#define sysreg_zcr_el1          S3_0_C1_C2_0
#define sysreg_zcr_el2          S3_4_C1_C2_0
#define sysreg_vdisr_el2        S3_4_C12_C1_1
#define sysreg_vsesr_el2        S3_4_C5_C2_3
#define sysreg_hcrx_el2         S3_4_C1_C2_2
#define sysreg_hfgrtr_el2       S3_4_C1_C1_4
#define sysreg_hfgwtr_el2       S3_4_C1_C1_5
#define sysreg_hfgitr_el2       S3_4_C1_C1_6
#define sysreg_hdfgrtr_el2      S3_4_C3_C1_4
#define sysreg_hdfgwtr_el2      S3_4_C3_C1_5
#define sysreg_hafgrtr_el2      S3_4_C3_C1_6
#define sysreg_mpamidr_el1      S3_0_C10_C4_4
#define sysreg_mpam2_el2        S3_4_C10_C5_0
#define sysreg_mpamhcr_el2      S3_4_C10_C4_0
#define sysreg_pmmir_el1        S3_0_C9_C14_6
#define sysreg_rndr             S3_3_C2_C4_0
#define sysreg_apiakeylo_el1    S3_0_C2_C1_0
#define sysreg_apiakeyhi_el1    S3_0_C2_C1_1
#define sysreg_apibkeylo_el1    S3_0_C2_C1_2
#define sysreg_apibkeyhi_el1    S3_0_C2_C1_3
#define sysreg_apdakeylo_el1    S3_0_C2_C2_0
#define sysreg_apdakeyhi_el1    S3_0_C2_C2_1
#define sysreg_apdbkeylo_el1    S3_0_C2_C2_2
#define sysreg_apdbkeyhi_el1    S3_0_C2_C2_3
#define sysreg_apgakeylo_el1    S3_0_C2_C3_0
#define sysreg_apgakeyhi_el1    S3_0_C2_C3_1

#define read_sysreg(name)                                                                          \
    ({                                                                                             \
        uint64_t value_;                                                                           \
        __asm__ volatile("mrs %0, " #name : "=r"(value_));                                         \
        value_;                                                                                    \
    })

#define write_sysreg(value, name) __asm__ volatile("msr " #name ", %x0" : : "rZ"((uint64_t)(value)))

/* For the registers listed above: read_sysreg_enc(zcr_el2). */
#define STRINGIFY_(x)   #x
#define SYSREG_NAME_(x) STRINGIFY_(x)
#define read_sysreg_enc(name)                                                                      \
    ({                                                                                             \
        uint64_t value_;                                                                           \
        __asm__ volatile("mrs %0, " SYSREG_NAME_(sysreg_##name) : "=r"(value_));                   \
        value_;                                                                                    \
    })
#define write_sysreg_enc(value, name)                                                              \
    __asm__ volatile("msr " SYSREG_NAME_(sysreg_##name) ", %x0" : : "rZ"((uint64_t)(value)))

/* X(n) for registers of which there are 16, and whose name has the number in it. */
#define SYSREG_0_TO_15(X)                                                                          \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

#endif
