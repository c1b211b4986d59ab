// SPDX-License-Identifier: Apache-2.0
/*
 * The tree of a bundle's guest, whatever it says of images: what it is told of them is where they
 * are, and each refusal says why, once. fuzz_fit.c has the bundle's own tree.
 */
#include "fuzz_fdt.h"
#include "lib/addr.h"
#include "mm/phys.h"
#include "vm/bundle.h"

/* What beside.dts has. */
#define TREE_PLACE  0x2000
#define TREE_SIZE   0x4000
#define FIRST_PLACE 0x7000 /* of the loadables */
#define END         0x9000

#define RAM_SIZE  0x40000
#define MAX_BANKS 2

static uint8_t ram[RAM_SIZE] __attribute__((aligned(PAGE_SIZE)));

/* A flash's bank may have nothing; else it is one of the images. */
static void check_range(const fdt64_t *value, bool may_be_none)
{
    uint64_t base = fdt64_ld(value), size = fdt64_ld(value + 1);

    if (may_be_none && base == 0 && size == 0)
        return;
    fuzz_require(size == 0x800 || size == 0x1000);
    fuzz_require(
        range_contains((uint64_t)(uintptr_t)ram + FIRST_PLACE, END - FIRST_PLACE, base, size));
}

static void check_node(const void *fdt, int node)
{
    bool flash = fdt_node_check_compatible(fdt, node, "cfi-flash") == 0;
    int len = 0;
    const fdt64_t *value = fdt_getprop(fdt, node, flash ? "traproom,flash" : "traproom,disk", &len);

    if (fdt_stringlist_get(fdt, node, "traproom,image", 0, NULL) == NULL)
        return;
    fuzz_require(value != NULL && len % 16 == 0 && len / 16 <= MAX_BANKS);
    for (int i = 0; i < len / 16; i++)
        check_range(value + 2 * i, flash);
}

static void check_tree(const struct bundle *bundle, struct pa_range tree)
{
    const void *fdt = pa_to_ptr(tree.base);

    fuzz_require(logged_errors == 0);
    fuzz_require(range_contains((uint64_t)(uintptr_t)ram, RAM_SIZE, tree.base.v, tree.size));
    fuzz_require(!ranges_overlap(tree.base.v, tree.size, bundle->range.base.v, bundle->range.size));
    fuzz_require(fdt_check_full(fdt, tree.size) == 0);
    for (int node = 0; node >= 0; node = fdt_next_node(fdt, node, NULL))
        check_node(fdt, node);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"flash"};
    static void *cache[1], *fit;
    struct fuzz_input in = {data, size};
    struct pa_range room = {ptr_to_pa(ram), RAM_SIZE}, tree;
    struct phys_map phys = {.nr_ram = 1, .ram = {room}};
    struct bundle bundle;
    size_t used;
    void *fdt = take_tree(names, cache, 1, &in, &used);

    tree_base("beside", &fit);
    fuzz_require(fdt_totalsize(fit) <= TREE_PLACE);
    memcpy(ram, fit, fdt_totalsize(fit));
    memset(ram + TREE_PLACE, 0, TREE_SIZE);
    memcpy(ram + TREE_PLACE, fdt, used < TREE_SIZE ? used : TREE_SIZE);
    free(fdt);
    logged_errors = 0;
    if (bundle_open(&bundle, &phys, room, false, "") != 0 ||
        bundle_make_tree(&bundle, &phys, &tree) != 0)
        fuzz_require(logged_errors == 1);
    else
        check_tree(&bundle, tree);
    return 0;
}
