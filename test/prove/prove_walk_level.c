// SPDX-License-Identifier: Apache-2.0
/*
 * The walk of the guest's own tables, by any TCR_EL1, of any address, through memory in which
 * anything stands: no shift too far, and a level that there is.
 *
 * Assumed: of TCR_EL1 only the sizes and granules of the two halves are looked at.
 *
 * Options: -eva-precision 5 -eva-split-return full
 */
#include "prove.h"

#include <stddef.h>

#include "sysreg.h"

_Thread_local struct fake_sysreg fake_sysreg;

#include "trap/walk_level.c"

int guest_mem_read(const struct guest_mem *mem, ipa_t ipa, void *dst, size_t len)
{
    (void)mem;
    (void)ipa;
    prove(len == sizeof(uint64_t));
    if (any_bool())
        return -ERR_RANGE;
    *(uint64_t *)dst = any_u64();
    return 0;
}

/* Both halves of the same size and granule, so that it does not matter which one `va` is in. */
static void walk(const struct vcpu *vcpu, unsigned size, unsigned tg0, unsigned tg1)
{
    int level;

    fake_sysreg.tcr_el1 = FIELD_PREP(TCR_EL1_T0SZ, size) | FIELD_PREP(TCR_EL1_TG0, tg0) |
                          FIELD_PREP(TCR_EL1_T1SZ, size) | FIELD_PREP(TCR_EL1_TG1, tg1);
    level = walk_level(vcpu, any_u64(), ipa(any_u64()));
    prove(level >= -1 && level <= LAST_LEVEL);
    prove_end();
}

int main(void)
{
    static struct vm vm;
    static struct vcpu vcpu = {.vm = &vm};

    fake_sysreg.ttbr0_el1 = any_u64();
    fake_sysreg.ttbr1_el1 = any_u64();
    fake_sysreg.sctlr_el1 = any_u64();
    /*@ loop unroll 64; */
    for (unsigned size = 0; size < 64; size++) {
        walk(&vcpu, size, 0, 2);
        walk(&vcpu, size, TCR_EL1_TG0_64K, TCR_EL1_TG1_64K);
        walk(&vcpu, size, TCR_EL1_TG0_16K, TCR_EL1_TG1_16K);
        walk(&vcpu, size, 3, 0);
    }
    return 0;
}
