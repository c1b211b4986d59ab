/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which node a tree gives each address to: no two may have the same. Neighbours: dt_ram.c claims
 * RAM, vm_fdt_device.c what the guest's devices have.
 */
#ifndef FDT_DT_CLAIMS_H
#define FDT_DT_CLAIMS_H

#include "fdt/dt_reg.h"
#include "lib/err.h"

#define DT_MAX_CLAIMS 128

struct dt_claims {
    const void *fdt;
    uint64_t last; /* no address above this one can be claimed */
    unsigned count;
    struct dt_claim {
        struct dt_range range;
        int node;
    } claim[DT_MAX_CLAIMS];
};

/*
 * `node` has `range` from now on. Logged: -ERR_INVAL: it is empty; -ERR_RANGE: it goes too far;
 * -ERR_EXIST: another node has some of it; -ERR_NOMEM: too many claims.
 */
int must_check dt_claims_add(struct dt_claims *claims, struct dt_range range, int node);

#endif
