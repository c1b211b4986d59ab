/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes wrong in a VM because its user wants it: the rules of /chosen "traproom,inject" wired
 * to devices, to the bus and to a clock. A VM without rules has none of it. Neighbours: vm.c calls;
 * dev/fault_rule.c says when, dev/virtio_fault.c does what is done to requests.
 */
#ifndef VM_VM_FAULT_H
#define VM_VM_FAULT_H

#include "lib/err.h"
#include "mm/phys_map.h"

struct vm;

/* Wire the rules of vm->config, once its devices are on the bus. Errors are logged. */
int must_check vm_fault_init(struct vm *vm, struct phys_map *phys);

/* The guest starts: the first time, so does the clock. */
void vm_fault_start(struct vm *vm);

#endif
