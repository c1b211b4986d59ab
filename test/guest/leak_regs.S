/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One instruction between known registers and a look at them, and the instructions: for
 * leak_traps.c. They are written over the NOP at leak_slot.
 */
    .arch   armv8.3-a+lse+fp+simd

/* struct leak_regs */
#define NZCV 248
#define V    256
#define FPCR 768
#define FPSR 776

    .text
    .global leak_around
leak_around:
    stp     x29, x30, [sp, #-112]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    str     x1, [sp, #96]
    sub     sp, sp, #256
    ldr     x2, [x0, #NZCV]
    msr     nzcv, x2
    ldr     x2, [x0, #FPCR]
    msr     fpcr, x2
    ldr     x2, [x0, #FPSR]
    msr     fpsr, x2
    add     x2, x0, #V
    .irp    n, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
    ldr     q\n, [x2, #16 * \n]
    .endr
    .irp    n, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
    ldr     q\n, [x2, #16 * \n]
    .endr
    mov     x30, x0
    ldp     x0, x1, [x30]
    ldp     x2, x3, [x30, #16]
    ldp     x4, x5, [x30, #32]
    ldp     x6, x7, [x30, #48]
    ldp     x8, x9, [x30, #64]
    ldp     x10, x11, [x30, #80]
    ldp     x12, x13, [x30, #96]
    ldp     x14, x15, [x30, #112]
    ldp     x16, x17, [x30, #128]
    ldp     x18, x19, [x30, #144]
    ldp     x20, x21, [x30, #160]
    ldp     x22, x23, [x30, #176]
    ldp     x24, x25, [x30, #192]
    ldp     x26, x27, [x30, #208]
    ldp     x28, x29, [x30, #224]
    ldr     x30, [x30, #240]
    .global leak_slot
leak_slot:
    nop
    stp     x0, x1, [sp]
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x19, [sp, #144]
    stp     x20, x21, [sp, #160]
    stp     x22, x23, [sp, #176]
    stp     x24, x25, [sp, #192]
    stp     x26, x27, [sp, #208]
    stp     x28, x29, [sp, #224]
    str     x30, [sp, #240]
    mrs     x2, nzcv
    str     x2, [sp, #NZCV]
    ldr     x1, [sp, #256 + 96]
    mrs     x2, fpcr
    str     x2, [x1, #FPCR]
    mrs     x2, fpsr
    str     x2, [x1, #FPSR]
    add     x2, x1, #V
    .irp    n, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
    str     q\n, [x2, #16 * \n]
    .endr
    .irp    n, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
    str     q\n, [x2, #16 * \n]
    .endr
    mov     x2, sp
    mov     x3, #32
1:  ldr     x4, [x2], #8
    str     x4, [x1], #8
    subs    x3, x3, #1
    b.ne    1b
    msr     fpcr, xzr
    add     sp, sp, #256
    ldp     x19, x20, [sp, #16]
    ldp     x21, x22, [sp, #32]
    ldp     x23, x24, [sp, #48]
    ldp     x25, x26, [sp, #64]
    ldp     x27, x28, [sp, #80]
    ldp     x29, x30, [sp], #112
    ret

/*
 * struct leak_form. `result`: a bit for each register that gets `expected`; x7 is the address and
 * gets `step` added.
 */
    .macro form name, result, step, expected, insn:vararg
1:  .ascii  "\name"
    .zero   24 - (. - 1b)
    \insn
    .long   \result
    .quad   \step
    .quad   \expected
    .endm
    .macro end_of_forms
    .zero   48
    .endm

#define X5    (1 << 5)
#define X5_X6 (1 << 5 | 1 << 6)
#define ANY   0x616e79 /* leak_traps.c has it too */

    .section .rodata
    .balign 8
/* x7: a device's word 0x98a0b0f8, and the same again; x9, x10: what is stored is that, too. */
    .global leak_word_forms
leak_word_forms:
    form    "ldr w", X5, 0, 0x98a0b0f8, ldr w5, [x7]
    form    "ldrsw", X5, 0, 0xffffffff98a0b0f8, ldrsw x5, [x7]
    form    "ldrb", X5, 0, 0xf8, ldrb w5, [x7]
    form    "ldrsb w", X5, 0, 0xfffffff8, ldrsb w5, [x7]
    form    "ldrsb x", X5, 0, 0xfffffffffffffff8, ldrsb x5, [x7]
    form    "ldurb", X5, 0, 0xb0, ldurb w5, [x7, #1]
    form    "ldar", X5, 0, 0x98a0b0f8, ldar w5, [x7]
    form    "ldarb", X5, 0, 0xf8, ldarb w5, [x7]
    form    "ldr post", X5, 4, 0x98a0b0f8, ldr w5, [x7], #4
    form    "ldr pre", X5, 4, 0x98a0b0f8, ldr w5, [x7, #4]!
    form    "ldrsw post", X5, -4, 0xffffffff98a0b0f8, ldrsw x5, [x7], #-4
    form    "ldrb post", X5, 1, 0xf8, ldrb w5, [x7], #1
    form    "ldp", X5_X6, 0, 0x98a0b0f8, ldp w5, w6, [x7]
    form    "ldp post", X5_X6, 8, 0x98a0b0f8, ldp w5, w6, [x7], #8
    form    "ldpsw", X5_X6, 0, 0xffffffff98a0b0f8, ldpsw x5, x6, [x7]
    form    "prfm", 0, 0, 0, prfm pldl1keep, [x7]
    form    "str w", 0, 0, 0, str w9, [x7]
    form    "strb", 0, 0, 0, strb w9, [x7]
    form    "stlr", 0, 0, 0, stlr w9, [x7]
    form    "str post", 0, 4, 0, str w9, [x7], #4
    form    "str pre", 0, 4, 0, str w9, [x7, #4]!
    form    "stp", 0, 0, 0, stp w9, w10, [x7]
    form    "stp post", 0, 8, 0, stp w9, w10, [x7], #8
    end_of_forms

/* x7: a device's doubleword that reads as 0. */
    .global leak_double_forms
leak_double_forms:
    form    "ldr x", X5, 0, 0, ldr x5, [x7]
    form    "ldar x", X5, 0, 0, ldar x5, [x7]
    form    "ldr x post", X5, 8, 0, ldr x5, [x7], #8
    form    "str xzr", 0, 0, 0, str xzr, [x7]
    form    "stp xzr", 0, 0, 0, stp xzr, xzr, [x7]
    end_of_forms

/* Each of these faults, at a device or where nothing is: nothing at all may change. */
    .global leak_fault_forms
leak_fault_forms:
    form    "ldxr", 0, 0, 0, ldxr w5, [x7]
    form    "ldaxp", 0, 0, 0, ldaxp w5, w6, [x7]
    form    "swp", 0, 0, 0, swp w5, w6, [x7]
    form    "ldadd", 0, 0, 0, ldadd w5, w6, [x7]
    form    "cas", 0, 0, 0, cas w5, w6, [x7]
    form    "ldr q", 0, 0, 0, ldr q5, [x7]
    form    "ldr d post", 0, 0, 0, ldr d5, [x7], #8
    form    "str q", 0, 0, 0, str q5, [x7]
    form    "ld1", 0, 0, 0, ld1 {v5.16b, v6.16b}, [x7]
    form    "dc zva", 0, 0, 0, dc zva, x7
    end_of_forms

    .global leak_hole_forms
leak_hole_forms:
    form    "ldr", 0, 0, 0, ldr x5, [x7]
    form    "ldrsb", 0, 0, 0, ldrsb x5, [x7]
    form    "ldr post", 0, 0, 0, ldr w5, [x7], #4
    form    "ldp pre", 0, 0, 0, ldp x5, x6, [x7, #16]!
    form    "str", 0, 0, 0, str x5, [x7]
    form    "stp", 0, 0, 0, stp x5, x6, [x7]
    end_of_forms

/* The machine's registers that trap, and what waits. */
    .global leak_other_forms
leak_other_forms:
    form    "mrs id_aa64pfr0", X5, 0, ANY, mrs x5, id_aa64pfr0_el1
    form    "mrs id_aa64zfr0", X5, 0, ANY, mrs x5, S3_0_C0_C4_4
    form    "mrs reserved id", X5, 0, 0, mrs x5, S3_0_C0_C7_7
    form    "mrs actlr", X5, 0, 0, mrs x5, actlr_el1
    form    "msr sgi1r", 0, 0, 0, msr S3_0_C12_C11_5, xzr
    form    "msr sgi0r", 0, 0, 0, msr S3_0_C12_C11_7, xzr
    form    "wfe", 0, 0, 0, wfe
    form    "wfi", 0, 0, 0, wfi
    form    "dc cisw", 0, 0, 0, dc cisw, xzr
    end_of_forms

/* These are UNDEFINED. */
    .global leak_undefined_forms
leak_undefined_forms:
    form    "mrs pmscr", 0, 0, 0, mrs x5, S3_0_C9_C9_0
    form    "mrs hcr_el2", 0, 0, 0, mrs x5, S3_4_C1_C1_0
    form    "mrs vttbr_el2", 0, 0, 0, mrs x5, S3_4_C2_C1_0
    form    "mrs tpidr_el2", 0, 0, 0, mrs x5, S3_4_C13_C0_2
    form    "mrs impdef", 0, 0, 0, mrs x5, S3_1_C15_C3_7
    form    "mrs lorid", 0, 0, 0, mrs x5, S3_0_C10_C4_7
    form    "mrs sgi1r", 0, 0, 0, mrs x5, S3_0_C12_C11_5
    form    "msr id", 0, 0, 0, msr S3_0_C0_C4_0, x5
    end_of_forms

    .global leak_hvc, leak_hvc_1, leak_smc, leak_smc_1
leak_hvc:   hvc #0
leak_hvc_1: hvc #1
leak_smc:   smc #0
leak_smc_1: smc #0xffff
