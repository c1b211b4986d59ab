/* SPDX-License-Identifier: Apache-2.0 */
/* Which of vectors.S's tables this CPU takes its exceptions by. */
#ifndef ARCH_VECTORS_H
#define ARCH_VECTORS_H

#include <stdbool.h>

#include "pauth.h"

extern char vectors[], vectors_traced[];

/* From the next exit on, exits of this CPU's guest go by way of trap/trace.c, or straight. */
static inline void vectors_use(bool traced)
{
    const char *straight = pauth_sctlr() != 0 ? vectors_pauth : vectors;

    write_sysreg((uint64_t)(uintptr_t)(traced ? vectors_traced : straight), vbar_el2);
}

#endif
