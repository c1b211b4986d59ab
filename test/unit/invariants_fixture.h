/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of check/invariants.c share: a machine, EL2's map of it, a guest's map, all as
 * they should be, and ways to write descriptors that the code under mm/ would not make.
 */
#ifndef INVARIANTS_FIXTURE_H
#define INVARIANTS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check/invariants.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "mm/hyp_map.h"
#include "mm/phys.h"
#include "mm/pte.h"
#include "mm/stage2.h"
#include "tlb.h"

#define PAGES   64
#define MMFR0   UINT64_C(5) /* 48 bits */
#define RAM     UINT64_C(0x40000000)
#define TEXT    UINT64_C(0x40200000)
#define RODATA  UINT64_C(0x40204000)
#define DATA    UINT64_C(0x40208000)
#define GUARD   UINT64_C(0x4020e000)
#define END     UINT64_C(0x40210000)
#define GUEST   UINT64_C(0x48000000)
#define GUEST_B UINT64_C(0x4a000000) /* a second piece, behind a hole in between */
#define IMAGE   UINT64_C(0x4c000800) /* owned from the middle of a page on */
#define IPA     UINT64_C(0x80000000)
#define IPA_B   UINT64_C(0x90000000)
#define ALL     (STAGE2_READ | STAGE2_WRITE | STAGE2_EXEC)

static _Alignas(65536) uint8_t memory[PAGES * PAGE_SIZE];
static struct page_pool pool;
static struct phys_map phys;
static struct hyp_map hyp;
static struct stage2 s2;
static struct invariants rules;
struct fake_tlb fake_tlb;
static unsigned breaches;
static char text[INVARIANTS_TEXT_MAX];

void log_print(enum log_kind kind, const char *fmt, ...)
{
    (void)kind;
    (void)fmt;
}

static inline void note_breach(const char *fmt, ...)
{
    va_list ap;

    breaches++;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
}

static inline void claim(uint64_t base, uint64_t size, const char *name)
{
    assert_int_equal(phys_map_claim(&phys, (struct pa_range){pa(base), size}, name), 0);
}

static inline void add(uint64_t base, uint64_t end, enum hyp_map_attr attr)
{
    assert_int_equal(hyp_map_add(&hyp, pa(base), end - base, attr), 0);
}

static inline void make_phys(void)
{
    phys = (struct phys_map){.nr_ram = 0};
    assert_int_equal(phys_map_add_ram(&phys, (struct pa_range){pa(RAM), SIZE_1G}), 0);
    claim(TEXT, END - TEXT, "the hypervisor");
    claim(GUEST, 2 * SIZE_2M, "the guest's RAM");
    claim(GUEST_B, SIZE_2M, "more of the guest's RAM");
    claim(IMAGE, 0x900, "an image");
    phys_map_give(&phys, pa(GUEST));
    phys_map_give(&phys, pa(GUEST_B));
}

static inline void make_hyp(void)
{
    assert_int_equal(hyp_map_init(&hyp, &pool), 0);
    add(TEXT, RODATA, HYP_TEXT);
    add(RODATA, DATA, HYP_RODATA);
    add(DATA, END, HYP_DATA);
    assert_int_equal(hyp_map_remove(&hyp, pa(GUARD), PAGE_SIZE), 0);
    assert_int_equal(hyp_map_remove(&hyp, pa(GUARD - 0x4000), PAGE_SIZE), 0);
    add(RAM, TEXT, HYP_DATA);
    add(END, RAM + SIZE_1G, HYP_DATA);
    add(0x9000000, 0x9001000, HYP_DEVICE);
}

static inline void map(uint64_t ipa_, uint64_t pa_, uint64_t size)
{
    assert_int_equal(stage2_map(&s2, ipa(ipa_), pa(pa_), size, ALL), 0);
}

static inline int setup(void **state)
{
    (void)state;
    breaches = 0;
    invariants_watch(NULL);
    page_pool_init(&pool, memory, PAGES);
    make_phys();
    make_hyp();
    assert_int_equal(stage2_init(&s2, &pool, 1, MMFR0, 0), 0);
    map(IPA, GUEST, 2 * SIZE_2M);
    map(IPA_B, GUEST_B, SIZE_2M);
    rules = (struct invariants){.phys = &phys,
                                .hyp = &hyp.table,
                                .text = {pa(TEXT), RODATA - TEXT},
                                .rodata = {pa(RODATA), DATA - RODATA},
                                .guard = {pa(GUARD - 0x4000), PAGE_SIZE},
                                .guard_stride = 0x4000,
                                .nr_guards = 2,
                                .breach_fn = note_breach};
    return 0;
}

static inline void expect_whole(void)
{
    assert_int_equal(invariants_check(&rules, &s2.table, text, sizeof(text)), 0);
}

/* The check must say this, or something with this in it. */
static inline void expect_words(const char *words)
{
    text[0] = '\0';
    assert_int_equal(invariants_check(&rules, &s2.table, text, sizeof(text)), -ERR_INVAL);
    assert_non_null(strstr(text, words));
}

static inline void expect_breach(const char *words)
{
    text[0] = '\0';
    assert_int_equal(invariants_check(&rules, &s2.table, text, sizeof(text)), -ERR_INVAL);
    assert_string_equal(text, words);
}

/* ---- Descriptors by hand ---- */

struct find {
    unsigned level;
    uint64_t *slot;
};

static inline int find_visit(const struct pgtable_visit *visit, void *ctx)
{
    struct find *find = ctx;

    if (!visit->leaving && visit->level <= find->level)
        find->slot = visit->slot;
    return 0;
}

/* The descriptor of `level` on the way to an address, or the one above that ends the way. */
static inline uint64_t *slot_of(const struct pgtable *pt, uint64_t ia, unsigned level)
{
    struct find find = {.level = level};

    assert_int_equal(pgtable_walk(pt, ia, 1, find_visit, &find), 0);
    assert_non_null(find.slot);
    return find.slot;
}

static inline uint64_t *stage2_slot(uint64_t ia, unsigned level)
{
    return slot_of(&s2.table, ia, level);
}

#endif
