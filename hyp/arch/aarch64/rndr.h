/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU's random number generator (Arm ARM, "RNDR, Random Number"). */
#ifndef ARCH_RNDR_H
#define ARCH_RNDR_H

#include <stdbool.h>
#include <stdint.h>

#include "sysreg.h"

/* 64 random bits into *v. False: there are none at the moment. Only where FEAT_RNG is. */
static inline bool rndr_read(uint64_t *v)
{
    bool ok;

    __asm__ volatile("mrs %0, " SYSREG_NAME_(sysreg_rndr) "\n" /* sets Z where it has failed */
                                                          "cset %w1, ne"
                     : "=r"(*v), "=r"(ok)
                     :
                     : "cc");
    return ok;
}

#endif
