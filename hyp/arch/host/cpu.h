/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU for tests on the host: a thread that says which one it plays. */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include <sched.h>
#include <stdint.h>

#include "sysreg.h"

extern _Thread_local unsigned fake_cpu_index;

static inline unsigned cpu_current_vcpu(void)
{
    return fake_cpu_index;
}

static inline uint64_t cpu_mpidr(void)
{
    return fake_cpu_index;
}

static inline uint64_t cpu_counter(void)
{
    return read_sysreg(cntpct_el0);
}

static inline void cpu_relax(void)
{
    sched_yield();
}

/* An interrupt is always there. */
static inline void cpu_wfi(void)
{
}

#endif
