/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's own stage 1: identity map of devices and RAM, and windows that tests add. */
#ifndef GUEST_MMU_H
#define GUEST_MMU_H

#include <stdint.h>

/* What a mapping is good for. Everything is readable and writable at EL1, MMU_USER's at EL0 too. */
enum mmu_type {
    MMU_DEVICE,      /* nGnRE, never executed */
    MMU_DEVICE_EXEC, /* the same, executable, for tests that fetch from it */
    MMU_NORMAL,      /* write-back cached, executable */
    MMU_NORMAL_NC,   /* not cached */
    MMU_USER,        /* write-back cached, executable at EL0 */
    MMU_USER_DEVICE, /* nGnRE */
};

/* Virtual addresses from here on are free for windows; the identity map lies below. */
#define MMU_WINDOW_BASE UINT64_C(0x7000000000)

/* Build the identity map from `platform`; the MMU is off and only one CPU runs. */
void mmu_build(void);

/* Turn the calling CPU's MMU and caches on. */
void mmu_enable(void);

/*
 * Map whole pages of physical memory at `va`, which has no mapping yet. Only the boot
 * CPU maps; the others see it after a DSB.
 */
void mmu_map(uint64_t va, uint64_t pa, uint64_t size, enum mmu_type type);

/* Point the level 1 entry of `va` (1 GiB, unmapped until now) at a table at `table_pa`. */
void mmu_set_l1_table(uint64_t va, uint64_t table_pa);

#endif
