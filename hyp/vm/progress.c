/* SPDX-License-Identifier: Apache-2.0 */
/* What samples of a vCPU show. See progress.h. */
#include "vm/progress.h"

#include "regs.h"

#define VECTORS_SIZE 0x800 /* of the table at VBAR_EL1 */

static bool is_in_vectors(const struct progress_sample *sample, uint64_t address)
{
    return address - sample->vbar < VECTORS_SIZE;
}

/* In either execution state: EL1 is never AArch32. */
static bool is_el0(uint64_t pstate)
{
    return (pstate & PSR_M_EL) == 0;
}

static bool is_masked(const struct progress_sample *sample)
{
    return (sample->pstate & PSR_I) != 0;
}

enum progress_trouble progress_trouble(const struct progress_sample *last,
                                       const struct progress_sample *sample)
{
    if (!sample->on || !last->on || sample->work != last->work || is_el0(sample->pstate))
        return PROGRESS_FINE;
    if (is_in_vectors(sample, sample->pc) && is_in_vectors(sample, sample->elr))
        return PROGRESS_LOOP;
    if (is_masked(sample) && sample->pending)
        return PROGRESS_MASKED;
    return PROGRESS_FINE;
}

enum progress_sign progress_sign(const struct progress_sample *sample)
{
    if (!sample->on)
        return PROGRESS_STOPPED;
    if (is_el0(sample->pstate))
        return PROGRESS_LIVES;
    if ((sample->pstate & PSR_DAIF) == PSR_DAIF || (is_masked(sample) && sample->pending))
        return PROGRESS_STOPPED;
    if (sample->idle || (!is_masked(sample) && is_el0(sample->spsr)))
        return PROGRESS_LIVES;
    return PROGRESS_SPINS;
}

void progress_take(struct progress *progress, const struct progress_sample *sample)
{
    bool fine = progress_trouble(&progress->last, sample) == PROGRESS_FINE;

    progress->stuck = fine ? 0 : progress->stuck + 1;
    progress->dead = progress_sign(sample) == PROGRESS_LIVES ? 0 : progress->dead + 1;
    progress->last = *sample;
}
