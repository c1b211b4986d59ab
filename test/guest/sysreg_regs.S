/* SPDX-License-Identifier: Apache-2.0 */
/* Known values into registers, an exit, and a look at the registers: for sysreg_state.c. */
#define BYTES_ALIKE 0x0101010101010101
#define NR_GENERAL  31

    .arch   armv8.3-a+sve
    .text

    .macro numbers from
    .set    n, \from
    .rept   NR_GENERAL - \from
    number  %n
    .set    n, n + 1
    .endr
    .endm

    .altmacro
    .macro number n
    ldr     x\n, =(BYTES_ALIKE * \n)
    .endm
    .macro store n
    str     x\n, [sp, #8 * \n]
    .endm

    /* x1, where the results go, waits on the stack; x2 to x30 get known values. */
    .macro enter
    stp     x29, x30, [sp, #-112]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    str     x1, [sp, #96]
    sub     sp, sp, #256
    numbers 2
    .endm

    /* The registers to the stack, and from there to where they are wanted. */
    .macro leave
    .set    n, 2
    .rept   NR_GENERAL - 2
    store   %n
    .set    n, n + 1
    .endr
    ldr     x1, [sp, #256 + 96]
    mov     x2, sp
    mov     x3, #NR_GENERAL
1:  ldr     x4, [x2], #8
    str     x4, [x1], #8
    subs    x3, x3, #1
    b.ne    1b
    add     sp, sp, #256
    ldp     x19, x20, [sp, #16]
    ldp     x21, x22, [sp, #32]
    ldp     x23, x24, [sp, #48]
    ldp     x25, x26, [sp, #64]
    ldp     x27, x28, [sp, #80]
    ldp     x29, x30, [sp], #112
    ret
    .endm

    .global regs_across_read
regs_across_read:
    enter
    ldr     w1, [x0]
    leave

    .global regs_across_id
regs_across_id:
    enter
    mrs     x1, id_aa64mmfr0_el1
    leave

    .global regs_across_hvc
regs_across_hvc:
    enter
    hvc     #0
    leave

    /* x2 and x3 are used up by the loop. */
    .global regs_across_time
regs_across_time:
    enter
2:  isb
    mrs     x2, cntvct_el0
    cmp     x2, x0
    b.lo    2b
    leave

    .ltorg

    .global flags_across_read
flags_across_read:
    msr     nzcv, x1
    ldr     w2, [x0]
    mrs     x0, nzcv
    ret

    .macro vector_fill n
    add     x1, x0, #\n
    dup     v\n\().2d, x1
    .endm
    .macro vector_compare n
    add     x1, x0, #\n
    fmov    x2, d\n
    eor     x2, x2, x1
    orr     x3, x3, x2
    mov     x2, v\n\().d[1]
    eor     x2, x2, x1
    orr     x3, x3, x2
    .endm
    .macro all_vectors what
    .set    n, 0
    .rept   32
    \what   %n
    .set    n, n + 1
    .endr
    .endm

    .global fp_fill
fp_fill:
    all_vectors vector_fill
    ret

    .global fp_differences
fp_differences:
    mov     x3, #0
    all_vectors vector_compare
    mov     x0, x3
    ret

    .global sve_length
sve_length:
    rdvl    x0, #1
    ret

    .macro sve_set n
    mov     w1, #\n + 1
    index   z\n\().b, w1, #3
    .endm
    .macro sve_save n
    str     z\n, [x0, #\n, mul vl]
    .endm

    /* The registers' expected contents stay at x0 for sve_differences. */
    .global sve_fill
sve_fill:
    all_vectors sve_set
    all_vectors sve_save
    ptrue   p7.b
    ret

    .macro sve_compare n
    ldr     z0, [x0, #\n, mul vl]
    cmpne   p1.b, p7/z, z0.b, z\n\().b
    cntp    x2, p7, p1.b
    add     x1, x1, x2
    .endm

    /* p7 must have kept its all-true, too; z0 is looked at first and then used. */
    .global sve_differences
sve_differences:
    rdvl    x1, #1
    cntp    x2, p7, p7.b
    sub     x1, x1, x2
    ldr     z31, [x0]
    cmpne   p1.b, p7/z, z31.b, z0.b
    cntp    x2, p7, p1.b
    add     x1, x1, x2
    .set    n, 1
    .rept   30
    sve_compare %n
    .set    n, n + 1
    .endr
    mov     x0, x1
    ret

    .global pac_sign
pac_sign:
    pacia   x0, x1
    ret

    .global pac_check
pac_check:
    autia   x0, x1
    ret
