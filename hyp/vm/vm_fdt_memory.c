/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's address space: its RAM, and that no two things lie at one address. See
 * vm_fdt_internal.h.
 */
#include <libfdt.h>
#include <stddef.h>

#include "fdt/dt_prop.h"
#include "lib/log.h"
#include "vm/vm_fdt_internal.h"

#define DTB_ALIGNMENT 8 /* Linux, "Booting AArch64 Linux", on the device tree */

_Static_assert(DT_MAX_RAM <= GUEST_MEM_MAX_REGIONS, "vm_config.h has less room");

static uint64_t last_byte(struct dt_range range)
{
    return range.base + range.size - 1;
}

static int check_overlap(const struct vm_fdt_parser *parser, const struct vm_fdt_claim *a,
                         const struct vm_fdt_claim *b)
{
    char name_a[DT_PATH_SIZE], name_b[DT_PATH_SIZE];

    if (!ranges_overlap(a->range.base, a->range.size, b->range.base, b->range.size))
        return 0;
    log_error("%s at [0x%lx, 0x%lx] overlaps %s at [0x%lx, 0x%lx]: move one of them",
              dt_prop_path(parser->fdt, a->node, name_a), a->range.base, last_byte(a->range),
              dt_prop_path(parser->fdt, b->node, name_b), b->range.base, last_byte(b->range));
    return -ERR_EXIST;
}

int vm_fdt_memory_claim(struct vm_fdt_parser *parser, struct dt_range range, int node)
{
    struct vm_fdt_claim *claim = &parser->claim[parser->nr_claims];
    char name[DT_PATH_SIZE];
    int err = 0;

    if (range.size == 0)
        return dt_prop_error(parser->fdt, node, -ERR_INVAL, "\"reg\" has a size of 0");
    if (parser->nr_claims == VM_FDT_MAX_CLAIMS)
        return dt_prop_error(parser->fdt, node, -ERR_NOMEM,
                             "the tree has too many pieces of RAM and devices");
    if (last_byte(range) >> parser->ipa_bits != 0) {
        log_error("%s at [0x%lx, 0x%lx] reaches beyond the guest's address space of %u bits",
                  dt_prop_path(parser->fdt, node, name), range.base, last_byte(range),
                  parser->ipa_bits);
        return -ERR_RANGE;
    }
    *claim = (struct vm_fdt_claim){range, node};
    for (unsigned i = 0; i < parser->nr_claims && err == 0; i++)
        err = check_overlap(parser, claim, &parser->claim[i]);
    parser->nr_claims++;
    return err;
}

static int add_ram(struct vm_fdt_parser *parser, struct dt_range range, int node)
{
    int err;

    if (range.size == 0)
        return 0;
    if (!is_aligned(range.base | range.size, PAGE_SIZE))
        return dt_prop_error(parser->fdt, node, -ERR_INVAL,
                             "RAM must begin and end at a multiple of 0x1000");
    err = vm_fdt_memory_claim(parser, range, node);
    if (err == 0 && dt_ram_add(&parser->ram, range) != 0)
        err = dt_prop_error(parser->fdt, node, -ERR_NOMEM,
                            "the tree has more than 8 separate pieces of RAM");
    return err;
}

static int read_node(struct vm_fdt_parser *parser, const struct dt_walk *at)
{
    struct dt_range range;
    int err = 0;

    for (unsigned i = 0; err == 0; i++) {
        err = dt_reg_read(at, i, &range);
        if (err == 0)
            err = add_ram(parser, range, dt_walk_node(at));
    }
    return err == -ERR_NOENT ? 0 : err;
}

int vm_fdt_memory_read(struct vm_fdt_parser *parser)
{
    const struct dt_ram *ram = &parser->ram;
    struct dt_walk at;
    int err = 0;

    dt_walk_start(&at, parser->fdt);
    while (err == 0 && dt_walk_next(&at)) {
        if (dt_ram_is_one(&at))
            err = read_node(parser, &at);
    }
    if (err == 0 && ram->count == 0) {
        log_error("the tree has no RAM: it needs a node with device_type = \"memory\" and a "
                  "\"reg\"");
        err = -ERR_NOENT;
    }
    for (unsigned i = 0; i < ram->count; i++)
        parser->config->ram[i] = (struct ipa_range){ipa(ram->piece[i].base), ram->piece[i].size};
    parser->config->nr_ram = ram->count;
    return err;
}

int vm_fdt_memory_read_reserved(struct vm_fdt_parser *parser)
{
    struct dt_reserved list[DT_MAX_RESERVED];
    int count = dt_reserved_read(parser->fdt, list);

    for (int i = 0; i < count; i++) {
        struct vm_reserved *reserved = &parser->config->reserved[i];

        reserved->range = (struct ipa_range){ipa(list[i].range.base), list[i].range.size};
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
        .size = align_up(fdt_totalsize(parser->fdt) + PAGE_SIZE, PAGE_SIZE),
    };

    if (!is_aligned(place.base, DTB_ALIGNMENT))
        return dt_prop_error(parser->fdt, chosen, -ERR_INVAL,
                             "\"traproom,dtb-address\" must be a multiple of 8");
    if (dt_ram_overlap(&parser->ram, (struct dt_range){place.base, 1}) != NULL)
        return 0;
    if (!is_aligned(place.base, PAGE_SIZE) || !range_is_valid(place.base, place.size))
        return dt_prop_error(
            parser->fdt, chosen, -ERR_INVAL,
            "\"traproom,dtb-address\", outside the RAM, must be a multiple of 0x1000 with room "
            "for the tree");
    if (parser->ram.count == DT_MAX_RAM)
        return dt_prop_error(parser->fdt, chosen, -ERR_NOMEM,
                             "with 8 pieces of RAM, \"traproom,dtb-address\" must lie in one");
    return vm_fdt_memory_claim(parser, place, chosen);
}
