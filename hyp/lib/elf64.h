/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A static AArch64 ELF in memory (System V ABI, "Object Files" and "Program Loading"): checked
 * once, then a list of its LOAD segments. For EL2, for a loader that is a guest
 * and for a tool of the build's machine, so it allocates nothing and needs no library.
 */
#ifndef LIB_ELF64_H
#define LIB_ELF64_H

#include <stdbool.h>
#include <stdint.h>

#define ELF64_MAX_LOADS 16

#define ELF64_EXECUTE 1U /* of a segment's flags */
#define ELF64_WRITE   2U
#define ELF64_READ    4U

struct elf64_segment {
    uint64_t number; /* of its program header, from 0 */
    uint32_t flags;
    uint64_t offset; /* in the file */
    uint64_t filesz; /* bytes there; the rest of memsz is zeroes */
    uint64_t memsz;
    uint64_t vaddr;
    uint64_t paddr;
};

struct elf64 {
    const uint8_t *file;
    uint64_t entry;
    unsigned nr_loads; /* at least 1 */
    struct elf64_segment load[ELF64_MAX_LOADS];
};

/* Why a file is refused: printf(ELF64_FAULT(fault)) says it, in words that go on after the file's
 * name. */
struct elf64_fault {
    const char *format; /* each of its conversions is %lx or %lu */
    uint64_t arg[6];
};

#define ELF64_FAULT(fault)                                                                         \
    (fault).format, (fault).arg[0], (fault).arg[1], (fault).arg[2], (fault).arg[3],                \
        (fault).arg[4], (fault).arg[5]

/* Does the file say that it is an ELF, of whatever kind? */
bool elf64_is_elf(const void *file, uint64_t size);

enum elf64_space { ELF64_VIRTUAL, ELF64_PHYSICAL };

/*
 * Read and check the ELF that is all of [file, file + size), of any alignment. After true: no
 * segment is empty, the bytes of each are in the file, in virtual memory none wraps around and no
 * two overlap, and the entry lies in an executable one, by virtual or by physical addresses. After
 * false, *fault says why.
 */
bool elf64_read(struct elf64 *elf, const void *file, uint64_t size, struct elf64_fault *fault);

/* The same of physical memory, for those whose segments are to lie there. */
bool elf64_check_physical(const struct elf64 *elf, struct elf64_fault *fault);

/* Where the entry is in physical memory, once each segment lies at its physical address. */
uint64_t elf64_physical_entry(const struct elf64 *elf);

/* From the first to the last byte of all segments. */
struct elf64_span {
    uint64_t first;
    uint64_t last;
};

struct elf64_span elf64_span(const struct elf64 *elf, enum elf64_space space);

#endif
