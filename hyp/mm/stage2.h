/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's second stage of translation: from the physical addresses that the guest believes in
 * (IPA) to the machine's (PA). docs/stage2.md tells it from the start.
 *
 * Any CPU may call, whichever guest it runs. Each call takes the lock inside. A leaf that is split
 * is missing for a moment (see mm/pgtable.c): a running guest may fault on it. So who handles a
 * stage-2 fault asks stage2_lookup() first, and where the access is allowed by now lets the guest
 * try again.
 */
#ifndef MM_STAGE2_H
#define MM_STAGE2_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/err.h"
#include "mm/pgtable.h"
#include "spinlock.h"

#define STAGE2_IPA_BITS 40 /* unless the machine's own addresses are shorter */

/* What a guest may do with its memory. To execute it must be able to read. */
#define STAGE2_READ  1U
#define STAGE2_WRITE 2U
#define STAGE2_EXEC  4U

enum stage2_change {
    STAGE2_MAPPED,
    STAGE2_UNMAPPED,
    STAGE2_PROTECTED,
};

struct stage2 {
    spinlock_t lock; /* protects the table; page_pool's lock nests inside */
    struct pgtable table;
    /* Called after each change, without the lock. Set before a vCPU runs, or NULL: nobody asks. */
    void (*changed_fn)(enum stage2_change change, ipa_t ipa, uint64_t size, unsigned perms);
    uint64_t vtcr; /* VTCR_EL2; like the rest, it stays as stage2_init() leaves it */
    unsigned ipa_bits;
};

/* What ID_AA64MMFR0_EL1 and ID_AA64MMFR1_EL1 say about stage 2. */
struct stage2_features {
    unsigned pa_bits;   /* at most 48 */
    unsigned vmid_bits; /* 8 or 16 */
    bool granule_4k;
};

struct stage2_features stage2_features(uint64_t mmfr0, uint64_t mmfr1);

/*
 * VTCR_EL2 for IPAs of `ipa_bits`. -ERR_UNSUPPORTED: this CPU has no 4 KiB granule at stage 2;
 * -ERR_RANGE: ipa_bits is not from 32 to the bits of a physical address.
 */
int must_check stage2_vtcr(uint64_t mmfr0, uint64_t mmfr1, unsigned ipa_bits, uint64_t *vtcr);

/* VTTBR_EL2: the root and the VMID. */
uint64_t stage2_vttbr(const struct stage2 *s2);

/*
 * An empty map. The VMID is not 0, which boot code may have used, and fits the CPU's VMIDs, else
 * -ERR_RANGE; other errors as of stage2_vtcr(), and -ERR_NOMEM.
 */
int must_check stage2_init(struct stage2 *s2, struct page_pool *pool, uint16_t vmid, uint64_t mmfr0,
                           uint64_t mmfr1);

/*
 * Map [ipa, ipa + size) to the machine's RAM at `pa`: Normal, write-back, inner shareable, so that
 * the guest's own stage 1 decides. `perms` from STAGE2_*. Each of these does all or nothing:
 * -ERR_INVAL for what is not a multiple of 4 KiB, a size of 0, unknown perms; -ERR_RANGE for
 * addresses beyond ipa_bits or the machine's; -ERR_NOMEM; here -ERR_EXIST if any of it is mapped.
 */
int must_check stage2_map(struct stage2 *s2, ipa_t ipa, pa_t pa, uint64_t size, unsigned perms);

/* Afterwards nothing is mapped there, and no CPU's TLB holds it. */
int must_check stage2_unmap(struct stage2 *s2, ipa_t ipa, uint64_t size);

/* Change the rights of what is mapped there. -ERR_NOENT: not all of it is. */
int must_check stage2_protect(struct stage2 *s2, ipa_t ipa, uint64_t size, unsigned perms);

/*
 * What becomes of one address: the PA, the rights, the level of its leaf, each where the pointer is
 * not NULL. -ERR_NOENT: not mapped; -ERR_RANGE: too large.
 */
int must_check stage2_lookup(struct stage2 *s2, ipa_t ipa, pa_t *pa, unsigned *perms,
                             unsigned *level);

#endif
