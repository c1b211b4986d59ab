/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's device tree, read as the description of its VM (Devicetree Specification,
 * "Flattened Devicetree (DTB) Format" and "Standard Properties"). The tree is input: it may be
 * broken in any way. Errors and warnings name the node and what to do.
 * Neighbours: main.c calls; dt_*.h read the tree, vm_fdt_internal.h names the parts that make sense
 * of it, vm_fdt_guest.c makes the copy; vm/vm.c builds the VM from the configuration and hands the
 * guest its copy. docs/tour.md follows one node from here to the bus.
 */
#ifndef FDT_VM_FDT_H
#define FDT_VM_FDT_H

#include <stddef.h>
#include <stdint.h>

#include "fdt/vm_config.h"
#include "lib/err.h"

/*
 * Read the blob of at most `max_size` bytes into `config`, all of it checked: `ipa_bits` is the
 * size of the guest's physical addresses, from 32 to 48, `kinds` what is offered. What is wrong is
 * logged as an error; then -ERR_INVAL for a broken tree or one that contradicts itself, -ERR_NOENT
 * for something missing, -ERR_RANGE and -ERR_NOMEM for too large and too many, -ERR_EXIST for
 * overlaps and duplicates, -ERR_UNSUPPORTED for what Traproom does not offer. Devices that are not
 * offered are no error: see vm_fdt_guest_copy().
 */
int must_check vm_fdt_parse(const void *fdt, size_t max_size, unsigned ipa_bits,
                            const struct vm_device_table *kinds, struct vm_config *config);

/* Bytes of memory, whole pages, that the guest's copy of the tree fits into. */
uint64_t vm_fdt_copy_room(const void *fdt);

/*
 * Make the guest's copy in `buf`, `size` bytes, of a tree that vm_fdt_parse() has accepted as
 * `config`: without what only Traproom reads, and with the devices that are not offered
 * disabled, each with one warning. Returns the bytes used; -ERR_NOMEM if buf is too small.
 */
int must_check vm_fdt_guest_copy(const void *fdt, void *buf, size_t size,
                                 const struct vm_config *config);

#endif
