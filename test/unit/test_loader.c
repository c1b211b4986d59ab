/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of vm/loader.c: the guest's images are checked, placed and copied into its RAM. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loader_fixture.h"

#define KERNEL_FILE UINT64_C(0x3210)
#define INITRD_FILE UINT64_C(0x1234)

static uint64_t kernel[KERNEL_FILE / 8]; /* the header: word 1 text_offset, word 2 image_size */
static char initrd[INITRD_FILE];

static void set_header(uint64_t text_offset, uint64_t image_size)
{
    kernel[1] = text_offset;
    kernel[2] = image_size;
}

static int start(void **state)
{
    (void)state;
    loader_start(0);
    memset(kernel, 'k', sizeof(kernel));
    memset(initrd, 'i', sizeof(initrd));
    memcpy((char *)kernel + 56, "ARM\x64", 4);
    set_header(0, 0x8000);
    vm.config.kernel = (struct pa_range){ptr_to_pa(kernel), sizeof(kernel)};
    vm.config.initrd = (struct pa_range){ptr_to_pa(initrd), sizeof(initrd)};
    vm.config.guest_initrd = (struct ipa_range){ipa(RAM + 0x20000), sizeof(initrd)};
    return 0;
}

static void accepted(void)
{
    assert_int_equal(loader_check(&vm), 0);
    assert_int_equal(logged.errors, 0);
}

static void loads_all(void **state)
{
    (void)state;
    set_header(0x4000, 0x8000);
    accepted();
    loader_load(&vm);
    assert_int_equal(loader_entry(&vm).v, RAM + 0x4000);
    assert_memory_equal(ram + 0x4000, kernel, KERNEL_FILE);
    assert_memory_equal(ram + 0x20000, initrd, INITRD_FILE);
    assert_memory_equal(ram + 0x30000, fdt, FDT_SIZE);
    assert_int_equal(ram[0x3fff] | ram[0x4000 + KERNEL_FILE], 0);
    assert_int_equal(ram[0x1ffff] | ram[0x20000 + INITRD_FILE], 0);
    assert_int_equal(ram[0x2ffff] | ram[0x30000 + FDT_SIZE], 0);
}

/* A guest that starts again finds what it has changed as it was. */
static void loads_again(void **state)
{
    (void)state;
    accepted();
    loader_load(&vm);
    memset(ram, 0xaa, RAM_SIZE);
    loader_load(&vm);
    assert_memory_equal(ram, kernel, KERNEL_FILE);
    assert_memory_equal(ram + 0x20000, initrd, INITRD_FILE);
    assert_memory_equal(ram + 0x30000, fdt, FDT_SIZE);
}

static void loads_without_initramfs(void **state)
{
    (void)state;
    vm.config.initrd.size = 0;
    vm.config.guest_initrd.size = 0;
    accepted();
    loader_load(&vm);
    assert_memory_equal(ram, kernel, KERNEL_FILE);
    assert_int_equal(ram[0x20000], 0);
}

/* "Booting AArch64 Linux": with an image_size of 0, text_offset is 0x80000 whatever it says. */
static void kernel_of_old(void **state)
{
    (void)state;
    set_header(0x1000, 0);
    accepted();
    assert_int_equal(loader_entry(&vm).v, RAM + 0x80000);
    loader_load(&vm);
    assert_memory_equal(ram + 0x80000, kernel, KERNEL_FILE);
}

static void no_image(void **state)
{
    (void)state;
    vm.config.kernel.size = 63;
    refused(-ERR_INVAL, "the kernel", "nor an arm64 Image");
    vm.config.kernel.size = 64;
    accepted();
    ((char *)kernel)[59] ^= 1;
    refused(-ERR_INVAL, "the kernel", "nor an arm64 Image");
}

/* The kernel takes what its header says, or its file where that is larger. */
static void kernel_that_does_not_fit(void **state)
{
    (void)state;
    vm.config.guest_initrd.size = 0;
    vm.config.initrd.size = 0;
    vm.config.guest_dtb = ipa(RAM);
    vm.fdt.size = 0x1000;
    set_header(0x1000, RAM_SIZE - 0x1000);
    accepted();
    set_header(0x1000, RAM_SIZE - 0xfff);
    refused(-ERR_RANGE, "the kernel", "0x48001000");
    set_header(RAM_SIZE - KERNEL_FILE, 1);
    accepted();
    set_header(RAM_SIZE - KERNEL_FILE + 1, 1);
    refused(-ERR_RANGE, "the kernel", "RAM");
    set_header(0, UINT64_MAX);
    refused(-ERR_RANGE, "the kernel", "RAM");
    set_header(UINT64_MAX, 0x1000);
    refused(-ERR_RANGE, "the kernel", "RAM");
}

