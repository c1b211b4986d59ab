/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a CPU's registers hold when a guest gets it, and what is put into them before it is given
 * back: shared by leak_entry.S, which reads and writes them, and leak.c, which judges.
 */
#ifndef LEAK_H
#define LEAK_H

/* Offsets into struct leak_state. */
#define LEAK_SP     248
#define LEAK_SYSREG 256
#define LEAK_PMU    640 /* the last of those that LEAK_SYSREG begins */
#define LEAK_OPTION 768
#define LEAK_FPCR   896
#define LEAK_FPSR   904
#define LEAK_VL     912
#define LEAK_DONE   920
#define LEAK_STAY   928
#define LEAK_V      960
#define LEAK_P      1472
#define LEAK_FFR    2016
#define LEAK_Z      2048
#define LEAK_SIZE   10240

#define LEAK_SCTLR 0x30d00980 /* all off: the bits that are, or in Armv8.0 were, RES1 */
#define LEAK_FILL  0x5a5a000000000000

/*
 * Name, what it holds at entry, what a guest leaves in it with its MMU off. Those known by their
 * encoding are ICC_PMR_EL1, ICC_SRE_EL1, ICC_IGRPEN0_EL1 and ICC_IGRPEN1_EL1.
 */
#define LEAK_SYSREGS(X)                                                                            \
    X(sctlr_el1, LEAK_SCTLR, LEAK_SCTLR | 0x4008000)                                               \
    X(cpacr_el1, 0, 0x330000)                                                                      \
    X(tcr_el1, 0, 0x5a001900190019)                                                                \
    X(ttbr0_el1, 0, LEAK_FILL | 0x1000)                                                            \
    X(ttbr1_el1, 0, LEAK_FILL | 0x2000)                                                            \
    X(mair_el1, 0, 0xff44bb0400ff44bb)                                                             \
    X(amair_el1, 0, LEAK_FILL | 3)                                                                 \
    X(contextidr_el1, 0, 0x5a5a0004)                                                               \
    X(vbar_el1, 0, LEAK_FILL | 0x5000)                                                             \
    X(par_el1, 0, LEAK_FILL | 0x6000)                                                              \
    X(esr_el1, 0, 0x5a000007)                                                                      \
    X(far_el1, 0, LEAK_FILL | 8)                                                                   \
    X(afsr0_el1, 0, LEAK_FILL | 9)                                                                 \
    X(afsr1_el1, 0, LEAK_FILL | 10)                                                                \
    X(elr_el1, 0, LEAK_FILL | 12)                                                                  \
    X(spsr_el1, 0, 0xf00003c4)                                                                     \
    X(sp_el0, 0, LEAK_FILL | 16)                                                                   \
    X(mdscr_el1, 0, 0x1000)                                                                        \
    X(csselr_el1, 0, 2)                                                                            \
    X(tpidr_el0, 0, LEAK_FILL | 13)                                                                \
    X(tpidrro_el0, 0, LEAK_FILL | 14)                                                              \
    X(tpidr_el1, 0, LEAK_FILL | 15)                                                                \
    X(cntkctl_el1, 0, 3)                                                                           \
    X(cntv_ctl_el0, 0, 3)                                                                          \
    X(cntp_ctl_el0, 0, 3)                                                                          \
    X(cntv_cval_el0, 0, LEAK_FILL | 17)                                                            \
    X(cntp_cval_el0, 0, LEAK_FILL | 18)                                                            \
    X(S3_0_C4_C6_0, 0, 0xf0)                                                                       \
    X(S3_0_C12_C12_5, 7, 0)                                                                        \
    X(S3_0_C12_C12_6, 0, 1)                                                                        \
    X(S3_0_C12_C12_7, 0, 1)                                                                        \
    X(dbgbvr0_el1, 0, 0x5a5a5a00)                                                                  \
    X(dbgbcr0_el1, 0, 0x1e0)                                                                       \
    X(dbgwvr0_el1, 0, 0x5a5a5a08)                                                                  \
    X(dbgwcr0_el1, 0, 0x1fe0)                                                                      \
    X(osdlr_el1, 0, 1)                                                                             \
    X(nzcv, 0, 0xf0000000)

