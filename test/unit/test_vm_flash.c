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
#define ROOM   (3 * VPFLASH_MIN_SIZE) /* of the machine */

static struct vm vm;
static struct phys_map phys;
static struct vm_flash flash;
static uint8_t *ram;
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
    memset(&flash, 0, sizeof(flash));
    ram = aligned_alloc(PAGE_SIZE, ROOM);
    assert_non_null(ram);
    phys = (struct phys_map){.nr_ram = 0};
    assert_int_equal(phys_map_add_ram(&phys, (struct pa_range){ptr_to_pa(ram), ROOM}), 0);
    vm.phys = &phys;
    fake_map_error = 0;
    log_clear();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(ram);
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
    TREE_CELLS(fdt, NODE, "traproom,flash", 0, MEMORY, 0, SIZE + 1);
    refused(ERR_RANGE, "its bank at 0x10000000 has 0x100001 bytes, but the bank 0x100000");
    TREE_CELLS(fdt, NODE, "traproom,flash", 0, MEMORY + 0x800, 0, SIZE);
    refused(ERR_RANGE, "must begin with a page");
}

/* What is copied may lie anywhere; or there is nothing. */
static void content_of_a_part(void **state)
{
    (void)state;
    TREE_CELLS(fdt, NODE, "traproom,flash", 0, MEMORY + 0x801, 0, SIZE - 1);
    assert_int_equal(read_node(), 0);
    assert_int_equal(config.backing.size, SIZE - 1);
    assert_true(config.shown);
    TREE_CELLS(fdt, NODE, "traproom,flash", 0, 0, 0, 0);
    assert_int_equal(read_node(), 0);
    assert_int_equal(config.backing.size, 0);
    assert_true(config.shown);
}

static void other_widths(void **state)
{
    (void)state;
    TREE_CELLS(fdt, NODE, "bank-width", 2);
    refused(ERR_UNSUPPORTED, "\"bank-width\" must be 4");
    tree_del_prop(fdt, NODE, "bank-width");
    refused(ERR_UNSUPPORTED, "\"bank-width\" must be 4");
}

/* A small bank, whose content is in the machine's first bytes and has been claimed. */
static void claim_content(uint64_t size)
{
    config.regs.size = VPFLASH_MIN_SIZE;
    config.backing = (struct pa_range){ptr_to_pa(ram), size};
    assert_int_equal(phys_map_claim(&phys, config.backing, NODE), 0);
}

/* As long as no command says otherwise, for reading and executing alone. */
static void the_content_is_mapped(void **state)
{
    struct mmio_access read_status = {.size = 4, .value = 0x700070, .write = true};

    (void)state;
    claim_content(VPFLASH_MIN_SIZE);
    assert_int_equal(vm_flash_make(&vm, &flash, &config), 0);
    assert_ptr_equal(guest_mem_readable(&vm.mem, ipa(BASE), VPFLASH_MIN_SIZE), ram);
    assert_true(phys_map_owner(&phys, ptr_to_pa(ram))->guest);
    vpflash_reset(&flash);
    assert_int_equal(fake_map.ipa, BASE);
    assert_int_equal(fake_map.pa, ptr_to_pa(ram).v);
    assert_int_equal(fake_map.size, VPFLASH_MIN_SIZE);
    assert_int_equal(fake_map.perms, STAGE2_READ | STAGE2_EXEC);
    assert_int_equal(vpflash_access(&flash, &read_status), MMIO_OK);
    assert_int_equal(fake_map.ipa, BASE);
    assert_int_equal(fake_map.size, VPFLASH_MIN_SIZE);
    assert_int_equal(fake_map.perms, 0);
    fake_map_error = -ERR_NOMEM;
    vpflash_reset(&flash);
    assert_non_null(strstr(logged.error, "0x10000000 can't be mapped"));
    assert_int_equal(vpflash_access(&flash, &read_status), MMIO_OK);
    assert_non_null(strstr(logged.error, "0x10000000 can't be unmapped"));
}

/* It has memory of its own, in whole pages: the guest reads nothing else. */
static void a_part_is_copied(void **state)
{
    const struct phys_owner *owner;
    const uint8_t *bank;

    (void)state;
    memset(ram, 'f', 1000);
    memset(ram + 1000, 0, ROOM - 1000);
    claim_content(1000);
    assert_int_equal(vm_flash_make(&vm, &flash, &config), 0);
    bank = guest_mem_readable(&vm.mem, ipa(BASE), VPFLASH_MIN_SIZE);
    assert_non_null(bank);
    assert_true(is_aligned((uintptr_t)bank, PAGE_SIZE) && bank >= ram + 1000);
    for (size_t i = 0; i < VPFLASH_MIN_SIZE; i++)
        assert_int_equal(bank[i], i < 1000 ? 'f' : 0xff);
    owner = phys_map_owner(&phys, ptr_to_pa(bank));
    assert_true(owner->guest && owner->range.size == VPFLASH_MIN_SIZE);
    assert_false(phys_map_owner(&phys, ptr_to_pa(ram))->guest);
    vpflash_reset(&flash);
    assert_int_equal(fake_map.pa, ptr_to_pa(bank).v);
}

static void an_erased_bank(void **state)
{
    const uint8_t *bank;

    (void)state;
    memset(ram, 0, ROOM);
    config.regs.size = VPFLASH_MIN_SIZE;
    assert_int_equal(vm_flash_make(&vm, &flash, &config), 0);
    bank = guest_mem_readable(&vm.mem, ipa(BASE), VPFLASH_MIN_SIZE);
    assert_non_null(bank);
    for (size_t i = 0; i < VPFLASH_MIN_SIZE; i++)
        assert_int_equal(bank[i], 0xff);
}

static void no_room_for_a_bank(void **state)
{
    (void)state;
    claim_content(1000);
    phys.ram[0].size = VPFLASH_MIN_SIZE;
    assert_int_equal(vm_flash_make(&vm, &flash, &config), -ERR_NOMEM);
    assert_said(NODE, "no room for a bank of flash, 0x40000 bytes");
}

static void too_many_banks(void **state)
{
    (void)state;
    claim_content(VPFLASH_MIN_SIZE);
    vm.mem.nr_roms = GUEST_MEM_MAX_ROMS;
    assert_int_equal(vm_flash_make(&vm, &flash, &config), -ERR_NOMEM);
    assert_non_null(strstr(logged.error, "2 banks"));
}

int main(void)
{
#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        test(each_bank_has_its_memory), test(what_is_not_whole), test(sizes_and_places),
        test(memory_that_does_not_fit), test(content_of_a_part), test(other_widths),
        test(the_content_is_mapped),    test(a_part_is_copied),  test(an_erased_bank),
        test(no_room_for_a_bank),       test(too_many_banks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
