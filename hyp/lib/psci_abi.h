/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The numbers of PSCI (Arm DEN 0022): in the guest's calls (trap/psci.c) and in ours to the
 * machine's firmware (drv/host_psci.c).
 */
#ifndef LIB_PSCI_ABI_H
#define LIB_PSCI_ABI_H

#include <stdint.h>

/* Function identifiers (PSCI, "Functions"). */
#define PSCI_VERSION           UINT32_C(0x84000000)
#define PSCI_CPU_SUSPEND_32    UINT32_C(0x84000001)
#define PSCI_CPU_OFF           UINT32_C(0x84000002)
#define PSCI_CPU_ON_32         UINT32_C(0x84000003)
#define PSCI_CPU_ON_64         UINT32_C(0xc4000003)
#define PSCI_AFFINITY_INFO_32  UINT32_C(0x84000004)
#define PSCI_MIGRATE_INFO_TYPE UINT32_C(0x84000006)
#define PSCI_SYSTEM_OFF        UINT32_C(0x84000008)
#define PSCI_SYSTEM_RESET      UINT32_C(0x84000009)
#define PSCI_FEATURES          UINT32_C(0x8400000a)

#define PSCI_NUMBER UINT32_C(0x1f) /* PSCI's functions within the standard services */

/* PSCI, "Return error codes" */
#define PSCI_SUCCESS            0
#define PSCI_NOT_SUPPORTED      (-1)
#define PSCI_INVALID_PARAMETERS (-2)
#define PSCI_ALREADY_ON         (-4)
#define PSCI_ON_PENDING         (-5)
#define PSCI_INVALID_ADDRESS    (-9)

/* Results of AFFINITY_INFO */
#define PSCI_AFFINITY_ON         0
#define PSCI_AFFINITY_OFF        1
#define PSCI_AFFINITY_ON_PENDING 2

#endif
