/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle's VM: its images, checked. bundle_tree.c tells the guest's tree of them. See bundle.h.
 */
#include "vm/bundle.h"

#include <stddef.h>

#include "fdt/dt_walk.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/phys.h"

/* The image of a role, if the VM names one, with the bytes that it should have. */
static int take_image(const struct bundle *bundle, const struct fit_role *role,
                      struct fit_image *image)
{
    int err = fit_image(&bundle->fit, bundle->vm, role, 0, image);

    if (err == -ERR_NOENT && image->name == NULL)
        return 0;
    return err == 0 ? fit_check_hashes(&bundle->fit, image) : err;
}

static int take_needed(const struct bundle *bundle, const struct fit_role *role,
                       struct fit_image *image)
{
    int err = take_image(bundle, role, image);

    if (err != 0 || image->size != 0)
        return err;
    log_error("the bundle's VM names no image by \"%s\"", role->property);
    return -ERR_NOENT;
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

static int take_kernel(struct bundle *bundle)
{
    struct fit_image *kernel = &bundle->kernel;
    int err = take_needed(bundle, &fit_kernel, kernel);

    if (err != 0)
        return err;
    if (kernel->os != NULL && strcmp(kernel->os, "linux") == 0)
        return check_image_entry(kernel);
    if (kernel->os != NULL && strcmp(kernel->os, "elf") == 0)
        return 0;
    log_error(
        "the bundle's image \"%s\" is for the OS \"%s\": a kernel's must be \"linux\" or \"elf\"",
        kernel->name, kernel->os != NULL ? kernel->os : "");
    return -ERR_UNSUPPORTED;
}

static int take_ramdisk(struct bundle *bundle)
{
    struct fit_image *ramdisk = &bundle->ramdisk;
    int err = take_image(bundle, &fit_ramdisk, ramdisk);

    if (err != 0 || ramdisk->size == 0 || ramdisk->has_load)
        return err;
    log_error(
        "the bundle's image \"%s\" has no \"load\" address: say where the guest shall find it",
        ramdisk->name);
    return -ERR_INVAL;
}

static int take_tree(struct bundle *bundle)
{
    struct fit_image *tree = &bundle->tree;
    int err = take_needed(bundle, &fit_tree, tree);

    if (err != 0)
        return err;
    if (tree->size > DT_MAX_SIZE) {
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
    if (err == 0)
        err = take_image(bundle, &fit_app, &bundle->app);
    return err == 0 ? take_ramdisk(bundle) : err;
}

void bundle_describe(const struct bundle *bundle)
{
    log_info("bundle: %s; configuration \"%s\", %s", fit_description(&bundle->fit, 0),
             fit_name(&bundle->fit, bundle->configuration),
             fit_description(&bundle->fit, bundle->configuration));
}
