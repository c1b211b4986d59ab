/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lookup, and a walk that visits all of a range, on which tables are changed. Each change takes
 * two walks over its range.
 *
 * To prepare, the first looks whether the change is allowed and counts the tables that it will add.
 * It writes nothing. Then that many pages are taken from the pool.
 *
 * To commit, the second makes the change. All it could lack has been seen to: it cannot fail.
 *
 * mm/stage2.c and mm/hyp_map.c give the attribute bits their meaning; mm/pte.h has the format.
 */
#include "mm/pgtable.h"

#include "barrier.h"
#include "mm/phys.h"
#include "mm/pte.h"

/* Beyond so many changed leaves it is cheaper to forget everything than each address. */
#define FLUSH_MAX 8

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

static uint64_t *child_table(uint64_t desc)
{
    return pa_to_ptr(pte_addr(desc));
}

/* ---- Lookup: what hardware does with an address ---- */

int pgtable_lookup(const struct pgtable *pt, uint64_t ia, struct pgtable_leaf *leaf)
{
    const uint64_t *table = pt->root;
    uint64_t rest = ia; /* that the tables above have not translated */

    if (rest >= BIT(pt->in_bits))
        return -ERR_RANGE;
    for (unsigned level = pt->start_level;; level++) {
        uint64_t size = pte_level_size(level);
        uint64_t desc = table[rest / size];

        rest %= size;
        if (!pte_is_valid(desc))
            return -ERR_NOENT;
        if (!pte_is_table(desc, level)) {
            *leaf = (struct pgtable_leaf){desc, level, pa(pte_addr(desc).v + rest)};
            return 0;
        }
        table = child_table(desc);
    }
}

/* A change under way. */
struct change {
    const struct pgtable *pt;
    uint64_t ia;
    uint64_t end;
    uint64_t delta; /* for a map: output address less input address */
    uint64_t clear; /* bits of a leaf; all of them for an unmap */
    uint64_t set;
    bool holes_ok;
    size_t tables;                /* that it will add */
    void *spare;                  /* pages for them, each holding the address of the next */
    void *unlinked;               /* tables that were taken out, in the same way */
    unsigned stale;               /* leaves that a TLB may still hold, */
    uint64_t stale_ia[FLUSH_MAX]; /* and the first of their addresses */
};

/* ---- The walk ---- */

struct walk {
    uint64_t ia;
    uint64_t end;
    pgtable_visit_fn fn;
    void *ctx;
};

/*
 * Visit the part of the walk's range that `table` translates, which has `entries` and begins with
 * address `base`. Calls itself for the tables below: four levels at most.
 */
static int walk_table(const struct walk *walk, uint64_t *table, unsigned level, uint64_t base,
                      uint64_t entries)
{
    uint64_t size = pte_level_size(level);

    for (uint64_t i = walk->ia > base ? (walk->ia - base) / size : 0; i < entries; i++) {
        struct pgtable_visit visit = {.ia = base + i * size, .slot = &table[i], .level = level};
        int err;

        if (visit.ia >= walk->end)
            break;
        err = walk->fn(&visit, walk->ctx);
        if (err == 0 && pte_is_table(*visit.slot, level)) {
            err =
                walk_table(walk, child_table(*visit.slot), level + 1, visit.ia, PTE_TABLE_ENTRIES);
            visit.leaving = true;
            if (err == 0)
                err = walk->fn(&visit, walk->ctx);
        }
        if (err != 0)
            return err;
    }
    return 0;
}

int pgtable_walk(const struct pgtable *pt, uint64_t ia, uint64_t size, pgtable_visit_fn fn,
                 void *ctx)
{
    struct walk walk = {.ia = ia, .end = ia + size, .fn = fn, .ctx = ctx};

    if (!range_contains(0, BIT(pt->in_bits), ia, size))
        return -ERR_RANGE;
    if (size == 0)
        return 0;
    return walk_table(&walk, pt->root, pt->start_level, 0,
                      BIT(pt->in_bits) / pte_level_size(pt->start_level));
}

/* ---- Descriptors ---- */

/* In one piece: table walks of other CPUs see the old one or the new one. */
static void write_desc(uint64_t *slot, uint64_t desc)
{
    __atomic_store_n(slot, desc, __ATOMIC_RELAXED);
}

static void link_table(uint64_t *slot, const uint64_t *table)
{
    write_barrier(); /* what stands in the table is seen before the way to it */
    write_desc(slot, pte_make_table(ptr_to_pa(table)));
}

