/* SPDX-License-Identifier: Apache-2.0 */
/* Single steps for tests on the host: PSTATE alone tells of them. */
#ifndef ARCH_STEP_H
#define ARCH_STEP_H

#include <stdint.h>

#include "regs.h"

struct step {
    uint64_t nothing;
};

static inline void step_begin(struct step *step, uint64_t *pstate)
{
    step->nothing = 0;
    *pstate |= PSR_SS;
}

static inline void step_end(const struct step *step, uint64_t *pstate)
{
    (void)step;
    *pstate &= ~PSR_SS;
}

#endif
