/* SPDX-License-Identifier: Apache-2.0 */
/* An ELF of the payload, on its way into memory: checked, placed, copied. Used by main.c. */
#ifndef ELFLOADER_PROGRAM_H
#define ELFLOADER_PROGRAM_H

#include "lib/elf64.h"
#include "payload.h"
#include "regions.h"

struct program {
    const char *role; /* "kernel" or "app" */
    struct elf64 elf;
    enum elf64_space space; /* whose distances it keeps in memory */
    uint64_t moved;         /* what makes an address of that space a physical one */
};

/* Check the file, whole and as an ELF. Whatever is wrong with it ends in fail_with(). */
void program_read(struct program *program, const struct payload *payload, uint32_t file,
                  const char *role, enum elf64_space space);

/* Where a segment lies in physical memory. */
uint64_t program_address(const struct program *program, const struct elf64_segment *segment);

/* Take a place for each segment, as they are to be moved. */
void program_take(const struct program *program, struct regions *regions);

/* Fill it, each segment told on the console, for CPUs with their caches on or off. */
void program_load(const struct program *program);

#endif
