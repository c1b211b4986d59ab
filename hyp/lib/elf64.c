/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and checking an ELF. Contract in elf64.h. */
#include "lib/elf64.h"

#include <stdarg.h>

#include "lib/addr.h"
#include "lib/bytes.h"

/* The header and one program header, by offset and width (System V ABI, "ELF Header", "Program
 * Header"). */
#define EHDR_SIZE   64
#define EI_CLASS    4
#define EI_DATA     5
#define EI_VERSION  6
#define E_TYPE      16
#define E_MACHINE   18
#define E_ENTRY     24
#define E_PHOFF     32
#define E_PHENTSIZE 54
#define E_PHNUM     56
#define ELFCLASS64  2
#define ELFDATA2LSB 1
#define EV_CURRENT  1
#define ET_EXEC     2
#define EM_AARCH64  183
#define PHDR_SIZE   56
#define P_TYPE      0
#define P_FLAGS     4
#define P_OFFSET    8
#define P_VADDR     16
#define P_PADDR     24
#define P_FILESZ    32
#define P_MEMSZ     40
#define PT_LOAD     1
#define PT_INTERP   3
#define MAGIC_SIZE  4

/* Note the fault, whose conversions take one of the arguments each; false. */
__attribute__((format(printf, 2, 3))) static bool refuse(struct elf64_fault *fault,
                                                         const char *format, ...)
{
    unsigned count = 0;
    va_list args;

    fault->format = format;
    va_start(args, format);
    for (const char *at = format; *at != '\0'; at++) {
        if (*at == '%')
            fault->arg[count++] = va_arg(args, uint64_t);
    }
    va_end(args);
    return false;
}

bool elf64_is_elf(const void *file, uint64_t size)
{
    static const uint8_t magic[MAGIC_SIZE] = {0x7f, 'E', 'L', 'F'};
    const uint8_t *at = file;

    for (unsigned i = 0; i < MAGIC_SIZE; i++) {
        if (i >= size || at[i] != magic[i])
            return false;
    }
    return true;
}

static bool check_header(const uint8_t *file, uint64_t size, struct elf64_fault *fault)
{
    if (!elf64_is_elf(file, size))
        return refuse(fault, "it is no ELF file");
    if (size < EHDR_SIZE)
        return refuse(fault, "it is cut short: it has %lu bytes of an ELF header's 64", size);
    if (file[EI_CLASS] != ELFCLASS64)
        return refuse(fault, "it is not a 64-bit ELF: its class is %lu, not 2",
                      bytes_le(file + EI_CLASS, 1));
    if (file[EI_DATA] != ELFDATA2LSB)
        return refuse(fault, "it is not little-endian: its data encoding is %lu, not 1",
                      bytes_le(file + EI_DATA, 1));
    if (file[EI_VERSION] != EV_CURRENT)
        return refuse(fault, "its ELF version is %lu, not 1", bytes_le(file + EI_VERSION, 1));
    if (bytes_le(file + E_MACHINE, 2) != EM_AARCH64)
        return refuse(fault, "it is for another machine: e_machine is %lu, not AArch64's 183",
                      bytes_le(file + E_MACHINE, 2));
    if (bytes_le(file + E_TYPE, 2) != ET_EXEC)
        return refuse(fault,
                      "its type is %lu, not 2, an executable at fixed addresses: link it -static "
                      "and -no-pie",
                      bytes_le(file + E_TYPE, 2));
    return true;
}

/* Are the program headers there? */
static bool check_program_headers(const uint8_t *file, uint64_t size, struct elf64_fault *fault)
{
    uint64_t offset = bytes_le(file + E_PHOFF, 8), count = bytes_le(file + E_PHNUM, 2);

    if (count != 0 && bytes_le(file + E_PHENTSIZE, 2) != PHDR_SIZE)
        return refuse(fault, "its program headers have %lu bytes each, not 56",
                      bytes_le(file + E_PHENTSIZE, 2));
    if (!range_contains(0, size, offset, count * PHDR_SIZE))
        return refuse(
            fault,
            "it is cut short: its %lu program headers from 0x%lx on end beyond its %lu bytes",
            count, offset, size);
    return true;
}

static bool check_segment(const struct elf64_segment *s, uint64_t size, struct elf64_fault *fault)
{
    if (s->memsz == 0)
        return refuse(fault, "its LOAD segment %lu is empty", s->number);
    if (s->memsz < s->filesz)
        return refuse(fault,
                      "its segment %lu has 0x%lx bytes in the file, more than its 0x%lx in memory",
                      s->number, s->filesz, s->memsz);
    if (!range_contains(0, size, s->offset, s->filesz))
        return refuse(
            fault,
            "it is cut short: its segment %lu is 0x%lx bytes from 0x%lx on, the file has 0x%lx",
            s->number, s->filesz, s->offset, size);
    return true;
}

