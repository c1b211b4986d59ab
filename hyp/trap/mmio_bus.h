/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which emulated device answers at a guest-physical address. vm/vm.c fills it before any vCPU
 * runs and never changes it after that, so that looking up takes no lock; abort.c looks up.
 */
#ifndef TRAP_MMIO_BUS_H
#define TRAP_MMIO_BUS_H

#include <stdbool.h>

#include "dev/mmio.h"
#include "lib/addr.h"
#include "lib/err.h"
#include "trap/exit_reason.h"

#define MMIO_BUS_MAX_REGIONS 104

struct mmio_region {
    struct ipa_range range; /* not empty */
    mmio_access_fn access_fn;
    void *dev;
    enum exit_reason reason; /* what an exit for it counts as */
};

struct mmio_bus {
    unsigned count;
    struct mmio_region region[MMIO_BUS_MAX_REGIONS]; /* disjoint, by rising address */
};

/* No device anywhere. */
void mmio_bus_init(struct mmio_bus *bus);

/*
 * From now on accesses to `range` go to access_fn(dev). -ERR_INVAL: the range is empty or wraps;
 * -ERR_EXIST: another device has some of it; -ERR_NOMEM: MMIO_BUS_MAX_REGIONS are there already.
 */
int must_check mmio_bus_add(struct mmio_bus *bus, struct ipa_range range, mmio_access_fn access_fn,
                            void *dev, enum exit_reason reason);

/* The region that `ipa` lies in, or NULL. It stays valid as long as nothing is added. */
const struct mmio_region *mmio_bus_find(const struct mmio_bus *bus, ipa_t ipa);

/*
 * Does an access of `size` bytes, a power of two, at `ipa` lie within the region, none of it
 * beyond, and at an offset that is a multiple of its size?
 */
static inline bool mmio_region_takes(const struct mmio_region *region, ipa_t ipa, unsigned size)
{
    uint64_t offset = ipa.v - region->range.base.v; /* below the base it is beyond any size */
    uint64_t within = size - 1;

    return (offset & within) == 0 && (offset | within) < region->range.size;
}

#endif
