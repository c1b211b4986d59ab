/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first instructions of this guest's CPUs: all registers into a struct leak_state, before
 * anything has changed them. And the opposite: something into all registers. See leak.h.
 */
#include "leak.h"

#define PSCI_CPU_OFF 0x84000002
#define CPACR_ALL    0x330000   /* FPEN, ZEN */
#define ZCR_ALL      0xf

    .arch   armv8.3-a+sve
    .altmacro

    .macro each_vector what, count
    .set    n, 0
    .rept   \count
    \what   %n
    .set    n, n + 1
    .endr
    .endm
    .macro store_v n
    str     q\n, [x1, #16 * \n]
    .endm
    .macro store_z n
    str     z\n, [x1, #\n, mul vl]
    .endm
    .macro store_p n
    str     p\n, [x1, #\n, mul vl]
    .endm
    .macro fill_v n
    movi    v\n\().16b, #(\n + 0x41)
    .endm
    .macro fill_z n
    dup     z\n\().b, #(\n + 0x41)
    .endm
    .macro fill_p n
    ptrue   p\n\().b
    .endm
    .macro fill_x n
    ldr     x\n, =(LEAK_FILL | 0x100 | \n)
    .endm

#define STORE_REG(name, entry, fill) mrs x2, name; str x2, [x1], #8;
#define FILL_REG(name, entry, fill)  ldr x2, =(fill); msr name, x2;
#define STORE_KEY(name)              mrs x2, name; str x2, [x1], #8;
#define FILL_KEY(name)               ldr x2, =(LEAK_FILL | 0x77); msr name, x2;

    .text
/* Branch unless the CPU has SVE, or the keys. These are reads that trap. x2 is used. */
    .macro unless_sve where
    mrs     x2, id_aa64pfr0_el1
    ubfx    x2, x2, #32, #4
    cbz     x2, \where
    .endm
    .macro unless_ras where
    mrs     x2, id_aa64pfr0_el1
    ubfx    x2, x2, #28, #4
    cbz     x2, \where
    .endm
    .macro unless_pmu where
    mrs     x2, id_aa64dfr0_el1
    ubfx    x2, x2, #8, #4
    cbz     x2, \where
    cmp     x2, #15
    b.eq    \where
    .endm
    .macro unless_keys where
    mrs     x2, id_aa64isar1_el1
    tst     x2, #0xff0
    b.eq    \where
    .endm

/* x0: a struct leak_state with x0 and x1 in it. Uses x1, x2; leaves CPACR_EL1 as it was. */
store_all:
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
    mov     x1, sp
    str     x1, [x0, #LEAK_SP]
    add     x1, x0, #LEAK_SYSREG
    LEAK_SYSREGS(STORE_REG)
    unless_pmu 4f
    add     x1, x0, #LEAK_PMU
    LEAK_PMU_REGS(STORE_REG)
4:  mrs     x2, daif
    str     x2, [x0, #LEAK_OPTION + 8 * LEAK_OPTION_DAIF]
    mrs     x2, currentel
    str     x2, [x0, #LEAK_OPTION + 8 * LEAK_OPTION_EL]
    mrs     x2, spsel
    str     x2, [x0, #LEAK_OPTION + 8 * LEAK_OPTION_SP]
    mov     x2, #CPACR_ALL
    msr     cpacr_el1, x2
    isb
    add     x1, x0, #LEAK_V
    each_vector store_v, 32
    mrs     x2, fpcr
    str     x2, [x0, #LEAK_FPCR]
    mrs     x2, fpsr
    str     x2, [x0, #LEAK_FPSR]
    mrs     x2, oslsr_el1
    str     x2, [x0, #LEAK_OPTION + 8 * LEAK_OPTION_LOCK]
    unless_ras 3f
    mrs     x2, S3_0_C12_C1_1   /* DISR_EL1 */
    str     x2, [x0, #LEAK_OPTION + 8 * LEAK_OPTION_DISR]
3:  unless_keys 1f
    add     x1, x0, #LEAK_OPTION
    LEAK_KEYS(STORE_KEY)
1:  unless_sve 2f
    mrs     x2, zcr_el1
    str     x2, [x0, #LEAK_OPTION + 8 * LEAK_OPTION_ZCR]
    mov     x2, #ZCR_ALL
    msr     zcr_el1, x2
    isb
    rdvl    x2, #1
    str     x2, [x0, #LEAK_VL]
    add     x1, x0, #LEAK_Z
    each_vector store_z, 32
    add     x1, x0, #LEAK_P
    each_vector store_p, 16
    rdffr   p0.b
    add     x1, x0, #LEAK_FFR
    str     p0, [x1]
    msr     zcr_el1, xzr
2:  msr     cpacr_el1, xzr
    isb
    dsb     sy
    mov     x2, #1
    str     x2, [x0, #LEAK_DONE]
    dsb     sy
    ret

/*
 * In place of start.S's first instructions. x1 is zero, as the boot protocol has it, and so a
 * register to begin with; if not, x0 is sacrificed, and the test fails by x1.
 */
    .global guest_entry
guest_entry:
    cbnz    x1, 1f
    adrp    x1, leak_boot
    add     x1, x1, :lo12:leak_boot
    stp     x0, xzr, [x1]
    mov     x0, x1
    b       2f
1:  adrp    x0, leak_boot
    add     x0, x0, :lo12:leak_boot
    stp     xzr, x1, [x0]
2:  str     x30, [x0, #240]
    bl      store_all
    ldr     x0, [x0]
    b       start_boot_cpu

    .global leak_cpu_entry
leak_cpu_entry:
    stp     x0, x1, [x0]
    str     x30, [x0, #240]
    bl      store_all
    ldr     x3, [x0, #LEAK_STAY]
    ldr     x0, =PSCI_CPU_OFF
    cbz     x3, leak_fill_and_call
    mov     x0, #0

/* x0: a function that does not return, or 0: wait. The MMU goes off, so that all may be written. */
    .global leak_fill_and_call
leak_fill_and_call:
    msr     daifset, #0xf
    dsb     sy
    ldr     x2, =LEAK_SCTLR
    msr     sctlr_el1, x2
    isb
    LEAK_SYSREGS(FILL_REG)
    isb
    each_vector fill_v, 32
    mov     x2, #(3 << 22)
    msr     fpcr, x2
    mov     x2, #0x1f
    msr     fpsr, x2
    msr     oslar_el1, xzr
    unless_ras 4f
    mov     x2, #1
    msr     S3_0_C12_C1_1, x2
4:  unless_pmu 5f
    LEAK_PMU_REGS(FILL_REG)
5:  unless_keys 1f
    LEAK_KEYS(FILL_KEY)
1:  unless_sve 2f
    mov     x2, #ZCR_ALL
    msr     zcr_el1, x2
    isb
    each_vector fill_z, 32
    each_vector fill_p, 16
    setffr
2:  ldr     x2, =(LEAK_FILL | 0x120)
    mov     sp, x2
    .set    n, 1
    .rept   30
    fill_x  %n
    .set    n, n + 1
    .endr
    cbz     x0, 3f
    hvc     #0
3:  wfi
    b       3b
    .ltorg

/* Not in .bss, which start.S clears. */
    .data
    .balign 64
    .global leak_boot
leak_boot:
    .skip   LEAK_SIZE
