/* SPDX-License-Identifier: Apache-2.0 */
/* The compiler's stack protector. The names with underscores are the compiler's choice. */
#ifndef LIB_STACK_PROTECTOR_H
#define LIB_STACK_PROTECTOR_H

#include <stdint.h>

extern uint64_t __stack_chk_guard;

/*
 * Let the guard be made from these bits, which should be random. Until then it is a constant. Once,
 * from a function that never returns, with no other in progress: the guards of those would differ.
 */
void stack_protector_seed(uint64_t seed);

/* A function's stack frame was overrun. In trap/panic.c. */
void __stack_chk_fail(void) __attribute__((noreturn));

#endif
