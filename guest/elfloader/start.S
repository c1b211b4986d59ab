/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loader's own entries, for the boot CPU and for the others, each of which may be at EL2; and the way into
 * the kernel. start.S of guest/lib goes on in between: boot_main (main.c), smp_secondary_main (cpus.c).
 */
#include "handover.h"

#define CURRENTEL_EL2   (2 << 2)
#define HCR_RW          (1 << 31)        /* EL1 is AArch64 */
#define HCR_APK_API     (3 << 40)        /* pointer authentication does not trap */
#define SCTLR_OFF       0x30d00800       /* the bits that are RES1; MMU and caches off */
#define CNTHCTL_EL1     3                /* counter and timer do not trap */
#define CPTR_NO_TRAPS   0x32ff           /* the bits that are RES1 but for SVE's trap */
#define SPSR_EL1H       0x3c5            /* DAIF masked */
#define ICC_SRE_ENABLE  (1 << 3 | 1)     /* GICv3's registers, for EL1, too */
#define ICC_SRE_EL2     s3_4_c12_c9_5

    .text

/* Leave EL2, if this CPU is there, for EL1. Keeps x0. */
to_el1:
    mrs     x9, CurrentEL
    cmp     x9, #CURRENTEL_EL2
    b.eq    1f
    ret
1:  ldr     x9, =(HCR_RW | HCR_APK_API)
    msr     hcr_el2, x9
    ldr     x9, =SCTLR_OFF
    msr     sctlr_el1, x9
    mov     x9, #CNTHCTL_EL1
    msr     cnthctl_el2, x9
    msr     cntvoff_el2, xzr
    mov     x9, #CPTR_NO_TRAPS
    msr     cptr_el2, x9
    msr     hstr_el2, xzr
    msr     vttbr_el2, xzr
    mrs     x9, midr_el1
    msr     vpidr_el2, x9
    mrs     x9, mpidr_el1
    msr     vmpidr_el2, x9
    mrs     x9, id_aa64dfr0_el1
    ubfx    x10, x9, #8, #4         /* PMUVer */
    sub     x10, x10, #1
    cmp     x10, #0xd
    mov     x9, xzr
    b.hi    2f                      /* 0 and 15: there are no counters to leave to EL1 */
    mrs     x9, pmcr_el0
    ubfx    x9, x9, #11, #5         /* N, all of them */
2:  msr     mdcr_el2, x9
    mrs     x9, id_aa64pfr0_el1
    ubfx    x9, x9, #24, #4         /* GIC */
    cbz     x9, 3f
    mrs     x9, ICC_SRE_EL2
    mov     x10, #ICC_SRE_ENABLE
    orr     x9, x9, x10
    msr     ICC_SRE_EL2, x9
    isb
3:  mov     x9, #SPSR_EL1H
    msr     spsr_el2, x9
    msr     elr_el2, x30
    eret

    .global guest_entry
guest_entry:
    mrs     x9, CurrentEL
    adrp    x10, handover_entered_at
    str     x9, [x10, :lo12:handover_entered_at]
    bl      to_el1
    b       start_boot_cpu

    .global cpus_entry
cpus_entry:
    bl      to_el1
    b       start_secondary_cpu

/*
 * handover_enter(handover, cpu): into the kernel as struct handover says. All is in registers before the MMU
 * is off, and these instructions are in the kernel's tables at the address where they are.
 */
    .global handover_enter
handover_enter:
    msr     daifset, #0xf
    msr     tpidr_el1, x1
    ldp     x10, x11, [x0, #HANDOVER_TTBR]
    ldp     x12, x13, [x0, #HANDOVER_MAIR]
    ldp     x14, x15, [x0, #HANDOVER_SCTLR]
    ldp     x4, x5, [x0, #HANDOVER_X4]
    ldp     x2, x3, [x0, #HANDOVER_X2]
    ldp     x0, x1, [x0]
    ldr     x9, =SCTLR_OFF
    msr     sctlr_el1, x9
    isb
    msr     ttbr0_el1, x10
    msr     ttbr1_el1, x11
    msr     mair_el1, x12
    msr     tcr_el1, x13
    isb
    tlbi    vmalle1
    ic      iallu
    dsb     nsh
    isb
    msr     sctlr_el1, x14
    isb
    br      x15
