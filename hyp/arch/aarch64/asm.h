/* SPDX-License-Identifier: Apache-2.0 */
/* What the assembly files share. */
#ifndef ARCH_ASM_H
#define ARCH_ASM_H

/* clang-format off */
#define FUNC(name)                                                                                 \
    .globl name;                                                                                   \
    .type name, %function;                                                                         \
    .balign 4;                                                                                     \
    name:

#define END(name) .size name, . - name

/* A symbol's address, from wherever the image runs. */
#define LOAD_ADDRESS(register, symbol)                                                             \
    adrp register, symbol;                                                                         \
    add register, register, :lo12:symbol
/* clang-format on */

/* A landing pad for indirect branches; a NOP where the CPU has no BTI. */
#define BTI_C hint #34

#endif