static bool read_segments(struct elf64 *elf, uint64_t size, struct elf64_fault *fault)
{
    const uint8_t *p = elf->file + bytes_le(elf->file + E_PHOFF, 8);
    unsigned count = (unsigned)bytes_le(elf->file + E_PHNUM, 2);

    for (unsigned i = 0; i < count; i++, p += PHDR_SIZE) {
        uint64_t type = bytes_le(p + P_TYPE, 4);

        if (type == PT_INTERP)
            return refuse(fault, "it wants a dynamic linker: link it -static");
        if (type != PT_LOAD)
            continue;
        if (elf->nr_loads == ELF64_MAX_LOADS)
            return refuse(fault, "it has more than 16 LOAD segments");
        elf->load[elf->nr_loads] = (struct elf64_segment){
            .number = i,
            .flags = (uint32_t)bytes_le(p + P_FLAGS, 4),
            .offset = bytes_le(p + P_OFFSET, 8),
            .filesz = bytes_le(p + P_FILESZ, 8),
            .memsz = bytes_le(p + P_MEMSZ, 8),
            .vaddr = bytes_le(p + P_VADDR, 8),
            .paddr = bytes_le(p + P_PADDR, 8),
        };
        if (!check_segment(&elf->load[elf->nr_loads++], size, fault))
            return false;
    }
    if (elf->nr_loads == 0)
        return refuse(fault, "it has no LOAD segment: there is nothing to run");
    return true;
}

static uint64_t address(const struct elf64_segment *s, enum elf64_space space)
{
    return space == ELF64_VIRTUAL ? s->vaddr : s->paddr;
}

static bool check_apart(const struct elf64_segment *a, const struct elf64_segment *b,
                        enum elf64_space space, struct elf64_fault *fault)
{
    uint64_t at = address(a, space), other = address(b, space);

    if (!ranges_overlap(at, a->memsz, other, b->memsz))
        return true;
    return refuse(
        fault,
        space == ELF64_VIRTUAL
            ? "its segments %lu at virtual [0x%lx, 0x%lx] and %lu at [0x%lx, 0x%lx] overlap"
            : "its segments %lu at physical [0x%lx, 0x%lx] and %lu at [0x%lx, 0x%lx] overlap",
        a->number, at, at + (a->memsz - 1), b->number, other, other + (b->memsz - 1));
}

static bool check_space(const struct elf64 *elf, enum elf64_space space, struct elf64_fault *fault)
{
    for (unsigned i = 0; i < elf->nr_loads; i++) {
        const struct elf64_segment *s = &elf->load[i];

        if (!range_is_valid(address(s, space), s->memsz))
            return refuse(fault,
                          space == ELF64_VIRTUAL
                              ? "its segment %lu, 0x%lx bytes at virtual 0x%lx, wraps around"
                              : "its segment %lu, 0x%lx bytes at physical 0x%lx, wraps around",
                          s->number, s->memsz, address(s, space));
        for (unsigned j = 0; j < i; j++) {
            if (!check_apart(&elf->load[j], s, space, fault))
                return false;
        }
    }
    return true;
}

/* The executable segment that the entry lies in, or -1. */
static int find_entry(const struct elf64 *elf, enum elf64_space space)
{
    for (unsigned i = 0; i < elf->nr_loads; i++) {
        const struct elf64_segment *s = &elf->load[i];

        if ((s->flags & ELF64_EXECUTE) != 0 &&
            range_contains(address(s, space), s->memsz, elf->entry, 1))
            return (int)i;
    }
    return -1;
}

static bool check_entry_point(const struct elf64 *elf, struct elf64_fault *fault)
{
    if (elf->entry == 0)
        return refuse(fault, "its entry is 0: name one to the linker (-e)");
    if (find_entry(elf, ELF64_VIRTUAL) < 0 && find_entry(elf, ELF64_PHYSICAL) < 0)
        return refuse(fault, "its entry 0x%lx lies in none of its executable segments", elf->entry);
    return true;
}

bool elf64_read(struct elf64 *elf, const void *file, uint64_t size, struct elf64_fault *fault)
{
    *elf = (struct elf64){.file = file};
    if (!check_header(file, size, fault) || !check_program_headers(file, size, fault) ||
        !read_segments(elf, size, fault) || !check_space(elf, ELF64_VIRTUAL, fault))
        return false;
    elf->entry = bytes_le(elf->file + E_ENTRY, 8);
    return check_entry_point(elf, fault);
}

bool elf64_check_physical(const struct elf64 *elf, struct elf64_fault *fault)
{
    return check_space(elf, ELF64_PHYSICAL, fault);
}

uint64_t elf64_physical_entry(const struct elf64 *elf)
{
    int index = find_entry(elf, ELF64_VIRTUAL);

    if (index < 0)
        return elf->entry;
    return elf->entry - elf->load[index].vaddr + elf->load[index].paddr;
}

struct elf64_span elf64_span(const struct elf64 *elf, enum elf64_space space)
{
    struct elf64_span span = {UINT64_MAX, 0};

    for (unsigned i = 0; i < elf->nr_loads; i++) {
        uint64_t first = address(&elf->load[i], space), last = first + (elf->load[i].memsz - 1);

        span.first = first < span.first ? first : span.first;
        span.last = last > span.last ? last : span.last;
    }
    return span;
}
