/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiler's stack protector: functions with arrays keep a copy of the guard below their
 * return address and come here when it has changed. main.c gives the guard a value at boot.
 */
#include "lib/stack_protector.h"

uint64_t __stack_chk_guard = UINT64_C(0x7472617072006f6d);

void __stack_chk_fail(void)
{
    stack_protector_failed();
}