static bool table_is_empty(const uint64_t *table)
{
    for (unsigned i = 0; i < PTE_TABLE_ENTRIES; i++)
        if (pte_is_valid(table[i]))
            return false;
    return true;
}

/* ---- Pages ---- */

/*
 * A chain of pages, through the first word of each. A page just taken out of a table goes here
 * while walks may still read it: they find an aligned address in that word, which has PTE_VALID
 * clear.
 */
static void chain_push(void **chain, void *page)
{
    write_desc(page, (uint64_t)(uintptr_t)*chain);
    *chain = page;
}

/* There is one. It comes zeroed. */
static uint64_t *chain_pop(void **chain)
{
    uint64_t *page = *chain;

    *chain = pa_to_ptr(pa(page[0]));
    page[0] = 0;
    return page;
}

static void release_pages(struct page_pool *pool, void **chain)
{
    while (*chain != NULL)
        page_pool_free(pool, chain_pop(chain));
}

static int reserve_pages(struct change *change)
{
    for (size_t i = 0; i < change->tables; i++) {
        void *page = page_pool_alloc(change->pt->pool);

        if (page == NULL) {
            release_pages(change->pt->pool, &change->spare);
            return -ERR_NOMEM;
        }
        chain_push(&change->spare, page);
    }
    return 0;
}

/* ---- What all changes share ---- */

/* Does one leaf of this level at `base` serve the change: wholly in range, its output aligned? */
static bool leaf_fits(const struct change *change, unsigned level, uint64_t base)
{
    uint64_t size = pte_level_size(level);

    return level >= PTE_BLOCK_LEVEL && base >= change->ia && base + size <= change->end &&
           is_aligned(change->delta, size);
}

/* How many tables the change needs where now one hole or leaf of `level` is, at `base`. */
static size_t tables_below(const struct change *change, unsigned level, uint64_t base)
{
    if (leaf_fits(change, level, base))
        return 0;
    if (level + 1 == PTE_LAST_LEVEL)
        return 1;

    uint64_t size = pte_level_size(level + 1);
    uint64_t end = MIN(change->end, base + pte_level_size(level));
    size_t tables = 1;

    for (uint64_t ia = MAX(align_down(change->ia, size), base); ia < end; ia += size)
        tables += tables_below(change, level + 1, ia);
    return tables;
}

static void note_stale(struct change *change, uint64_t ia)
{
    if (change->stale < FLUSH_MAX)
        change->stale_ia[change->stale] = ia;
    change->stale++;
}

static void flush_stale(const struct change *change)
{
    const struct pgtable_tlb_ops *tlb = change->pt->tlb;

    if (change->stale > FLUSH_MAX)
        tlb->flush_all_fn(change->pt);
    else if (change->stale > 0)
        tlb->flush_fn(change->pt, change->stale_ia, change->stale);
}

/*
 * Put a table of smaller leaves in the place of a leaf, with the same translation and rights.
 * A TLB that held both the large and a small entry could mix them up, so first comes a moment
 * without either (Arm ARM, "Using break-before-make when updating translation table entries").
 */
static void split_leaf(struct change *change, const struct pgtable_visit *visit)
{
    uint64_t desc = *visit->slot;
    unsigned level = visit->level + 1;
    uint64_t *table = chain_pop(&change->spare);

    for (unsigned i = 0; i < PTE_TABLE_ENTRIES; i++) {
        pa_t out = pa(pte_addr(desc).v + i * pte_level_size(level));

        table[i] = pte_make_leaf(out, level, desc & PTE_LEAF_ATTR);
    }
    write_desc(visit->slot, 0);                           /* break */
    change->pt->tlb->flush_fn(change->pt, &visit->ia, 1); /* no CPU uses the leaf any more */
    link_table(visit->slot, table);                       /* make */
}

static int run_change(struct change *change, pgtable_visit_fn prepare, pgtable_visit_fn commit)
{
    const struct pgtable *pt = change->pt;
    uint64_t size = change->end - change->ia;
    int err;

    if (size == 0 || !is_aligned(size, PAGE_SIZE) || !is_aligned(change->ia, PAGE_SIZE))
        return -ERR_INVAL;
    err = pgtable_walk(pt, change->ia, size, prepare, change);
    if (err == 0)
        err = reserve_pages(change);
    if (err != 0)
        return err;

    err = pgtable_walk(pt, change->ia, size, commit, change);
    dsb(ishst); /* whoever uses the range after our return walks the new descriptors */
    isb();      /* so does what this CPU executes next, if the table is its own */
    flush_stale(change);
    release_pages(pt->pool, &change->unlinked); /* no walk goes there any more */
    return err;
}

