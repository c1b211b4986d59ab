/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where each CPU of hostile_monitor.c begins, and begins again after any exception: nothing of what
 * it was is needed for that. The page of guest_entry is the one that a monitor may not take away;
 * while that of the vectors is gone, a CPU takes one exception after the other.
 */
#define SCTLR_RES1  0x30d00800
#define STACK_SHIFT 12
#define CPU_MASK    3

    .section .head.text, "ax"
    .global guest_entry
guest_entry:
    msr     daifset, #0xf
    adrp    x0, vectors
    msr     vbar_el1, x0
    ldr     w0, =SCTLR_RES1
    msr     sctlr_el1, x0
    isb                         /* the MMU is off, the vectors are these */
    tlbi    vmalle1
    dsb     nsh                 /* what the old tables said is gone */
    isb
    mrs     x0, mpidr_el1
    and     x0, x0, #CPU_MASK
    add     x1, x0, #1
    adrp    x2, stacks
    add     x2, x2, x1, lsl #STACK_SHIFT
    mov     sp, x2
    adr     x1, guest_entry
    b       hostile_main
    .ltorg

    .text
    .balign 4096
vectors:
    .rept   16
    .balign 0x80
    b       guest_entry
    .endr

    .global hostile_jump
hostile_jump:
    .irp    n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    mov     x\n, x0
    .endr
    mov     sp, x0
    br      x0

    .bss
    .balign 4096
stacks:
    .skip   4 << STACK_SHIFT
