/* SPDX-License-Identifier: Apache-2.0 */
/* The vector registers: the guest's, but for libfdt's use of them before it starts. */
#include "asm.h"

    .arch armv8-a+fp+simd
    .text

FUNC(fpsimd_clear)
    BTI_C
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movi v\n\().2d, #0          /* clears what SVE adds to it as well */
    .endr
    .irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    movi v\n\().2d, #0
    .endr
    msr fpcr, xzr
    msr fpsr, xzr
    ret
END(fpsimd_clear)

    .arch armv8-a+sve
FUNC(sve_clear_predicates)
    BTI_C
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    pfalse p\n\().b
    .endr
    wrffr p0.b
    ret
END(sve_clear_predicates)
