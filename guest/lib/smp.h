/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's CPUs: what each keeps for itself, and starting them. */
#ifndef GUEST_SMP_H
#define GUEST_SMP_H

#include <stdbool.h>
#include <stdint.h>

#include "exception.h"
#include "platform.h"
#include "sysreg.h"

#define SMP_STACK_SIZE 8192

typedef void (*smp_fn)(void *arg);

/* TPIDR_EL1 points at the running CPU's. start.S reads the first member. */
struct cpu {
    uint64_t stack_top;
    unsigned index;
    uint64_t gicr; /* address of its redistributor, 0 before gic_init_cpu */
    smp_fn fn;
    void *arg;
    bool fault_armed;
    struct fault fault;
    bool serror_expected;
    unsigned serrors;
    volatile uint32_t online; /* set by the CPU itself once it runs C */
};

extern struct cpu smp_cpus[PLATFORM_MAX_CPUS];

static inline struct cpu *smp_this_cpu(void)
{
    return (struct cpu *)read_sysreg(tpidr_el1);
}

/* Make the calling CPU number `index`. */
void smp_set_this_cpu(unsigned index);

/*
 * Start CPU `index` by PSCI CPU_ON in `fn`, with its MMU, vectors and GIC set up and
 * interrupts masked. When `fn` returns, the CPU turns itself off. The answer is PSCI's.
 */
int32_t smp_start(unsigned index, smp_fn fn, void *arg);

/* Start CPU `index` and wait until it runs; false when it does not. */
bool smp_start_and_wait(unsigned index, smp_fn fn, void *arg);

/* Wait until PSCI says that CPU `index` is off; false after five seconds. */
bool smp_wait_off(unsigned index);

/* Called by start.S. */
void smp_secondary_main(struct cpu *cpu);

#endif
