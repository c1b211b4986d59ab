/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptors that a device of the machine's is offered, one by one. See device_ring.h. */
#include "check/device_ring.h"

#include <stdarg.h>

#include "mm/phys.h"
#include "mm/phys_map.h"

static int ring_breach(char *text, size_t size, const char *fmt, ...) printf_like(3, 4);

static int ring_breach(char *text, size_t size, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fmt_vsnprintf(text, size, fmt, ap);
    va_end(ap);
    return -ERR_INVAL;
}

/* The first byte of [base, end) that is not a guest's; `end`: there is none. */
static uint64_t first_foreign(const struct phys_map *phys, uint64_t base, uint64_t end)
{
    const struct phys_owner *owner;

    while (base < end && (owner = phys_map_owner(phys, pa(base))) != NULL && owner->guest)
        base = owner->range.base.v + owner->range.size;
    return base < end ? base : end;
}

static int check_desc(const struct phys_map *phys, const struct vring_desc *desc, char *text,
                      size_t size)
{
    uint64_t end = desc->addr + desc->len;
    uint64_t foreign = first_foreign(phys, desc->addr, end);
    const struct phys_owner *owner;

    if ((desc->flags & ~(VRING_DESC_F_NEXT | VRING_DESC_F_WRITE)) != 0)
        return ring_breach(text, size, "a device is given a descriptor with flags 0x%x",
                           desc->flags);
    if (desc->len == 0 || end < desc->addr)
        return ring_breach(text, size, "a device is given 0x%x bytes at 0x%lx", desc->len,
                           (uint64_t)desc->addr);
    if (foreign == end)
        return 0;
    owner = phys_map_owner(phys, pa(foreign));
    return ring_breach(text, size, "a device is given 0x%x bytes at 0x%lx: 0x%lx is of %s",
                       desc->len, (uint64_t)desc->addr, foreign,
                       owner != NULL ? owner->name : "nobody");
}

/* What the device reads in the place of the guest's, and only reads. */
static bool is_copy(const struct vring_desc *desc, const void *copy)
{
    return copy != NULL && desc->addr == ptr_to_pa(copy).v &&
           (desc->flags & VRING_DESC_F_WRITE) == 0;
}

int device_ring_check(const struct invariants *rules, const struct virtio_ring *ring,
                      const void *copy, char *text, size_t size)
{
    uint16_t at = ring->avail.ring[(ring->next_avail - 1U) & (ring->size - 1U)];

    for (unsigned steps = 0; steps < ring->size && at < ring->size; steps++) {
        const struct vring_desc *desc = &ring->desc[at];
        int err = is_copy(desc, copy) ? 0 : check_desc(rules->phys, desc, text, size);

        if (err != 0 || (desc->flags & VRING_DESC_F_NEXT) == 0)
            return err;
        at = desc->next;
    }
    return ring_breach(text, size, "a device is given a chain without an end");
}

#ifdef TRAPROOM_INVARIANTS

void device_ring_expect(const struct virtio_ring *ring, const void *copy)
{
    const struct invariants *rules = invariants_watched();
    char text[INVARIANTS_TEXT_MAX];

    if (rules != NULL && device_ring_check(rules, ring, copy, text, sizeof(text)) != 0)
        rules->breach_fn("%s", text);
}

#endif
