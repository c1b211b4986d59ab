/* SPDX-License-Identifier: Apache-2.0 */
/* From a node's "reg" to the root's addresses. See dt_reg.h. */
#include "fdt/dt_reg.h"

#include <libfdt.h>

#include "fdt/dt_prop.h"
#include "lib/addr.h"

/* Addresses and sizes as the children of one bus write them, in cells. */
struct widths {
    unsigned address;
    unsigned size;
};

/* Of the bus at `depth` on the way to the node that the walk is at. */
static int bus_widths(const struct dt_walk *at, int depth, struct widths *widths)
{
    int address = fdt_address_cells(at->fdt, at->node[depth]);
    int size = fdt_size_cells(at->fdt, at->node[depth]);

    if (address < 1 || address > 2 || size < 1 || size > 2) {
        dt_walk_error(at, -ERR_UNSUPPORTED,
                      "the #address-cells and #size-cells of the buses above must be 1 or 2");
        return -ERR_UNSUPPORTED;
    }
    widths->address = (unsigned)address;
    widths->size = (unsigned)size;
    return 0;
}

/* Move `range` by the entry of `ranges` that holds all of it. */
static int find_window(struct dt_cells ranges, struct widths child, unsigned parent_cells,
                       struct dt_range *range)
{
    while (ranges.count > 0) {
        uint64_t base = dt_prop_take(&ranges, child.address);
        uint64_t parent = dt_prop_take(&ranges, parent_cells);
        uint64_t size = dt_prop_take(&ranges, child.size);

        if (range_is_valid(base, size) && range_is_valid(parent, size) &&
            range_contains(base, size, range->base, range->size)) {
            range->base = range->base - base + parent;
            return 0;
        }
    }
    return -ERR_RANGE;
}

/* From the addresses below the bus at `depth`, which is not the root, to those beside it. */
static int translate(const struct dt_walk *at, int depth, struct dt_range *range)
{
    struct widths child, parent;
    struct dt_cells ranges;
    unsigned entry;
    int err = bus_widths(at, depth, &child);

    if (err == 0)
        err = bus_widths(at, depth - 1, &parent);
    if (err != 0)
        return err;
    if (!dt_prop_present(at->fdt, at->node[depth], "ranges"))
        return dt_walk_error(at, -ERR_RANGE,
                             "the bus above has no \"ranges\", so its address can't be known");
    entry = child.address + parent.address + child.size;
    if (dt_prop_cells(at->fdt, at->node[depth], "ranges", &ranges) != 0 ||
        ranges.count % entry != 0)
        return dt_walk_error(at, -ERR_INVAL,
                             "the \"ranges\" of the bus above is no list of ranges");
    if (ranges.count == 0)
        return 0;
    if (find_window(ranges, child, parent.address, range) != 0)
        return dt_walk_error(at, -ERR_RANGE,
                             "its \"reg\" lies outside the \"ranges\" of the bus above");
    return 0;
}

/* The whole "reg", and the widths of what it is a list of. -ERR_NOENT, not logged: there is none.
 */
static int find_reg(const struct dt_walk *at, struct widths *widths, struct dt_cells *reg)
{
    int err;

    if (at->depth == 0 || !dt_prop_present(at->fdt, dt_walk_node(at), "reg"))
        return -ERR_NOENT;
    err = bus_widths(at, at->depth - 1, widths);
    if (err != 0)
        return err;
    if (dt_prop_cells(at->fdt, dt_walk_node(at), "reg", reg) != 0 ||
        reg->count % (widths->address + widths->size) != 0)
        return dt_walk_error(at, -ERR_INVAL, "\"reg\" is no list of addresses and sizes");
    return 0;
}

int dt_reg_count(const struct dt_walk *at)
{
    struct widths widths;
    struct dt_cells reg;
    int err = find_reg(at, &widths, &reg);

    if (err != 0)
        return err == -ERR_NOENT ? 0 : err;
    return (int)(reg.count / (widths.address + widths.size));
}

int dt_reg_read(const struct dt_walk *at, unsigned index, struct dt_range *range)
{
    struct widths widths;
    struct dt_cells reg;
    unsigned entry;
    int err = find_reg(at, &widths, &reg);

    if (err != 0)
        return err;
    entry = widths.address + widths.size;
    if (index >= reg.count / entry)
        return -ERR_NOENT;
    reg.at += (size_t)index * entry * sizeof(uint32_t);
    range->base = dt_prop_take(&reg, widths.address);
    range->size = dt_prop_take(&reg, widths.size);
    if (!range_is_valid(range->base, range->size))
        return dt_walk_error(at, -ERR_RANGE, "\"reg\" reaches beyond the last address");
    for (int depth = at->depth - 1; depth > 0 && err == 0; depth--)
        err = translate(at, depth, range);
    return err;
}
