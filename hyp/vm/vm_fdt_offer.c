/* SPDX-License-Identifier: Apache-2.0 */
/* What is offered: a table of "compatible". See vm_fdt_offer.h. */
#include "vm/vm_fdt_offer.h"

#include <libfdt.h>
#include <stddef.h>

#include "fdt/dt_prop.h"
#include "lib/bits.h"
#include "lib/string.h"

struct offer {
    const char *compatible;
    enum vm_fdt_offer kind;
};

/* In this order: a node that is compatible with several is the first. */
static const struct offer offers[] = {
    {"arm,pl011", VM_FDT_OFFER_UART},
    {"virtio,mmio", VM_FDT_OFFER_VIRTIO},
    {"arm,armv8-timer", VM_FDT_OFFER_TIMER},
    {"arm,armv7-timer", VM_FDT_OFFER_TIMER},
    {"arm,gic-v3", VM_FDT_OFFER_YES},
    {"arm,psci-1.0", VM_FDT_OFFER_YES},
    {"arm,psci-0.2", VM_FDT_OFFER_YES},
    {"arm,psci", VM_FDT_OFFER_YES},
    /* Buses that are only an order of nodes. */
    {"simple-bus", VM_FDT_OFFER_YES},
    {"arm,amba-bus", VM_FDT_OFFER_YES},
    /* Facts, with no registers. */
    {"fixed-clock", VM_FDT_OFFER_YES},
    {"fixed-factor-clock", VM_FDT_OFFER_YES},
    {"regulator-fixed", VM_FDT_OFFER_YES},
    {"operating-points-v2", VM_FDT_OFFER_YES},
    {"cache", VM_FDT_OFFER_YES},
};

static const char *const not_ours[] = {"cpus", "chosen", "aliases", "reserved-memory"};

static bool is_not_ours(const struct dt_walk *at)
{
    const char *name = fdt_get_name(at->fdt, dt_walk_node(at), NULL);

    for (unsigned i = 0; at->depth == 1 && name != NULL && i < ARRAY_SIZE(not_ours); i++) {
        if (strcmp(name, not_ours[i]) == 0)
            return true;
    }
    return false;
}

enum vm_fdt_offer vm_fdt_offer_kind(const struct dt_walk *at)
{
    int node = dt_walk_node(at);

    if (is_not_ours(at))
        return VM_FDT_OFFER_NOT_OURS;
    if (at->depth == 0 || !dt_prop_present(at->fdt, node, "compatible"))
        return VM_FDT_OFFER_YES;
    for (unsigned i = 0; i < ARRAY_SIZE(offers); i++) {
        if (dt_prop_compatible(at->fdt, node, offers[i].compatible))
            return offers[i].kind;
    }
    return VM_FDT_OFFER_NONE;
}
