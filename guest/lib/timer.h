/* SPDX-License-Identifier: Apache-2.0 */
/* Time, and the two EL1 timers (Arm ARM, "The Generic Timer in AArch64 state"). */
#ifndef GUEST_TIMER_H
#define GUEST_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "barrier.h"
#include "sysreg.h"

#define TIMER_PPI_VIRTUAL  27
#define TIMER_PPI_PHYSICAL 30

/* CNTx_CTL_EL0 */
#define TIMER_CTL_ENABLE  (1U << 0)
#define TIMER_CTL_IMASK   (1U << 1)
#define TIMER_CTL_ISTATUS (1U << 2)

/* How long to wait for what must come: the limit is for a hang, not for a slow machine. */
#define WAIT_US 60000000

static inline uint64_t timer_count(void)
{
    /* The counter is not read earlier than program order says. */
    isb();
    return read_sysreg(cntvct_el0);
}

static inline uint64_t timer_deadline_us(uint64_t microseconds)
{
    return timer_count() + microseconds * read_sysreg(cntfrq_el0) / 1000000;
}

static inline bool timer_passed(uint64_t deadline)
{
    return (int64_t)(timer_count() - deadline) >= 0;
}

/* A busy loop's breath: lets an emulator run the other CPUs. */
static inline void timer_relax(void)
{
    __asm__ volatile("yield" : : : "memory");
}

/* Spin for so many microseconds. */
static inline void timer_delay_us(uint64_t microseconds)
{
    uint64_t deadline = timer_deadline_us(microseconds);

    while (!timer_passed(deadline))
        timer_relax();
}

/* Spin until `condition` or for so many microseconds; the condition's last value. */
#define timer_wait_until(condition, microseconds)                                                  \
    ({                                                                                             \
        uint64_t deadline_ = timer_deadline_us(microseconds);                                      \
        bool met_;                                                                                 \
        while (!(met_ = (condition)) && !timer_passed(deadline_))                                  \
            timer_relax();                                                                         \
        met_;                                                                                      \
    })

#endif
