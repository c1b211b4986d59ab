/* SPDX-License-Identifier: Apache-2.0 */
/* The GICv3's node. See dt_gic.h. */
#include "fdt/dt_gic.h"

#include "fdt/dt_prop.h"
#include "gic/gic_regs.h"
#include "lib/addr.h"
#include "lib/log.h"

#define COMPATIBLE "arm,gic-v3"
#define FRAME_SIZE UINT64_C(0x10000) /* what the architecture aligns the frames to */

/* Bring `at` to the one GICv3. */
static int find(const void *fdt, struct dt_walk *at)
{
    struct dt_walk other;
    char first[DT_PATH_SIZE], second[DT_PATH_SIZE];

    dt_walk_start(at, fdt);
    if (!dt_walk_next_compatible(at, COMPATIBLE)) {
        log_error("the tree has no enabled \"" COMPATIBLE "\": Traproom needs one, and knows no "
                  "other interrupt controller");
        return -ERR_NOENT;
    }
    other = *at;
    if (!dt_walk_next_compatible(&other, COMPATIBLE))
        return 0;
    log_error("%s and %s are both \"" COMPATIBLE "\": disable one",
              dt_prop_path(fdt, dt_walk_node(at), first),
              dt_prop_path(fdt, dt_walk_node(&other), second));
    return -ERR_EXIST;
}

static int check_stride(const struct dt_walk *at)
{
    uint64_t stride = 0;
    int err = dt_prop_number(at->fdt, dt_walk_node(at), "redistributor-stride", &stride);

    if (err == -ERR_NOENT || (err == 0 && (stride == 0 || stride == GICR_SIZE)))
        return 0;
    return dt_walk_error(at, -ERR_UNSUPPORTED, "\"redistributor-stride\" must be 0x20000");
}

static int count_regions(const struct dt_walk *at, unsigned *count)
{
    uint64_t value = 1;
    int err = dt_prop_number(at->fdt, dt_walk_node(at), "#redistributor-regions", &value);

    if (err == -ERR_INVAL || value < 1 || value > DT_MAX_REDIST)
        return dt_walk_error(at, -ERR_INVAL, "\"#redistributor-regions\" must be from 1 to 8");
    *count = (unsigned)value;
    return 0;
}

static int read_region(const struct dt_walk *at, unsigned index, uint64_t min_size,
                       struct dt_range *region)
{
    int err = dt_reg_read(at, index, region);

    if (err == -ERR_NOENT)
        return dt_walk_error(at, err,
                             "\"reg\" must have the distributor and each region of redistributors");
    if (err != 0)
        return err;
    if (region->size < min_size || !is_aligned(region->base, FRAME_SIZE) ||
        !is_aligned(region->size, FRAME_SIZE))
        return dt_walk_error(
            at, -ERR_INVAL,
            "its regions must be aligned to 0x10000, the distributor's have 0x10000 "
            "bytes and each redistributor's 0x20000");
    return 0;
}

int dt_gic_read(const void *fdt, struct dt_gic *gic)
{
    struct dt_walk *at = &gic->at;
    int err = find(fdt, at);

    if (err == 0)
        err = check_stride(at);
    if (err == 0)
        err = count_regions(at, &gic->nr_redist);
    if (err == 0)
        err = read_region(at, 0, GICD_SIZE, &gic->dist);
    for (unsigned i = 0; err == 0 && i < gic->nr_redist; i++)
        err = read_region(at, i + 1, GICR_SIZE, &gic->redist[i]);
    return err;
}
