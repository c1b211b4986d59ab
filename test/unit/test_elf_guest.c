/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of vm/elf_guest.c by vm/loader.c: a kernel and an app that are ELF files, placed and
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "elf64_fixture.h"
#include "loader_fixture.h"

#define HIGH    UINT64_C(0xffffff8000000000) /* of virtual memory from physical */
#define APP     (RAM + 0x10000)
#define DATA_AT (ELF_DATA - ELF_TEXT) /* from the text on */

static struct elf_file kernel, app;

static void set_app(void)
{
    vm.config.app = (struct pa_range){ptr_to_pa(&app), sizeof(app)};
    vm.config.guest_app = ipa(APP);
}

static int start(void **state)
{
    (void)state;
    elf_make(&kernel, HIGH);
    elf_make(&app, 0 - UINT64_C(0x47000000)); /* to low virtual addresses */
    memset(app.text, 'a', sizeof(app.text));
    loader_start(0xee);
    vm.config.kernel = (struct pa_range){ptr_to_pa(&kernel), sizeof(kernel)};
    vm.config.guest_app = ipa(VM_KERNEL_ANYWHERE);
    return 0;
}

static void accepted(void)
{
    assert_int_equal(loader_check(&vm), 0);
    assert_int_equal(logged.errors, 0);
    loader_load(&vm);
}

static void only(const char *at, int byte, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++)
        assert_int_equal((unsigned char)at[i], byte);
}

static void expect_loaded(const char *at, const struct elf_file *file)
{
    assert_memory_equal(at, file->text, ELF_TEXT_SIZE);
    only(at + ELF_TEXT_SIZE, 0xee, DATA_AT - ELF_TEXT_SIZE);
    assert_memory_equal(at + DATA_AT, file->data, ELF_DATA_FILE);
    only(at + DATA_AT + ELF_DATA_FILE, 0, ELF_DATA_SIZE - ELF_DATA_FILE);
    only(at + DATA_AT + ELF_DATA_SIZE, 0xee, 0x100);
}

static void loads_segments(void **state)
{
    (void)state;
    accepted();
    expect_loaded(ram, &kernel);
    assert_memory_equal(ram + 0x30000, fdt, FDT_SIZE);
    assert_int_equal(loader_entry(&vm).v, ELF_ENTRY);
}

/* What the guest has left in its .bss is gone when it starts again. */
static void loads_again(void **state)
{
    (void)state;
    accepted();
    memset(ram, 0xee, RAM_SIZE);
    loader_load(&vm);
    expect_loaded(ram, &kernel);
}

static void kernel_moved(void **state)
{
    (void)state;
    vm.config.guest_kernel = ipa(RAM + 0x4000);
    accepted();
    only(ram, 0xee, 0x4000);
    expect_loaded(ram + 0x4000, &kernel);
    assert_int_equal(loader_entry(&vm).v, ELF_ENTRY + 0x4000);
}

/* The app keeps the distances of its virtual addresses, whatever its physical ones. */
static void app_beside(void **state)
{
    (void)state;
    app.program[2].p_paddr = 0;
    set_app();
    accepted();
    expect_loaded(ram, &kernel);
    expect_loaded(ram + 0x10000, &app);
    assert_int_equal(loader_entry(&vm).v, ELF_ENTRY);
}

/* Without an address, it goes to its own. */
static void app_as_linked(void **state)
{
    (void)state;
    elf_make(&app, 0x8000);
    set_app();
    vm.config.guest_app = ipa(VM_KERNEL_ANYWHERE);
    accepted();
    expect_loaded(ram + 0x8000, &app);
}

/* A segment that has nothing in the file is there, too. */
static void only_zeroes(void **state)
{
    (void)state;
    kernel.program[2].p_filesz = 0;
    accepted();
    only(ram + DATA_AT, 0, ELF_DATA_SIZE);
}

static void refused_files(void **state)
{
    (void)state;
    kernel.header.e_machine = EM_X86_64;
    refused(-ERR_INVAL, "the kernel can't be loaded", "another machine: e_machine is 62");
    elf_make(&kernel, HIGH);
    kernel.program[2].p_paddr = ELF_TEXT;
    refused(-ERR_INVAL, "the kernel can't be loaded", "overlap");
    elf_make(&kernel, HIGH);
    set_app();
    app.header.e_entry = 0;
    refused(-ERR_INVAL, "the app can't be loaded", "its entry is 0");
    vm.config.app.size = 3;
    refused(-ERR_INVAL, "the app can't be loaded", "no ELF file");
}

static void outside_ram(void **state)
{
    (void)state;
    vm.config.guest_kernel = ipa(RAM - 1);
    refused(-ERR_RANGE, "a segment of the kernel", "[0x47ffffff, 0x4800007e]");
    vm.config.guest_kernel = ipa(VM_KERNEL_ANYWHERE);
    kernel.program[2].p_memsz = RAM_SIZE - DATA_AT + 1;
    vm.config.guest_dtb = ipa(RAM + 0x1000);
    refused(-ERR_RANGE, "a segment of the kernel", "0x48100000]");
    elf_make(&kernel, HIGH);
    kernel.program[1].p_paddr += HIGH; /* as in Linux's vmlinux */
    refused(-ERR_RANGE, "a segment of the kernel", "RAM");
}

static void overlaps(void **state)
{
    (void)state;
    vm.config.guest_dtb = ipa(ELF_DATA + ELF_DATA_SIZE - 1);
    refused(-ERR_EXIST, "the device tree at [0x48002fff, ",
            "overlaps a segment of the kernel at [0x48002000, 0x48002fff]");
    vm.config.guest_dtb = ipa(FDT);
    set_app();
    vm.config.guest_app = ipa(ELF_DATA);
    refused(-ERR_EXIST, "a segment of the app at [0x48002000, ", "a segment of the kernel");
    vm.config.guest_app = ipa(ELF_DATA + ELF_DATA_SIZE);
    accepted();
}

#define test(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(loads_segments), test(loads_again),   test(kernel_moved),
        test(app_beside),     test(app_as_linked), test(only_zeroes),
        test(refused_files),  test(outside_ram),   test(overlaps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
