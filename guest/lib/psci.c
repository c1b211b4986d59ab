/* SPDX-License-Identifier: Apache-2.0 */
/* PSCI calls: see psci.h. */
#include "psci.h"

#include "platform.h"

/* SMC Calling Convention (Arm DEN 0028), version 1.1: x4 to x17 are kept or changed at will. */
#define SMCCC_CALL(conduit)                                                                        \
    register uint64_t r0 __asm__("x0") = function;                                                 \
    register uint64_t r1 __asm__("x1") = x1;                                                       \
    register uint64_t r2 __asm__("x2") = x2;                                                       \
    register uint64_t r3 __asm__("x3") = x3;                                                       \
    __asm__ volatile(conduit " #0"                                                                 \
                     : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)                                      \
                     :                                                                             \
                     : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",      \
                       "x15", "x16", "x17", "memory");                                             \
    return (struct smccc_result)                                                                   \
    {                                                                                              \
        {                                                                                          \
            r0, r1, r2, r3                                                                         \
        }                                                                                          \
    }

struct smccc_result smccc_hvc(uint32_t function, uint64_t x1, uint64_t x2, uint64_t x3)
{
    SMCCC_CALL("hvc");
}

struct smccc_result smccc_smc(uint32_t function, uint64_t x1, uint64_t x2, uint64_t x3)
{
    SMCCC_CALL("smc");
}

int32_t psci_call(uint32_t function, uint64_t x1, uint64_t x2, uint64_t x3)
{
    struct smccc_result result =
        platform.psci_smc ? smccc_smc(function, x1, x2, x3) : smccc_hvc(function, x1, x2, x3);

    return (int32_t)result.x[0];
}

void psci_system_off(void)
{
    psci_call(PSCI_SYSTEM_OFF, 0, 0, 0);
    for (;;)
        __asm__ volatile("wfi");
}
