/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of ELF files: one with two LOAD segments, made by <elf.h>, for a test to spoil. */
#ifndef TEST_ELF64_FIXTURE_H
#define TEST_ELF64_FIXTURE_H

#include <elf.h>
#include <stddef.h>
#include <string.h>

#define ELF_TEXT      UINT64_C(0x48000000)
#define ELF_DATA      UINT64_C(0x48002000)
#define ELF_TEXT_SIZE UINT64_C(0x80)
#define ELF_DATA_FILE UINT64_C(0x20)
#define ELF_DATA_SIZE UINT64_C(0x1000)
#define ELF_ENTRY     (ELF_TEXT + 0x10)
#define ELF_PHDRS     3

struct elf_file {
    Elf64_Ehdr header;
    Elf64_Phdr program[ELF_PHDRS]; /* a note, text, data */
    char text[ELF_TEXT_SIZE];
    char data[ELF_DATA_FILE];
};

/* The virtual addresses are the physical ones, `moved` on. */
static inline void elf_make(struct elf_file *elf, uint64_t moved)
{
    *elf = (struct elf_file){.header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
                                                    ELFDATA2LSB, EV_CURRENT},
                                        .e_type = ET_EXEC,
                                        .e_machine = EM_AARCH64,
                                        .e_version = EV_CURRENT,
                                        .e_entry = ELF_ENTRY + moved,
                                        .e_phoff = offsetof(struct elf_file, program),
                                        .e_ehsize = sizeof(Elf64_Ehdr),
                                        .e_phentsize = sizeof(Elf64_Phdr),
                                        .e_phnum = ELF_PHDRS},
                             .program = {{.p_type = PT_NOTE},
                                         {.p_type = PT_LOAD,
                                          .p_flags = PF_R | PF_X,
                                          .p_offset = offsetof(struct elf_file, text),
                                          .p_vaddr = ELF_TEXT + moved,
                                          .p_paddr = ELF_TEXT,
                                          .p_filesz = ELF_TEXT_SIZE,
                                          .p_memsz = ELF_TEXT_SIZE},
                                         {.p_type = PT_LOAD,
                                          .p_flags = PF_R | PF_W,
                                          .p_offset = offsetof(struct elf_file, data),
                                          .p_vaddr = ELF_DATA + moved,
                                          .p_paddr = ELF_DATA,
                                          .p_filesz = ELF_DATA_FILE,
                                          .p_memsz = ELF_DATA_SIZE}}};
    memset(elf->text, 't', sizeof(elf->text));
    memset(elf->data, 'd', sizeof(elf->data));
}

#endif
