/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registers that are a guest's own: EL1 and EL0 read and write them without a trap. A reset
 * sets them all; whoever saves or shows a vCPU's state has to take them all.
 *
 * Not here: the general registers, PC and PSTATE, which vectors.S keeps in struct vcpu, with
 * APIAKey while EL2 runs; the vector registers (fpsimd.S); the GIC's virtual interface (gich.h);
 * the performance monitors (pmuv3.c).
 *
 * Neighbour: el1_ctx.c, whose trap controls decide what else a guest could reach.
 */
#ifndef ARCH_EL1_REGS_H
#define ARCH_EL1_REGS_H

/* SCTLR_EL1 with everything off: its bits that are RES1, or were before an extension used them. */
#define SCTLR_EL1_RESET UINT64_C(0x30d00980)

/*
 * X(name, its value after a reset): what every CPU has. ICC_SRE_EL1 can hold other values only
 * where the CPU has the GIC's memory-mapped interface as well, which a guest is not given.
 */
#define EL1_REGS(X)                                                                                \
    X(sctlr_el1, SCTLR_EL1_RESET)                                                                  \
    X(tcr_el1, 0)                                                                                  \
    X(ttbr0_el1, 0)                                                                                \
    X(ttbr1_el1, 0)                                                                                \
    X(mair_el1, 0)                                                                                 \
    X(amair_el1, 0)                                                                                \
    X(contextidr_el1, 0)                                                                           \
    X(vbar_el1, 0)                                                                                 \
    X(par_el1, 0)                                                                                  \
    X(esr_el1, 0)                                                                                  \
    X(far_el1, 0)                                                                                  \
    X(afsr0_el1, 0)                                                                                \
    X(afsr1_el1, 0)                                                                                \
    X(elr_el1, 0)                                                                                  \
    X(spsr_el1, 0)                                                                                 \
    X(sp_el0, 0)                                                                                   \
    X(sp_el1, 0)                                                                                   \
    X(csselr_el1, 0)                                                                               \
    X(cpacr_el1, 0)                                                                                \
    X(tpidr_el0, 0)                                                                                \
    X(tpidrro_el0, 0)                                                                              \
    X(tpidr_el1, 0)                                                                                \
    X(mdscr_el1, 0)                                                                                \
    X(mdccint_el1, 0)                                                                              \
    X(osdlr_el1, 0) /* the double lock, or nothing where there is none */                          \
    X(cntkctl_el1, 0)                                                                              \
    X(cntv_ctl_el0, 0)                                                                             \
    X(cntp_ctl_el0, 0)                                                                             \
    X(cntv_cval_el0, 0)                                                                            \
    X(cntp_cval_el0, 0)                                                                            \
    X(icc_sre_el1, ICC_SRE_SRE | ICC_SRE_DFB | ICC_SRE_DIB)

/*
 * X(name, the extension that it belongs to (EL1_HAS_*), its value after a reset).
 * The virtual DISR_EL1 is VDISR_EL2 to us.
 */
#define EL1_REGS_OF_EXTENSIONS(X)                                                                  \
    X(zcr_el1, EL1_HAS_SVE, 0)                                                                     \
    X(vdisr_el2, EL1_HAS_RAS, 0)                                                                   \
    X(apibkeylo_el1, EL1_HAS_PAUTH, 0)                                                             \
    X(apibkeyhi_el1, EL1_HAS_PAUTH, 0)                                                             \
    X(apdakeylo_el1, EL1_HAS_PAUTH, 0)                                                             \
    X(apdakeyhi_el1, EL1_HAS_PAUTH, 0)                                                             \
    X(apdbkeylo_el1, EL1_HAS_PAUTH, 0)                                                             \
    X(apdbkeyhi_el1, EL1_HAS_PAUTH, 0)                                                             \
    X(apgakeylo_el1, EL1_HAS_PAUTH, 0)                                                             \
    X(apgakeyhi_el1, EL1_HAS_PAUTH, 0)

#define EL1_HAS_SVE   0x1u
#define EL1_HAS_RAS   0x2u
#define EL1_HAS_PAUTH 0x4u

#endif
