/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of the sysreg family share. */
#ifndef TEST_GUEST_SYSREG_COMMON_H
#define TEST_GUEST_SYSREG_COMMON_H

#include "exception.h"
#include "smp.h"
#include "sysreg.h"
#include "testcase.h"

/* Cases on state that survives exits: sysreg_state.c. */
extern const struct test_case sysreg_state_cases[];

#endif
