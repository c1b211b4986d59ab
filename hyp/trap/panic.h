/* SPDX-License-Identifier: Apache-2.0 */
/* The hypervisor's own end: what it could not go on from, reported once. No guest input leads here.
 */
#ifndef TRAP_PANIC_H
#define TRAP_PANIC_H

#include <stdint.h>

#include "lib/log.h"

/* Say why, print the exit line and power the machine off. */
void panic(const char *fmt, ...) printf_like(1, 2) __attribute__((noreturn));

/*
 * An exception taken from EL2: the number of its vector, the stack pointer, the frame pointer and
 * x30, which says who called a function that keeps no frame.
 */
void panic_exception(uint64_t vector, uint64_t sp, uint64_t fp, uint64_t lr)
    __attribute__((noreturn));

/* An exception in the midst of panic_exception(): the end without more words. */
void panic_again(void) __attribute__((noreturn));

#endif
