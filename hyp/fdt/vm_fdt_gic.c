/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's GIC. See vm_fdt_internal.h. */
#include "fdt/dt_gic.h"
#include "fdt/dt_prop.h"
#include "fdt/vm_fdt_internal.h"
#include "gic/gic_regs.h"
#include "lib/log.h"

/* Does each CPU have a redistributor? */
static int check_frames(const struct dt_walk *at, const struct vm_config *config)
{
    uint64_t frames = 0;
    char name[DT_PATH_SIZE];

    for (unsigned i = 0; i < config->gic.nr_redist_regions; i++)
        frames += config->gic.redist[i].size / GICR_SIZE;
    if (frames >= config->nr_cpus)
        return 0;
    log_error("%s: its redistributors' regions have room for %lu CPUs, the tree has %u: make "
              "them larger",
              dt_prop_path(at->fdt, dt_walk_node(at), name), frames, config->nr_cpus);
    return -ERR_RANGE;
}

int vm_fdt_gic_read(struct vm_fdt_parser *parser)
{
    struct vm_gic_config *config = &parser->config->gic;
    struct dt_gic gic;
    int err = dt_gic_read(parser->fdt, &gic);

    if (err != 0)
        return err;
    if (gic.nr_redist > VM_MAX_GICR)
        return dt_walk_error(&gic.at, -ERR_NOMEM, "it has more than 4 regions of redistributors");
    parser->gic = dt_walk_node(&gic.at);
    config->dist = vm_fdt_range(gic.dist);
    err = dt_claims_add(&parser->claims, gic.dist, parser->gic);
    for (unsigned i = 0; i < gic.nr_redist && err == 0; i++) {
        config->redist[i] = vm_fdt_range(gic.redist[i]);
        err = dt_claims_add(&parser->claims, gic.redist[i], parser->gic);
    }
    config->nr_redist_regions = gic.nr_redist;
    return err == 0 ? check_frames(&gic.at, parser->config) : err;
}
