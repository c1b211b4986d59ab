/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of the guest to firmware, by HVC or SMC (Arm DEN 0028, SMC Calling Convention 1.1): found
 * out whose they are and answered. Neighbours: exit.c calls; psci.c serves its own.
 */
#ifndef TRAP_SMCCC_H
#define TRAP_SMCCC_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/bits.h"
#include "vm/vcpu.h"

/* A function identifier, W0 (SMCCC, "SMC and HVC Function Identifiers"). */
#define SMCCC_FAST     UINT32_C(0x80000000) /* atomic for the caller; the others are yielding */
#define SMCCC_64       UINT32_C(0x40000000) /* SMC64/HVC64: arguments and results have 64 bits */
#define SMCCC_STANDARD UINT32_C(0x04000000) /* whose function it is: standard secure services */

#define SMCCC_VERSION_1_1   0x10001
#define SMCCC_SUCCESS       0
#define SMCCC_NOT_SUPPORTED (-1)

/* Functions of the Arm architecture's own service. */
#define SMCCC_VERSION       UINT32_C(0x80000000)
#define SMCCC_ARCH_FEATURES UINT32_C(0x80000001)

/*
 * An HVC (`smc` false, pc past it already) or a trapped SMC (pc still at it) with this syndrome.
 * Sets the results, which no call that starts the guest elsewhere has, and pc. Registers without a
 * result keep their value. No lock may be held.
 */
void smccc_call(struct vcpu *vcpu, uint64_t esr, bool smc);

/* Argument `n`, 1 to 6, of the call that vcpu makes: of its 32-bit convention only Wn counts. */
static inline uint64_t smccc_arg(const struct vcpu *vcpu, unsigned n)
{
    uint64_t v = vcpu->regs.x[n];

    return (vcpu->regs.x[0] & SMCCC_64) != 0 ? v : (uint32_t)v;
}

/* The first result. An error is negative in W0 and in X0, whichever the caller looks at. */
static inline void smccc_return(struct vcpu *vcpu, int64_t result)
{
    vcpu->regs.x[0] = (uint64_t)result;
}

#endif
