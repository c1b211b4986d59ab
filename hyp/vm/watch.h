/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches a guest that nobody else does: is it hung, has it panicked? By samples of its vCPUs, on
 * EL2's own timer; nothing stands on the way of an exit. It ends the VM with a line that says why.
 * Neighbours: vm.c starts it; progress.c judges; vm_device.c's pvpanic reports; power.c stops
 * the VM.
 */
#ifndef VM_WATCH_H
#define VM_WATCH_H

#include <stdbool.h>

#include "lib/err.h"

struct vm;

/* Watch `vm` as its configuration asks. -ERR_EXIST: the interrupt for it is taken. For boot, once.
 */
int must_check watch_init(struct vm *vm);

/* The calling CPU, number `cpu`, takes samples of its vCPU when it is asked to. */
void watch_init_cpu(unsigned cpu);

/* The guest starts, or starts again: what was seen of it is over. On the CPU that is to watch. */
void watch_start(void);

/*
 * Is the guest alive? A sign of life is logged; without one for a second the VM ends. False: it is
 * not watched, or has been asked already. Any CPU, with whatever lock held.
 */
bool watch_inquest(void);

/*
 * The guest says that it has panicked: when it has printed the rest of its report, the VM ends. Any
 * CPU, with no lock of the VM's held.
 */
void watch_panicked(void);

#endif
