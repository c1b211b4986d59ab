/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Translation tables of either stage: what is common to a guest's map (mm/stage2.c) and to
 * EL2's own (mm/hyp_map.c), which add the meaning of the attribute bits. The manual's words are
 * used: a table turns an input address (ia: a VA or an IPA) into an output address.
 *
 * Whoever owns a table serialises the calls for it.
 */
#ifndef MM_PGTABLE_H
#define MM_PGTABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/err.h"
#include "mm/page_pool.h"

struct pgtable;

/*
 * The TLB of the regime that a table belongs to, whether that is in use on this CPU or not. On
 * return all CPUs have forgotten.
 */
struct pgtable_tlb_ops {
    /* The `count` leaves at these addresses, and the way to them through the tables. */
    void (*flush_fn)(const struct pgtable *pt, const uint64_t ia[], unsigned count);
    void (*flush_all_fn)(const struct pgtable *pt);
};

struct pgtable {
    struct page_pool *pool;
    const struct pgtable_tlb_ops *tlb;
    uint64_t *root;
    uint16_t vmid;        /* whose entries in a TLB are this table's; 0: EL2's own */
    unsigned start_level; /* of the root */
    unsigned in_bits;     /* of an input address */
    unsigned out_bits;    /* of an output address */
};

/* A descriptor on the way of a walk. */
struct pgtable_visit {
    uint64_t ia;    /* the first address it translates */
    uint64_t *slot; /* where it lies */
    unsigned level;
    bool leaving; /* it is a table, and all of the range below it has been visited */
};

/* Return 0 to go on; anything else ends the walk and is what the walk returns. */
typedef int (*pgtable_visit_fn)(const struct pgtable_visit *visit, void *ctx);

/* Where a lookup ended. */
struct pgtable_leaf {
    uint64_t desc;
    unsigned level;
    pa_t out; /* of the address that was looked up */
};

/*
 * An empty table. Where in_bits is up to 4 bits more than the levels from start_level hold, the
 * root is up to 16 tables in a row (stage 2 only: Arm ARM, "Concatenated translation tables").
 * -ERR_NOMEM.
 */
int must_check pgtable_init(struct pgtable *pt, struct page_pool *pool,
                            const struct pgtable_tlb_ops *tlb, unsigned start_level,
                            unsigned in_bits, unsigned out_bits);

/*
 * Visit each descriptor that translates a part of [ia, ia + size), in order of address: tables
 * before what is below them and once more after it. `fn` may rewrite the descriptor it is shown;
 * if that is then a table, the walk goes into it. -ERR_RANGE: outside what the table translates.
 */
int must_check pgtable_walk(const struct pgtable *pt, uint64_t ia, uint64_t size,
                            pgtable_visit_fn fn, void *ctx);

/*
 * These three do all or, on an error, nothing: the table is then as it was, bit for bit. Addresses
 * and size are multiples of 4 KiB, size is not 0, else -ERR_INVAL; -ERR_RANGE if too large for
 * the table; -ERR_NOMEM if the pool lacks the pages for new tables.
 */

/* Translate [ia, ia + size) to what starts at `out`, by the largest leaves. -ERR_EXIST: some of it
 * is mapped. */
int must_check pgtable_map(struct pgtable *pt, uint64_t ia, pa_t out, uint64_t size, uint64_t attr);

/* Translate [ia, ia + size) no more; it may have holes. Blocks that stick out are split, emptied
 * tables freed. */
int must_check pgtable_unmap(struct pgtable *pt, uint64_t ia, uint64_t size);

/* Of the attributes under `mask`, set these and clear the others: rights only. -ERR_NOENT: there is
 * a hole. */
int must_check pgtable_protect(struct pgtable *pt, uint64_t ia, uint64_t size, uint64_t mask,
                               uint64_t attr);

/* What becomes of one address, aligned or not. -ERR_NOENT: not mapped; -ERR_RANGE: too large. */
int must_check pgtable_lookup(const struct pgtable *pt, uint64_t ia, struct pgtable_leaf *leaf);

#endif
