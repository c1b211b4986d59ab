/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of a bundle's VM, told where in the machine's memory its images lie: from names to the
 * properties that fdt/vm_fdt.c reads. See bundle.h; bundle.c has checked the images.
 */
#include <libfdt.h>
#include <stddef.h>

#include "fdt/dt_prop.h"
#include "lib/log.h"
#include "lib/lz4_frame.h"
#include "lib/string.h"
#include "mm/guest_mem.h"
#include "mm/phys.h"
#include "vm/bundle.h"

#define MAX_NAMES GUEST_MEM_MAX_ROMS /* of images, that one node has; more are not looked at */

/* The end of the machine's RAM, down from where there is room that no guest wants. */
static uint64_t ram_end(const struct phys_map *phys)
{
    uint64_t end = 0;

    for (unsigned i = 0; i < phys->nr_ram; i++) {
        uint64_t its = phys->ram[i].base.v + phys->ram[i].size;

        end = its > end ? its : end;
    }
    return end;
}

static int unpack_into_place(struct fit_image *image, uint64_t size, struct phys_map *phys)
{
    uint64_t room = align_up(size, PAGE_SIZE);
    const char *wrong;
    pa_t to;

    if (room == 0 || phys_map_place(phys, pa(align_down(ram_end(phys) - room, PAGE_SIZE)), room,
                                    PAGE_SIZE, image->name, &to) != 0) {
        log_error(
            "the bundle's image \"%s\" unpacks to %lu bytes, for which there is no room: give "
            "QEMU more (-m)",
            image->name, size);
        return -ERR_NOMEM;
    }
    wrong = lz4_frame_unpack(image->data, image->size, pa_to_ptr(to), size);
    if (wrong != NULL) {
        log_error("the bundle's image \"%s\" can't be unpacked: %s", image->name, wrong);
        return -ERR_INVAL;
    }
    image->data = pa_to_ptr(to);
    image->size = size;
    return 0;
}

static int unpack(struct fit_image *image, struct phys_map *phys)
{
    const char *wrong;
    uint64_t size = 0;

    if (image->compression == FIT_NONE)
        return 0;
    wrong = lz4_frame_size(image->data, image->size, &size);
    if (wrong == NULL)
        return unpack_into_place(image, size, phys);
    log_error("the bundle's image \"%s\" can't be unpacked: %s", image->name, wrong);
    return -ERR_INVAL;
}

/* One more of what takes the place of a name: an address and a size. */
static int append_range(void *fdt, int node, const char *property, const struct fit_image *image)
{
    fdt64_t value[2] = {cpu_to_fdt64(ptr_to_pa(image->data).v), cpu_to_fdt64(image->size)};

    return fdt_appendprop(fdt, node, property, value, sizeof(value));
}

/* The tree is not to say what only the bundle can. */
static int forget(void *fdt, int node, const char *property)
{
    int err = fdt_delprop(fdt, node, property);

    return err == -FDT_ERR_NOTFOUND ? 0 : err;
}

/* Where an image lies, if there is one, and where the guest finds it, if the bundle says so. */
static int tell_image(void *fdt, int chosen, const struct fit_image *image, const char *property,
                      const char *place)
{
    int err = forget(fdt, chosen, property);

    if (err != 0 || image->size == 0)
        return err;
    err = append_range(fdt, chosen, property, image);
    return err == 0 && image->has_load ? fdt_setprop_u64(fdt, chosen, place, image->load) : err;
}

static int tell_images(const struct bundle *bundle, void *fdt, int chosen)
{
    const struct fit_image *tree = &bundle->tree, *ramdisk = &bundle->ramdisk;
    int err =
        tell_image(fdt, chosen, &bundle->kernel, "traproom,kernel", "traproom,kernel-address");

    if (err == 0)
        err = tell_image(fdt, chosen, &bundle->app, "traproom,app", "traproom,app-address");
    if (err == 0)
        err = tell_image(fdt, chosen, ramdisk, "traproom,initrd", "linux,initrd-start");
    if (err == 0 && ramdisk->size != 0)
        err = fdt_setprop_u64(fdt, chosen, "linux,initrd-end", ramdisk->load + ramdisk->size);
    if (err == 0 && tree->has_load)
        err = fdt_setprop_u64(fdt, chosen, "traproom,dtb-address", tree->load);
    return err;
}

