/* SPDX-License-Identifier: Apache-2.0 */
/* ELF files into memory. Contract in program.h. */
#include "program.h"

#include "cache.h"
#include "console.h"
#include "fail.h"
#include "string.h"

void program_read(struct program *program, const struct payload *payload, uint32_t file,
                  const char *role, enum elf64_space space)
{
    const struct payload_file *from = &payload->file[file];
    const void *data = payload_data(payload, from);
    uint32_t crc = payload_crc(data, from->size);
    struct elf64_fault fault;

    if (crc != from->crc)
        fail_with("the %s, %s, is damaged: its CRC is 0x%08x, not 0x%08x", role, from->name, crc,
                  from->crc);
    *program = (struct program){.role = role, .space = space};
    if (elf64_read(&program->elf, data, from->size, &fault) &&
        (space == ELF64_VIRTUAL || elf64_check_physical(&program->elf, &fault)))
        return;
    printf("elfloader: the %s, %s: ", role, from->name);
    printf(ELF64_FAULT(fault));
    printf("\n");
    fail_with("the %s can't be loaded", role);
}

uint64_t program_address(const struct program *program, const struct elf64_segment *segment)
{
    return program->moved + (program->space == ELF64_VIRTUAL ? segment->vaddr : segment->paddr);
}

void program_take(const struct program *program, struct regions *regions)
{
    for (unsigned i = 0; i < program->elf.nr_loads; i++) {
        const struct elf64_segment *segment = &program->elf.load[i];

        regions_take(regions, program->role, program_address(program, segment), segment->memsz);
    }
}

void program_load(const struct program *program)
{
    for (unsigned i = 0; i < program->elf.nr_loads; i++) {
        const struct elf64_segment *segment = &program->elf.load[i];
        uint64_t start = program_address(program, segment);
        uint8_t *to = (uint8_t *)start;

        printf("elfloader: %s: [0x%lx, 0x%lx] for virtual 0x%lx, %c%c%c, 0x%lx bytes and 0x%lx of "
               "zeroes\n",
               program->role, start, start + (segment->memsz - 1), segment->vaddr,
               (segment->flags & ELF64_READ) != 0 ? 'r' : '-',
               (segment->flags & ELF64_WRITE) != 0 ? 'w' : '-',
               (segment->flags & ELF64_EXECUTE) != 0 ? 'x' : '-', segment->filesz,
               segment->memsz - segment->filesz);
        memcpy(to, program->elf.file + segment->offset, segment->filesz);
        memset(to + segment->filesz, 0, segment->memsz - segment->filesz);
        cache_clean_inval_poc(to, segment->memsz);
    }
    cache_inval_icache_all();
}
