/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU that runs this code: who it is, waiting, and the counter. */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include <stdint.h>

#include "regs.h"
#include "sysreg.h"
#include "vcpu_layout.h"

/*
 * Index of the vCPU that this CPU runs. TPIDR_EL2 holds its struct vcpu from vm start on; only code
 * that works for a guest may ask.
 */
static inline unsigned cpu_current_vcpu(void)
{
    const char *vcpu = (const char *)read_sysreg(tpidr_el2); /* NOLINT(performance-no-int-to-ptr) */

    return *(const unsigned *)(const void *)(vcpu + VCPU_OFFSET_INDEX);
}

/* The affinity fields of the CPU that runs this, as PSCI and the GIC take them. */
static inline uint64_t cpu_mpidr(void)
{
    return read_sysreg(mpidr_el1) & MPIDR_AFF_MASK;
}

static inline void cpu_set_current(const void *vcpu)
{
    write_sysreg((uint64_t)(uintptr_t)vcpu, tpidr_el2);
}

/* Be gentle while spinning. */
static inline void cpu_relax(void)
{
    __asm__ volatile("yield" : : : "memory");
}

/* Sleep until an interrupt is pending, masked or not. */
static inline void cpu_wfi(void)
{
    __asm__ volatile("dsb sy\n" /* what was written before is seen by whoever shall wake us */
                     "wfi"
                     :
                     :
                     : "memory");
}

static inline uint64_t cpu_counter(void)
{
    __asm__ volatile("isb" : : : "memory"); /* not read ahead of what came before */
    return read_sysreg(cntpct_el0);
}

#endif
