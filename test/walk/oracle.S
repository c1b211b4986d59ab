/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the oracle (oracle.c) begins, its vectors, and its way to EL1 and EL0 and back. EL2 runs with
 * its MMU off.
 */

    .section .text.start, "ax"
    .global oracle_start
oracle_start:
    ldr     x9, =stack_top
    mov     sp, x9
    adr     x9, vectors
    msr     vbar_el2, x9
    isb
    bl      oracle_main
    ldr     w0, =0x84000008 /* PSCI SYSTEM_OFF */
    smc     #0
1:  wfi
    b       1b

    .macro  unexpected
    .balign 0x80
    b       .
    .endm

    .balign 0x800
vectors:
    .rept   4
    unexpected
    .endr
    /* An AT whose walk met an external abort: keep the syndrome, go on behind it. */
    .balign 0x80
    stp     x0, x1, [sp, #-16]!
    ldr     x0, =caught
    mrs     x1, esr_el2
    str     x1, [x0]
    mrs     x1, elr_el2
    add     x1, x1, #4
    msr     elr_el2, x1
    ldp     x0, x1, [sp], #16
    eret
    .rept   3
    unexpected
    .endr
    .balign 0x80
    b       came_back
    .rept   7
    unexpected
    .endr

/* uint64_t enter(uint64_t x0, uint64_t x1, uint64_t pc, uint64_t pstate): the x0 that comes back. */
    .global enter
enter:
    stp     x29, x30, [sp, #-96]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    msr     elr_el2, x2
    msr     spsr_el2, x3
    isb
    eret
came_back:
    ldp     x19, x20, [sp, #16]
    ldp     x21, x22, [sp, #32]
    ldp     x23, x24, [sp, #48]
    ldp     x25, x26, [sp, #64]
    ldp     x27, x28, [sp, #80]
    ldp     x29, x30, [sp], #96
    ret

    .bss
    .balign 16
    .skip   16384
stack_top:
    .global caught
caught:
    .skip   8
