/* SPDX-License-Identifier: Apache-2.0 */
/* The maps, page by page, against what must hold of them. See invariants.h. */
#include "check/invariants.h"

#include <stdarg.h>

#include "lib/bits.h"
#include "mm/phys.h"
#include "mm/pte.h"

#define WORD_BITS 64

/* All that a guest's leaf may say; its rights are free, but for the half rights of FEAT_XNX. */
#define STAGE2_FIXED    (PTE_LEAF_ATTR & ~(PTE_S2_S2AP | PTE_S2_XN_ALL))
#define STAGE2_EXPECTED (PTE_S2_MEMATTR_WB | PTE_SH_INNER | PTE_AF)

/* Leaves in a row, each the continuation of the one before on both sides. */
struct run {
    uint64_t ia;
    uint64_t out;
    uint64_t size;
};

struct check {
    const struct invariants *rules;
    const struct pgtable *pt;
    const char *whose; /* the map under check, and what must hold of its leaves */
    int (*leaf_fn)(struct check *check, uint64_t ia, uint64_t desc, uint64_t size);
    uint64_t seen[PAGE_POOL_MAX / WORD_BITS];
    struct run run;
    char *text;
    size_t size;
};

static int printf_like(2, 3) breach(const struct check *check, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fmt_vsnprintf(check->text, check->size, fmt, ap);
    va_end(ap);
    return -ERR_INVAL;
}

static const char *owner_name(const struct check *check, uint64_t at)
{
    const struct phys_owner *owner = phys_map_owner(check->rules->phys, pa(at));

    return owner != NULL ? owner->name : "nobody";
}

/* ---- Tables ---- */

static int check_table(struct check *check, uint64_t table)
{
    size_t index;

    if (!page_pool_is_used(check->pt->pool, pa_to_ptr(pa(table)), &index))
        return breach(check, "%s: the table at 0x%lx is no page that the pool gave out",
                      check->whose, table);
    if ((check->seen[index / WORD_BITS] & BIT(index % WORD_BITS)) != 0)
        return breach(check, "%s: the table at 0x%lx is in use twice", check->whose, table);
    check->seen[index / WORD_BITS] |= BIT(index % WORD_BITS);
    return 0;
}

/* The root may be several tables in a row. */
static int check_root(struct check *check)
{
    uint64_t one_table = PTE_TABLE_ENTRIES * pte_level_size(check->pt->start_level);
    uint64_t base = ptr_to_pa(check->pt->root).v;
    int err = check_table(check, base);

    for (uint64_t ia = one_table; ia < BIT(check->pt->in_bits) && err == 0; ia += one_table) {
        base += PAGE_SIZE;
        err = check_table(check, base);
    }
    return err;
}

/* What stage 1 and 2 have in common: tables, and the format of leaves. */
static int check_format(struct check *check, const struct pgtable_visit *visit)
{
    uint64_t desc = *visit->slot;
    uint64_t out = pte_addr(desc).v;

    if (pte_is_table(desc, visit->level)) {
        if (desc != pte_make_table(pa(out)))
            return breach(check, "%s: the table descriptor 0x%lx at 0x%lx has rights of its own",
                          check->whose, desc, visit->ia);
        return check_table(check, out);
    }
    if (visit->level < PTE_BLOCK_LEVEL || !is_aligned(out, pte_level_size(visit->level)) ||
        desc != pte_make_leaf(pa(out), visit->level, desc & PTE_LEAF_ATTR))
        return breach(check, "%s: 0x%lx, for 0x%lx, is no descriptor of level %u", check->whose,
                      desc, visit->ia, visit->level);
    return 0;
}

/* A table is shown before it is walked, so a bad one ends the walk. */
static int check_entry(const struct pgtable_visit *visit, void *ctx)
{
    struct check *check = ctx;
    uint64_t desc = *visit->slot;
    int err;

    if (visit->leaving || !pte_is_valid(desc))
        return 0;
    err = check_format(check, visit);
    if (err != 0 || pte_is_table(desc, visit->level))
        return err;
    return check->leaf_fn(check, visit->ia, desc, pte_level_size(visit->level));
}

static int check_map(struct check *check)
{
    int err = check_root(check);

    return err != 0 ? err : pgtable_walk(check->pt, 0, BIT(check->pt->in_bits), check_entry, check);
}

/* ---- Stage 2 ---- */

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static int find_again(const struct pgtable_visit *visit, void *ctx)
{
    const struct check *check = ctx;
    const struct run *run = &check->run;
    uint64_t out = pte_addr(*visit->slot).v;
    uint64_t at = later(out, run->out);

    if (!pte_is_leaf(*visit->slot, visit->level) ||
        !ranges_overlap(out, pte_level_size(visit->level), run->out, run->size))
        return 0;
    return breach(check, "%s: page 0x%lx, of %s, is mapped twice, at 0x%lx and 0x%lx", check->whose,
                  at, owner_name(check, at), at - run->out + run->ia, at - out + visit->ia);
}

