/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to firmware by the SMC calling convention (DEN 0028): arguments and result in x0 to x3. */
#ifndef ARCH_CONDUIT_H
#define ARCH_CONDUIT_H

#include <stdint.h>

#define CONDUIT_CALL(instruction)                                                                  \
    register uint64_t x0 __asm__("x0") = function;                                                 \
    register uint64_t x1 __asm__("x1") = a1;                                                       \
    register uint64_t x2 __asm__("x2") = a2;                                                       \
    register uint64_t x3 __asm__("x3") = a3;                                                       \
    __asm__ volatile(instruction                                                                   \
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)                                      \
                     :                                                                             \
                     : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",      \
                       "x15", "x16", "x17", "memory");                                             \
    return (int64_t)x0

static inline int64_t conduit_smc(uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3)
{
    CONDUIT_CALL("smc #0");
}

static inline int64_t conduit_hvc(uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3)
{
    CONDUIT_CALL("hvc #0");
}

#endif
