/* SPDX-License-Identifier: Apache-2.0 */
/* From a node's interrupts to INTIDs. See dt_irq.h. */
#include "fdt/dt_irq.h"

#include <libfdt.h>
#include <stddef.h>

#include "fdt/dt_prop.h"
#include "gic/vgic_limits.h"

#define MIN_CELLS 3 /* type, number, flags; what follows is not needed here */
#define MAX_CELLS 8

/* The first cell of a specifier. */
#define TYPE_SPI 0
#define TYPE_PPI 1

/* The third. */
#define FLAGS_EDGE 3 /* rising or falling */

#define NR_SPIS 988 /* INTIDs 32 to 1019 */
#define NR_PPIS 16

/* 0 is no phandle: libfdt says it of a GIC that has none. */
static bool is_phandle_of(const void *fdt, uint64_t phandle, int gic)
{
    return phandle != 0 && phandle == fdt_get_phandle(fdt, gic);
}

/* "interrupt-parent" of the node or of the nearest above it; else a controller above it. */
static bool parent_is(const struct dt_walk *at, int gic)
{
    for (int depth = at->depth; depth >= 0; depth--) {
        uint64_t phandle;

        if (dt_prop_number(at->fdt, at->node[depth], "interrupt-parent", &phandle) == 0)
            return is_phandle_of(at->fdt, phandle, gic);
        if (depth > 0 && dt_prop_present(at->fdt, at->node[depth - 1], "#interrupt-cells"))
            return at->node[depth - 1] == gic;
    }
    return false;
}

static int decode(const struct dt_walk *at, struct dt_cells spec, struct dt_irq *irq)
{
    uint64_t type = dt_prop_take(&spec, 1);
    uint64_t number = dt_prop_take(&spec, 1);

    irq->edge = (dt_prop_take(&spec, 1) & FLAGS_EDGE) != 0;
    if (type == TYPE_SPI && number < NR_SPIS)
        irq->intid = (uint32_t)number + VGIC_FIRST_SPI;
    else if (type == TYPE_PPI && number < NR_PPIS)
        irq->intid = (uint32_t)number + VGIC_FIRST_PPI;
    else
        return dt_walk_error(at, -ERR_UNSUPPORTED,
                             "its interrupt is no SPI from 0 to 987 and no PPI from 0 to 15");
    return 0;
}

/* Entry `index` of "interrupts-extended", each a phandle and a specifier. */
static int extended(const struct dt_walk *at, int gic, unsigned index, unsigned width,
                    struct dt_irq *irq)
{
    struct dt_cells cells;
    int err = dt_prop_cells(at->fdt, dt_walk_node(at), "interrupts-extended", &cells);

    for (unsigned i = 0; err == 0 && cells.count > 0; i++) {
        if (!is_phandle_of(at->fdt, dt_prop_take(&cells, 1), gic))
            return dt_walk_error(at, -ERR_UNSUPPORTED, "its interrupt does not go to the GICv3");
        if (cells.count < width)
            err = -ERR_INVAL;
        else if (i == index)
            return decode(at, cells, irq);
        else
            dt_prop_take(&cells, width);
    }
    return err == 0 ? -ERR_NOENT
                    : dt_walk_error(at, err, "\"interrupts-extended\" is no list of interrupts");
}

int dt_irq_read(const struct dt_walk *at, int gic, unsigned index, struct dt_irq *irq)
{
    int node = dt_walk_node(at);
    struct dt_cells cells;
    uint64_t width;

    if (dt_prop_number(at->fdt, gic, "#interrupt-cells", &width) != 0 || width < MIN_CELLS ||
        width > MAX_CELLS)
        return dt_walk_error(at, -ERR_INVAL,
                             "the GICv3's #interrupt-cells must be 3 or a little more");
    if (dt_prop_present(at->fdt, node, "interrupts-extended"))
        return extended(at, gic, index, (unsigned)width, irq);
    if (dt_prop_cells(at->fdt, node, "interrupts", &cells) != 0 || cells.count % width != 0)
        return dt_walk_error(at, -ERR_INVAL, "\"interrupts\" is no list of GICv3 specifiers");
    if (index >= cells.count / width)
        return -ERR_NOENT;
    if (!parent_is(at, gic))
        return dt_walk_error(at, -ERR_UNSUPPORTED,
                             "its interrupt-parent is not the GICv3: connect it to that");
    cells.at += index * width * sizeof(uint32_t);
    return decode(at, cells, irq);
}

int dt_irq_intid(const struct dt_walk *at, int gic, unsigned index, uint32_t *intid)
{
    struct dt_irq irq = {0, false};
    int err = dt_irq_read(at, gic, index, &irq);

    if (err == 0)
        *intid = irq.intid;
    return err;
}
