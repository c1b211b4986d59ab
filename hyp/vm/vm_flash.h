/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bank of flash whose content lies in the machine's memory ("traproom,flash"): the guest reads
 * it there. Content that is less than the bank is copied to memory that is the bank's own.
 * Neighbours: its row in vm_device.c; dev/vpflash.c, the chips.
 */
#ifndef VM_VM_FLASH_H
#define VM_VM_FLASH_H

#include "dev/vpflash.h"
#include "fdt/dt_walk.h"
#include "fdt/vm_config.h"
#include "mm/guest_mem.h"

struct vm;

/* The state of one: first what takes the accesses. */
struct vm_flash {
    struct vpflash chips;
    struct vm *vm;
    struct ram_region rom; /* what the guest sees while the content is shown */
};

#define VM_FLASH_STATE_SIZE sizeof(struct vm_flash)

/* The read_fn and the make_fn of fdt/vm_kind.h. */
int vm_flash_read(const struct dt_walk *at, int gic, struct vm_device_config *config);
int vm_flash_make(struct vm *vm, void *state, const struct vm_device_config *config);

#endif
