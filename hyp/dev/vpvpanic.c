/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest's kernel says of its end. See vpvpanic.h. */
#include "dev/vpvpanic.h"

#define PVPANIC_EVENT 0x0 /* read: the events that are known; written: those that have come */

void vpvpanic_reset(void *dev)
{
    (void)dev;
}

enum mmio_result vpvpanic_access(void *dev, struct mmio_access *access)
{
    const struct vpvpanic *pvpanic = dev;
    uint8_t events = (uint8_t)access->value & PVPANIC_EVENTS;

    if (access->size != 1)
        return MMIO_ABORT;
    if (!access->write)
        access->value = access->offset == PVPANIC_EVENT ? PVPANIC_EVENTS : 0;
    else if (access->offset == PVPANIC_EVENT && events != 0)
        pvpanic->event_fn(pvpanic->ctx, events);
    return MMIO_OK;
}
