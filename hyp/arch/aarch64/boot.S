/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From reset to C. Traproom starts as a Linux kernel would (Linux, "Booting AArch64 Linux"):
 * at EL2, MMU off, x0 the host's device tree; from an ELF loader x0 may be 0.
 *
 * The first CPU runs on a map of its own making, blocks of a GiB for what the image and the
 * machine's tree touch, until main.c has made the real one (mm/hyp_map.c) and calls
 * boot_switch_map(). The others, started by PSCI at boot_secondary, find the real one ready.
 */
#include "asm.h"
#include "boot.h"
#include "lib/limits.h"

#define SCTLR_BOOT   0x30c51835 /* RES1, I, C, M; SA waits for the stack */
#define TCR_BOOT     0x80803519 /* T0SZ 25: 39 bits; inner shareable, write-back, 4 KiB; RES1 */
#define MAIR_BOOT    0x04ff     /* Attr0: normal, write-back; Attr1: Device-nGnRE */
#define BLOCK_BOOT   0x741      /* a block: AF, inner shareable, RES1 of AP, Attr0 */
#define BLOCK_EL1    0x701      /* the same for EL1, which executes nothing that EL0 could write */
#define DEVICE_BOOT  0x445      /* a block: AF, RES1 of AP, Attr1 */
#define XN_BOOT      0x40       /* execute-never, bit 54, in the upper 16 bits */
#define BOOT_VA_BITS 39         /* as TCR_BOOT has them */
#define GIB_SHIFT    30
#define CURRENT_EL1  (1 << 2)
#define CURRENT_EL2  (2 << 2)
#define CPACR_FPEN   (3 << 20)
#define IMAGE_MAGIC  0x644d5241 /* "ARM\x64" */
#define R_AARCH64_RELATIVE 1027

/* At EL2, or nowhere. */
.macro require_el2
    mrs x1, CurrentEL
    cmp x1, #CURRENT_EL2
    b.ne park
.endm

/* To `function` in C, which does not return, with x0 for an argument and x1 the stack's top. */
.macro enter_c function
    LOAD_ADDRESS(x2, vectors)
    msr vbar_el2, x2
    msr tpidr_el2, xzr
    mov sp, x1
    mov x29, xzr
    mov x30, xzr
    bl \function
    b park
.endm

    .section .head.text, "ax"

/* The arm64 Image header. */
    .globl _head
_head:
    b boot_primary
    .long 0
    .quad 0x200000              /* text_offset */
    .quad _image_size
    .quad 0xa                   /* flags: little endian, 4 KiB pages, anywhere in memory */
    .quad 0
    .quad 0
    .quad 0
    .long IMAGE_MAGIC
    .long 0

/* x0: the host's device tree, or 0. At EL1, too: then only to say that this is the wrong one. */
FUNC(boot_primary)
    mrs x23, CurrentEL
    mov x22, #BLOCK_BOOT
    cmp x23, #CURRENT_EL2
    b.eq 2f
    mov x22, #BLOCK_EL1
    cmp x23, #CURRENT_EL1
    b.ne park
2:  mov x20, x0
    adrp x21, _head
    cbnz x20, 1f
    lsr x20, x21, #GIB_SHIFT    /* QEMU leaves it at the base of RAM: look there */
    lsl x20, x20, #GIB_SHIFT
1:
    LOAD_ADDRESS(x0, boot_table)
    mov x1, x21
    bl map_gib
    adrp x1, __bss_end
    sub x1, x1, #1              /* the image's last byte */
    bl map_gib
    mov x1, x20
    bl map_gib
    add x1, x20, #DT_MAX_SIZE      /* what the tree may reach */
    bl map_gib
    dsb sy                      /* the table is in memory before the walker looks */
    ldr x1, =TCR_BOOT
    mrs x2, id_aa64mmfr0_el1
    and x2, x2, #7              /* PARange up to 48 bits */
    cmp x2, #5
    mov x3, #5
    csel x2, x2, x3, ls
    orr x1, x1, x2, lsl #16     /* TCR_EL2.PS */
    ldr x2, =MAIR_BOOT
    ldr x3, =SCTLR_BOOT
    cmp x23, #CURRENT_EL2
    b.ne 3f
    bl set_map
    b 4f
3:  bl set_map_el1
4:
    adrp x0, __bss_start
    adrp x2, __bss_end          /* both page aligned */
    sub x2, x2, x0
    mov w1, #0
    bl memset
    bl relocate
    adrp x1, boot_stacks
    add x1, x1, #STACK_STRIDE   /* CPU 0's; no page of it lies above it */
    mov x0, x20
    cmp x23, #CURRENT_EL2
    b.ne 5f
    enter_c main
