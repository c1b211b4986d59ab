/* SPDX-License-Identifier: Apache-2.0 */
/* From hostile.c into code that nothing is known of, and back by any exception. */
#define STATE_SP     248
#define STATE_PC     256
#define STATE_PSTATE 264
#define STATE_ESR    272
#define STATE_FAR    280
#define STATE_SAVED  288 /* sp, VBAR_EL1, TPIDR_EL1, DAIF, TPIDR_EL0 */
#define PSTATE_EL    0xc

    .text
    .global hostile_enter
hostile_enter:
    stp     x29, x30, [sp, #-96]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    mov     x1, sp
    mrs     x2, vbar_el1
    mrs     x3, tpidr_el1
    mrs     x4, daif
    mrs     x5, tpidr_el0
    stp     x1, x2, [x0, #STATE_SAVED]
    stp     x3, x4, [x0, #STATE_SAVED + 16]
    str     x5, [x0, #STATE_SAVED + 32]
    msr     daifset, #0xf
    adr     x1, hostile_vectors
    msr     vbar_el1, x1
    msr     tpidr_el1, x0
    isb                         /* the exception below uses the new vectors */
    ldp     x1, x2, [x0, #STATE_PC]
    ldr     x3, [x0, #STATE_SP]
    msr     elr_el1, x1
    msr     spsr_el1, x2
    msr     sp_el0, x3
    mov     sp, x3
    ldp     x2, x3, [x0, #16]
    ldp     x4, x5, [x0, #32]
    ldp     x6, x7, [x0, #48]
    ldp     x8, x9, [x0, #64]
    ldp     x10, x11, [x0, #80]
    ldp     x12, x13, [x0, #96]
    ldp     x14, x15, [x0, #112]
    ldp     x16, x17, [x0, #128]
    ldp     x18, x19, [x0, #144]
    ldp     x20, x21, [x0, #160]
    ldp     x22, x23, [x0, #176]
    ldp     x24, x25, [x0, #192]
    ldp     x26, x27, [x0, #208]
    ldp     x28, x29, [x0, #224]
    ldr     x30, [x0, #240]
    ldp     x0, x1, [x0]
    eret

    .balign 0x800
hostile_vectors:
    .rept   16
    .balign 0x80
    msr     tpidr_el0, x0
    mrs     x0, tpidr_el1
    b       leave
    .endr

/* x0: the state; x0 as it was is in TPIDR_EL0. The stack may be anything. */
leave:
    str     x1, [x0, #8]
    stp     x2, x3, [x0, #16]
    stp     x4, x5, [x0, #32]
    stp     x6, x7, [x0, #48]
    stp     x8, x9, [x0, #64]
    stp     x10, x11, [x0, #80]
    stp     x12, x13, [x0, #96]
    stp     x14, x15, [x0, #112]
    stp     x16, x17, [x0, #128]
    stp     x18, x19, [x0, #144]
    stp     x20, x21, [x0, #160]
    stp     x22, x23, [x0, #176]
    stp     x24, x25, [x0, #192]
    stp     x26, x27, [x0, #208]
    stp     x28, x29, [x0, #224]
    str     x30, [x0, #240]
    mrs     x1, tpidr_el0
    str     x1, [x0]
    mrs     x2, elr_el1
    mrs     x3, spsr_el1
    stp     x2, x3, [x0, #STATE_PC]
    mov     x1, sp
    mrs     x2, sp_el0
    tst     x3, #PSTATE_EL
    csel    x1, x2, x1, eq
    str     x1, [x0, #STATE_SP]
    mrs     x1, esr_el1
    mrs     x2, far_el1
    stp     x1, x2, [x0, #STATE_ESR]
    ldp     x1, x2, [x0, #STATE_SAVED]
    ldp     x3, x4, [x0, #STATE_SAVED + 16]
    ldr     x5, [x0, #STATE_SAVED + 32]
    mov     sp, x1
    msr     vbar_el1, x2
    msr     tpidr_el1, x3
    msr     tpidr_el0, x5
    clrex
    isb                         /* the old vectors are back */
    msr     daif, x4
    ldp     x19, x20, [sp, #16]
    ldp     x21, x22, [sp, #32]
    ldp     x23, x24, [sp, #48]
    ldp     x25, x26, [sp, #64]
    ldp     x27, x28, [sp, #80]
    ldp     x29, x30, [sp], #96
    ret
