// SPDX-License-Identifier: Apache-2.0
/* vm/vm_flash.c: what a node says of its banks, and their content in the guest's map. */
#include "vm/vm_flash.h"

#include "fake_machine.h"
#include "fdt_walk.h"
#include "mm/phys.h"
#include "vm/vm.h"

#define NODE   "/flash@10000000"
#define BASE   0x10000000
#define SIZE   0x100000
#define MEMORY 0x70000000

static struct vm vm;
static struct vm_device_config config;
static void *fdt;

static int setup(void **state)
{
    (void)state;
    fdt = tree_open("host");
    tree_add_device(fdt, NODE + 1, "cfi-flash", BASE, SIZE, 0);
    TREE_CELLS(fdt, NODE, "reg", 0, BASE, 0, SIZE, 0, BASE + SIZE, 0, SIZE);
    TREE_CELLS(fdt, NODE, "traproom,flash", 0, MEMORY, 0, SIZE, 1, MEMORY, 0, SIZE);
    TREE_CELLS(fdt, NODE, "bank-width", 4);
    config = (struct vm_device_config){.regs = {ipa(BASE), SIZE}, .path = NODE};
    memset(&vm, 0, sizeof(vm));
    fake_map_error = 0;
    log_clear();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(fdt);
    return 0;
}

static int read_node(void)
{
    struct dt_walk at;

    tree_walk_to(fdt, NODE, &at);
    return vm_flash_read(&at, 0, &config);
}

static void refused(int err, const char *says)
{
    log_clear();
    assert_int_equal(read_node(), -err);
    assert_said(NODE, says);
}

static void each_bank_has_its_memory(void **state)
{
    (void)state;
    assert_int_equal(read_node(), 0);
    assert_int_equal(config.backing.base.v, MEMORY);
    assert_int_equal(config.backing.size, SIZE);
    assert_true(config.shown);
    config.regs.base = ipa(BASE + SIZE);
    assert_int_equal(read_node(), 0);
    assert_int_equal(config.backing.base.v, UINT64_C(0x100000000) + MEMORY);
    assert_int_equal(logged.errors, 0);
}

static void what_is_not_whole(void **state)
{
    (void)state;
    TREE_CELLS(fdt, NODE, "traproom,flash", 0, MEMORY, 0);
    refused(ERR_INVAL, "an address and a size");
    TREE_CELLS(fdt, NODE, "traproom,flash", 0, MEMORY, 0, SIZE);
    assert_int_equal(read_node(), 0);
    config.regs.base = ipa(BASE + SIZE);
    refused(ERR_INVAL, "each entry of \"reg\"");
    TREE_CELLS(fdt, NODE, "traproom,flash", 0, MEMORY, 0, SIZE, 0, MEMORY, 0, SIZE, 0, 1, 0, 1);
    config.regs.base = ipa(BASE + 2 * SIZE);
    refused(ERR_INVAL, "each entry of \"reg\"");
}

static void sizes_and_places(void **state)
{
    static const struct {
        uint64_t base, size;
    } bad[] = {{BASE, 0x20000}, {BASE, 0x8000000}, {BASE, 0x180000}, {BASE + 0x80000, SIZE}};

    (void)state;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        config.regs = (struct ipa_range){ipa(bad[i].base), bad[i].size};
        TREE_CELLS(fdt, NODE, "reg", 0, (uint32_t)bad[i].base, 0, (uint32_t)bad[i].size);
        refused(ERR_RANGE, "power of two from 0x40000 to 0x4000000");
    }
}

static void memory_that_does_not_fit(void **state)
{
    (void)state;
    TREE_CELLS(fdt, NODE, "traproom,flash", 0, MEMORY, 0, SIZE - 0x1000);
    refused(ERR_RANGE, "as many bytes as");
    TREE_CELLS(fdt, NODE, "traproom,flash", 0, MEMORY + 0x800, 0, SIZE);
    refused(ERR_RANGE, "whole pages");
}

static void other_widths(void **state)
{
    (void)state;
    TREE_CELLS(fdt, NODE, "bank-width", 2);
    refused(ERR_UNSUPPORTED, "\"bank-width\" must be 4");
    tree_del_prop(fdt, NODE, "bank-width");
    refused(ERR_UNSUPPORTED, "\"bank-width\" must be 4");
}

/* As long as no command says otherwise, for reading and executing alone. */
static void the_content_is_mapped(void **state)
{
    static uint8_t memory[VPFLASH_MIN_SIZE];
    static struct vm_flash flash;
    struct mmio_access read_status = {.size = 4, .value = 0x700070, .write = true};

    (void)state;
    memset(&flash, 0, sizeof(flash));
    config.regs.size = sizeof(memory);
    config.backing = (struct pa_range){ptr_to_pa(memory), sizeof(memory)};
    assert_int_equal(vm_flash_make(&vm, &flash, &config), 0);
    assert_ptr_equal(guest_mem_readable(&vm.mem, ipa(BASE), sizeof(memory)), memory);
    vpflash_reset(&flash);
    assert_int_equal(fake_map.ipa, BASE);
    assert_int_equal(fake_map.pa, ptr_to_pa(memory).v);
    assert_int_equal(fake_map.size, sizeof(memory));
    assert_int_equal(fake_map.perms, STAGE2_READ | STAGE2_EXEC);
    assert_int_equal(vpflash_access(&flash, &read_status), MMIO_OK);
    assert_int_equal(fake_map.ipa, BASE);
    assert_int_equal(fake_map.size, sizeof(memory));
    assert_int_equal(fake_map.perms, 0);
    fake_map_error = -ERR_NOMEM;
    vpflash_reset(&flash);
    assert_non_null(strstr(logged.error, "0x10000000 can't be mapped"));
    assert_int_equal(vpflash_access(&flash, &read_status), MMIO_OK);
    assert_non_null(strstr(logged.error, "0x10000000 can't be unmapped"));
}

static void too_many_banks(void **state)
{
    static struct vm_flash flash;

    (void)state;
    vm.mem.nr_roms = GUEST_MEM_MAX_ROMS;
    assert_int_equal(vm_flash_make(&vm, &flash, &config), -ERR_NOMEM);
    assert_non_null(strstr(logged.error, "2 banks"));
}

int main(void)
{
#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        test(each_bank_has_its_memory), test(what_is_not_whole), test(sizes_and_places),
        test(memory_that_does_not_fit), test(other_widths),      test(the_content_is_mapped),
        test(too_many_banks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