5:  mov sp, x1
    mov x29, xzr
    mov x30, xzr
    bl main_wrong_level
END(boot_primary)

/* Map the GiB around x1 by a block, with the attributes x22, of the table at x0. Clobbers x2, x3. */
FUNC(map_gib)
    ubfx x2, x1, #GIB_SHIFT, #9
    lsr x3, x1, #GIB_SHIFT
    lsl x3, x3, #GIB_SHIFT
    orr x3, x3, x22
    add x2, x0, x2, lsl #3
    str x3, [x2]
    dc ivac, x2                 /* no stale line in front of what was written uncached */
    ret
END(map_gib)

/*
 * bool boot_map_device(uint64_t pa): map the GiB around it on the first map, as a device. False: it
 * is mapped as memory, or lies beyond that map.
 */
FUNC(boot_map_device)
    BTI_C
    lsr x1, x0, #BOOT_VA_BITS
    cbnz x1, 1f
    LOAD_ADDRESS(x1, boot_table)
    ubfx x2, x0, #GIB_SHIFT, #9
    ldr x3, [x1, x2, lsl #3]
    cbnz x3, 1f
    lsr x3, x0, #GIB_SHIFT
    lsl x3, x3, #GIB_SHIFT
    mov x4, #DEVICE_BOOT
    movk x4, #XN_BOOT, lsl #48
    orr x3, x3, x4
    str x3, [x1, x2, lsl #3]
    dsb ishst                   /* the walker sees it */
    isb                         /* before what follows is fetched and translated */
    mov w0, #1
    ret
1:  mov w0, #0
    ret
END(boot_map_device)

/* Linked at an address of its own, running at another: add the difference where it matters. */
FUNC(relocate)
    LOAD_ADDRESS(x0, __rela_start)
    LOAD_ADDRESS(x1, __rela_end)
    adrp x2, _head
    ldr x3, =LINK_BASE
    sub x2, x2, x3
1:  cmp x0, x1
    b.hs 2f
    ldp x3, x4, [x0], #24       /* r_offset, r_info */
    ldur x5, [x0, #-8]          /* r_addend */
    cmp w4, #R_AARCH64_RELATIVE
    b.ne 1b
    add x5, x5, x2
    str x5, [x3, x2]
    b 1b
2:  ret
END(relocate)

/* Started by PSCI CPU_ON; x0: its struct boot_cpu. */
FUNC(boot_secondary)
    require_el2
    mov x20, x0
    ldp x0, x1, [x20, #BOOT_CPU_TTBR0]
    ldp x2, x3, [x20, #BOOT_CPU_MAIR]
    bl set_map
    ldp x1, x0, [x20, #BOOT_CPU_STACK]
    enter_c main_secondary
END(boot_secondary)

/* Translate by TTBR0 x0, TCR x1, MAIR x2, SCTLR x3. The MMU is off. */
set_map:
    msr ttbr0_el2, x0
    msr tcr_el2, x1
    msr mair_el2, x2
    tlbi alle2
    ic iallu
    dsb nsh                     /* both are done before translation begins */
    isb
    msr sctlr_el2, x3
    isb                         /* from here on through the map */
    ret

/*
 * The same at EL1, whose fields are in the same places but for the size of physical addresses, x1's
 * bits 18 to 16 (here the size of the upper half, which TCR_BOOT turns off). libfdt may use vectors.
 */
set_map_el1:
    ubfx x4, x1, #16, #3
    orr x1, x1, x4, lsl #32     /* TCR_EL1.IPS */
    mov x4, #CPACR_FPEN
    msr cpacr_el1, x4
    msr ttbr0_el1, x0
    msr tcr_el1, x1
    msr mair_el1, x2
    tlbi vmalle1
    ic iallu
    dsb nsh
    isb
    msr sctlr_el1, x3
    isb
    ret

/*
 * void boot_switch_map(const struct boot_cpu *): from the map that is on to the one named. Both
 * map this code at its own address; in between there is none, nor any access to data.
 */
FUNC(boot_switch_map)
    BTI_C
    mov x4, x30
    mov x5, x0
    ldp x0, x1, [x5, #BOOT_CPU_TTBR0]
    ldp x2, x3, [x5, #BOOT_CPU_MAIR]
    mrs x6, sctlr_el2
    bic x6, x6, #1
    dsb sy                      /* all that was written is there, whatever the map */
    msr sctlr_el2, x6
    isb                         /* the MMU is off */
    bl set_map
    ret x4
END(boot_switch_map)

park:
    wfe
    b park

    .section .data.boot, "aw"
    .balign 4096
boot_table:
    .fill 512, 8, 0
