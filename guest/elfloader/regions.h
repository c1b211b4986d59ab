/* SPDX-License-Identifier: Apache-2.0 */
/* What of the machine's RAM is taken, and by what. Used by main.c and place.c. */
#ifndef ELFLOADER_REGIONS_H
#define ELFLOADER_REGIONS_H

#include <stdbool.h>
#include <stdint.h>

#define REGIONS_MAX 64

struct region {
    const char *name; /* for messages */
    uint64_t start, size;
};

struct regions {
    unsigned count;
    struct region taken[REGIONS_MAX];
};

/* Note what is there already, wherever it is. */
void regions_note(struct regions *regions, const char *name, uint64_t start, uint64_t size);

/* Take what must be free RAM; fails (fail.h), both named, where it is not. */
void regions_take(struct regions *regions, const char *name, uint64_t start, uint64_t size);

/* The lowest page from `from` on at which `size` bytes of RAM are free; 0: there is none. */
uint64_t regions_find(const struct regions *regions, uint64_t from, uint64_t size);

#endif
