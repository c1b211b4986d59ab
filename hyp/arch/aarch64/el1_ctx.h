/* SPDX-License-Identifier: Apache-2.0 */
/* The registers that a guest sees, and those that say what of it is trapped, on the calling CPU. */
#ifndef ARCH_EL1_CTX_H
#define ARCH_EL1_CTX_H

#include <stdint.h>

/*
 * Set what this CPU traps and shows while its vCPU runs, for good: nothing on the way of an
 * exit writes these again. `vmpidr` is what the guest reads from MPIDR_EL1; `mdcr_pmu` the part of
 * MDCR_EL2 that is about the PMU (trap/pmu.h).
 */
void el1_ctx_configure(uint64_t vmpidr, uint64_t vtcr, uint64_t vttbr, uint64_t mdcr_pmu);

/* EL1's registers, and the vector registers, as after a reset (Arm ARM, "Reset values"). */
void el1_ctx_reset(void);

/* vectors.S: part of el1_ctx_reset(). */
void dbgclaim_clear(void);

#endif
