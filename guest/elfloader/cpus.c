/* SPDX-License-Identifier: Apache-2.0 */
/* The other CPUs. Contract in cpus.h; start.S is where they begin, at EL2 or EL1. */
#include "cpus.h"

#include <stdbool.h>

#include "cache.h"
#include "console.h"
#include "fail.h"
#include "mmu.h"
#include "platform.h"
#include "psci.h"
#include "timer.h"

#define STACK_SIZE     4096
#define MPIDR_AFFINITY UINT64_C(0xff00ffffff)

/* The first member is for start.S of guest/lib. */
struct waiting_cpu {
    uint64_t stack_top;
    uint64_t number;
    bool online; /* set by itself */
};

extern char cpus_entry[];
void smp_secondary_main(struct waiting_cpu *cpu);

static struct waiting_cpu cpus[PLATFORM_MAX_CPUS];
static char stacks[PLATFORM_MAX_CPUS][STACK_SIZE] __attribute__((aligned(16)));
static const struct handover *released; /* set when they may go */

void smp_secondary_main(struct waiting_cpu *cpu)
{
    const struct handover *handover;

    fail_on_exceptions();
    mmu_enable();
    __atomic_store_n(&cpu->online, true, __ATOMIC_RELEASE);
    while ((handover = __atomic_load_n(&released, __ATOMIC_ACQUIRE)) == NULL)
        timer_relax();
    handover_enter(handover, cpu->number);
}

static void start_one(uint64_t mpidr, unsigned number)
{
    struct waiting_cpu *cpu = &cpus[number];
    int32_t answer;

    cpu->stack_top = (uintptr_t)stacks[number] + STACK_SIZE;
    cpu->number = number;
    cache_clean_inval_poc(cpu, sizeof(*cpu)); /* it reads this with its caches off */
    answer = psci_call(PSCI_CPU_ON64, mpidr, (uintptr_t)cpus_entry, (uintptr_t)cpu);
    if (answer != PSCI_SUCCESS)
        fail_with("CPU %u, MPIDR 0x%lx, can't be started: PSCI says %d", number, mpidr, answer);
    if (!timer_wait_until(__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE), WAIT_US))
        fail_with("CPU %u, MPIDR 0x%lx, does not come", number, mpidr);
    printf("elfloader: CPU %u, MPIDR 0x%lx, waits\n", number, mpidr);
}

unsigned cpus_start(unsigned count)
{
    uint64_t own = read_sysreg(mpidr_el1) & MPIDR_AFFINITY;
    unsigned running = 1;

    if (count > platform.nr_cpus)
        fail_with("the configuration wants %u CPUs, the machine has %u", count, platform.nr_cpus);
    if (count == 0)
        count = platform.nr_cpus;
    for (unsigned i = 0; i < platform.nr_cpus && running < count; i++) {
        if (platform.mpidr[i] != own)
            start_one(platform.mpidr[i], running++);
    }
    return running;
}

void cpus_release(const struct handover *handover)
{
    __atomic_store_n(&released, handover, __ATOMIC_RELEASE);
}
