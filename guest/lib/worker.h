/* SPDX-License-Identifier: Apache-2.0 */
/* Secondary CPUs that wait for functions to run, for tests with more than one CPU. */
#ifndef GUEST_WORKER_H
#define GUEST_WORKER_H

#include <stdbool.h>

#include "smp.h"

/* Start every CPU but the calling one as a worker, interrupts unmasked; false when one doesn't
 * come. */
bool worker_start_all(void);

/* Have CPU `cpu` call `fn`, and wait until it has returned; false after ten seconds. */
bool worker_run(unsigned cpu, smp_fn fn, void *arg);

/* The same without waiting; worker_wait waits. */
void worker_begin(unsigned cpu, smp_fn fn, void *arg);
bool worker_wait(unsigned cpu);

#endif
