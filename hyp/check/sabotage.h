/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EL2's armour broken on purpose, to show that it holds. Only in builds with the CMake option
 * TRAPROOM_SABOTAGE; test/boot/test_armour.py uses one. test/sabotage/sabotage.c does it; main.c
 * calls, once all CPUs are up.
 */
#ifndef CHECK_SABOTAGE_H
#define CHECK_SABOTAGE_H

#include <stdbool.h>

struct vm;
struct pgtable;

#ifdef TRAPROOM_SABOTAGE
/*
 * Do what "traproom,sabotage" in the tree's /chosen says; return where it says nothing. What is
 * done must end in a report; where it does not, that is one: "sabotage KIND was not stopped".
 * Some of it is done to the maps: the VM's stage 2, and EL2's own.
 */
void sabotage(const void *fdt, struct vm *vm, struct pgtable *hyp_map);

/*
 * But "change-stage2" lets the guest run, with its stage 2 changed at its exits, which exit.c and
 * irq.c tell: `sync` if it is not an interrupt. test/sabotage/stage2.c.
 */
void sabotage_exit(struct vm *vm, bool sync);
void sabotage_stage2_start(const struct vm *vm);
#else
static inline void sabotage(const void *fdt, struct vm *vm, struct pgtable *hyp_map)
{
    (void)fdt;
    (void)vm;
    (void)hyp_map;
}

static inline void sabotage_exit(struct vm *vm, bool sync)
{
    (void)vm;
    (void)sync;
}
#endif

#endif
