/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's own stage 1, walked in software: from a virtual address to what the guest believes to
 * be a physical one (Arm ARM, "The AArch64 Virtual Memory System Architecture"; the EL1&0 regime
 * in AArch64 state). Whoever has to know more of a guest's address than the hardware says walks
 * here: trap/abort.c, trap/guest_insn.c.
 *
 * The tables are read as they stand in memory. A TLB may hold older ones, and other vCPUs may
 * change them meanwhile: the answer is a good one at best, never a promise.
 */
#ifndef MM_S1_WALK_H
#define MM_S1_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/err.h"
#include "mm/guest_mem.h"
#include "sysreg.h"

/* The registers that make the regime: SCTLR_EL1 and so on, and what the CPU has of it. */
struct s1_regime {
    uint64_t sctlr, tcr, ttbr0, ttbr1, mair;
    uint64_t mmfr0, mmfr2; /* ID_AA64MMFR0_EL1 and ID_AA64MMFR2_EL1, the machine's */
};

/* A descriptor on the way. */
struct s1_step {
    ipa_t where;
    uint64_t desc; /* in our byte order; 0 where it can't be read */
    int level;     /* -1 to 3 */
    bool in_ram;
};

/* Return 0 to go on; anything else ends the walk and is what the walk returns. */
typedef int (*s1_step_fn)(const struct s1_step *step, void *ctx);

#define S1_EL1_READ  0x01u
#define S1_EL1_WRITE 0x02u
#define S1_EL1_EXEC  0x04u
#define S1_EL0_READ  0x08u
#define S1_EL0_WRITE 0x10u
#define S1_EL0_EXEC  0x20u
#define S1_ACCESSED  0x40u /* the access flag is set: without it, any access faults */
#define S1_ALL       0x7fu

/* Where a walk ended. */
struct s1_leaf {
    ipa_t out;     /* of the very address */
    uint64_t desc; /* the leaf; 0 with the MMU off */
    int level;     /* of the leaf or, of an error, of the descriptor it stopped at */
    uint8_t attr;  /* the memory type, as a byte of MAIR_EL1 has it */
    uint8_t sh;    /* shareability: 0 none, 2 outer, 3 inner */
    uint8_t perms; /* S1_*, what tables above take away taken away */
};

/* The regime of the guest whose vCPU this CPU runs. */
static inline struct s1_regime s1_regime_current(void)
{
    return (struct s1_regime){
        .sctlr = read_sysreg(sctlr_el1),
        .tcr = read_sysreg(tcr_el1),
        .ttbr0 = read_sysreg(ttbr0_el1),
        .ttbr1 = read_sysreg(ttbr1_el1),
        .mair = read_sysreg(mair_el1),
        .mmfr0 = read_sysreg(id_aa64mmfr0_el1),
        .mmfr2 = read_sysreg(id_aa64mmfr2_el1),
    };
}

/*
 * Walk the tables, which lie in `mem`, for a data access to `va`; `fn`, if not NULL, sees each
 * descriptor. -ERR_NOENT: a translation fault; -ERR_INVAL: an address size fault; -ERR_RANGE: a
 * descriptor lies outside RAM. Whatever the registers hold, five descriptors are read at most, and
 * leaf->level is set.
 */
int s1_walk(const struct s1_regime *regime, const struct guest_mem *mem, uint64_t va, s1_step_fn fn,
            void *ctx, struct s1_leaf *leaf);

#endif
