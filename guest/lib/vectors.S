/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EL1's vectors: save all in a struct exception_frame, ask exception.c what to do,
 * restore (exception.h has the layout).
 */
#define FRAME_SIZE 288
#define FRAME_ELR  248
#define FRAME_SPSR 256
#define FRAME_ESR  264
#define FRAME_FAR  272

    .macro vector handler
    .balign 0x80
    sub     sp, sp, #FRAME_SIZE
    stp     x0, x1, [sp, #0]
    adr     x0, \handler
    b       save_and_call
    .endm

    .macro bad_vectors
    .rept 4
    vector  exception_fatal
    .endr
    .endm

    .text
    .balign 0x800
    .global exception_vectors
exception_vectors:
    bad_vectors
    vector  exception_sync
    vector  exception_irq
    vector  exception_fatal
    vector  exception_serror
    bad_vectors
    bad_vectors

/* x0: the handler's address; x0 and x1 are in the frame. */
save_and_call:
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
    mov     x9, x0
    mrs     x1, elr_el1
    mrs     x2, spsr_el1
    mrs     x3, esr_el1
    mrs     x4, far_el1
    stp     x1, x2, [sp, #FRAME_ELR]
    stp     x3, x4, [sp, #FRAME_ESR]
    mov     x0, sp
    blr     x9
    ldp     x1, x2, [sp, #FRAME_ELR]
    msr     elr_el1, x1
    msr     spsr_el1, x2
    ldp     x2, x3, [sp, #16]
    ldp     x4, x5, [sp, #32]
    ldp     x6, x7, [sp, #48]
    ldp     x8, x9, [sp, #64]
    ldp     x10, x11, [sp, #80]
    ldp     x12, x13, [sp, #96]
    ldp     x14, x15, [sp, #112]
    ldp     x16, x17, [sp, #128]
    ldp     x18, x19, [sp, #144]
    ldp     x20, x21, [sp, #160]
    ldp     x22, x23, [sp, #176]
    ldp     x24, x25, [sp, #192]
    ldp     x26, x27, [sp, #208]
    ldp     x28, x29, [sp, #224]
    ldr     x30, [sp, #240]
    ldp     x0, x1, [sp, #0]
    add     sp, sp, #FRAME_SIZE
    eret