/* The VM's loadable that a node of the tree calls `name`. */
static int find_loadable(const struct bundle *bundle, const char *path, const char *name,
                         struct fit_image *image)
{
    int err = 0;

    for (int i = 0; i < BUNDLE_MAX_LOADABLES && err == 0; i++) {
        err = fit_image(&bundle->fit, bundle->vm, &fit_loadable, i, image);
        if (err == 0 && strcmp(image->name, name) == 0)
            return 0;
    }
    log_error("%s: \"traproom,image\" names \"%s\", which is not among the \"loadables\" of the "
              "bundle's VM",
              path, name);
    return -ERR_NOENT;
}

/* A disk's slot names one image, a flash one for each bank; "": the bank is erased. */
static int tell_node(const struct bundle *bundle, void *fdt, int node)
{
    bool flash = dt_prop_compatible(fdt, node, "cfi-flash");
    const char *property = flash ? "traproom,flash" : "traproom,disk";
    char path[DT_PATH_SIZE];
    int err = forget(fdt, node, property);

    dt_prop_path(fdt, node, path);
    for (int i = 0; i < MAX_NAMES && err == 0; i++) {
        const char *name = fdt_stringlist_get(fdt, node, "traproom,image", i, NULL);
        struct fit_image image = {.size = 0};

        if (name == NULL)
            return 0;
        if (!flash || *name != '\0')
            err = find_loadable(bundle, path, name, &image);
        if (err == 0 && append_range(fdt, node, property, &image) != 0)
            err = -ERR_NOMEM;
    }
    return err;
}

static int tell_nodes(const struct bundle *bundle, void *fdt)
{
    int err = 0;

    for (int node = 0; node >= 0 && err == 0; node = fdt_next_node(fdt, node, NULL)) {
        if (dt_prop_string(fdt, node, "traproom,image") != NULL)
            err = tell_node(bundle, fdt, node);
    }
    return err;
}

/* Bytes that the tree may grow to. A node that names an image is longer than what it is told. */
static uint64_t tree_room(const struct bundle *bundle)
{
    return align_up(2 * fdt_totalsize(bundle->tree.data) + PAGE_SIZE, PAGE_SIZE);
}

/* The bundle, what is unpacked of it and the tree are apart. Only the tree is claimed for good. */
static int place_all(struct bundle *bundle, struct phys_map *phys, struct pa_range *tree)
{
    static struct phys_map with_bundle;
    int err;

    with_bundle = *phys;
    err = phys_map_claim(&with_bundle, bundle->range, "the bundle");
    if (err == 0)
        err = unpack(&bundle->kernel, &with_bundle);
    if (err == 0)
        err = unpack(&bundle->app, &with_bundle);
    if (err == 0)
        err = unpack(&bundle->ramdisk, &with_bundle);
    if (err != 0)
        return err;
    err =
        phys_map_place(&with_bundle, pa(0), tree->size, PAGE_SIZE, "the guest's tree", &tree->base);
    if (err != 0)
        log_error("no room for the guest's tree, 0x%lx bytes: give QEMU more (-m)", tree->size);
    return err == 0 ? phys_map_claim(phys, *tree, "the guest's tree as loaded") : err;
}

int bundle_make_tree(struct bundle *bundle, struct phys_map *phys, struct pa_range *tree)
{
    int chosen;
    void *fdt;
    int err;

    tree->size = tree_room(bundle);
    err = place_all(bundle, phys, tree);
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
    err = tell_nodes(bundle, fdt);
    return err == 0 && fdt_pack(fdt) != 0 ? -ERR_INVAL : err;
}