/* A multiple of 2 MiB plus the offset, in the first piece with room; or where the tree says. */
static void kernel_goes_where(void **state)
{
    (void)state;
    vm.config.nr_ram = 3;
    vm.config.ram[0] = (struct ipa_range){ipa(0x1000), 0x80000};
    vm.config.ram[1] = (struct ipa_range){ipa(0x48100000), 0x108fff};
    vm.config.ram[2] = (struct ipa_range){ipa(0x50001000), 0x400000};
    set_header(0x1000, 0x8000);
    assert_int_equal(loader_entry(&vm).v, 0x50201000);
    vm.config.ram[1].size++;
    assert_int_equal(loader_entry(&vm).v, 0x48201000);
    vm.config.ram[0] = (struct ipa_range){ipa(0), 0x9000};
    assert_int_equal(loader_entry(&vm).v, 0x1000);
    set_header(UINT64_MAX, 0x8000);
    assert_int_equal(loader_entry(&vm).v, UINT64_MAX);
    vm.config.guest_kernel = ipa(0);
    assert_int_equal(loader_entry(&vm).v, 0);
}

static void others_that_do_not_fit(void **state)
{
    (void)state;
    vm.config.guest_initrd.base = ipa(RAM + RAM_SIZE - INITRD_FILE);
    accepted();
    vm.config.guest_initrd.base.v++;
    refused(-ERR_RANGE, "the initramfs", "RAM");
    vm.config.guest_initrd.base = ipa(RAM + 0x20000);
    vm.config.guest_dtb = ipa(RAM + RAM_SIZE - FDT_SIZE);
    accepted();
    vm.config.guest_dtb.v++;
    refused(-ERR_RANGE, "the device tree", "RAM");
    vm.config.guest_dtb = ipa(RAM - 1);
    refused(-ERR_RANGE, "the device tree", "RAM");
}

static void overlaps(void **state)
{
    (void)state;
    vm.config.guest_initrd.base = ipa(RAM + 0x7fff); /* in what the kernel uses once it runs */
    refused(-ERR_EXIST, "the kernel", "the initramfs");
    vm.config.guest_initrd.base = ipa(RAM + 0x8000);
    accepted();
    vm.config.guest_dtb = ipa(RAM + 0x8000 - FDT_SIZE + 1);
    refused(-ERR_EXIST, "the device tree", "the kernel");
    vm.config.guest_dtb = ipa(RAM + 0x8000 + INITRD_FILE - 1);
    refused(-ERR_EXIST, "the device tree", "the initramfs");
    vm.config.guest_dtb = ipa(RAM + 0x8000 + INITRD_FILE);
    accepted();
}

static void reserve(uint64_t base, uint64_t size, bool block)
{
    struct vm_reserved *reserved = &vm.config.reserved[vm.config.nr_reserved++];

    *reserved = (struct vm_reserved){{ipa(base), size}, block, "/reserved-memory/fw"};
}

/* What is reserved is kept free. A boot loader may have reserved what it has put into place. */
static void reserved_memory(void **state)
{
    (void)state;
    reserve(RAM + 0x21000, 0x100, false);
    refused(-ERR_EXIST, "the initramfs", "/reserved-memory/fw at [0x48021000, 0x480210ff]");
    vm.config.reserved[0].block = true;
    refused(-ERR_EXIST, "the initramfs", "/reserved-memory/fw");
    reserve(RAM + 0x20000, INITRD_FILE, true);
    vm.config.reserved[0].range.size = 0;
    accepted();
    reserve(RAM + 0x30000, FDT_SIZE - 1, true);
    refused(-ERR_EXIST, "the device tree", "/reserved-memory/fw");
    vm.config.nr_reserved = 0;
    reserve(RAM + 0x7fff, 1, false);
    refused(-ERR_EXIST, "the kernel", "/reserved-memory/fw");
    vm.config.reserved[0].range.base.v++;
    accepted();
}

/* Without a kernel the guest begins in what a device shows of itself. */
static void begins_in_flash(void **state)
{
    (void)state;
    vm.config.kernel.size = 0;
    vm.config.guest_kernel = ipa(0x1000);
    vm.config.nr_devices = 2;
    vm.config.device[0].regs = (struct ipa_range){ipa(0), 0x4000};
    vm.config.device[1].regs = (struct ipa_range){ipa(0x4000), 0x4000};
    vm.config.device[1].shown = true;
    refused(-ERR_NOENT, "traproom,kernel", "no flash at 0x1000");
    vm.config.guest_kernel = ipa(0x7ffe);
    refused(-ERR_NOENT, "traproom,kernel", "no flash at 0x7ffe");
    vm.config.guest_kernel = ipa(0x7ffc);
    accepted();
    loader_load(&vm);
    assert_int_equal(loader_entry(&vm).v, 0x7ffc);
    assert_memory_equal(ram + 0x20000, initrd, INITRD_FILE);
    assert_memory_equal(ram + 0x30000, fdt, FDT_SIZE);
    assert_int_equal(ram[0], 0);
}

#define test(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(loads_all),
        test(loads_again),
        test(loads_without_initramfs),
        test(kernel_of_old),
        test(no_image),
        test(kernel_that_does_not_fit),
        test(kernel_goes_where),
        test(others_that_do_not_fit),
        test(overlaps),
        test(reserved_memory),
        test(begins_in_flash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
