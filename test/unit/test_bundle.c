/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of vm/bundle.c and bundle_tree.c: what the tree is told of a bundle's images, and what is
 * refused. */
#include "fdt/fit_crc32.h"
#include "fit_fixture.h"
#include "mm/phys.h"
#include "vm/bundle.h"

#define VM       "/configurations/plain/vm-0"
#define RAM_SIZE (64 * PAGE_SIZE)
#define PLACE    PAGE_SIZE /* of the bundle, from the RAM's beginning on */

static uint8_t *ram;
static struct phys_map phys;
static struct bundle bundle;
static struct pa_range place;
static bool in_file;

static void add_hash(const char *image)
{
    char path[64];
    const fdt32_t *offset, *size;
    uint32_t crc;

    snprintf(path, sizeof(path), "/images/%s", image);
    offset = fdt_getprop(blob, fit_node(path), "data-offset", NULL);
    size = fdt_getprop(blob, fit_node(path), "data-size", NULL);
    crc = fit_crc32(blob + FIT_ROOM + fdt32_to_cpu(*offset), fdt32_to_cpu(*size));
    if (fdt_subnode_offset(blob, fit_node(path), "hash-1") < 0)
        add(path, "hash-1");
    strcat(path, "/hash-1");
    set_text(path, "algo", "crc32");
    set_cell(path, "value", crc);
}

/* The guest's tree, with one node that wants a disk unless `disk` is NULL. */
static void make_tree(const char *disk, bool chosen)
{
    uint8_t *tree = blob + FIT_ROOM + TREE_OFFSET;

    memset(tree, 0, TREE_SIZE);
    assert_int_equal(fdt_create_empty_tree(tree, TREE_SIZE), 0);
    if (chosen)
        assert_true(fdt_add_subnode(tree, 0, "chosen") > 0);
    assert_true(fdt_add_subnode(tree, 0, "slot") > 0);
    if (disk != NULL)
        assert_int_equal(fdt_setprop(tree, fdt_path_offset(tree, "/slot"), "traproom,image", disk,
                                     (int)strlen(disk) + 1),
                         0);
    add_hash("tree");
}

static int start(void **state)
{
    fit_start(state);
    ram = aligned_alloc(PAGE_SIZE, RAM_SIZE);
    assert_non_null(ram);
    memset(ram, 0, RAM_SIZE);
    memcpy(ram + PLACE, blob, FIT_ROOM + STORE_SIZE);
    free(blob);
    blob = ram + PLACE;
    place = (struct pa_range){ptr_to_pa(blob), FIT_ROOM + STORE_SIZE};
    in_file = true;
    phys = (struct phys_map){.nr_ram = 0};
    assert_int_equal(phys_map_add_ram(&phys, (struct pa_range){ptr_to_pa(ram), RAM_SIZE}), 0);
    add_image("initrd", "ramdisk", 8, 100);
    set_cell("/images/initrd", "load", 0x54000000);
    add_image("disk-0", "filesystem", 16, 512);
    add_hash("kernel");
    add_hash("initrd");
    add_hash("disk-0");
    make_tree(NULL, true);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    free(ram);
    return 0;
}

/* Not in one file with us but beside us, where nobody says how much it is. */
static void put_beside(void)
{
    place.size = RAM_SIZE - PLACE;
    in_file = false;
}

static void *opened(void)
{
    struct pa_range tree;

    assert_int_equal(bundle_open(&bundle, &phys, place, in_file, ""), 0);
    assert_int_equal(bundle_make_tree(&bundle, &phys, &tree), 0);
    assert_int_equal(logged.errors, 0);
    assert_false(ranges_overlap(tree.base.v, tree.size, bundle.range.base.v, bundle.range.size));
    assert_string_equal(phys_map_owner(&phys, tree.base)->name, "the guest's tree as loaded");
    return pa_to_ptr(tree.base);
}

static void refused(int err, const char *says, const char *says_too)
{
    struct pa_range tree;
    int result = bundle_open(&bundle, &phys, place, in_file, "");

    if (result == 0)
        result = bundle_make_tree(&bundle, &phys, &tree);
    assert_int_equal(result, err);
    assert_logged(says, says_too);
    phys.nr_owners = 0;
}

