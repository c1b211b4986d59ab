/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's address space: its RAM, and that no two things lie at one address. See
 * vm_fdt_internal.h.
 */
#include <libfdt.h>
#include <stddef.h>

#include "fdt/dt_prop.h"
#include "fdt/vm_fdt.h"
#include "fdt/vm_fdt_internal.h"
#include "lib/log.h"

#define DTB_ALIGNMENT 8 /* Linux, "Booting AArch64 Linux", on the device tree */

int vm_fdt_memory_read(struct vm_fdt_parser *parser)
{
    struct dt_ram *ram = &parser->ram;
    int err = dt_ram_read(&parser->claims, PAGE_SIZE, ram);

    if (err == 0 && ram->left_out > 0) {
        log_error("the tree has more than %u separate pieces of RAM", DT_MAX_RAM);
        err = -ERR_NOMEM;
    }
    for (unsigned i = 0; i < ram->count; i++)
        parser->config->ram[i] = vm_fdt_range(ram->piece[i]);
    parser->config->nr_ram = ram->count;
    return err;
}

int vm_fdt_memory_read_reserved(struct vm_fdt_parser *parser)
{
    struct dt_reserved list[DT_MAX_RESERVED];
    int count = dt_reserved_read(parser->fdt, list);

    for (int i = 0; i < count; i++) {
        struct vm_reserved *reserved = &parser->config->reserved[i];

        reserved->range = vm_fdt_range(list[i].range);
        reserved->block = list[i].node < 0;
        if (reserved->block)
            fmt_snprintf(reserved->path, sizeof(reserved->path), "/memreserve/");
        else
            dt_prop_path(parser->fdt, list[i].node, reserved->path);
        parser->config->nr_reserved++;
    }
    return count < 0 ? count : 0;
}

int vm_fdt_memory_check_dtb(struct vm_fdt_parser *parser)
{
    int chosen = fdt_path_offset(parser->fdt, "/chosen");
    struct dt_range place = {
        .base = parser->config->guest_dtb.v,
        .size = vm_fdt_copy_room(parser->fdt),
    };

    if (!is_aligned(place.base, DTB_ALIGNMENT))
        return dt_prop_error(parser->fdt, chosen, -ERR_INVAL,
                             "\"traproom,dtb-address\" must be a multiple of 8");
    if (dt_ram_has(&parser->ram, place.base))
        return 0;
    if (!is_aligned(place.base, PAGE_SIZE) || !range_is_valid(place.base, place.size))
        return dt_prop_error(
            parser->fdt, chosen, -ERR_INVAL,
            "\"traproom,dtb-address\", outside the RAM, must be a multiple of 0x1000 with room "
            "for the tree");
    if (parser->ram.count == DT_MAX_RAM)
        return dt_prop_error(parser->fdt, chosen, -ERR_NOMEM,
                             "with 8 pieces of RAM, \"traproom,dtb-address\" must lie in one");
    return dt_claims_add(&parser->claims, place, chosen);
}
