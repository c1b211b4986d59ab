/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle's VM: its images, checked. bundle_tree.c tells the guest's tree of them. See bundle.h.
 */
#include "vm/bundle.h"

#include <libfdt.h>
#include <stddef.h>

#include "fdt/dt_prop.h"
#include "fdt/dt_walk.h"
#include "lib/bits.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/phys.h"

typedef int (*image_fn)(struct bundle *bundle, const struct fit_image *image);

/* The image that the VM names `index`th for a role; size 0: it names no more. */
static int named_image(const struct bundle *bundle, const struct fit_role *role, int index,
                       struct fit_image *image)
{
    int err;

    *image = (struct fit_image){.size = 0};
    err = fit_image(&bundle->fit, bundle->vm, role, index, image);
    return err == -ERR_NOENT && image->name == NULL ? 0 : err;
}

static int name_images(struct bundle *bundle)
{
    int err = named_image(bundle, &fit_tree, 0, &bundle->tree);

    if (err == 0)
        err = named_image(bundle, &fit_kernel, 0, &bundle->kernel);
    if (err == 0)
        err = named_image(bundle, &fit_app, 0, &bundle->app);
    return err == 0 ? named_image(bundle, &fit_ramdisk, 0, &bundle->ramdisk) : err;
}

/* fn() for each image that the VM names, until one returns an error. */
static int each_image(struct bundle *bundle, image_fn fn)
{
    const struct fit_image *const images[] = {&bundle->tree, &bundle->kernel, &bundle->app,
                                              &bundle->ramdisk};
    struct fit_image disk = {.size = 1};
    int err = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(images) && err == 0; i++)
        err = images[i]->size != 0 ? fn(bundle, images[i]) : 0;
    for (int i = 0; i < BUNDLE_MAX_LOADABLES && err == 0 && disk.size != 0; i++) {
        err = named_image(bundle, &fit_loadable, i, &disk);
        if (err == 0 && disk.size != 0)
            err = fn(bundle, &disk);
    }
    return err;
}

static int reach(struct bundle *bundle, const struct fit_image *image)
{
    uint64_t size = ptr_to_pa(image->data).v + image->size - bundle->range.base.v;

    if (size > bundle->range.size)
        bundle->range.size = size;
    return 0;
}

/* Who puts images beside us need not hash them; a file may be damaged on its way. */
static int check_hashes(struct bundle *bundle, const struct fit_image *image)
{
    return fit_check_hashes(&bundle->fit, image, bundle->in_file);
}

/* An Image is entered at its first byte. An ELF says itself where. */
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

static int lacks(const struct fit_role *role)
{
    log_error("the bundle's VM names no image by \"%s\"", role->property);
    return -ERR_NOENT;
}

/* Without one the tree says where in flash the guest begins. */
static int check_os(const struct bundle *bundle)
{
    const struct fit_image *kernel = &bundle->kernel;
    const void *tree = bundle->tree.data;

    if (kernel->size == 0)
        return dt_prop_present(tree, fdt_path_offset(tree, "/chosen"), "traproom,kernel-address")
                   ? 0
                   : lacks(&fit_kernel);
    if (kernel->os != NULL && strcmp(kernel->os, "linux") == 0)
        return check_image_entry(kernel);
    if (kernel->os != NULL && strcmp(kernel->os, "elf") == 0)
        return 0;
    log_error(
        "the bundle's image \"%s\" is for the OS \"%s\": a kernel's must be \"linux\" or \"elf\"",
        kernel->name, kernel->os != NULL ? kernel->os : "");
    return -ERR_UNSUPPORTED;
}

static int check_ramdisk(const struct fit_image *ramdisk)
{
    if (ramdisk->size == 0 || ramdisk->has_load)
        return 0;
    log_error(
        "the bundle's image \"%s\" has no \"load\" address: say where the guest shall find it",
        ramdisk->name);
    return -ERR_INVAL;
}

static int check_tree(const struct fit_image *tree)
{
    if (tree->size == 0)
        return lacks(&fit_tree);
    if (tree->size > DT_MAX_SIZE) {
        log_error("the bundle's image \"%s\" has %lu bytes: a device tree has 2 MiB at most",
                  tree->name, tree->size);
        return -ERR_RANGE;
    }
    return dt_walk_open(tree->data, tree->size, "for the guest");
}

static int choose_vm(struct bundle *bundle, const char *name)
{
    int err = fit_configuration(&bundle->fit, *name != '\0' ? name : NULL, &bundle->configuration);

    return err == 0 ? fit_vm(&bundle->fit, bundle->configuration, &bundle->vm) : err;
}

/* What is to be read lies in memory that is nobody's: first the FIT, then all that it names. */
static int open_fit(struct bundle *bundle, const struct phys_map *phys)
{
    const void *at = pa_to_ptr(bundle->range.base);
    uint64_t room = bundle->range.size;
    int err;

    if (!bundle->in_file && fdt_totalsize(at) < room)
        bundle->range.size = fdt_totalsize(at);
    err = phys_map_check(phys, bundle->range, "the bundle");
    return err == 0 ? fit_open(&bundle->fit, at, room) : err;
}

static int check_free(struct bundle *bundle, const struct phys_map *phys)
{
    int err = each_image(bundle, reach);

    return err == 0 ? phys_map_check(phys, bundle->range, "the bundle") : err;
}

bool bundle_is_there(struct pa_range range)
{
    return range.size >= sizeof(struct fdt_header) && fdt_magic(pa_to_ptr(range.base)) == FDT_MAGIC;
}

int bundle_open(struct bundle *bundle, const struct phys_map *phys, struct pa_range range,
                bool in_file, const char *name)
{
    int err;

    *bundle = (struct bundle){.range = range, .in_file = in_file};
    err = open_fit(bundle, phys);
    if (err == 0)
        err = choose_vm(bundle, name);
    if (err == 0)
        err = name_images(bundle);
    if (err == 0)
        err = check_free(bundle, phys);
    if (err == 0)
        err = each_image(bundle, check_hashes);
    if (err == 0)
        err = check_tree(&bundle->tree);
    if (err == 0)
        err = check_os(bundle);
    return err == 0 ? check_ramdisk(&bundle->ramdisk) : err;
}

void bundle_describe(const struct bundle *bundle)
{
    log_info("bundle: %s; configuration \"%s\", %s", fit_description(&bundle->fit, 0),
             fit_name(&bundle->fit, bundle->configuration),
             fit_description(&bundle->fit, bundle->configuration));
}
