/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARCH_FPSIMD_H
#define ARCH_FPSIMD_H

/* Clear the vector registers, all of their length, with what they held of EL2's boot. */
void fpsimd_clear(void);
/* Predicates and FFR, which are not part of those. The CPU has SVE, and EL2 may use it. */
void sve_clear_predicates(void);

#endif
