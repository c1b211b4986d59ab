/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Image header and the first instructions of a guest's CPUs: the boot CPU moves the
 * image's pointers to where it runs and goes on in boot.c; the others come from smp.c.
 */
#define R_AARCH64_RELATIVE 1027
#define IMAGE_FLAG_4K      (1 << 1)
#define IMAGE_FLAG_ANY     (1 << 3) /* anywhere in memory */

    .section .head.text, "ax"
    .global image_head
image_head:
    b       guest_entry
    .long   0
    .quad   0 /* text_offset */
    .long   image_size, 0
    .quad   IMAGE_FLAG_4K | IMAGE_FLAG_ANY
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .long   0

    .macro address_of reg, symbol
    adrp    \reg, \symbol
    add     \reg, \reg, :lo12:\symbol
    .endm

/*
 * Enter with x0: the device tree's address, MMU off (arm64 boot protocol). A guest that looks at
 * its registers first has a guest_entry of its own, which goes on here.
 */
    .weak   guest_entry
guest_entry:
    .global start_boot_cpu
start_boot_cpu:
    msr     daifset, #0xf
    mov     x19, x0
    address_of x9, image_head
    address_of x10, rela_start
    address_of x11, rela_end
1:  cmp     x10, x11
    b.hs    2f
    ldp     x12, x13, [x10], #16
    ldr     x14, [x10], #8
    cmp     w13, #R_AARCH64_RELATIVE
    b.ne    1b
    add     x14, x14, x9
    str     x14, [x9, x12]
    b       1b
2:  address_of x10, bss_start
    address_of x11, bss_end
3:  cmp     x10, x11
    b.hs    4f
    stp     xzr, xzr, [x10], #16
    b       3b
4:  address_of x9, boot_stack_top
    mov     sp, x9
    mov     x29, xzr
    mov     x0, x19
    bl      boot_main
5:  wfi
    b       5b

/* Enter with x0: this CPU's struct cpu, whose first member is the top of its stack. */
    .global start_secondary_cpu
start_secondary_cpu:
    msr     daifset, #0xf
    ldr     x9, [x0]
    mov     sp, x9
    mov     x29, xzr
    bl      smp_secondary_main
6:  wfi
    b       6b

    .bss
    .balign 16
    .skip   16384
boot_stack_top:
