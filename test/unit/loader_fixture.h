/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of vm/loader.c: a VM with RAM, a tree, and what the loader says of its images. */
#ifndef TEST_LOADER_FIXTURE_H
#define TEST_LOADER_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "fdt_log.h"
#include "mm/phys.h"
#include "vm/loader.h"
#include "vm/vm.h"

#define RAM      UINT64_C(0x48000000)
#define RAM_SIZE UINT64_C(0x100000)
#define FDT      (RAM + 0x30000)
#define FDT_SIZE UINT64_C(0x800)

static struct vm vm;
static char fdt[FDT_SIZE];
static char *ram;

/* All of RAM is `fill`; no image but the tree yet. */
static inline void loader_start(int fill)
{
    memset(&vm, 0, sizeof(vm));
    memset(fdt, 'f', sizeof(fdt));
    ram = malloc(RAM_SIZE);
    assert_non_null(ram);
    memset(ram, fill, RAM_SIZE);
    vm.config.nr_ram = 1;
    vm.config.ram[0] = (struct ipa_range){ipa(RAM), RAM_SIZE};
    vm.config.guest_kernel = ipa(VM_KERNEL_ANYWHERE);
    vm.config.guest_dtb = ipa(FDT);
    vm.fdt.base = ptr_to_pa(fdt);
    vm.fdt.size = FDT_SIZE;
    vm.mem.count = 1;
    vm.mem.region[0] = (struct ram_region){ipa(RAM), ptr_to_pa(ram), RAM_SIZE};
    log_clear();
}

static int stop(void **state)
{
    (void)state;
    free(ram);
    return 0;
}

static void refused(int err, const char *what, const char *why)
{
    assert_int_equal(loader_check(&vm), err);
    assert_int_equal(logged.errors, 1);
    assert_non_null(strstr(logged.error, what));
    assert_non_null(strstr(logged.error, why));
    log_clear();
}

#endif
