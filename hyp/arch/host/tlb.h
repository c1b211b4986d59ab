/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TLB for tests on the host: counts what it is told to forget and, if the test wants, shows
 * it the moment at which that happens. The test that links such code defines `fake_tlb`.
 */
#ifndef ARCH_TLB_H
#define ARCH_TLB_H

#include <stdint.h>

enum fake_tlb_op { FAKE_TLB_IPA, FAKE_TLB_VMID, FAKE_TLB_EL2_VA, FAKE_TLB_EL2_ALL, FAKE_TLB_OPS };

struct fake_tlb {
    unsigned count[FAKE_TLB_OPS];
    uint64_t vttbr; /* whose the latest flush of a guest's was */
    void (*flush_fn)(enum fake_tlb_op op, uint64_t address); /* address 0 where all goes */
};

extern struct fake_tlb fake_tlb;

static inline void fake_tlb_record(enum fake_tlb_op op, uint64_t address)
{
    fake_tlb.count[op]++;
    if (fake_tlb.flush_fn != 0)
        fake_tlb.flush_fn(op, address);
}

static inline void tlb_flush_ipa(uint64_t vttbr, const uint64_t ipa[], unsigned count)
{
    fake_tlb.vttbr = vttbr;
    for (unsigned i = 0; i < count; i++)
        fake_tlb_record(FAKE_TLB_IPA, ipa[i]);
}

static inline void tlb_flush_vmid(uint64_t vttbr)
{
    fake_tlb.vttbr = vttbr;
    fake_tlb_record(FAKE_TLB_VMID, 0);
}

static inline void tlb_flush_el2_va(uint64_t va)
{
    fake_tlb_record(FAKE_TLB_EL2_VA, va);
}

static inline void tlb_flush_el2_all(void)
{
    fake_tlb_record(FAKE_TLB_EL2_ALL, 0);
}

#endif
