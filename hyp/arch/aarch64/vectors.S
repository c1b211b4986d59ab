/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EL2's exception vectors: the way from the guest to C and back.
 *
 * While a guest runs, SP_EL2 points to its struct vcpu. A trap stores the guest's registers
 * there, takes the CPU's own stack from it and calls trap/exit.c; the way back reloads them.
 * An exception of EL2's own is the end: it is reported by panic.c.
 *
 * There are three tables: the CPU runs by the second one if it has pointer authentication (pauth.h),
 * and by the third one while exits are traced (vectors.h).
 */
#include "asm.h"
#include "regs.h"
#include "vcpu_layout.h"

#define PANIC_STACK_SIZE 4096

    .arch armv8.3-a /* knows the keys' names */
    .text

/* `op`, stp or ldp, with x0 to x29 and their places in struct vcpu. */
.macro each_pair op
    .set place, 0
    .irp pair, "x0, x1", "x2, x3", "x4, x5", "x6, x7", "x8, x9", "x10, x11", "x12, x13", \
        "x14, x15", "x16, x17", "x18, x19", "x20, x21", "x22, x23", "x24, x25", "x26, x27", \
        "x28, x29"
    \op \pair, [sp, #place]
    .set place, place + 16
    .endr
.endm

/* Store the guest's registers; leave x0 the vcpu and the stack EL2's. */
.macro save_guest
    each_pair stp
    mrs x1, elr_el2
    mrs x2, spsr_el2
    stp x30, x1, [sp, #240]
    str x2, [sp, #256]
    mov x0, sp
    ldr x1, [sp, #VCPU_OFFSET_STACK]
    mov sp, x1
    mov x29, xzr                /* backtraces end here */
.endm

/* x0: the vcpu. To the guest, with its registers. */
.macro reload_guest
    mov sp, x0
    ldp x30, x1, [sp, #240]
    ldr x2, [sp, #256]
    msr elr_el2, x1
    msr spsr_el2, x2
    each_pair ldp
    eret
    dsb nsh                     /* nothing is speculated past the eret */
    isb
.endm

.macro from_guest handler
    .balign 128
    save_guest
    bl \handler
    b guest_return
.endm

/* x0: the vcpu. The guest's key is stored, EL2's put in; x1 is left alone. */
.macro exchange_keys
    mrs x2, apiakeylo_el1
    mrs x3, apiakeyhi_el1
    ldp x4, x5, [x0, #VCPU_OFFSET_EL2_KEY]
    stp x2, x3, [x0, #VCPU_OFFSET_GUEST_KEY]
    msr apiakeylo_el1, x4
    msr apiakeyhi_el1, x5
    isb                         /* the handler signs with that key */
.endm

/* The same with keys. It fills the table's 32 instructions an entry. */
.macro from_guest_pauth handler
    .balign 128
    save_guest
    exchange_keys
    bl \handler
    b guest_return_pauth
.endm

/* The same by way of trap/trace.c, which calls the handler. Whether there are keys is asked each time. */
.macro from_guest_traced handler
    .balign 128
    save_guest
    adr x1, trace_\handler
    b traced_exit
.endm

.macro from_el2 number
    .balign 128
    mov x0, #\number
    b el2_exception
.endm

.macro vector_table from_guest
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7
    from_el2 \number            /* current EL: 0 to 3 with SP_EL0, which is never used */
    .endr
    \from_guest exit_sync       /* lower EL, AArch64 */
    \from_guest exit_irq
    \from_guest exit_irq        /* FIQ: none is routed here; a GIC read finds nothing */
    \from_guest exit_serror
    \from_guest exit_sync       /* lower EL, AArch32: EL0 under an AArch64 kernel */
    \from_guest exit_irq
    \from_guest exit_irq
    \from_guest exit_serror
    .balign 128
.endm

    .balign 2048
    .globl vectors, vectors_pauth, vectors_traced
vectors:
    vector_table from_guest
vectors_pauth:
    vector_table from_guest_pauth
vectors_traced:
    vector_table from_guest_traced

/* The handlers leave the vcpu where they found it: TPIDR_EL2 names it. */
FUNC(guest_return)
    mrs x0, tpidr_el2
    reload_guest
END(guest_return)

/* The same; first the guest's key again, in effect from the eret on. */
FUNC(guest_return_pauth)
    mrs x0, tpidr_el2
    ldp x1, x2, [x0, #VCPU_OFFSET_GUEST_KEY]
    msr apiakeylo_el1, x1
    msr apiakeyhi_el1, x2
    reload_guest
END(guest_return_pauth)

/* void guest_enter(void): run the current vcpu; its traps come back through the vectors. */
FUNC(guest_enter)
    BTI_C
    mrs x0, sctlr_el2
    tst x0, #SCTLR_EL2_EnIA
    b.eq guest_return
    b guest_return_pauth
END(guest_enter)

/* x0: the vcpu, x1: its handler. */
FUNC(traced_exit)
    mrs x2, sctlr_el2
    tst x2, #SCTLR_EL2_EnIA
    b.ne 1f
    blr x1
    b guest_return
1:
    exchange_keys
    blr x1
    b guest_return_pauth
END(traced_exit)

/*
 * An exception of EL2's own, by the number of its vector. The stack may be what failed: there
 * is another for this, for the first CPU that needs it; a second one waits for ever. If the first
 * one's report fails, it cuts that short; if even this fails, it waits as well.
 */
FUNC(el2_exception)
    mrs x1, elr_el2
    adr x2, dbgclaim_access
    cmp x1, x2
    b.eq dbgclaim_step_over
    LOAD_ADDRESS(x1, panic_taken)
    LOAD_ADDRESS(x4, panic_stack_top)
1:  ldaxr w2, [x1]
    cbnz w2, 2f
    mov w2, #1
    stxr w3, w2, [x1]
    cbnz w3, 1b
    mov x1, sp
    mov x2, x29
    mov x3, x30
    mov sp, x4
    bl panic_exception
2:  mov x3, sp
    sub x3, x4, x3
    cmp x3, #PANIC_STACK_SIZE   /* unsigned: 0 to that many bytes below the top is on it */
    b.hi 3f
    cmp w2, #1
    b.ne 3f
    mov w2, #2
    str w2, [x1]
    mov sp, x4
    bl panic_again
3:  wfe
    b 3b
END(el2_exception)

/*
 * void dbgclaim_clear(void): clear the debug claim tags, DBGCLAIMCLR_EL1. Every CPU has them but
 * QEMU's before 8.0, where the access is undefined and no ID register says so: it is stepped over.
 */
FUNC(dbgclaim_clear)
    BTI_C
    mov x0, #0xff
dbgclaim_access:
    msr dbgclaimclr_el1, x0
    ret
dbgclaim_step_over:
    add x1, x1, #4
    msr elr_el2, x1
    eret
END(dbgclaim_clear)

    .section .bss.panic, "aw", %nobits
    .balign 16
    .space PANIC_STACK_SIZE
panic_stack_top:
panic_taken:
    .space 4
