/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pointer authentication of EL2's return addresses (Arm ARM, "Pointer authentication"), where the
 * CPU has it. The key registers are the guest's, too: vectors.S puts EL2's key in at each trap
 * and the guest's back on the way out. Neighbours: main.c starts it, entropy.h makes the key.
 */
#ifndef ARCH_PAUTH_H
#define ARCH_PAUTH_H

#include <stdbool.h>

#include "barrier.h"
#include "entropy.h"
#include "regs.h"
#include "sysreg.h"

/* vectors.S: as the usual vectors, but with the exchange of keys. */
extern char vectors_pauth[];

static inline bool pauth_is_there(void)
{
    return (read_sysreg(id_aa64isar1_el1) & (ID_AA64ISAR1_EL1_APA | ID_AA64ISAR1_EL1_API)) != 0 ||
           (read_sysreg(id_aa64isar2_el1) & ID_AA64ISAR2_EL1_APA3) != 0;
}

/*
 * Draw a key for this CPU, by entropy.h with `seed`; from here on functions sign their return
 * addresses. Inlined, and its caller never returns: a function that returned could not authenticate
 * what it has not signed.
 */
static inline __attribute__((always_inline)) void pauth_start(uint64_t seed)
{
    if (!pauth_is_there())
        return;
    write_sysreg(entropy(seed), apiakeylo_el1);
    write_sysreg(entropy(seed), apiakeyhi_el1);
    write_sysreg((uint64_t)(uintptr_t)vectors_pauth, vbar_el2);
    write_sysreg(read_sysreg(sctlr_el2) | SCTLR_EL2_EnIA, sctlr_el2);
    isb(); /* what is called from here on signs with that key */
}

/* SCTLR_EL2.EnIA as it is to stay. */
static inline uint64_t pauth_sctlr(void)
{
    return read_sysreg(sctlr_el2) & SCTLR_EL2_EnIA;
}

/* This CPU's key, for vectors.S to find. Not set where there is none. */
static inline void pauth_read_key(uint64_t key[2])
{
    if (!pauth_is_there())
        return;
    key[0] = read_sysreg(apiakeylo_el1);
    key[1] = read_sysreg(apiakeyhi_el1);
}

#endif
