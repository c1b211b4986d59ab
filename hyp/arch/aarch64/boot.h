/* SPDX-License-Identifier: Apache-2.0 */
/* What boot.S and C agree on. */
#ifndef ARCH_BOOT_H
#define ARCH_BOOT_H

#define LINK_BASE 0x40200000 /* where an ELF loader puts us; hyp.lds.S */

/* Each CPU's stack lies above a guard page, which the final map leaves out. */
#define STACK_GUARD  0x1000
#define STACK_STRIDE 0x4000

/* Offsets into struct boot_cpu. */
#define BOOT_CPU_TTBR0 0
#define BOOT_CPU_MAIR  16
#define BOOT_CPU_STACK 32

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a CPU needs to run on the final map. Read with the MMU off: clean it to memory first. */
struct boot_cpu {
    uint64_t ttbr0;
    uint64_t tcr;
    uint64_t mair;
    uint64_t sctlr;
    uint64_t stack; /* its top */
    uint64_t index;
};

_Static_assert(offsetof(struct boot_cpu, ttbr0) == BOOT_CPU_TTBR0 &&
                   offsetof(struct boot_cpu, tcr) == BOOT_CPU_TTBR0 + 8,
               "boot.S loads the two as a pair");
_Static_assert(offsetof(struct boot_cpu, mair) == BOOT_CPU_MAIR &&
                   offsetof(struct boot_cpu, sctlr) == BOOT_CPU_MAIR + 8,
               "and these");
_Static_assert(offsetof(struct boot_cpu, stack) == BOOT_CPU_STACK &&
                   offsetof(struct boot_cpu, index) == BOOT_CPU_STACK + 8,
               "and these");

void boot_switch_map(const struct boot_cpu *cpu);
/*
 * Before that, the device at `pa` is to be used. False: it can't be, since it lies beside RAM or
 * above 512 GiB.
 */
bool boot_map_device(uint64_t pa);
/* Where PSCI starts the others, x0 a struct boot_cpu. */
void boot_secondary(void);
/* C's side: main.c. */
void main(uint64_t host_fdt) __attribute__((noreturn));
void main_secondary(uint64_t index) __attribute__((noreturn));
/* In place of main(), at EL1: trap/wrong_level.c. */
void main_wrong_level(uint64_t host_fdt) __attribute__((noreturn));

extern char boot_stacks[];

#endif
#endif
