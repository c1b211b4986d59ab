/* SPDX-License-Identifier: Apache-2.0 */
/* The other CPUs: started by PSCI, kept waiting, sent into the kernel. Used by main.c. */
#ifndef ELFLOADER_CPUS_H
#define ELFLOADER_CPUS_H

#include <stdint.h>

#include "handover.h"

/*
 * Start CPUs until `count` run, this one included; 0: all. They are numbered as the tree has them,
 * but for this one, which is 0. Each waits with its MMU on. Returns how many run.
 */
unsigned cpus_start(unsigned count);

/* Have those that wait leave for the kernel. */
void cpus_release(const struct handover *handover);

#endif
