/* SPDX-License-Identifier: Apache-2.0 */
/* From a bundle to the tree of the VM that it describes. See bundle.h. */
#include "vm/bundle.h"

#include <libfdt.h>
#include <stddef.h>

#include "fdt/dt_prop.h"
#include "fdt/dt_walk.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/phys.h"

#define TREE_MAX     UINT64_C(0x200000) /* Linux, "Booting AArch64 Linux", on the device tree */
#define LOADABLE_MAX 32                 /* more are not looked at */

/* A property that takes the place of a name: an address and a size. */
static int set_range(void *fdt, int node, const char *property, const struct fit_image *image)
{
    fdt64_t value[2] = {cpu_to_fdt64(ptr_to_pa(image->data).v), cpu_to_fdt64(image->size)};

    return fdt_setprop(fdt, node, property, value, sizeof(value));
}

static int check_plain(const struct fit_image *image)
{
    if (image->compression == FIT_NONE)
        return 0;
    log_error("the bundle's image \"%s\" is compressed, which it may not be", image->name);
    return -ERR_UNSUPPORTED;
}

static int check_os(const struct fit_image *kernel)
{
    if (kernel->os != NULL && strcmp(kernel->os, "linux") == 0)
        return 0;
    log_error("the bundle's image \"%s\" is for the OS \"%s\": a kernel's must be \"linux\"",
              kernel->name, kernel->os != NULL ? kernel->os : "");
    return -ERR_UNSUPPORTED;
}

/* An Image is entered at its first byte. */
static int check_image_entry(const struct fit_image *kernel)
{
    if (!kernel->has_entry || (kernel->has_load && kernel->entry == kernel->load))
        return 0;
    if (!kernel->has_load)
        log_error("the bundle's image \"%s\" has an \"entry\" but no \"load\" address",
                  kernel->name);
    else
        log_error("the bundle's image \"%s\" is loaded at 0x%lx, but entered at 0x%lx: an arm64 "
                  "Image is entered where it begins",
                  kernel->name, kernel->load, kernel->entry);
    return -ERR_INVAL;
}

static int need(const struct bundle *bundle, const struct fit_role *role, struct fit_image *image)
{
    int err = fit_image(&bundle->fit, bundle->vm, role, 0, image);

    if (err == -ERR_NOENT && image->name == NULL)
        log_error("the bundle's VM names no image by \"%s\"", role->property);
    if (err == 0)
        err = check_plain(image);
    return err == 0 ? fit_check_hashes(&bundle->fit, image) : err;
}

static int take_kernel(struct bundle *bundle)
{
    int err = need(bundle, &fit_kernel, &bundle->kernel);

    if (err == 0)
        err = check_os(&bundle->kernel);
    return err == 0 ? check_image_entry(&bundle->kernel) : err;
}

static int take_ramdisk(struct bundle *bundle)
{
    struct fit_image *ramdisk = &bundle->ramdisk;
    int err = fit_image(&bundle->fit, bundle->vm, &fit_ramdisk, 0, ramdisk);

    if (err == -ERR_NOENT && ramdisk->name == NULL)
        return 0;
    if (err == 0)
        err = check_plain(ramdisk);
    if (err == 0)
        err = fit_check_hashes(&bundle->fit, ramdisk);
    if (err != 0 || ramdisk->has_load)
        return err;
    log_error(
        "the bundle's image \"%s\" has no \"load\" address: say where the guest shall find it",
        ramdisk->name);
    return -ERR_INVAL;
}

static int take_tree(struct bundle *bundle)
{
    struct fit_image *tree = &bundle->tree;
    int err = need(bundle, &fit_tree, tree);

    if (err != 0)
        return err;
    if (tree->size > TREE_MAX) {
        log_error("the bundle's image \"%s\" has %lu bytes: a device tree has 2 MiB at most",
                  tree->name, tree->size);
        return -ERR_RANGE;
    }
    return dt_walk_open(tree->data, tree->size, "for the guest");
}

int bundle_open(struct bundle *bundle, struct pa_range range, const char *name)
{
    int err;

    *bundle = (struct bundle){.range = range};
    err = fit_open(&bundle->fit, pa_to_ptr(range.base), range.size);
    if (err == 0)
        err = fit_configuration(&bundle->fit, *name != '\0' ? name : NULL, &bundle->configuration);
    if (err == 0)
        err = fit_vm(&bundle->fit, bundle->configuration, &bundle->vm);
    if (err == 0)
        err = take_tree(bundle);
    if (err == 0)
        err = take_kernel(bundle);
    return err == 0 ? take_ramdisk(bundle) : err;
}

/* Where the guest finds its tree, its kernel, its initramfs, and where they lie now. */
static int tell_images(const struct bundle *bundle, void *fdt, int chosen)
{
    const struct fit_image *tree = &bundle->tree, *kernel = &bundle->kernel;
    const struct fit_image *ramdisk = &bundle->ramdisk;
    int err = set_range(fdt, chosen, "traproom,kernel", kernel);

    if (err == 0 && kernel->has_load)
        err = fdt_setprop_u64(fdt, chosen, "traproom,kernel-address", kernel->load);
    if (err == 0 && tree->has_load)
        err = fdt_setprop_u64(fdt, chosen, "traproom,dtb-address", tree->load);
    if (err != 0 || ramdisk->size == 0)
        return err;
    err = set_range(fdt, chosen, "traproom,initrd", ramdisk);
    if (err == 0)
        err = fdt_setprop_u64(fdt, chosen, "linux,initrd-start", ramdisk->load);
    if (err == 0)
        err = fdt_setprop_u64(fdt, chosen, "linux,initrd-end", ramdisk->load + ramdisk->size);
    return err;
}

/* The VM's loadable that a node of the tree calls `name`. */
static int find_disk(const struct bundle *bundle, const char *path, const char *name,
                     struct fit_image *disk)
{
    int err = 0;

    for (int i = 0; err == 0 && i < LOADABLE_MAX; i++) {
        disk->name = NULL;
        err = fit_image(&bundle->fit, bundle->vm, &fit_loadable, i, disk);
        if (err == 0 && strcmp(disk->name, name) == 0)
            return fit_check_hashes(&bundle->fit, disk);
    }
    if (err == 0 || disk->name == NULL)
        log_error(
            "%s: \"traproom,image\" names \"%s\", which is not among the \"loadables\" of the "
            "bundle's VM",
            path, name);
    return err == 0 ? -ERR_NOENT : err;
}

static int tell_disk(const struct bundle *bundle, void *fdt, int node)
{
    const char *name = dt_prop_string(fdt, node, "traproom,image");
    char path[DT_PATH_SIZE];
    struct fit_image disk;
    int err = find_disk(bundle, dt_prop_path(fdt, node, path), name, &disk);

    if (err == 0)
        err = check_plain(&disk);
    if (err == 0 && set_range(fdt, node, "traproom,disk", &disk) != 0)
        err = -ERR_NOMEM;
    return err;
}

static int tell_disks(const struct bundle *bundle, void *fdt)
{
    int err = 0;

    for (int node = 0; node >= 0 && err == 0; node = fdt_next_node(fdt, node, NULL)) {
        if (dt_prop_string(fdt, node, "traproom,image") != NULL)
            err = tell_disk(bundle, fdt, node);
    }
    return err;
}

/* Bytes that the tree may grow to. A node that names an image is longer than what it is told. */
static uint64_t tree_room(const struct bundle *bundle)
{
    return align_up(2 * fdt_totalsize(bundle->tree.data) + PAGE_SIZE, PAGE_SIZE);
}

/* Claim a place for the tree that is no part of the bundle, though that itself is not claimed. */
static int place_tree(const struct bundle *bundle, struct phys_map *phys, struct pa_range *tree)
{
    static struct phys_map with_bundle;
    int err;

    with_bundle = *phys;
    err = phys_map_claim(&with_bundle, bundle->range, "the bundle");
    if (err == 0)
        err = phys_map_place(&with_bundle, pa(0), tree->size, PAGE_SIZE, "the guest's tree",
                             &tree->base);
    if (err == -ERR_NOMEM)
        log_error("no room for the guest's tree, 0x%lx bytes: give QEMU more (-m)", tree->size);
    return err == 0 ? phys_map_claim(phys, *tree, "the guest's tree as loaded") : err;
}

int bundle_make_tree(const struct bundle *bundle, struct phys_map *phys, struct pa_range *tree)
{
    int chosen;
    void *fdt;
    int err;

    tree->size = tree_room(bundle);
    err = place_tree(bundle, phys, tree);
    if (err != 0)
        return err;
    fdt = pa_to_ptr(tree->base);
    err = fdt_open_into(bundle->tree.data, fdt, (int)tree->size);
    chosen = err == 0 ? fdt_path_offset(fdt, "/chosen") : err;
    if (chosen == -FDT_ERR_NOTFOUND)
        chosen = fdt_add_subnode(fdt, 0, "chosen");
    err = chosen < 0 ? chosen : tell_images(bundle, fdt, chosen);
    if (err != 0) {
        log_error("the guest's tree can't be told where its images are: %s", fdt_strerror(err));
        return -ERR_INVAL;
    }
    err = tell_disks(bundle, fdt);
    return err == 0 && fdt_pack(fdt) != 0 ? -ERR_INVAL : err;
}

void bundle_describe(const struct bundle *bundle)
{
    log_info("bundle: %s; configuration \"%s\", %s", fit_description(&bundle->fit, 0),
             fit_name(&bundle->fit, bundle->configuration),
             fit_description(&bundle->fit, bundle->configuration));
}
