/* SPDX-License-Identifier: Apache-2.0 */
/* What EL2 has to be unpredictable by: the stack protector's guard, the key in pauth.h. */
#ifndef ARCH_ENTROPY_H
#define ARCH_ENTROPY_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu.h"
#include "regs.h"
#include "sysreg.h"

/* 2^64 divided by the golden ratio: multiplying by it carries low bits into high ones. */
#define ENTROPY_SPREAD UINT64_C(0x9e3779b97f4a7c15)

/*
 * 64 bits of the CPU's generator (Arm ARM, "RNDR, Random Number") into *v. False: there are none
 * at the moment. Only where FEAT_RNG is.
 */
static inline bool rndr_read(uint64_t *v)
{
    bool ok;

    __asm__ volatile(SYSREG_ARCH "mrs %0, rndr\n" /* sets Z where it has failed */
                                 "cset %w1, ne"
                     : "=r"(*v), "=r"(ok)
                     :
                     : "cc");
    return ok;
}

/*
 * 64 bits from the CPU's generator. Where it has none they come from `seed`, what the boot loader
 * gave, and from the counter: two draws a tick of it apart differ.
 */
static inline __attribute__((always_inline)) uint64_t entropy(uint64_t seed)
{
    uint64_t v;

    if ((read_sysreg(id_aa64isar0_el1) & ID_AA64ISAR0_EL1_RNDR) != 0 && rndr_read(&v))
        return v;
    return (seed ^ (cpu_counter() + cpu_mpidr())) * ENTROPY_SPREAD;
}

#endif
