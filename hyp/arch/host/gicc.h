/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU interface for tests on the host: the test plays the GIC. */
#ifndef ARCH_GICC_H
#define ARCH_GICC_H

#include <stdint.h>

uint32_t gicc_acknowledge(void);
uint32_t gicc_pending(void);
void gicc_eoi(uint32_t intid);
void gicc_deactivate(uint32_t intid);

#endif
