/* SPDX-License-Identifier: Apache-2.0 */
/* Address translation for tests on the host: by a function of the test's. */
#ifndef ARCH_AT_H
#define ARCH_AT_H

#include <stdint.h>

/* `kind` is the instruction's operand. The test puts the result into fake_sysreg.par_el1. */
void fake_at(const char *kind, uint64_t va);

#define at_translate(kind, va) fake_at(#kind, va)

#endif