/* None of the run's pages comes again after it. What comes before has been compared with it. */
static int end_run(struct check *check)
{
    uint64_t end = check->run.ia + check->run.size;
    int err = 0;

    if (check->run.size != 0)
        err = pgtable_walk(check->pt, end, BIT(check->pt->in_bits) - end, find_again, check);
    check->run.size = 0;
    return err;
}

static int add_to_run(struct check *check, uint64_t ia, uint64_t out, uint64_t size)
{
    struct run *run = &check->run;
    int err = 0;

    if (ia != run->ia + run->size || out != run->out + run->size)
        err = end_run(check);
    if (run->size == 0)
        *run = (struct run){.ia = ia, .out = out};
    run->size += size;
    return err;
}

static int check_owner(const struct check *check, uint64_t ia, uint64_t out, uint64_t size)
{
    for (uint64_t at = out; at < out + size;) {
        const struct phys_owner *owner = phys_map_owner(check->rules->phys, pa(at));

        if (owner == NULL || !owner->guest)
            return breach(check, "%s: page 0x%lx, of %s, is mapped to the guest at IPA 0x%lx",
                          check->whose, at, owner_name(check, at), at - out + ia);
        at = owner->range.base.v + owner->range.size;
    }
    return 0;
}

static int check_stage2(struct check *check, uint64_t ia, uint64_t desc, uint64_t size)
{
    uint64_t out = pte_addr(desc).v;
    int err;

    if ((desc & STAGE2_FIXED) != STAGE2_EXPECTED)
        return breach(check,
                      "%s: the attributes 0x%lx of page 0x%lx, at IPA 0x%lx, are not allowed",
                      check->whose, desc & PTE_LEAF_ATTR, out, ia);
    err = check_owner(check, ia, out, size);
    return err != 0 ? err : add_to_run(check, ia, out, size);
}

/* ---- EL2's own map ---- */

static bool overlaps(struct pa_range range, uint64_t base, uint64_t size)
{
    return ranges_overlap(range.base.v, range.size, base, size);
}

static int check_hyp_rights(const struct check *check, uint64_t desc, uint64_t base, uint64_t size)
{
    const struct invariants *rules = check->rules;
    bool writable = (desc & PTE_S1_AP_RO) == 0;
    bool executable = (desc & PTE_S1_XN) == 0;

    if (writable && executable)
        return breach(check, "%s: page 0x%lx, of %s, is both writable and executable", check->whose,
                      base, owner_name(check, base));
    if (executable && !range_contains(rules->text.base.v, rules->text.size, base, size))
        return breach(check, "%s: page 0x%lx, of %s, is executable and not code", check->whose,
                      base, owner_name(check, base));
    if (writable && (overlaps(rules->text, base, size) || overlaps(rules->rodata, base, size)))
        return breach(check, "%s: page 0x%lx, code or constants, is writable", check->whose, base);
    return 0;
}

static int check_guards(const struct check *check, uint64_t base, uint64_t size)
{
    struct pa_range guard = check->rules->guard;

    for (unsigned i = 0; i < check->rules->nr_guards; i++) {
        if (overlaps(guard, base, size))
            return breach(check, "%s: the guard page 0x%lx of stack %u is mapped", check->whose,
                          guard.base.v, i);
        guard.base.v += check->rules->guard_stride;
    }
    return 0;
}

static int check_hyp(struct check *check, uint64_t ia, uint64_t desc, uint64_t size)
{
    uint64_t out = pte_addr(desc).v;
    int err;

    if (out != ia)
        return breach(check, "%s: page 0x%lx, of %s, is at another address: 0x%lx", check->whose,
                      out, owner_name(check, out), ia);
    err = check_guards(check, out, size);
    return err != 0 ? err : check_hyp_rights(check, desc, out, size);
}

int invariants_check(const struct invariants *rules, const struct pgtable *stage2, char *text,
                     size_t size)
{
    struct check check = {.rules = rules,
                          .pt = rules->hyp,
                          .whose = "EL2's map",
                          .leaf_fn = check_hyp,
                          .text = text,
                          .size = size};
    int err = check_map(&check);

    if (err != 0)
        return err;
    check.pt = stage2;
    check.whose = "stage 2";
    check.leaf_fn = check_stage2;
    err = check_map(&check);
    return err != 0 ? err : end_run(&check);
}

#ifdef TRAPROOM_INVARIANTS

static const struct invariants *watched;

void invariants_watch(const struct invariants *rules)
{
    watched = rules;
}

const struct invariants *invariants_watched(void)
{
    return watched;
}

void invariants_expect(const struct pgtable *stage2)
{
    char text[INVARIANTS_TEXT_MAX];

    if (watched != NULL && invariants_check(watched, stage2, text, sizeof(text)) != 0)
        watched->breach_fn("%s", text);
}

#endif
