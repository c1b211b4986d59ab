// SPDX-License-Identifier: Apache-2.0
/*
 * The instruction decoder, on its own: every word it accepts describes an access that can be
 * carried out. Two words to an input, the second of them forced into the loads and stores.
 */
#include <stdbool.h>

#include "fuzz.h"
#include "trap/insn.h"

#define LOADS_STORES_MASK UINT32_C(0x0a000000) /* op0 of the encoding is x1x0 */
#define LOADS_STORES      UINT32_C(0x08000000)

static void check(uint32_t code, uint64_t index)
{
    struct insn_access insn;

    if (insn_decode(code, &insn) != 0)
        return;
    fuzz_require((code & LOADS_STORES_MASK) == LOADS_STORES);
    fuzz_require(insn.size == 1 || insn.size == 2 || insn.size == 4 || insn.size == 8);
    fuzz_require(insn.count == 1 || insn.count == 2);
    for (unsigned i = 0; i < insn.count; i++)
        fuzz_require(insn.reg[i] <= INSN_REG_31);
    fuzz_require(insn.count == 1 || insn.write || insn.reg[0] != insn.reg[1]);
    fuzz_require(insn.rn <= INSN_REG_31 && insn.rm <= INSN_REG_31 && insn.shift <= 3);
    fuzz_require(!insn.write || !insn.sign_extend);
    fuzz_require(!insn.literal || (!insn.write && !insn.write_back));
    fuzz_require(!insn.post_index || insn.write_back);
    if (insn.write_back && insn.rn != INSN_REG_31) {
        for (unsigned i = 0; i < insn.count; i++)
            fuzz_require(insn.reg[i] != insn.rn);
    }
    if (insn.extend == INSN_EXTEND_NONE)
        fuzz_require(insn_offset(&insn, index) == (uint64_t)insn.offset);
    else
        (void)insn_offset(&insn, index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    uint32_t code = (uint32_t)fuzz_take(&in, 4);
    uint64_t index = fuzz_take(&in, 8);

    check(code, index);
    check((code & ~LOADS_STORES_MASK) | LOADS_STORES, index);
    return 0;
}
