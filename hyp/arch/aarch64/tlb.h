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
#include "regs.h"
#include "sysreg.h"

#define TLB_PAGE_SHIFT 12 /* the operand of a TLBI counts pages */

/*
 * TLBIs of EL1's regime are for the VMID in VTTBR_EL2. To reach the entries of another VMID, that
 * is loaded meanwhile. Returns what tlb_vmid_restore() has to put back.
 */
static inline uint64_t tlb_vmid_load(uint64_t vttbr)
{
    uint64_t loaded = read_sysreg(vttbr_el2);

    if (((loaded ^ vttbr) & VTTBR_EL2_VMID) != 0) {
        dsb(nsh); /* walks begun before the trap to EL2 are over: none mixes the two */
        write_sysreg(vttbr, vttbr_el2);
        isb(); /* the TLBIs that follow are for that VMID */
    }
    return loaded;
}

static inline void tlb_vmid_restore(uint64_t loaded, uint64_t vttbr)
{
    if (((loaded ^ vttbr) & VTTBR_EL2_VMID) != 0)
        write_sysreg(loaded, vttbr_el2);
    isb(); /* that, and nothing fetched by an old translation, from here on */
}

/*
 * Stage-2 translations of these IPAs, of the VMID in `vttbr`, a VTTBR_EL2. A TLB may also hold what
 * both stages make together, from VA to PA; those entries are not found by IPA, so all of the
 * VMID's go.
 */
static inline void tlb_flush_ipa(uint64_t vttbr, const uint64_t ipa[], unsigned count)
{
    uint64_t loaded;

    dsb(ishst); /* walks that start after the invalidation see the new descriptors */
    loaded = tlb_vmid_load(vttbr);
    for (unsigned i = 0; i < count; i++)
        __asm__ volatile("tlbi ipas2e1is, %0" : : "r"(ipa[i] >> TLB_PAGE_SHIFT) : "memory");
    dsb(ish); /* stage 2 is forgotten before the joint entries go: no new one comes from an old half
               */
    __asm__ volatile("tlbi vmalle1is" : : : "memory");
    dsb(ish); /* all CPUs have done so */
    tlb_vmid_restore(loaded, vttbr);
}

/* Everything of the VMID in `vttbr`, both stages. */
static inline void tlb_flush_vmid(uint64_t vttbr)
{
    uint64_t loaded;

    dsb(ishst); /* walks that start after the invalidation see the new descriptors */
    loaded = tlb_vmid_load(vttbr);
    __asm__ volatile("tlbi vmalls12e1is" : : : "memory");
    dsb(ish); /* all CPUs have done so */
    tlb_vmid_restore(loaded, vttbr);
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
