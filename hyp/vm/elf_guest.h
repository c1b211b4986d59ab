/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests that are ELF files: a kernel, each segment at its physical address, and an app behind it,
 * which is what a kernel starts first. Neighbours: loader.c, which checks the places and fills
 * them; lib/elf64.h.
 */
#ifndef VM_ELF_GUEST_H
#define VM_ELF_GUEST_H

#include "lib/addr.h"
#include "lib/elf64.h"
#include "lib/err.h"
#include "vm/placed.h"

struct vm_config;

#define ELF_GUEST_MAX_PLACED (2 * ELF64_MAX_LOADS)

bool elf_guest_is_kernel(const struct vm_config *config);

/* Are the app, and the kernel if it is one, ELFs that can be loaded? Why not is logged. */
int must_check elf_guest_check(const struct vm_config *config);

/* The segments of kernel and app; returns how many. After elf_guest_check(). */
unsigned elf_guest_list(const struct vm_config *config, struct placed list[ELF_GUEST_MAX_PLACED]);

/* Where the kernel is entered, with the MMU off. After elf_guest_check(). */
ipa_t elf_guest_entry(const struct vm_config *config);

#endif