/* ---- Map ---- */

static int map_prepare(const struct pgtable_visit *visit, void *ctx)
{
    struct change *change = ctx;

    if (pte_is_table(*visit->slot, visit->level))
        return 0;
    if (pte_is_valid(*visit->slot))
        return -ERR_EXIST;
    change->tables += tables_below(change, visit->level, visit->ia);
    return 0;
}

static int map_commit(const struct pgtable_visit *visit, void *ctx)
{
    struct change *change = ctx;

    if (pte_is_table(*visit->slot, visit->level))
        return 0;
    if (leaf_fits(change, visit->level, visit->ia)) {
        pa_t out = pa(visit->ia + change->delta);

        write_desc(visit->slot, pte_make_leaf(out, visit->level, change->set));
    } else {
        link_table(visit->slot, chain_pop(&change->spare));
    }
    return 0;
}

int pgtable_map(struct pgtable *pt, uint64_t ia, pa_t out, uint64_t size, uint64_t attr)
{
    struct change change = {.pt = pt, .ia = ia, .end = ia + size, .delta = out.v - ia, .set = attr};

    if (!is_aligned(out.v, PAGE_SIZE))
        return -ERR_INVAL;
    if (!range_contains(0, BIT(pt->out_bits), out.v, size))
        return -ERR_RANGE;
    return run_change(&change, map_prepare, map_commit);
}

/* ---- Unmap and protect ---- */

/* Only leaves that stick out of the range need tables: they are split. */
static int leaves_prepare(const struct pgtable_visit *visit, void *ctx)
{
    struct change *change = ctx;

    if (pte_is_table(*visit->slot, visit->level))
        return 0;
    if (!pte_is_valid(*visit->slot))
        return change->holes_ok ? 0 : -ERR_NOENT;
    change->tables += tables_below(change, visit->level, visit->ia);
    return 0;
}

static void unlink_if_empty(struct change *change, const struct pgtable_visit *visit)
{
    uint64_t *table = child_table(*visit->slot);

    if (!table_is_empty(table))
        return;
    write_desc(visit->slot, 0);
    chain_push(&change->unlinked, table);
}

/* A leaf becomes what the change makes of it. Rights alone may change in place: no TLB can mix up
 * two entries that agree in all else. */
static int leaves_commit(const struct pgtable_visit *visit, void *ctx)
{
    struct change *change = ctx;
    uint64_t desc = *visit->slot;

    if (visit->leaving) {
        unlink_if_empty(change, visit);
    } else if (pte_is_leaf(desc, visit->level)) {
        if (leaf_fits(change, visit->level, visit->ia)) {
            write_desc(visit->slot, (desc & ~change->clear) | change->set);
            note_stale(change, visit->ia);
        } else {
            split_leaf(change, visit);
        }
    }
    return 0;
}

int pgtable_unmap(struct pgtable *pt, uint64_t ia, uint64_t size)
{
    struct change change = {
        .pt = pt, .ia = ia, .end = ia + size, .clear = UINT64_MAX, .holes_ok = true};

    return run_change(&change, leaves_prepare, leaves_commit);
}

int pgtable_protect(struct pgtable *pt, uint64_t ia, uint64_t size, uint64_t mask, uint64_t attr)
{
    struct change change = {
        .pt = pt, .ia = ia, .end = ia + size, .clear = mask, .set = attr & mask};

    return run_change(&change, leaves_prepare, leaves_commit);
}

/* ---- An empty table ---- */

int pgtable_init(struct pgtable *pt, struct page_pool *pool, const struct pgtable_tlb_ops *tlb,
                 unsigned start_level, unsigned in_bits, unsigned out_bits)
{
    uint64_t one_table = PTE_TABLE_ENTRIES * pte_level_size(start_level);
    uint64_t tables = BIT(in_bits) > one_table ? BIT(in_bits) / one_table : 1;

    *pt = (struct pgtable){.pool = pool,
                           .tlb = tlb,
                           .start_level = start_level,
                           .in_bits = in_bits,
                           .out_bits = out_bits};
    pt->root = page_pool_alloc_run(pool, tables);
    return pt->root != NULL ? 0 : -ERR_NOMEM;
}
