/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's images: checked once, copied into its RAM at each start, so that a guest which
 * resets finds them as they were. Neighbours: vm.c calls; guest_mem.h is the way in.
 */
#ifndef VM_LOADER_H
#define VM_LOADER_H

#include "lib/addr.h"
#include "lib/err.h"

struct vm;

/*
 * Do the staged kernel, initramfs and vm->fdt fit into the VM's RAM, with no overlap between them
 * or with what the tree reserves? Errors are logged with both ranges. (Linux, "Booting AArch64
 * Linux", for where the kernel goes.)
 */
int must_check loader_check(const struct vm *vm);

/* Put them there, coherent with what a CPU with its caches off sees. After loader_check(). */
void loader_load(const struct vm *vm);

/* Where the kernel is entered. */
ipa_t loader_entry(const struct vm *vm);

#endif