static void assert_cells(const void *fdt, const char *path, const char *name, uint64_t first,
                         uint64_t second)
{
    int len;
    const fdt64_t *value = fdt_getprop(fdt, fdt_path_offset(fdt, path), name, &len);

    assert_non_null(value);
    assert_int_equal(fdt64_ld(value), first);
    assert_int_equal(len, second != 0 ? 16 : 8);
    if (second != 0)
        assert_int_equal(fdt64_ld(value + 1), second);
}

static void tells_the_kernel(void **state)
{
    void *fdt = opened();

    (void)state;
    assert_cells(fdt, "/chosen", "traproom,kernel", ptr_to_pa(blob + FIT_ROOM).v, KERNEL_SIZE);
    assert_cells(fdt, "/chosen", "traproom,kernel-address", 0x48000000, 0);
    assert_null(fdt_getprop(fdt, fdt_path_offset(fdt, "/chosen"), "traproom,dtb-address", NULL));
    assert_null(fdt_getprop(fdt, fdt_path_offset(fdt, "/chosen"), "traproom,initrd", NULL));
}

/* A kernel without an address goes where the boot protocol has it. */
static void tells_no_address(void **state)
{
    void *fdt;

    (void)state;
    leave_out("/images/kernel", "load");
    leave_out("/images/kernel", "entry");
    set_cell("/images/tree", "load", 0x47000000);
    make_tree(NULL, false);
    fdt = opened();
    assert_null(fdt_getprop(fdt, fdt_path_offset(fdt, "/chosen"), "traproom,kernel-address", NULL));
    assert_cells(fdt, "/chosen", "traproom,dtb-address", 0x47000000, 0);
}

static void tells_the_ramdisk(void **state)
{
    void *fdt;

    (void)state;
    set_text(VM, "ramdisk", "initrd");
    fdt = opened();
    assert_cells(fdt, "/chosen", "traproom,initrd", ptr_to_pa(blob + FIT_ROOM + 8).v, 100);
    assert_cells(fdt, "/chosen", "linux,initrd-start", 0x54000000, 0);
    assert_cells(fdt, "/chosen", "linux,initrd-end", 0x54000000 + 100, 0);
}

static void tells_the_disk(void **state)
{
    (void)state;
    assert_int_equal(fdt_setprop(blob, fit_node(VM), "loadables", "initrd\0disk-0", 14), 0);
    set_text("/images/initrd", "type", "filesystem");
    make_tree("disk-0", true);
    assert_cells(opened(), "/slot", "traproom,disk", ptr_to_pa(blob + FIT_ROOM + 16).v, 512);
}

/* A node with a bank of flash for each of the `size` bytes' names. */
static void make_flash(const char *names, int size)
{
    uint8_t *tree = blob + FIT_ROOM + TREE_OFFSET;
    int node;

    make_tree(NULL, true);
    node = fdt_add_subnode(tree, 0, "flash@0");
    assert_true(node > 0);
    assert_int_equal(fdt_setprop_string(tree, node, "compatible", "cfi-flash"), 0);
    assert_int_equal(fdt_setprop(tree, node, "traproom,image", names, size), 0);
    assert_int_equal(fdt_setprop_string(tree, node, "traproom,flash", "what the bundle says"), 0);
    add_hash("tree");
    set_text(VM, "loadables", "disk-0");
}

/* Addresses and sizes, and nothing else. */
static void assert_flash(unsigned count, const uint64_t *numbers)
{
    void *fdt = opened();
    int len;
    const fdt64_t *value =
        fdt_getprop(fdt, fdt_path_offset(fdt, "/flash@0"), "traproom,flash", &len);

    assert_non_null(value);
    assert_int_equal(len, count * sizeof(*value));
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(fdt64_ld(value + i), numbers[i]);
    phys.nr_owners = 0;
}

static void tells_the_flash(void **state)
{
    uint64_t numbers[] = {0, 0, ptr_to_pa(blob + FIT_ROOM + 16).v, 512};

    (void)state;
    make_flash("\0disk-0", 8);
    assert_flash(4, numbers);
    make_flash("disk-0", 7);
    assert_flash(2, numbers + 2);
    make_flash("", 1);
    assert_flash(2, numbers);
}

static void flash_not_listed(void **state)
{
    (void)state;
    make_flash("disk-0\0disk-1", 14);
    refused(-ERR_NOENT, "/flash@0: \"traproom,image\" names \"disk-1\"", "\"loadables\"");
    make_flash("disk-0", 7);
    leave_out(VM, "loadables");
    refused(-ERR_NOENT, "/flash@0: \"traproom,image\" names \"disk-0\"", "\"loadables\"");
}

static void flash_damaged(void **state)
{
    (void)state;
    make_flash("disk-0", 7);
    blob[FIT_ROOM + 20] ^= 1;
    add_hash("kernel");
    refused(-ERR_INVAL, "\"disk-0\" is damaged", "crc32");
}

/* The ramdisk becomes a frame of one stored block, of `says` bytes it says. */
static void pack_ramdisk(uint8_t says)
{
    static const uint8_t header[] = {4, 0x22, 0x4d, 0x18, 0x68, 0x40};
    uint8_t *at = blob + FIT_ROOM + 8;

    memset(at, 0, 100);
    memcpy(at, header, sizeof(header));
    at[6] = says;
    at[15] = 50; /* the block's size */
    at[18] = 0x80;
    memset(at + 19, 'r', 50);
    set_text(VM, "ramdisk", "initrd");
    set_text("/images/initrd", "compression", "lz4");
    add_hash("initrd");
    add_hash("kernel");
}

static void unpacks_the_ramdisk(void **state)
{
    const uint8_t *end = ram + RAM_SIZE;
    void *fdt;

    (void)state;
    pack_ramdisk(50);
    fdt = opened();
    assert_cells(fdt, "/chosen", "traproom,initrd", ptr_to_pa(end - PAGE_SIZE).v, 50);
    assert_cells(fdt, "/chosen", "linux,initrd-end", 0x54000000 + 50, 0);
    assert_int_equal(end[-(int)PAGE_SIZE] + end[49 - (int)PAGE_SIZE], 2 * 'r');
}

static void broken_ramdisk(void **state)
{
    (void)state;
    pack_ramdisk(51);
    refused(-ERR_INVAL, "\"initrd\" can't be unpacked", "less than it says");
    blob[FIT_ROOM + 8] = 0;
    add_hash("initrd");
    add_hash("kernel");
    refused(-ERR_INVAL, "\"initrd\" can't be unpacked", "no LZ4 frame");
}

static void no_room_to_unpack(void **state)
{
    (void)state;
    pack_ramdisk(0);
    refused(-ERR_NOMEM, "\"initrd\" unpacks to 0 bytes", "(-m)");
    blob[FIT_ROOM + 8 + 9] = 1; /* 16 MiB */
    add_hash("initrd");
    add_hash("kernel");
    refused(-ERR_NOMEM, "\"initrd\" unpacks to 16777216 bytes", "(-m)");
    memset(blob + FIT_ROOM + 8 + 6, 0xff, 8);
    add_hash("initrd");
    add_hash("kernel");
    refused(-ERR_NOMEM, "\"initrd\" unpacks to 18446744073709551615 bytes", "(-m)");
}

static void tells_the_app(void **state)
{
    void *fdt;

    (void)state;
    set_text("/images/kernel", "os", "elf");
    set_cell("/images/kernel", "entry", 0);
    set_text("/images/disk-0", "type", "standalone");
    set_cell("/images/disk-0", "load", 0x50000000);
    set_text(VM, "app", "disk-0");
    fdt = opened();
    assert_cells(fdt, "/chosen", "traproom,app", ptr_to_pa(blob + FIT_ROOM + 16).v, 512);
    assert_cells(fdt, "/chosen", "traproom,app-address", 0x50000000, 0);
}

static void describes(void **state)
{
    (void)state;
    opened();
    bundle_describe(&bundle);
}

/* Beside us no image needs a hash, and memory behind the last one is free; one that has a hash is
 * checked. */
static void beside(void **state)
{
    (void)state;
    put_beside();
    assert_true(bundle_is_there(place));
    fdt_del_node(blob, fit_node("/images/kernel/hash-1"));
    tells_the_kernel(state);
    assert_int_equal(bundle.range.size, FIT_ROOM + STORE_SIZE);
    set_text(VM, "loadables", "disk-0");
    set_cell("/images/disk-0", "data-offset", 8 * PAGE_SIZE);
    phys.nr_owners = 0;
    refused(-ERR_INVAL, "\"disk-0\" is damaged", "crc32");
    assert_int_equal(bundle.range.size, FIT_ROOM + 8 * PAGE_SIZE + 512);
}

static void beside_but_not_free(void **state)
{
    struct pa_range taken = {pa(ptr_to_pa(blob).v + FIT_ROOM + STORE_SIZE - 1), PAGE_SIZE};

    (void)state;
    put_beside();
    assert_int_equal(phys_map_claim(&phys, taken, "another one"), 0);
    refused(-ERR_EXIST, "the bundle at [0x", "overlaps another one");
    taken.base = ptr_to_pa(blob);
    assert_int_equal(phys_map_claim(&phys, taken, "another one"), 0);
    refused(-ERR_EXIST, "the bundle at [0x", "overlaps another one");
}

static void nothing_beside(void **state)
{
    (void)state;
    put_beside();
    place.size = sizeof(struct fdt_header) - 1;
    assert_false(bundle_is_there(place));
    place.size = RAM_SIZE - PLACE;
    fdt_set_totalsize(blob, RAM_SIZE);
    refused(-ERR_RANGE, "truncated: the bundle's FIT wants", "");
    blob[0] ^= 1;
    assert_false(bundle_is_there(place));
}

/* The guest begins in flash, where its tree says. */
static void no_kernel(void **state)
{
    uint8_t *tree = blob + FIT_ROOM + TREE_OFFSET;
    void *fdt;

    (void)state;
    leave_out(VM, "kernel");
    assert_int_equal(
        fdt_setprop_u64(tree, fdt_path_offset(tree, "/chosen"), "traproom,kernel-address", 0), 0);
    add_hash("tree");
    fdt = opened();
    assert_cells(fdt, "/chosen", "traproom,kernel-address", 0, 0);
    assert_null(fdt_getprop(fdt, fdt_path_offset(fdt, "/chosen"), "traproom,kernel", NULL));
}

static void disk_not_listed(void **state)
{
    (void)state;
    make_tree("disk-1", true);
    refused(-ERR_NOENT, "/slot: \"traproom,image\" names \"disk-1\"", "\"loadables\"");
    set_text(VM, "loadables", "disk-0");
    refused(-ERR_NOENT, "/slot: \"traproom,image\" names \"disk-1\"", "\"loadables\"");
    set_text(VM, "loadables", "disk-1");
    refused(-ERR_NOENT, "no image \"disk-1\"", "\"loadables\"");
}

/* Where `before` others come first. */
static void list_disk_after(unsigned before)
{
    char list[512];
    int len = 0;

    for (unsigned i = 0; i < before; i++)
        len += snprintf(list + len, sizeof(list) - (size_t)len, "initrd") + 1;
    len += snprintf(list + len, sizeof(list) - (size_t)len, "disk-0") + 1;
    assert_int_equal(fdt_setprop(blob, fit_node(VM), "loadables", list, len), 0);
    set_text("/images/initrd", "type", "filesystem");
    make_tree("disk-0", true);
}

/* A list may be long without an end to the search. */
static void disk_far_down_the_list(void **state)
{
    (void)state;
    list_disk_after(31);
    assert_cells(opened(), "/slot", "traproom,disk", ptr_to_pa(blob + FIT_ROOM + 16).v, 512);
    phys.nr_owners = 0;
    list_disk_after(32);
    refused(-ERR_NOENT, "/slot: \"traproom,image\" names \"disk-0\"", "\"loadables\"");
}

