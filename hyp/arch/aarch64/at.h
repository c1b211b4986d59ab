/* SPDX-License-Identifier: Apache-2.0 */
/* Address translation by the hardware (Arm ARM, "A64 System instructions for address translation").
 */
#ifndef ARCH_AT_H
#define ARCH_AT_H

#include "barrier.h"

/* Translate `va` in the regime of the guest whose registers the CPU has; PAR_EL1 has the result. */
#define at_translate(kind, va)                                                                     \
    do {                                                                                           \
        __asm__ volatile("at " #kind ", %0" : : "r"(va) : "memory");                               \
        isb();                                                                                     \
    } while (0)

#endif
