// SPDX-License-Identifier: Apache-2.0
/*
 * The walk of the guest's own tables, by any TCR_EL1, of any address, through memory in which
 * anything stands: no shift too far, and a level that there is.
 *
 * Options: -eva-precision 3 -eva-domains bitwise -eva-min-loop-unroll 64
 */
#include "prove.h"

#include <stddef.h>

#include "sysreg.h"

_Thread_local struct fake_sysreg fake_sysreg;

#define __atomic_load_n(from, order) any_u64()
#include "mm/s1_walk.c"

static uint64_t slot;

const void *guest_mem_readable(const struct guest_mem *mem, ipa_t ipa, uint64_t len)
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

/*
 * Both halves of the same size and granule, so that it does not matter which one `va` is in; where
 * `large`, sizes beyond 48 bits are allowed.
 */
static void walk(bool large, unsigned size, unsigned tg0, unsigned tg1)
{
    static const struct guest_mem mem;
    struct s1_regime regime = s1_regime_current();
    struct s1_leaf leaf;

    regime.tcr =
        (any_u64() & ~(TCR_EL1_T0SZ | TCR_EL1_TG0 | TCR_EL1_T1SZ | TCR_EL1_TG1 | TCR_EL1_DS)) |
        FIELD_PREP(TCR_EL1_T0SZ, size) | FIELD_PREP(TCR_EL1_TG0, tg0) |
        FIELD_PREP(TCR_EL1_T1SZ, size) | FIELD_PREP(TCR_EL1_TG1, tg1) | (large ? TCR_EL1_DS : 0);
    regime.mmfr0 = Frama_C_unsigned_long_interval(0, ID_AA64MMFR0_EL1_PARange) |
                   FIELD_PREP(ID_AA64MMFR0_EL1_TGran4, TGRAN4_LPA2) |
                   FIELD_PREP(ID_AA64MMFR0_EL1_TGran16, TGRAN16_LPA2);
    regime.mmfr2 = FIELD_PREP(ID_AA64MMFR2_EL1_VARange, large ? 1 : 0);
    (void)s1_walk(&regime, &mem, any_u64(), any_step, NULL, &leaf);
    prove(leaf.level >= -1 && leaf.level <= LAST_LEVEL);
    prove_end();
}

static void walk_all(bool large)
{
    /*@ loop unroll 64; */
    for (unsigned size = 0; size < 64; size++) {
        walk(large, size, 0, 2);
        walk(large, size, TCR_EL1_TG0_64K, TCR_EL1_TG1_64K);
        walk(large, size, TCR_EL1_TG0_16K, TCR_EL1_TG1_16K);
        walk(large, size, 3, 0);
    }
}

int main(void)
{
    fake_sysreg.ttbr0_el1 = any_u64();
    fake_sysreg.ttbr1_el1 = any_u64();
    fake_sysreg.sctlr_el1 = any_u64();
    fake_sysreg.mair_el1 = any_u64();
    walk_all(false);
    walk_all(true);
    return 0;
}
