/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a guest's CPUs: see smp.h; start.S is where they begin. */
#include "smp.h"

#include "barrier.h"
#include "gic.h"
#include "mmu.h"
#include "psci.h"
#include "timer.h"

extern char start_secondary_cpu[];

struct cpu smp_cpus[PLATFORM_MAX_CPUS];
static char stacks[PLATFORM_MAX_CPUS][SMP_STACK_SIZE] __attribute__((aligned(16)));

void smp_set_this_cpu(unsigned index)
{
    smp_cpus[index].index = index;
    write_sysreg((uintptr_t)&smp_cpus[index], tpidr_el1);
}

int32_t smp_start(unsigned index, smp_fn fn, void *arg)
{
    struct cpu *cpu = &smp_cpus[index];

    cpu->stack_top = (uintptr_t)stacks[index] + SMP_STACK_SIZE;
    cpu->index = index;
    cpu->fn = fn;
    cpu->arg = arg;
    cpu->online = 0;
    /* The new CPU reads its stack's place with its caches off. */
    __asm__ volatile("dc civac, %0" : : "r"(cpu) : "memory");
    dsb(sy);
    return psci_call(PSCI_CPU_ON64, platform.mpidr[index], (uintptr_t)start_secondary_cpu,
                     (uintptr_t)cpu);
}

bool smp_start_and_wait(unsigned index, smp_fn fn, void *arg)
{
    uint64_t deadline = timer_deadline_us(WAIT_US);

    if (smp_start(index, fn, arg) != PSCI_SUCCESS)
        return false;
    while (!smp_cpus[index].online) {
        if (timer_passed(deadline))
            return false;
        timer_relax();
    }
    return true;
}

bool smp_wait_off(unsigned index)
{
    uint64_t deadline = timer_deadline_us(WAIT_US);

    while (psci_call(PSCI_AFFINITY_INFO64, platform.mpidr[index], 0, 0) != AFFINITY_OFF) {
        if (timer_passed(deadline))
            return false;
        timer_relax();
    }
    return true;
}

void smp_secondary_main(struct cpu *cpu)
{
    mmu_enable();
    smp_set_this_cpu(cpu->index);
    exception_init();
    gic_init_cpu();
    __atomic_store_n(&cpu->online, 1, __ATOMIC_RELEASE);
    cpu->fn(cpu->arg);
    psci_call(PSCI_CPU_OFF, 0, 0, 0);
}
