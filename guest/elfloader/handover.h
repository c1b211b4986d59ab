/* SPDX-License-Identifier: Apache-2.0 */
/* How the kernel is entered, the same on each CPU. For C and for start.S, which does it. */
#ifndef ELFLOADER_HANDOVER_H
#define ELFLOADER_HANDOVER_H

#define HANDOVER_X2    16
#define HANDOVER_X4    32
#define HANDOVER_TTBR  48
#define HANDOVER_MAIR  64
#define HANDOVER_SCTLR 80

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

struct handover {
    uint64_t x[6]; /* as seL4's loader hands over: docs/elf-guests.md */
    uint64_t ttbr[2];
    uint64_t mair;
    uint64_t tcr;
    uint64_t sctlr; /* MMU and caches on */
    uint64_t entry; /* virtual */
};

_Static_assert(offsetof(struct handover, x[2]) == HANDOVER_X2 &&
                   offsetof(struct handover, x[4]) == HANDOVER_X4 &&
                   offsetof(struct handover, ttbr) == HANDOVER_TTBR &&
                   offsetof(struct handover, mair) == HANDOVER_MAIR &&
                   offsetof(struct handover, sctlr) == HANDOVER_SCTLR &&
                   offsetof(struct handover, entry) == HANDOVER_SCTLR + 8,
               "start.S loads them in pairs");

extern uint64_t handover_entered_at; /* CurrentEL of the boot CPU, at the start */

/* Leave for the kernel as CPU number `cpu`, which TPIDR_EL1 will say. */
_Noreturn void handover_enter(const struct handover *handover, uint64_t cpu);
#endif

#endif
