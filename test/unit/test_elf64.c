/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of lib/elf64.c: a whole ELF is read, and each that is not is refused by its own words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "elf64_fixture.h"
#include "lib/elf64.h"

#define MOVED UINT64_C(0xffffff8000000000) /* of virtual memory from physical */

static struct elf_file file;
static struct elf64 elf;
static struct elf64_fault fault;

static int start(void **state)
{
    (void)state;
    elf_make(&file, MOVED);
    return 0;
}

/* Of a copy that has just `size` bytes, so that a read beyond it is seen. */
static bool read_part(uint64_t size)
{
    void *copy = malloc(size);
    bool whole;

    memcpy(copy, &file, size);
    whole = elf64_read(&elf, copy, size, &fault);
    free(copy);
    return whole;
}

static void expect_fault(const char *words)
{
    char text[256];

    snprintf(text, sizeof(text), ELF64_FAULT(fault));
    if (strstr(text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, words);
}

static void refused(const char *words)
{
    assert_false(read_part(sizeof(file)));
    expect_fault(words);
    start(NULL);
}

static void reads_all(void **state)
{
    (void)state;
    assert_true(elf64_read(&elf, &file, sizeof(file), &fault));
    assert_int_equal(elf.entry, ELF_ENTRY + MOVED);
    assert_int_equal(elf.nr_loads, 2);
    assert_int_equal(elf.load[0].number, 1);
    assert_int_equal(elf.load[0].flags, ELF64_READ | ELF64_EXECUTE);
    assert_int_equal(elf.load[0].vaddr, ELF_TEXT + MOVED);
    assert_int_equal(elf.load[0].paddr, ELF_TEXT);
    assert_int_equal(elf.load[1].number, 2);
    assert_int_equal(elf.load[1].flags, ELF64_READ | ELF64_WRITE);
    assert_int_equal(elf.load[1].filesz, ELF_DATA_FILE);
    assert_int_equal(elf.load[1].memsz, ELF_DATA_SIZE);
    assert_memory_equal(elf.file + elf.load[1].offset, file.data, sizeof(file.data));
    assert_true(elf64_check_physical(&elf, &fault));
    assert_int_equal(elf64_span(&elf, ELF64_PHYSICAL).first, ELF_TEXT);
    assert_int_equal(elf64_span(&elf, ELF64_PHYSICAL).last, ELF_DATA + ELF_DATA_SIZE - 1);
    assert_int_equal(elf64_span(&elf, ELF64_VIRTUAL).first, ELF_TEXT + MOVED);
    assert_int_equal(elf64_span(&elf, ELF64_VIRTUAL).last, ELF_DATA + MOVED + ELF_DATA_SIZE - 1);
}

static void knows_its_kind(void **state)
{
    (void)state;
    assert_true(elf64_is_elf(&file, sizeof(file)));
    assert_true(elf64_is_elf("\x7f"
                             "ELF",
                             4));
    assert_false(elf64_is_elf("\x7f"
                              "EL",
                              3));
    assert_false(elf64_is_elf("MZ\0\0", 4));
    assert_false(elf64_is_elf(NULL, 0));
}

/* As a tool may pack it: at an odd address. */
static void any_alignment(void **state)
{
    char *odd = malloc(sizeof(file) + 1);

    (void)state;
    memcpy(odd + 1, &file, sizeof(file));
    assert_true(elf64_read(&elf, odd + 1, sizeof(file), &fault));
    assert_int_equal(elf.load[0].paddr, ELF_TEXT);
    free(odd);
}

static void wrong_header(void **state)
{
    (void)state;
    file.header.e_ident[0] = 0;
    refused("no ELF file");
    file.header.e_ident[EI_CLASS] = ELFCLASS32;
    refused("not a 64-bit ELF: its class is 1, not 2");
    file.header.e_ident[EI_DATA] = ELFDATA2MSB;
    refused("not little-endian: its data encoding is 2, not 1");
    file.header.e_ident[EI_VERSION] = 0;
    refused("its ELF version is 0, not 1");
    file.header.e_machine = EM_X86_64;
    refused("another machine: e_machine is 62, not AArch64's 183");
    file.header.e_type = ET_DYN;
    refused("its type is 3");
    file.header.e_type = ET_REL;
    refused("its type is 1");
    file.header.e_phentsize = 32;
    refused("program headers have 32 bytes each, not 56");
}

/* Wherever it is cut, but for what no segment has. */
static void cut_short(void **state)
{
    (void)state;
    for (uint64_t size = 1; size < sizeof(file); size++) {
        assert_false(read_part(size));
        expect_fault(size < 4 ? "no ELF file" : "cut short");
    }
    assert_false(read_part(63));
    expect_fault("63 bytes of an ELF header's 64");
    file.header.e_phoff = UINT64_MAX;
    refused("3 program headers from 0xffffffffffffffff on");
    file.header.e_phnum = UINT16_MAX;
    refused("65535 program headers");
    file.program[2].p_offset++;
    refused("segment 2 is 0x20 bytes from 0x169 on");
    file.program[2].p_offset = UINT64_MAX;
    refused("segment 2 is 0x20 bytes from 0xffffffffffffffff on");
}

static void nothing_to_run(void **state)
{
    (void)state;
    file.program[1].p_type = file.program[2].p_type = PT_NULL;
    refused("no LOAD segment");
    file.header.e_phnum = 0;
    file.header.e_phentsize = 0;
    refused("no LOAD segment");
    file.program[2].p_memsz = file.program[2].p_filesz = 0;
    refused("LOAD segment 2 is empty");
    file.program[0].p_type = PT_INTERP;
    refused("dynamic linker");
}

static void too_many_segments(void **state)
{
    size_t size = sizeof(file) + (ELF64_MAX_LOADS + 1) * sizeof(Elf64_Phdr);
    char *more = calloc(1, size);
    Elf64_Phdr *program = (Elf64_Phdr *)(more + sizeof(file));

    (void)state;
    file.header.e_phoff = sizeof(file);
    file.header.e_phnum = ELF64_MAX_LOADS;
    memcpy(more, &file, sizeof(file));
    for (unsigned i = 0; i <= ELF64_MAX_LOADS; i++) {
        program[i] = file.program[1];
        program[i].p_vaddr += i * ELF_TEXT_SIZE;
    }
    assert_true(elf64_read(&elf, more, size, &fault));
    assert_int_equal(elf.nr_loads, ELF64_MAX_LOADS);
    ((Elf64_Ehdr *)more)->e_phnum++;
    assert_false(elf64_read(&elf, more, size, &fault));
    expect_fault("more than 16 LOAD segments");
    free(more);
}

static void sizes(void **state)
{
    (void)state;
    file.program[2].p_memsz = ELF_DATA_FILE - 1;
    refused("segment 2 has 0x20 bytes in the file, more than its 0x1f in memory");
    file.program[2].p_vaddr = UINT64_MAX - ELF_DATA_SIZE + 2;
    refused("segment 2, 0x1000 bytes at virtual 0xfffffffffffff001, wraps around");
    file.program[2].p_vaddr--;
    assert_true(read_part(sizeof(file)));
}

static void overlaps(void **state)
{
    (void)state;
    file.program[2].p_vaddr = ELF_TEXT + MOVED + ELF_TEXT_SIZE - 1;
    refused("segments 1 at virtual [0xffffff8048000000, 0xffffff804800007f] and 2 at "
            "[0xffffff804800007f, 0xffffff804800107e] overlap");
    file.program[2].p_vaddr = ELF_TEXT + MOVED - ELF_DATA_SIZE + 1;
    refused("segments 1 at virtual");
    file.program[2].p_vaddr = ELF_TEXT + MOVED + ELF_TEXT_SIZE;
    assert_true(read_part(sizeof(file)));
}

static void physical(void **state)
{
    (void)state;
    file.program[2].p_paddr = ELF_TEXT;
    assert_true(read_part(sizeof(file)));
    assert_false(elf64_check_physical(&elf, &fault));
    expect_fault(
        "segments 1 at physical [0x48000000, 0x4800007f] and 2 at [0x48000000, 0x48000fff]");
    file.program[2].p_paddr = UINT64_MAX;
    assert_true(read_part(sizeof(file)));
    assert_false(elf64_check_physical(&elf, &fault));
    expect_fault("segment 2, 0x1000 bytes at physical 0xffffffffffffffff, wraps around");
}

static void entries(void **state)
{
    (void)state;
    file.header.e_entry = 0;
    refused("its entry is 0");
    file.header.e_entry = ELF_TEXT + MOVED + ELF_TEXT_SIZE;
    refused("its entry 0xffffff8048000080 lies in none");
    file.header.e_entry = ELF_DATA + MOVED; /* there, but no code */
    refused("its entry 0xffffff8048002000 lies in none");
    file.header.e_entry = ELF_TEXT + MOVED + ELF_TEXT_SIZE - 4;
    assert_true(read_part(sizeof(file)));
    assert_int_equal(elf64_physical_entry(&elf), ELF_TEXT + ELF_TEXT_SIZE - 4);
    file.header.e_entry = ELF_TEXT + 8; /* a physical one */
    assert_true(read_part(sizeof(file)));
    assert_int_equal(elf64_physical_entry(&elf), ELF_TEXT + 8);
}

#define test(f) cmocka_unit_test_setup(f, start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(reads_all), test(knows_its_kind), test(any_alignment),     test(wrong_header),
        test(cut_short), test(nothing_to_run), test(too_many_segments), test(sizes),
        test(overlaps),  test(physical),       test(entries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
