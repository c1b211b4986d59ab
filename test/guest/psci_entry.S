/* SPDX-License-Identifier: Apache-2.0 */
/* Where psci.c starts a CPU to see in what state it comes: x0 is a struct entry_state. */
#define PSCI_CPU_OFF 0x84000002

    .text
    .global psci_entry
psci_entry:
    mrs     x1, currentel
    mrs     x2, daif
    mrs     x3, sctlr_el1
    mrs     x4, spsel
    mrs     x5, mpidr_el1
    mov     x6, #1
    stp     x0, x1, [x0]
    stp     x2, x3, [x0, #16]
    stp     x4, x5, [x0, #32]
    dsb     sy
    str     x6, [x0, #48]
    dsb     sy
    ldr     x0, =PSCI_CPU_OFF
    hvc     #0
1:  wfi
    b       1b
    .ltorg
