/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's first stage-1 tables: 4 KiB pages, four levels, 48 bits of address in each half.
 * Used by main.c, which turns them on through handover.h.
 */
#ifndef ELFLOADER_TABLES_H
#define ELFLOADER_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "handover.h"

/* Is [va, va + size) within one of the halves? */
bool tables_can_map(uint64_t va, uint64_t size);

/*
 * Map the pages of [va, va + size) to those at `pa`, for EL1: cached memory, readable, and writable
 * and executable as the ELF64_x flags say. Two ranges may share a page if they agree where it lies;
 * it then allows what either does. False: they disagree, or there is no room for more tables.
 */
bool tables_map(uint64_t va, uint64_t pa, uint64_t size, uint32_t flags);

/* Put them, and how they are read, into the handover; how many tables there are. */
unsigned tables_finish(struct handover *handover);

#endif
