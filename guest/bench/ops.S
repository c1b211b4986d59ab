/* SPDX-License-Identifier: Apache-2.0 */
/* The timed pieces of the benchmark and the handler that they wake: ops.h says what each does. */
#define ICC_IAR1_EL1     S3_0_C12_C12_0
#define ICC_EOIR1_EL1    S3_0_C12_C12_1
#define ICC_SGI1R_EL1    S3_0_C12_C11_5
#define SLED             16
#define MAILBOX_DELAY    0
#define MAILBOX_STAMP    8
#define MAILBOX_INTID    16
#define MAILBOX_REPLY    24
#define VIRTUAL_TIMER    27
#define CTL_ENABLE       1

    .text

    /* Run `body` x0 times; the ticks it took go to x0. x1 is the body's; x9 to x11 are taken. */
    .macro timed_loop name, body:vararg
    .global \name
\name:
    mov     x10, x0
    mov     x11, x1
    isb
    mrs     x9, cntvct_el0
1:  \body
    subs    x10, x10, #1
    b.ne    1b
    isb
    mrs     x0, cntvct_el0
    sub     x0, x0, x9
    ret
    .endm

    .macro hvc_body
    mov     x0, x11
    hvc     #0
    .endm
    .macro touch_body
    str     xzr, [x11]
    add     x11, x11, #4096
    .endm

    timed_loop ops_empty
    timed_loop ops_hvc, hvc_body
    timed_loop ops_id_register, mrs x1, id_aa64mmfr0_el1
    timed_loop ops_read32, ldr w1, [x11]
    timed_loop ops_touch, touch_body

    /* Go on \delay instructions (a register, below SLED) after this; \scratch is used. */
    .macro sled delay, scratch
    adr     \scratch, 9f
    sub     \scratch, \scratch, \delay, lsl #2
    br      \scratch
    .rept SLED
    nop
    .endr
9:
    .endm

    /* Go on at the start of a counter tick. */
    .macro wait_for_tick a, b
    mrs     \a, cntvct_el0
8:  mrs     \b, cntvct_el0
    cmp     \a, \b
    b.eq    8b
    .endm

    .global ops_sgi_self
ops_sgi_self:
    mrs     x2, tpidr_el0
    wait_for_tick x3, x4
    sled    x0, x3
    mrs     x0, cntvct_el0
    msr     ICC_SGI1R_EL1, x1
    isb
1:  ldr     x3, [x2, #MAILBOX_STAMP]
    cbz     x3, 1b
    ret

    .global ops_timer_spin
ops_timer_spin:
    mrs     x2, tpidr_el0
    mov     x3, #CTL_ENABLE
    msr     cntv_cval_el0, x0
    msr     cntv_ctl_el0, x3
    isb
1:  ldr     x3, [x2, #MAILBOX_STAMP]
    cbz     x3, 1b
    ret

    .global ops_timer_wfi
ops_timer_wfi:
    mrs     x2, tpidr_el0
    mov     x3, #CTL_ENABLE
    msr     cntv_cval_el0, x0
    msr     cntv_ctl_el0, x3
    isb
1:  wfi
    ldr     x3, [x2, #MAILBOX_STAMP]
    cbz     x3, 1b
    ret

    .global ops_ipi
ops_ipi:
    wait_for_tick x3, x4
    sled    x0, x3
    mrs     x5, cntvct_el0
    msr     ICC_SGI1R_EL1, x1
    isb
    /* WFE, not a bare spin: an emulator that runs one CPU at a time moves on to the other. */
1:  ldr     x3, [x2]
    cbnz    x3, 2f
    wfe
    b       1b
2:  mrs     x0, cntvct_el0
    sub     x0, x0, x5
    ret

    .global ops_idle
ops_idle:
    wfi
    b       ops_idle

    /* All but the interrupt go to the library's own vectors. */
    .macro passed_on offset
    .balign 0x80
    b       exception_vectors + \offset
    .endm

    .balign 0x800
    .global ops_vectors
ops_vectors:
    passed_on 0x000
    passed_on 0x080
    passed_on 0x100
    passed_on 0x180
    passed_on 0x200
    .balign 0x80
    b       handle_irq
    passed_on 0x300
    passed_on 0x380
    passed_on 0x400
    passed_on 0x480
    passed_on 0x500
    passed_on 0x580
    passed_on 0x600
    passed_on 0x680
    passed_on 0x700
    passed_on 0x780

handle_irq:
    stp     x0, x1, [sp, #-32]!
    stp     x2, x3, [sp, #16]
    mrs     x0, ICC_IAR1_EL1
    mrs     x2, tpidr_el0
    ldr     x3, [x2, #MAILBOX_DELAY]
    sled    x3, x1
    mrs     x1, cntvct_el0
    cmp     w0, #VIRTUAL_TIMER
    b.ne    1f
    msr     cntv_ctl_el0, xzr
    isb
1:  msr     ICC_EOIR1_EL1, x0
    str     x0, [x2, #MAILBOX_INTID]
    str     x1, [x2, #MAILBOX_STAMP]
    ldr     x3, [x2, #MAILBOX_REPLY]
    cbz     x3, 2f
    mov     x1, #1
    str     x1, [x3]
    dsb     ishst
    sev
2:  ldp     x2, x3, [sp, #16]
    ldp     x0, x1, [sp], #32
    eret
