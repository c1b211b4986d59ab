/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memcpy and memset by general registers alone: the SIMD ones are the guest's. 128 bytes a
 * round, as the disk's data goes through here.
 */
#include "asm.h"

    .text

/* void *memcpy(void *restrict dst, const void *restrict src, size_t n) */
FUNC(memcpy)
    BTI_C
    mov x3, x0
    subs x2, x2, #128
    b.lo 2f
1:  ldp x4, x5, [x1, #16]
    ldp x6, x7, [x1, #32]
    ldp x8, x9, [x1, #48]
    ldp x10, x11, [x1, #64]
    ldp x12, x13, [x1, #80]
    ldp x14, x15, [x1, #96]
    stp x4, x5, [x3, #16]
    stp x6, x7, [x3, #32]
    ldp x4, x5, [x1, #112]
    ldp x6, x7, [x1], #128
    stp x8, x9, [x3, #48]
    stp x10, x11, [x3, #64]
    stp x12, x13, [x3, #80]
    stp x14, x15, [x3, #96]
    stp x4, x5, [x3, #112]
    stp x6, x7, [x3], #128
    subs x2, x2, #128
    b.hs 1b
2:  adds x2, x2, #112           /* what is left, less 16 */
    b.mi 4f
3:  ldp x4, x5, [x1], #16
    stp x4, x5, [x3], #16
    subs x2, x2, #16
    b.pl 3b
4:  tbz x2, #3, 5f              /* the low bits of what is left are those of x2 */
    ldr x4, [x1], #8
    str x4, [x3], #8
5:  tbz x2, #2, 6f
    ldr w4, [x1], #4
    str w4, [x3], #4
6:  tbz x2, #1, 7f
    ldrh w4, [x1], #2
    strh w4, [x3], #2
7:  tbz x2, #0, 8f
    ldrb w4, [x1]
    strb w4, [x3]
8:  ret
END(memcpy)

/* void *memset(void *dst, int c, size_t n) */
FUNC(memset)
    BTI_C
    mov x3, x0
    and w1, w1, #0xff
    orr w1, w1, w1, lsl #8
    orr w1, w1, w1, lsl #16
    orr x1, x1, x1, lsl #32
    subs x2, x2, #64
    b.lo 2f
1:  stp x1, x1, [x3, #0]
    stp x1, x1, [x3, #16]
    stp x1, x1, [x3, #32]
    stp x1, x1, [x3, #48]
    add x3, x3, #64
    subs x2, x2, #64
    b.hs 1b
2:  adds x2, x2, #48            /* what is left, less 16 */
    b.mi 4f
3:  stp x1, x1, [x3], #16
    subs x2, x2, #16
    b.pl 3b
4:  tbz x2, #3, 5f
    str x1, [x3], #8
5:  tbz x2, #2, 6f
    str w1, [x3], #4
6:  tbz x2, #1, 7f
    strh w1, [x3], #2
7:  tbz x2, #0, 8f
    strb w1, [x3]
8:  ret
END(memset)
