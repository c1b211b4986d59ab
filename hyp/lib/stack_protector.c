/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiler's stack protector: functions with arrays keep a copy of the guard below their
 * return address and call __stack_chk_fail() when it has changed. main.c has the guard made at
 * boot.
 */
#include "lib/stack_protector.h"

#define FIRST_BYTE UINT64_C(0xff) /* it is 0: what runs over as a string stops there */

uint64_t __stack_chk_guard = UINT64_C(0x7472617072006f00);

__attribute__((no_stack_protector)) void stack_protector_seed(uint64_t seed)
{
    __stack_chk_guard = (__stack_chk_guard ^ seed) & ~FIRST_BYTE;
}
