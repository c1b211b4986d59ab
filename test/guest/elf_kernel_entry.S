/* SPDX-License-Identifier: Apache-2.0 */
/*
 * elf_kernel's entry, of each CPU, with the loader's MMU on: a stack by TPIDR_EL1, then kernel_main() with the six
 * registers as they came. And its vectors: calls and faults of the root task, at EL0.
 */
#define STACK_SIZE 8192
#define MAX_CPUS   16

    .section .head.text, "ax"
    .global kernel_entry
kernel_entry:
    mrs     x9, tpidr_el1
    cmp     x9, #MAX_CPUS
    b.hs    1f
    adrp    x10, stacks
    add     x10, x10, :lo12:stacks
    add     x9, x9, #1
    mov     x11, #STACK_SIZE
    madd    x9, x9, x11, x10
    mov     sp, x9
    mov     x29, xzr
    sub     sp, sp, #48
    stp     x0, x1, [sp]
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    mov     x0, sp
    bl      kernel_main
1:  wfi
    b       1b

/* kernel_enter_user(entry, stack top, x0) */
    .text
    .global kernel_enter_user
kernel_enter_user:
    msr     elr_el1, x0
    msr     sp_el0, x1
    msr     spsr_el1, xzr           /* EL0t, interrupts unmasked */
    mov     x0, x2
    mov     x29, xzr
    mov     x30, xzr
    eret

/* The root task keeps nothing across a call but what is in callee-saved registers. */
    .macro vector target
    .balign 0x80
    b       \target
    .endm

    .balign 0x800
    .global kernel_vectors
kernel_vectors:
    .rept 8
    vector  from_kernel
    .endr
    vector  from_user
    .rept 7
    vector  from_kernel
    .endr

from_user:
    stp     x29, x30, [sp, #-16]!
    mov     x1, x8
    bl      kernel_call
    ldp     x29, x30, [sp], #16
    eret

from_kernel:
    mrs     x0, esr_el1
    mrs     x1, elr_el1
    mrs     x2, far_el1
    bl      kernel_fault

    .bss
    .balign 16
stacks:
    .skip   STACK_SIZE * MAX_CPUS
