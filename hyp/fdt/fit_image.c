/* SPDX-License-Identifier: Apache-2.0 */
/* An image of a FIT: what it is, where its bytes are, where they go. See fit.h. */
#include <libfdt.h>
#include <stddef.h>

#include "fdt/dt_prop.h"
#include "fdt/fit_internal.h"
#include "lib/addr.h"
#include "lib/log.h"
#include "lib/string.h"

#define ARCH           "arm64"
#define DATA_ALIGNMENT 8 /* of a device tree, by its specification, and of an Image's header */
#define STORE_ALIGN    4 /* of the first byte behind the FIT, from which "data-offset" counts */

const struct fit_role fit_tree = {"fdt", "flat_dt", false};
const struct fit_role fit_kernel = {"kernel", "kernel", true};
const struct fit_role fit_app = {"app", "standalone", true};
const struct fit_role fit_ramdisk = {"ramdisk", "ramdisk", true};
const struct fit_role fit_loadable = {"loadables", "filesystem", false};

static int check_kind(const struct fit *fit, const struct fit_role *role, const char *name,
                      int node)
{
    const char *type = dt_prop_string(fit->fdt, node, "type");
    const char *arch = dt_prop_string(fit->fdt, node, "arch");

    if (type == NULL || strcmp(type, role->type) != 0) {
        log_error("the bundle's image \"%s\" is of type \"%s\", but a VM's \"%s\" must be a \"%s\"",
                  name, type != NULL ? type : "", role->property, role->type);
        return -ERR_INVAL;
    }
    if (role == &fit_kernel && arch == NULL) {
        log_error("the bundle's image \"%s\" does not say its \"arch\": it must be \"" ARCH "\"",
                  name);
        return -ERR_INVAL;
    }
    if (arch != NULL && strcmp(arch, ARCH) != 0) {
        log_error("the bundle's image \"%s\" is for \"%s\", but guests here are \"" ARCH "\"", name,
                  arch);
        return -ERR_UNSUPPORTED;
    }
    return 0;
}

static int read_compression(const struct fit *fit, const struct fit_role *role,
                            struct fit_image *image)
{
    const char *text = dt_prop_string(fit->fdt, image->node, "compression");

    if (text == NULL || strcmp(text, "none") == 0)
        return 0;
    if (strcmp(text, "lz4") != 0) {
        log_error(
            "the bundle's image \"%s\" has the compression \"%s\": \"none\" and \"lz4\" can be "
            "read",
            image->name, text);
        return -ERR_UNSUPPORTED;
    }
    if (!role->may_be_packed) {
        log_error("the bundle's image \"%s\" is compressed, which a VM's \"%s\" may not be",
                  image->name, role->property);
        return -ERR_UNSUPPORTED;
    }
    image->compression = FIT_LZ4;
    return 0;
}

/* "load" or "entry": *there says whether it has one. */
static int read_address(const struct fit *fit, const struct fit_image *image, const char *property,
                        bool *there, uint64_t *address)
{
    int err = dt_prop_number(fit->fdt, image->node, property, address);

    *there = err == 0;
    if (err != -ERR_INVAL)
        return 0;
    log_error("the bundle's image \"%s\": \"%s\" must be a number of 32 or 64 bits", image->name,
              property);
    return err;
}

/* How far from the FIT's beginning the bytes are that lie outside it. */
static int find_outside(const struct fit *fit, const struct fit_image *image, uint64_t *at,
                        uint64_t *size)
{
    int no_size = dt_prop_number(fit->fdt, image->node, "data-size", size);
    int no_place = dt_prop_number(fit->fdt, image->node, "data-position", at);
    uint64_t store = align_up(fdt_totalsize(fit->fdt), STORE_ALIGN);

    if (no_place == -ERR_NOENT) {
        no_place = dt_prop_number(fit->fdt, image->node, "data-offset", at);
        *at = range_is_valid(store, *at) ? store + *at : UINT64_MAX;
    }
    if (no_size == 0 && no_place == 0)
        return 0;
    log_error("the bundle's image \"%s\" has no bytes: it needs \"data\", or \"data-size\" with "
              "\"data-offset\" or \"data-position\"",
              image->name);
    return -ERR_INVAL;
}

static int check_data(const struct fit *fit, const struct fit_image *image, uint64_t at,
                      uint64_t size)
{
    uint64_t base = (uint64_t)(uintptr_t)fit->fdt;

    if (size == 0) {
        log_error("the bundle's image \"%s\" is empty", image->name);
        return -ERR_INVAL;
    }
    if (!range_contains(0, fit->size, at, size)) {
        log_error("truncated: the bundle's image \"%s\" wants [0x%lx, 0x%lx], the bundle ends at "
                  "0x%lx: copy all of the file",
                  image->name, base + at, base + at + (size - 1), base + fit->size - 1);
        return -ERR_RANGE;
    }
    if (!is_aligned(base + at, DATA_ALIGNMENT)) {
        log_error("the bundle's image \"%s\" lies at 0x%lx, which is no multiple of 8: make the "
                  "bundle with `tools/traproom pack`, or by `mkimage -E -B 0x1000`",
                  image->name, base + at);
        return -ERR_INVAL;
    }
    return 0;
}

static int locate_data(const struct fit *fit, struct fit_image *image)
{
    int len = 0;
    const uint8_t *inside = fdt_getprop(fit->fdt, image->node, "data", &len);
    uint64_t at = 0, size = 0;
    int err = 0;

    if (inside != NULL) {
        at = (uint64_t)(inside - (const uint8_t *)fit->fdt);
        size = (uint64_t)len;
    } else {
        err = find_outside(fit, image, &at, &size);
    }
    if (err == 0)
        err = check_data(fit, image, at, size);
    if (err != 0)
        return err;
    image->data = (const uint8_t *)fit->fdt + at;
    image->size = size;
    return 0;
}

/* The node of the image that is called `name`. */
static int find_image(const struct fit *fit, const struct fit_role *role, const char *name,
                      int *node)
{
    int parent = fdt_path_offset(fit->fdt, "/images");
    char list[FIT_LIST_SIZE];

    *node = parent < 0 ? parent : fdt_subnode_offset(fit->fdt, parent, name);
    if (*node >= 0)
        return 0;
    log_error("the bundle has no image \"%s\", which a VM's \"%s\" names; there are: %s", name,
              role->property, parent < 0 ? "none" : fit_list(fit, parent, list));
    return -ERR_NOENT;
}

int fit_image(const struct fit *fit, int vm, const struct fit_role *role, int index,
              struct fit_image *image)
{
    const char *name = fdt_stringlist_get(fit->fdt, vm, role->property, index, NULL);
    int err;

    if (name == NULL)
        return -ERR_NOENT;
    *image = (struct fit_image){.name = name};
    err = find_image(fit, role, name, &image->node);
    if (err == 0)
        err = check_kind(fit, role, name, image->node);
    if (err == 0)
        err = read_compression(fit, role, image);
    if (err == 0)
        err = read_address(fit, image, "load", &image->has_load, &image->load);
    if (err == 0)
        err = read_address(fit, image, "entry", &image->has_entry, &image->entry);
    if (err != 0)
        return err;
    image->os = dt_prop_string(fit->fdt, image->node, "os");
    return locate_data(fit, image);
}
