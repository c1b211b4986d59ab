/* SPDX-License-Identifier: Apache-2.0 */
/* A piece of what loader.c puts into the guest's RAM. elf_guest.c makes those of ELF files. */
#ifndef VM_PLACED_H
#define VM_PLACED_H

#include <stdbool.h>

#include "lib/addr.h"

struct placed {
    const char *name;
    struct pa_range from; /* where it is staged */
    struct ipa_range to;  /* as much as it uses once it runs */
    bool zeroed;          /* what is not in `from` is zeroes */
};

#endif
