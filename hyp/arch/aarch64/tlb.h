/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making every CPU's TLB forget (Arm ARM, "TLB maintenance requirements and the TLB maintenance
 * instructions"). Each function starts by ordering the descriptors written before it, and on its
 * return no CPU uses an old translation any more.
 */
#ifndef ARCH_TLB_H
#define ARCH_TLB_H

#include <stdint.h>

#include "barrier.h"

#define TLB_PAGE_SHIFT 12 /* the operand of a TLBI counts pages */

/*
 * Stage-2 translations of these IPAs, of the VMID in VTTBR_EL2. A TLB may also hold what both
 * stages make together, from VA to PA; those entries are not found by IPA, so all of the
 * VMID's go.
 */
static inline void tlb_flush_ipa(const uint64_t ipa[], unsigned count)
{
    dsb(ishst); /* walks that start after the invalidation see the new descriptors */
    for (unsigned i = 0; i < count; i++)
        __asm__ volatile("tlbi ipas2e1is, %0" : : "r"(ipa[i] >> TLB_PAGE_SHIFT) : "memory");
    dsb(ish); /* stage 2 is forgotten before the joint entries go: no new one comes from an old half
               */
    __asm__ volatile("tlbi vmalle1is" : : : "memory");
    dsb(ish); /* all CPUs have done so */
    isb();    /* and this one has nothing fetched by the old translation */
}

/* Everything of the VMID in VTTBR_EL2, both stages. */
static inline void tlb_flush_vmid(void)
{
    dsb(ishst); /* walks that start after the invalidation see the new descriptors */
    __asm__ volatile("tlbi vmalls12e1is" : : : "memory");
    dsb(ish); /* all CPUs have done so */
    isb();    /* and this one has nothing fetched by the old translation */
}

/* EL2's own translation of this address. */
static inline void tlb_flush_el2_va(uint64_t va)
{
    dsb(ishst); /* walks that start after the invalidation see the new descriptors */
    __asm__ volatile("tlbi vae2is, %0" : : "r"((va << 8) >> (TLB_PAGE_SHIFT + 8)) : "memory");
    dsb(ish); /* all CPUs have done so */
    isb();    /* and this one has nothing fetched by the old translation */
}

/* All of EL2's own translations. */
static inline void tlb_flush_el2_all(void)
{
    dsb(ishst); /* walks that start after the invalidation see the new descriptors */
    __asm__ volatile("tlbi alle2is" : : : "memory");
    dsb(ish); /* all CPUs have done so */
    isb();    /* and this one has nothing fetched by the old translation */
}

#endif
