// SPDX-License-Identifier: Apache-2.0
/*
 * The reader of ELF files: whatever the file, nothing beyond it is read, and one that is accepted
 * has what elf64.h promises. One that is refused says why in words that can be printed. The first
 * byte of an input says how many bytes of a whole header stand in for its own, so that most get
 * past those checks.
 */
#include <stdbool.h>
#include <string.h>

#include "elf64_fixture.h"
#include "fuzz.h"
#include "lib/elf64.h"

static bool apart(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a > b + (b_size - 1) || b > a + (a_size - 1);
}

static void check_segments(const struct elf64 *elf, size_t size)
{
    volatile uint8_t sum = 0;

    fuzz_require(elf->nr_loads >= 1 && elf->nr_loads <= ELF64_MAX_LOADS);
    for (unsigned i = 0; i < elf->nr_loads; i++) {
        const struct elf64_segment *s = &elf->load[i];

        fuzz_require(s->memsz > 0 && s->filesz <= s->memsz);
        fuzz_require(s->vaddr + (s->memsz - 1) >= s->vaddr);
        fuzz_require(s->offset <= size && s->filesz <= size - s->offset);
        for (uint64_t at = 0; at < s->filesz; at++)
            sum = (uint8_t)(sum + elf->file[s->offset + at]);
        for (unsigned j = 0; j < i; j++)
            fuzz_require(apart(s->vaddr, s->memsz, elf->load[j].vaddr, elf->load[j].memsz));
    }
}

static void check_placed(const struct elf64 *elf)
{
    struct elf64_span span = elf64_span(elf, ELF64_PHYSICAL);
    uint64_t entry = elf64_physical_entry(elf);
    bool found = false;

    for (unsigned i = 0; i < elf->nr_loads; i++) {
        const struct elf64_segment *s = &elf->load[i];

        fuzz_require(s->paddr >= span.first && s->paddr + (s->memsz - 1) <= span.last);
        found = found || ((s->flags & ELF64_EXECUTE) && entry - s->paddr < s->memsz);
        for (unsigned j = 0; j < i; j++)
            fuzz_require(apart(s->paddr, s->memsz, elf->load[j].paddr, elf->load[j].memsz));
    }
    fuzz_require(found);
}

static void check_words(const struct elf64_fault *fault)
{
    char text[512];
    int length = snprintf(text, sizeof(text), ELF64_FAULT(*fault));

    fuzz_require(length > 0 && (size_t)length < sizeof(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct elf64_fault fault;
    struct elf_file whole;
    struct elf64 elf;
    uint8_t *file;
    size_t given;

    if (size == 0)
        return 0;
    elf_make(&whole, 0);
    given = *data++;
    size--;
    file = malloc(size); /* of its exact size, so that ASan sees a read beyond it */
    memcpy(file, data, size);
    given = given < size ? given : size;
    memcpy(file, &whole, given < sizeof(whole.header) ? given : sizeof(whole.header));
    if (!elf64_read(&elf, file, size, &fault)) {
        check_words(&fault);
    } else {
        check_segments(&elf, size);
        if (elf64_check_physical(&elf, &fault))
            check_placed(&elf);
        else
            check_words(&fault);
    }
    free(file);
    return 0;
}
