/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random numbers for the guest (Arm DEN 0098, True Random Number Generator Firmware Interface
 * 1.0), drawn from the CPU's RNDR. Where it has none the interface is not there. smccc.c calls.
 */
#ifndef TRAP_TRNG_H
#define TRAP_TRNG_H

#include <stdbool.h>
#include <stdint.h>

#include "trap/smccc.h"

/* Function identifiers (TRNG, "TRNG firmware interface") */
#define TRNG_VERSION  UINT32_C(0x84000050)
#define TRNG_FEATURES UINT32_C(0x84000051)
#define TRNG_GET_UUID UINT32_C(0x84000052)
#define TRNG_RND_32   UINT32_C(0x84000053)
#define TRNG_RND_64   UINT32_C(0xc4000053)

#define TRNG_NUMBER UINT32_C(0x0f) /* its functions, from TRNG_VERSION on */

#define TRNG_VERSION_1_0        0x10000
#define TRNG_SUCCESS            0
#define TRNG_NOT_SUPPORTED      (-1)
#define TRNG_INVALID_PARAMETERS (-2)
#define TRNG_NO_ENTROPY         (-3)

/* Is this function identifier one of those set aside for the TRNG? */
static inline bool trng_owns(uint32_t function)
{
    return (function & ~(SMCCC_64 | TRNG_NUMBER)) == TRNG_VERSION;
}

/* Serve `function`, for which trng_owns() is true and which vcpu has in W0. */
void trng_call(struct vcpu *vcpu, uint32_t function);

#endif
