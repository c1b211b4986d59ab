/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold of the maps whatever has been done to them: the guest reaches its own memory and
 * nothing else, each page at one address; EL2 can't execute what it can write. The walk below
 * takes nothing from the code that made the tables but the tables.
 *
 * A build with the CMake option TRAPROOM_INVARIANTS walks after each change to a stage 2 and at
 * each start of the guest, and panics where a sentence does not hold. Neighbours: mm/phys_map.h
 * knows the owners, mm/stage2.c and vm/vm.c ask, main.c says what is EL2's.
 */
#ifndef CHECK_INVARIANTS_H
#define CHECK_INVARIANTS_H

#include <stddef.h>

#include "lib/addr.h"
#include "lib/err.h"
#include "lib/log.h"
#include "mm/pgtable.h"
#include "mm/phys_map.h"

#define INVARIANTS_TEXT_MAX 136 /* of a breach, in words */

/* What is true of the machine, whatever the tables say. */
struct invariants {
    const struct phys_map *phys;
    const struct pgtable *hyp; /* EL2's own map */
    struct pa_range text;      /* EL2's code */
    struct pa_range rodata;
    struct pa_range guard;                                     /* below the first stack, */
    uint64_t guard_stride;                                     /* and so many bytes on */
    unsigned nr_guards;                                        /* the next */
    void (*breach_fn)(const char *fmt, ...) printf_like(1, 2); /* not called by the check */
};

/*
 * Walk EL2's own map and then `stage2`, whose changes the caller holds back. -ERR_INVAL: `text`
 * says in `size` bytes which page, at which address, whose.
 *
 * Stage 2: each leaf maps, with rights and type that mm/stage2.h gives, pages that phys_map calls
 * a guest's, none of them twice. EL2: each page at its own address, code alone executable and not
 * writable, guards left out. Both: each table is a page of its pool, and no other table's.
 */
int must_check invariants_check(const struct invariants *rules, const struct pgtable *stage2,
                                char *text, size_t size);

#ifdef TRAPROOM_INVARIANTS
/* From now on invariants_expect() goes by `rules`, which last. */
void invariants_watch(const struct invariants *rules);
/* NULL: there are none yet. */
const struct invariants *invariants_watched(void);
/* Check; a breach goes to breach_fn. Nothing before there are rules. */
void invariants_expect(const struct pgtable *stage2);
#else
static inline void invariants_watch(const struct invariants *rules)
{
    (void)rules;
}

static inline void invariants_expect(const struct pgtable *stage2)
{
    (void)stage2;
}
#endif

#endif
