/* SPDX-License-Identifier: Apache-2.0 */
/* The map of emulated devices: a sorted array, searched by halving. See mmio_bus.h.
 */
#include "trap/mmio_bus.h"

#include <stddef.h>

#include "lib/string.h"

void mmio_bus_init(struct mmio_bus *bus)
{
    bus->count = 0;
}

/* How many regions begin at or below `addr`: the last of them is the one that may hold it. */
static unsigned regions_up_to(const struct mmio_bus *bus, uint64_t addr)
{
    unsigned low = 0, high = bus->count;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (bus->region[middle].range.base.v <= addr)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int mmio_bus_add(struct mmio_bus *bus, struct ipa_range range, mmio_access_fn access_fn, void *dev,
                 enum exit_reason reason)
{
    unsigned at;

    if (range.size == 0 || !range_is_valid(range.base.v, range.size))
        return -ERR_INVAL;
    /* Of the regions that begin at or before its last byte, only the last can reach into it. */
    at = regions_up_to(bus, range_last(range));
    if (at > 0 && ranges_overlap(bus->region[at - 1].range.base.v, bus->region[at - 1].range.size,
                                 range.base.v, range.size))
        return -ERR_EXIST;
    if (bus->count == MMIO_BUS_MAX_REGIONS)
        return -ERR_NOMEM;
    memmove(&bus->region[at + 1], &bus->region[at], (bus->count - at) * sizeof(bus->region[0]));
    bus->region[at] = (struct mmio_region){range, access_fn, dev, reason};
    bus->count++;
    return 0;
}

const struct mmio_region *mmio_bus_find(const struct mmio_bus *bus, ipa_t ipa)
{
    unsigned n = regions_up_to(bus, ipa.v);

    if (n == 0 || !mmio_region_takes(&bus->region[n - 1], ipa, 1))
        return NULL;
    return &bus->region[n - 1];
}
