/* SPDX-License-Identifier: Apache-2.0 */
/* Workers on the secondary CPUs: see worker.h. */
#include "worker.h"

#include "gic.h"
#include "timer.h"

struct job {
    smp_fn fn;
    void *arg;
    bool present; /* set by the asker, cleared by the worker when it is done */
};

static struct job jobs[PLATFORM_MAX_CPUS];

static bool is_present(const struct job *job)
{
    return __atomic_load_n(&job->present, __ATOMIC_ACQUIRE);
}

static void work(void *arg)
{
    struct job *job = arg;

    irq_enable();
    for (;;) {
        while (!is_present(job))
            timer_relax();
        job->fn(job->arg);
        __atomic_store_n(&job->present, false, __ATOMIC_RELEASE);
    }
}

bool worker_start_all(void)
{
    for (unsigned i = 0; i < platform.nr_cpus; i++)
        if (i != smp_this_cpu()->index && !smp_start_and_wait(i, work, &jobs[i]))
            return false;
    return true;
}

void worker_begin(unsigned cpu, smp_fn fn, void *arg)
{
    jobs[cpu].fn = fn;
    jobs[cpu].arg = arg;
    __atomic_store_n(&jobs[cpu].present, true, __ATOMIC_RELEASE);
}

bool worker_wait(unsigned cpu)
{
    return timer_wait_until(!is_present(&jobs[cpu]), WAIT_US);
}

bool worker_run(unsigned cpu, smp_fn fn, void *arg)
{
    worker_begin(cpu, fn, arg);
    return worker_wait(cpu);
}
