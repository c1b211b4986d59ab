/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EL2's armour broken on purpose, to show that it holds. Only in builds with the CMake option
 * TRAPROOM_SABOTAGE; test/boot/test_armour.py uses one. See sabotage.c.
 */
#ifndef ARCH_SABOTAGE_H
#define ARCH_SABOTAGE_H

#ifdef TRAPROOM_SABOTAGE
/*
 * Do what "traproom,sabotage" in the tree's /chosen says; return where it says nothing. What is
 * done must end in a report; where it does not, that is one: "sabotage KIND was not stopped".
 */
void sabotage(const void *fdt);
#else
static inline void sabotage(const void *fdt)
{
    (void)fdt;
}
#endif

#endif