/* The keys of pointer authentication (FEAT_PAuth). */
#define LEAK_KEYS(X)                                                                               \
    X(S3_0_C2_C1_0)                                                                                \
    X(S3_0_C2_C1_1)                                                                                \
    X(S3_0_C2_C1_2)                                                                                \
    X(S3_0_C2_C1_3)                                                                                \
    X(S3_0_C2_C2_0)                                                                                \
    X(S3_0_C2_C2_1)                                                                                \
    X(S3_0_C2_C2_2)                                                                                \
    X(S3_0_C2_C2_3)                                                                                \
    X(S3_0_C2_C3_0)                                                                                \
    X(S3_0_C2_C3_1)

/* The performance monitors, PMUv3, where ID_AA64DFR0_EL1.PMUVer says so. */
#define LEAK_PMU_REGS(X)                                                                           \
    X(pmcntenset_el0, 0, 0x80000003)                                                               \
    X(pmintenset_el1, 0, 0x80000003)                                                               \
    X(pmovsset_el0, 0, 0x80000003)                                                                 \
    X(pmuserenr_el0, 0, 0xf)                                                                       \
    X(pmselr_el0, 0, 1)                                                                            \
    X(pmccfiltr_el0, 0, 0x80000000)                                                                \
    X(pmccntr_el0, 0, LEAK_FILL | 19)                                                              \
    X(pmevcntr1_el0, 0, 0x5a5a0014)                                                                \
    X(pmevtyper1_el0, 0, 0x80000011)                                                               \
    X(pmcr_el0, 0, 0x41)

#define LEAK_PMCR_STATE 0x7ff /* of PMCR_EL0, the last; above are its version and N */

#define LEAK_NR_OPTIONS  16
#define LEAK_OPTION_ZCR  10 /* ZCR_EL1; before it the keys */
#define LEAK_OPTION_DAIF 11
#define LEAK_OPTION_EL   12
#define LEAK_OPTION_SP   13
#define LEAK_OPTION_LOCK 14 /* OSLSR_EL1 */
#define LEAK_OPTION_DISR 15 /* DISR_EL1 */

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

#include "testcase.h"

struct leak_state {
    uint64_t x[31];
    uint64_t sp;
    uint64_t sysreg[64];
    uint64_t option[LEAK_NR_OPTIONS];
    uint64_t fpcr;
    uint64_t fpsr;
    uint64_t vl;            /* bytes of an SVE vector; 0: no SVE */
    volatile uint64_t done; /* all else is stored */
    uint64_t stay;          /* 0: the CPU goes off afterwards */
    uint64_t pad[3];
    uint64_t v[64];
    uint8_t p[544];
    uint8_t ffr[32];
    uint8_t z[8192];
};

_Static_assert(offsetof(struct leak_state, option) == LEAK_OPTION, "");
_Static_assert(offsetof(struct leak_state, sysreg) == LEAK_SYSREG, "");
_Static_assert(offsetof(struct leak_state, done) == LEAK_DONE, "");
_Static_assert(offsetof(struct leak_state, v) == LEAK_V, "");
_Static_assert(offsetof(struct leak_state, ffr) == LEAK_FFR, "");
_Static_assert(sizeof(struct leak_state) == LEAK_SIZE, "");

/* What the boot CPU held at the guest's very first instruction. */
extern struct leak_state leak_boot;

/* CPU_ON: x0 is a struct leak_state, filled, as are all registers then. */
extern char leak_cpu_entry[];

/* Fill all registers and make this call, which does not return. */
void leak_fill_and_call(uint64_t function) __attribute__((noreturn));

/* leak_traps.c. */
extern const struct test_case leak_trap_cases[];

#endif
#endif
