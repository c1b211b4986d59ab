/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of the Power State Coordination Interface (Arm DEN 0022), by the conduit of choice. */
#ifndef GUEST_PSCI_H
#define GUEST_PSCI_H

#include <stdint.h>

#define PSCI_VERSION           0x84000000U
#define PSCI_CPU_SUSPEND32     0x84000001U
#define PSCI_CPU_SUSPEND64     0xc4000001U
#define PSCI_CPU_OFF           0x84000002U
#define PSCI_CPU_ON32          0x84000003U
#define PSCI_CPU_ON64          0xc4000003U
#define PSCI_AFFINITY_INFO32   0x84000004U
#define PSCI_AFFINITY_INFO64   0xc4000004U
#define PSCI_MIGRATE_INFO_TYPE 0x84000006U
#define PSCI_SYSTEM_OFF        0x84000008U
#define PSCI_SYSTEM_RESET      0x84000009U
#define PSCI_FEATURES          0x8400000aU
#define SMCCC_VERSION          0x80000000U
#define SMCCC_ARCH_FEATURES    0x80000001U
#define TRNG_VERSION           0x84000050U
#define TRNG_FEATURES          0x84000051U
#define TRNG_RND64             0xc4000053U

#define PSCI_SUCCESS            0
#define PSCI_NOT_SUPPORTED      (-1)
#define PSCI_INVALID_PARAMETERS (-2)
#define PSCI_DENIED             (-3)
#define PSCI_ALREADY_ON         (-4)
#define PSCI_ON_PENDING         (-5)
#define PSCI_INVALID_ADDRESS    (-9)

#define AFFINITY_ON         0
#define AFFINITY_OFF        1
#define AFFINITY_ON_PENDING 2

/* x0 to x3 of an answer. */
struct smccc_result {
    uint64_t x[4];
};

struct smccc_result smccc_hvc(uint32_t function, uint64_t x1, uint64_t x2, uint64_t x3);
struct smccc_result smccc_smc(uint32_t function, uint64_t x1, uint64_t x2, uint64_t x3);

/* A PSCI call by the conduit that the tree names; its answer as the signed 32-bit number PSCI
 * defines. */
int32_t psci_call(uint32_t function, uint64_t x1, uint64_t x2, uint64_t x3);

void psci_system_off(void) __attribute__((noreturn));

#endif
