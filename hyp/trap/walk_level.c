/* SPDX-License-Identifier: Apache-2.0 */
/* See walk_level.h. The walk is Arm ARM, "The AArch64 Virtual Memory System Architecture", stage 1.
 */
#include "trap/walk_level.h"

#include "regs.h"
#include "sysreg.h"
#include "vm/vm.h"

#define VA_SELECTS_TTBR1 BIT(55)
#define DESC_TYPE        UINT64_C(3)
#define DESC_TABLE       UINT64_C(3)
#define DESC_ADDRESS     GENMASK(47, 12)
#define DESC_SIZE        8
#define LAST_LEVEL       3
#define MAX_VA_BITS      52u

/* One of the two halves of the guest's address space. */
struct half {
    uint64_t table;
    unsigned va_bits; /* more than `page_bits` */
    unsigned page_bits;
};

static unsigned granule_bits(unsigned tg, unsigned tg_16k, unsigned tg_64k)
{
    if (tg == tg_64k)
        return 16;
    return tg == tg_16k ? 14 : 12;
}

static struct half half_of(uint64_t va)
{
    uint64_t tcr = read_sysreg(tcr_el1);
    unsigned tsz;
    struct half half;

    if ((va & VA_SELECTS_TTBR1) != 0) {
        half.table = read_sysreg(ttbr1_el1) & TTBR_EL1_BADDR;
        half.page_bits =
            granule_bits((unsigned)FIELD_GET(TCR_EL1_TG1, tcr), TCR_EL1_TG1_16K, TCR_EL1_TG1_64K);
        tsz = (unsigned)FIELD_GET(TCR_EL1_T1SZ, tcr);
    } else {
        half.table = read_sysreg(ttbr0_el1) & TTBR_EL1_BADDR;
        half.page_bits =
            granule_bits((unsigned)FIELD_GET(TCR_EL1_TG0, tcr), TCR_EL1_TG0_16K, TCR_EL1_TG0_64K);
        tsz = (unsigned)FIELD_GET(TCR_EL1_T0SZ, tcr);
    }
    half.va_bits = 64 - tsz;
    if (half.va_bits > MAX_VA_BITS)
        half.va_bits = MAX_VA_BITS;
    if (half.va_bits <= half.page_bits)
        half.va_bits = half.page_bits + 1;
    return half;
}

/* The descriptor at `where`, in the byte order that SCTLR_EL1.EE gives. */
static int read_descriptor(const struct vcpu *vcpu, ipa_t where, uint64_t *desc)
{
    int err = guest_mem_read(&vcpu->vm->mem, where, desc, sizeof(*desc));

    if (err == 0 && (read_sysreg(sctlr_el1) & SCTLR_EL1_EE) != 0)
        *desc = __builtin_bswap64(*desc);
    return err;
}

int walk_level(const struct vcpu *vcpu, uint64_t va, ipa_t table)
{
    struct half half = half_of(va);
    unsigned stride = half.page_bits - 3;
    unsigned bits = half.va_bits;
    int level = LAST_LEVEL - (int)((bits - half.page_bits - 1) / stride);

    for (; level < LAST_LEVEL; level++) {
        unsigned shift = half.page_bits + stride * (unsigned)(LAST_LEVEL - level);
        ipa_t where = ipa(half.table + FIELD_GET(GENMASK(bits - 1, shift), va) * DESC_SIZE);
        uint64_t desc;

        if (align_down(where.v, PAGE_SIZE) == table.v || read_descriptor(vcpu, where, &desc) != 0 ||
            (desc & DESC_TYPE) != DESC_TABLE)
            break;
        half.table = align_down(desc & DESC_ADDRESS, BIT(half.page_bits));
        bits = shift;
    }
    return level;
}
