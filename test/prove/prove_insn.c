// SPDX-License-Identifier: Apache-2.0
/*
 * The instruction decoder, on any word and any content of an index register: no run-time error, and
 * what it accepts is in the ranges that insn.h gives. Nothing is assumed.
 *
 * Options: -eva-precision 7
 */
#include "prove.h"

#include "trap/insn.c"

int main(void)
{
    struct insn_access access;

    if (insn_decode(any_u32(), &access) == 0) {
        prove(access.size == 1 || access.size == 2 || access.size == 4 || access.size == 8);
        prove(access.count == 1 || access.count == 2);
        prove(access.reg[0] <= INSN_REG_31 && access.reg[1] <= INSN_REG_31);
        prove(access.rn <= INSN_REG_31 && access.rm <= INSN_REG_31 && access.shift <= 3);
        prove(access.offset >= -(1 << 20) && access.offset < 1 << 20);
        (void)insn_offset(&access, any_u64());
    }
    prove_end();
    return 0;
}
