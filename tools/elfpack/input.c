/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ELF as the payload has it: its header, its program headers, and the bytes of its LOAD
 * segments; no sections, no symbols. libelf reads; lib/elf64.c, which the loader has as well,
 * judges.
 */
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elfpack.h"
#include "lib/elf64.h"

#define SEGMENT_ALIGN 16

static size_t align(size_t size)
{
    return (size + SEGMENT_ALIGN - 1) / SEGMENT_ALIGN * SEGMENT_ALIGN;
}

static void check(const struct input *input, const uint8_t *data, size_t size)
{
    struct elf64_fault fault;
    struct elf64 elf;

    if (elf64_read(&elf, data, size, &fault))
        return;
    fprintf(stderr, "elfpack: %s: ", input->path);
    fprintf(stderr, ELF64_FAULT(fault));
    fprintf(stderr, "\n");
    exit(1);
}

/* The LOAD segments' headers, their offsets those in what is kept; returns how many. */
static unsigned list_segments(Elf *elf, const char *path, GElf_Phdr *segments, GElf_Off *from,
                              size_t *size)
{
    unsigned count = 0;
    size_t headers;

    if (elf_getphdrnum(elf, &headers) != 0)
        die("%s: %s", path, elf_errmsg(-1));
    for (size_t i = 0; i < headers; i++) {
        GElf_Phdr segment;

        if (gelf_getphdr(elf, (int)i, &segment) == NULL)
            die("%s: %s", path, elf_errmsg(-1));
        if (segment.p_type != PT_LOAD)
            continue;
        from[count] = segment.p_offset;
        segments[count++] = segment;
    }
    *size = align(sizeof(Elf64_Ehdr) + count * sizeof(Elf64_Phdr));
    for (unsigned i = 0; i < count; i++) {
        segments[i].p_offset = *size;
        segments[i].p_align = SEGMENT_ALIGN;
        *size = align(*size + segments[i].p_filesz);
    }
    return count;
}

static void keep_loaded(struct input *input, Elf *elf, const uint8_t *whole)
{
    GElf_Phdr segments[ELF64_MAX_LOADS];
    GElf_Off from[ELF64_MAX_LOADS];
    unsigned count = list_segments(elf, input->path, segments, from, &input->size);
    Elf64_Ehdr header;

    if (gelf_getehdr(elf, &header) == NULL)
        die("%s: %s", input->path, elf_errmsg(-1));
    header.e_phoff = sizeof(header);
    header.e_phnum = (Elf64_Half)count;
    header.e_shoff = 0;
    header.e_shnum = header.e_shstrndx = header.e_shentsize = 0;
    input->data = allocate(input->size);
    memcpy(input->data, &header, sizeof(header));
    memcpy(input->data + sizeof(header), segments, count * sizeof(*segments));
    for (unsigned i = 0; i < count; i++)
        memcpy(input->data + segments[i].p_offset, whole + from[i], segments[i].p_filesz);
}

void input_read(const char *path, struct input *input)
{
    const char *slash = strrchr(path, '/');
    size_t size;
    uint8_t *whole = read_whole(path, &size);
    Elf *elf;

    *input = (struct input){.path = path, .name = slash != NULL ? slash + 1 : path};
    if (*input->name == '\0' || strlen(input->name) >= PAYLOAD_NAME)
        die("%s: a name has 1 to %u characters", path, PAYLOAD_NAME - 1);
    check(input, whole, size);
    elf_version(EV_CURRENT);
    elf = elf_memory((char *)whole, size);
    if (elf == NULL)
        die("%s: %s", path, elf_errmsg(-1));
    keep_loaded(input, elf, whole);
    elf_end(elf);
    check(input, input->data, input->size);
}
