/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EL2's own map: stage 1 of the EL2 translation regime without HCR_EL2.E2H, each page at its
 * physical address. No attribute gives both writing and execution. Built by the boot CPU;
 * no lock.
 */
#ifndef MM_HYP_MAP_H
#define MM_HYP_MAP_H

#include <stdint.h>

#include "lib/addr.h"
#include "lib/err.h"
#include "mm/pgtable.h"

#define HYP_VA_BITS 48 /* every physical address can be its own virtual one */

enum hyp_map_attr {
    HYP_TEXT,   /* read and execute */
    HYP_RODATA, /* read */
    HYP_DATA,   /* read and write */
    HYP_DEVICE, /* read and write; Device-nGnRE */
};

struct hyp_map {
    struct pgtable table;
    uint64_t text_attr; /* PTE_S1_GP where code is guarded */
};

/* An empty map. -ERR_NOMEM. */
int must_check hyp_map_init(struct hyp_map *map, struct page_pool *pool);

/*
 * From ID_AA64PFR1_EL1: if the CPU has FEAT_BTI, HYP_TEXT added from now on is guarded: an
 * indirect branch to anything but a landing pad traps.
 */
void hyp_map_guard_text(struct hyp_map *map, uint64_t pfr1);

/*
 * Map [base, base + size) at its own address. -ERR_INVAL: not multiples of 4 KiB, or size 0;
 * -ERR_RANGE: beyond 48 bits; -ERR_EXIST: some of it is mapped; -ERR_NOMEM. On an error nothing
 * has changed.
 */
int must_check hyp_map_add(struct hyp_map *map, pa_t base, uint64_t size, enum hyp_map_attr attr);

/*
 * Leave [base, base + size) out: a guard page, or room for something with other rights. A block
 * around it is split, and missing for a moment: if the map is in use, neither the running code
 * nor its stack or data may lie in that block. Errors as of hyp_map_add(), but holes are no error.
 */
int must_check hyp_map_remove(struct hyp_map *map, pa_t base, uint64_t size);

/* The registers that put the map to use: TTBR0_EL2, TCR_EL2 from ID_AA64MMFR0_EL1, MAIR_EL2. */
uint64_t hyp_map_ttbr0(const struct hyp_map *map);
uint64_t hyp_map_tcr(const struct hyp_map *map, uint64_t mmfr0);
uint64_t hyp_map_mair(void);

#endif
