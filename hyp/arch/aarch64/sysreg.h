/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing system registers, by the manual's names. */
#ifndef ARCH_SYSREG_H
#define ARCH_SYSREG_H

#include <stdint.h>

/*
 * The assembler knows registers by the architecture that has them: this one has all that are used.
 * "inline" below: it is no instruction, though the compiler counts lines.
 */
#define SYSREG_ARCH ".arch armv8.7-a+sve+rng\n"

#define read_sysreg(name)                                                                          \
    ({                                                                                             \
        uint64_t value_;                                                                           \
        __asm__ volatile inline(SYSREG_ARCH "mrs %0, " #name : "=r"(value_));                      \
        value_;                                                                                    \
    })

#define write_sysreg(value, name)                                                                  \
    __asm__ volatile inline(SYSREG_ARCH "msr " #name ", %x0" : : "rZ"((uint64_t)(value)))

/* X(n) for registers of which there are 16, and whose name has the number in it. */
#define SYSREG_0_TO_15(X)                                                                          \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

#endif
