// SPDX-License-Identifier: Apache-2.0
/*
 * The walk of the guest's own tables, by any TCR_EL1, of any address, through memory in which
 * anything stands: no shift too far, and a level that there is.
 *
 * Options: -eva-precision 5 -eva-split-return full
 */
#include "prove.h"

#include <stddef.h>

#include "sysreg.h"

_Thread_local struct fake_sysreg fake_sysreg;

#include "mm/s1_walk.c"

static uint64_t slot;

void *guest_mem_ptr(const struct guest_mem *mem, ipa_t ipa, uint64_t len)
{
    (void)mem;
    (void)ipa;
    prove(len == sizeof(uint64_t));
    slot = any_u64();
    return any_bool() ? &slot : NULL;
}

static int any_step(const struct s1_step *step, void *ctx)
{
    (void)ctx;
    prove(step->level >= -1 && step->level <= LAST_LEVEL);
    return any_bool();
}

/* Both halves of the same size and granule, so that it does not matter which one `va` is in. */
static void walk(unsigned size, unsigned tg0, unsigned tg1)
{
    static const struct guest_mem mem;
    struct s1_regime regime = s1_regime_current();
    struct s1_leaf leaf;

    regime.tcr = (any_u64() & ~(TCR_EL1_T0SZ | TCR_EL1_TG0 | TCR_EL1_T1SZ | TCR_EL1_TG1)) |
                 FIELD_PREP(TCR_EL1_T0SZ, size) | FIELD_PREP(TCR_EL1_TG0, tg0) |
                 FIELD_PREP(TCR_EL1_T1SZ, size) | FIELD_PREP(TCR_EL1_TG1, tg1);
    (void)s1_walk(&regime, &mem, any_u64(), any_step, NULL, &leaf);
    prove(leaf.level >= -1 && leaf.level <= LAST_LEVEL);
    prove_end();
}

int main(void)
{
    fake_sysreg.ttbr0_el1 = any_u64();
    fake_sysreg.ttbr1_el1 = any_u64();
    fake_sysreg.sctlr_el1 = any_u64();
    fake_sysreg.mair_el1 = any_u64();
    fake_sysreg.id_aa64mmfr0_el1 = any_u64();
    fake_sysreg.id_aa64mmfr2_el1 = any_u64();
    /*@ loop unroll 64; */
    for (unsigned size = 0; size < 64; size++) {
        walk(size, 0, 2);
        walk(size, TCR_EL1_TG0_64K, TCR_EL1_TG1_64K);
        walk(size, TCR_EL1_TG0_16K, TCR_EL1_TG1_16K);
        walk(size, 3, 0);
    }
    return 0;
}
