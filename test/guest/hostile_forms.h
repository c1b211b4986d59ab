/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions that access memory, made at random: hostile_forms.c. */
#ifndef TEST_GUEST_HOSTILE_FORMS_H
#define TEST_GUEST_HOSTILE_FORMS_H

#include "hostile.h"

struct form_tally {
    unsigned done, aborted, undefined;
};

/* FP and SIMD are allowed from here on. */
void form_init(void);

/* A random load or store whose base is `base` plus up to `room` bytes; the case fails where it
 * goes wrong. */
void form_try_random(uint64_t base, uint32_t room, struct form_tally *tally);

/* Each instruction of the SYS space with `va` as its operand. */
void form_try_maintenance(uint64_t va);

#endif
