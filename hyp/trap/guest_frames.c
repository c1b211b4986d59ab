/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's frame records. See guest_frames.h; vm/report.c calls. */
#include "trap/guest_frames.h"

#include <stdbool.h>
#include <stddef.h>

#include "lib/bits.h"
#include "regs.h"

#define WORD       sizeof(uint64_t)
#define VA_IS_HIGH BIT(55) /* of an address, as of one with a signature or a tag in it */

/* The 8 bytes at the virtual address, in the guest's byte order at EL1. False: it is not aligned,
 * or does not lead to RAM. */
static bool load(const struct s1_regime *regime, const struct guest_mem *mem, uint64_t va,
                 uint64_t *value)
{
    struct s1_leaf leaf;

    if (!is_aligned(va, WORD) || s1_walk(regime, mem, va, NULL, NULL, &leaf) != 0 ||
        guest_mem_read(mem, leaf.out, value, WORD) != 0)
        return false;
    if ((regime->sctlr & SCTLR_EL1_EE) != 0)
        *value = __builtin_bswap64(*value);
    return true;
}

/* An address without the signature that pointer authentication has put above its bits. */
static uint64_t unsigned_address(const struct s1_regime *regime, uint64_t va)
{
    bool high = (va & VA_IS_HIGH) != 0;
    unsigned unused = (unsigned)FIELD_GET(high ? TCR_EL1_T1SZ : TCR_EL1_T0SZ, regime->tcr);
    uint64_t top;

    if ((regime->sctlr & SCTLR_EL1_M) == 0 || unused == 0)
        return va;
    top = GENMASK(63, 64 - unused);
    return high ? va | top : va & ~top;
}

void guest_frames_read(const struct s1_regime *regime, const struct guest_mem *mem, uint64_t fp,
                       struct guest_frames *frames)
{
    uint64_t mark = 0; /* a record seen before, further on each time the count doubles */
    uint64_t next;
    uint64_t pc;

    frames->count = 0;
    frames->end = FRAMES_WHOLE;
    while (fp != 0 && frames->end == FRAMES_WHOLE) {
        frames->stopped_at = fp;
        if (fp == mark) {
            frames->end = FRAMES_LOOP;
        } else if (frames->count == GUEST_FRAMES_MAX) {
            frames->end = FRAMES_MORE;
        } else if (!load(regime, mem, fp, &next) || !load(regime, mem, fp + WORD, &pc)) {
            frames->end = FRAMES_BROKEN;
        } else {
            if ((frames->count & (frames->count + 1)) == 0)
                mark = fp;
            frames->pc[frames->count++] = unsigned_address(regime, pc);
            fp = next;
        }
    }
}