static void disk_damaged(void **state)
{
    (void)state;
    set_text(VM, "loadables", "disk-0");
    make_tree("disk-0", true);
    blob[FIT_ROOM + 20] ^= 1;
    add_hash("kernel");
    refused(-ERR_INVAL, "\"disk-0\" is damaged", "crc32");
}

static void compressed_disk(void **state)
{
    (void)state;
    set_text(VM, "loadables", "disk-0");
    set_text("/images/disk-0", "compression", "lz4");
    make_tree("disk-0", true);
    refused(-ERR_UNSUPPORTED, "\"disk-0\" is compressed", "\"loadables\" may not be");
}

static void images_damaged(void **state)
{
    (void)state;
    set_text(VM, "ramdisk", "initrd");
    blob[FIT_ROOM + 10] ^= 1;
    refused(-ERR_INVAL, "\"kernel\" is damaged", "crc32");
    add_hash("kernel");
    refused(-ERR_INVAL, "\"initrd\" is damaged", "crc32");
    blob[FIT_ROOM + TREE_OFFSET + 3] ^= 1;
    refused(-ERR_INVAL, "\"tree\" is damaged", "crc32");
}

static void names_missing(void **state)
{
    (void)state;
    leave_out(VM, "kernel");
    refused(-ERR_NOENT, "no image by \"kernel\"", "");
    leave_out(VM, "fdt");
    refused(-ERR_NOENT, "no image by \"fdt\"", "");
}

static void kernel_for_another_os(void **state)
{
    (void)state;
    set_text("/images/kernel", "os", "vxworks");
    refused(-ERR_UNSUPPORTED, "\"kernel\" is for the OS \"vxworks\"", "\"linux\"");
    leave_out("/images/kernel", "os");
    refused(-ERR_UNSUPPORTED, "\"kernel\" is for the OS \"\"", "\"linux\"");
}

static void wrong_entry(void **state)
{
    (void)state;
    set_cell("/images/kernel", "entry", 0);
    refused(-ERR_INVAL, "loaded at 0x48000000, but entered at 0x0", "\"kernel\"");
    set_cell("/images/kernel", "entry", 0x48000000 + KERNEL_SIZE);
    refused(-ERR_INVAL, "entered at 0x480003e8", "\"kernel\"");
    leave_out("/images/kernel", "load");
    refused(-ERR_INVAL, "\"kernel\" has an \"entry\" but no \"load\"", "");
}

static void ramdisk_without_address(void **state)
{
    (void)state;
    set_text(VM, "ramdisk", "initrd");
    leave_out("/images/initrd", "load");
    refused(-ERR_INVAL, "\"initrd\" has no \"load\"", "");
    set_text(VM, "ramdisk", "tree");
    refused(-ERR_INVAL, "\"tree\" is of type \"flat_dt\"", "\"ramdisk\"");
}

static void tree_that_is_none(void **state)
{
    (void)state;
    memset(blob + FIT_ROOM + TREE_OFFSET, 0, TREE_SIZE);
    add_hash("tree");
    refused(-ERR_NOENT, "no device tree for the guest", "");
}

static void tree_without_place(void **state)
{
    (void)state;
    phys.ram[0].size = PLACE + FIT_ROOM + PAGE_SIZE;
    refused(-ERR_NOMEM, "no room for the guest's tree", "");
    phys.ram[0].size = PAGE_SIZE;
    refused(-ERR_RANGE, "the bundle at 0x", "not in the machine's RAM");
}

#define test(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(tells_the_kernel),
        test(tells_no_address),
        test(tells_the_ramdisk),
        test(tells_the_disk),
        test(tells_the_flash),
        test(flash_not_listed),
        test(flash_damaged),
        test(unpacks_the_ramdisk),
        test(broken_ramdisk),
        test(no_room_to_unpack),
        test(tells_the_app),
        test(describes),
        test(beside),
        test(beside_but_not_free),
        test(nothing_beside),
        test(no_kernel),
        test(disk_not_listed),
        test(disk_far_down_the_list),
        test(disk_damaged),
        test(compressed_disk),
        test(images_damaged),
        test(names_missing),
        test(kernel_for_another_os),
        test(wrong_entry),
        test(ramdisk_without_address),
        test(tree_that_is_none),
        test(tree_without_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
