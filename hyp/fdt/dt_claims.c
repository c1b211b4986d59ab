/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and whose they are. See dt_claims.h. */
#include "fdt/dt_claims.h"

#include "fdt/dt_prop.h"
#include "lib/addr.h"
#include "lib/log.h"

static int check_claims(const void *fdt, const struct dt_claim *a, const struct dt_claim *b)
{
    char name_a[DT_PATH_SIZE], name_b[DT_PATH_SIZE];

    if (!ranges_overlap(a->range.base, a->range.size, b->range.base, b->range.size))
        return 0;
    log_error("%s at [0x%lx, 0x%lx] overlaps %s at [0x%lx, 0x%lx]: move one of them",
              dt_prop_path(fdt, a->node, name_a), a->range.base, dt_range_last(a->range),
              dt_prop_path(fdt, b->node, name_b), b->range.base, dt_range_last(b->range));
    return -ERR_EXIST;
}

int dt_claims_add(struct dt_claims *claims, struct dt_range range, int node)
{
    struct dt_claim *claim = &claims->claim[claims->count];
    char name[DT_PATH_SIZE];
    int err = 0;

    if (range.size == 0)
        return dt_prop_error(claims->fdt, node, -ERR_INVAL, "\"reg\" has a size of 0");
    if (claims->count == DT_MAX_CLAIMS)
        return dt_prop_error(claims->fdt, node, -ERR_NOMEM,
                             "the tree has too many pieces of RAM and devices");
    if (dt_range_last(range) > claims->last) {
        log_error("%s at [0x%lx, 0x%lx] reaches beyond the last address, 0x%lx",
                  dt_prop_path(claims->fdt, node, name), range.base, dt_range_last(range),
                  claims->last);
        return -ERR_RANGE;
    }
    *claim = (struct dt_claim){range, node};
    for (unsigned i = 0; i < claims->count && err == 0; i++)
        err = check_claims(claims->fdt, claim, &claims->claim[i]);
    claims->count++;
    return err;
}
