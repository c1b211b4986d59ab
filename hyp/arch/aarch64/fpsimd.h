/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARCH_FPSIMD_H
#define ARCH_FPSIMD_H

/* Clear the vector registers, all of their length, with what they held of EL2's boot. */
void fpsimd_clear(void);

#endif
