/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's side of a split virtqueue: taking chains, handing them back, and both
 * kinds of notification suppression. The layout of what lies in guest memory is Linux's
 * linux/virtio_ring.h; virtio is little-endian, as EL2 is.
 */
#include "dev/virtq.h"

#include "barrier.h"
#include "lib/bits.h"
#include "lib/string.h"

void virtq_reset(struct virtq *vq)
{
    *vq = (struct virtq){0};
}

static bool layout_is_valid(const struct virtq_layout *layout)
{
    return layout->size != 0 && layout->size <= VIRTQ_MAX_SIZE &&
           is_aligned(layout->size, layout->size) &&
           is_aligned(layout->desc.v, VRING_DESC_ALIGN_SIZE) &&
           is_aligned(layout->avail.v, VRING_AVAIL_ALIGN_SIZE) &&
           is_aligned(layout->used.v, VRING_USED_ALIGN_SIZE);
}

int virtq_setup(struct virtq *vq, const struct guest_mem *mem, const struct virtq_layout *layout,
                uint64_t features)
{
    uint64_t size = layout->size;
    struct virtq new = {.mem = mem, .size = (uint16_t)size};

    if (!layout_is_valid(layout))
        return -ERR_INVAL;

    /* Each ring ends with the 16-bit index that the event index feature adds. */
    new.desc = guest_mem_ptr(mem, layout->desc, size * sizeof(struct vring_desc));
    new.avail = guest_mem_ptr(mem, layout->avail,
                              sizeof(struct vring_avail) + (size + 1) * sizeof(__virtio16));
    new.used = guest_mem_ptr(mem, layout->used,
                             sizeof(struct vring_used) + size * sizeof(struct vring_used_elem) +
                                 sizeof(__virtio16));
    if (new.desc == NULL || new.avail == NULL || new.used == NULL)
        return -ERR_RANGE;

    new.indirect = (features & BIT(VIRTIO_RING_F_INDIRECT_DESC)) != 0;
    new.event_idx = (features & BIT(VIRTIO_RING_F_EVENT_IDX)) != 0;
    *vq = new;
    return 0;
}

/* Where the driver says which used index it waits for, and where the device says which available
 * one. */
static __virtio16 *used_event(const struct virtq *vq)
{
    return &vq->avail->ring[vq->size];
}

static __virtio16 *avail_event(const struct virtq *vq)
{
    return (__virtio16 *)&vq->used->ring[vq->size];
}

/* The compiler must work on this copy and not look into the table again. */
static struct vring_desc copy_desc(const struct vring_desc *table, unsigned index)
{
    struct vring_desc desc;

    __builtin_memcpy(&desc, &table[index], sizeof(desc));
    compiler_barrier();
    return desc;
}

/* One more segment. */
static inline int add_seg(struct virtq_chain *chain, uint8_t *ptr, uint64_t len)
{
    if (chain->nr_segs == VIRTQ_MAX_SEGS)
        return -ERR_NOMEM;
    chain->seg[chain->nr_segs++] = (struct virtq_seg){ptr, (uint32_t)len};
    return 0;
}

/* A buffer in another region, or not in one piece: it may lie across pieces of RAM that touch. */
static __attribute__((noinline)) int add_pieces(const struct virtq *vq, struct virtq_chain *chain,
                                                ipa_t at, uint64_t len)
{
    int err = 0;

    for (uint64_t run; err == 0 && len != 0; at.v += run, len -= run) {
        run = guest_mem_run(vq->mem, at, len);
        if (run == 0)
            return -ERR_RANGE;
        err = add_seg(chain, guest_mem_ptr(vq->mem, at, run), run);
    }
    return err;
}

/* `likely` is a region of the guest's RAM, copied: the one to look into first. */
static inline int add_buffer(const struct virtq *vq, struct virtq_chain *chain,
                             const struct ram_region *likely, const struct vring_desc *desc)
{
    bool writable = (desc->flags & VRING_DESC_F_WRITE) != 0;
    uint8_t *ptr = ram_region_ptr(likely, ipa(desc->addr), desc->len);
    int err;

    if (desc->len == 0)
        return -ERR_RANGE;
    if (!writable && chain->nr_read != chain->nr_segs)
        return -ERR_INVAL; /* it follows a writable one */
    err = ptr != NULL ? add_seg(chain, ptr, desc->len)
                      : add_pieces(vq, chain, ipa(desc->addr), desc->len);
    if (writable) {
        chain->write_len += desc->len;
    } else {
        chain->read_len += desc->len;
        chain->nr_read = chain->nr_segs;
    }
    return err;
}

/*
 * Gather the descriptors from `next` on in a table of `size`, into `chain`. Ends within `size`
 * steps. An indirect descriptor that ends the walk is left in *last for the caller, who gives NULL
 * where none may stand.
 */
static int walk(const struct virtq *vq, struct virtq_chain *chain, const struct vring_desc *table,
                uint32_t size, uint32_t next, struct vring_desc *last)
{
    const struct ram_region likely = vq->mem->region[0];

    for (uint32_t steps = 0; steps < size && next < size; steps++) {
        struct vring_desc desc = copy_desc(table, next);
        int err;

        if ((desc.flags & VRING_DESC_F_INDIRECT) != 0) {
            if (last == NULL || (desc.flags & VRING_DESC_F_NEXT) != 0)
                return -ERR_INVAL;
            *last = desc;
            return 0;
        }
        err = add_buffer(vq, chain, &likely, &desc);
        if (err != 0)
            return err;
        if ((desc.flags & VRING_DESC_F_NEXT) == 0)
            return 0;
        next = desc.next;
    }
    return -ERR_RANGE;
}

/* The chain goes on in a table of its own ("Indirect Descriptors"). */
static int walk_indirect(const struct virtq *vq, struct virtq_chain *chain,
                         const struct vring_desc *desc)
{
    const struct vring_desc *table;

    if (!vq->indirect || !is_aligned(desc->len, sizeof(*table)))
        return -ERR_INVAL;
    table = guest_mem_ptr(vq->mem, ipa(desc->addr), desc->len);
    if (table == NULL)
        return -ERR_RANGE;
    return walk(vq, chain, table, desc->len / (uint32_t)sizeof(*table), 0, NULL);
}

int virtq_pop(struct virtq *vq, struct virtq_chain *chain)
{
    uint16_t waiting = virtq_waiting(vq);
    struct vring_desc last = {0};
    const __virtio16 *entry;
    int err;

    if (waiting == 0)
        return -ERR_NOENT;
    if (waiting > vq->size)
        return -ERR_INVAL;

    entry = &vq->avail->ring[vq->next_avail & (vq->size - 1)];
    chain->head = __atomic_load_n(entry, __ATOMIC_RELAXED);
    chain->nr_read = 0;
    chain->nr_segs = 0;
    chain->read_len = 0;
    chain->write_len = 0;
    err = walk(vq, chain, vq->desc, vq->size, chain->head, &last);
    if (err == 0 && last.flags != 0)
        err = walk_indirect(vq, chain, &last);
    if (err != 0)
        return err;
    vq->next_avail++;
    return 0;
}

void virtq_push(struct virtq *vq, uint16_t head, uint32_t written)
{
    struct vring_used_elem *elem = &vq->used->ring[vq->next_used & (vq->size - 1)];

    elem->id = head;
    elem->len = written;
    vq->next_used++;
    /* The store-release orders the element and the chain's data before the index that offers them.
     */
    __atomic_store_n(&vq->used->idx, vq->next_used, __ATOMIC_RELEASE);
}

bool virtq_rearm(struct virtq *vq)
{
    if (vq->event_idx) {
        __atomic_store_n(avail_event(vq), vq->next_avail, __ATOMIC_RELAXED);
        /*
         * Our index before the look at the driver's: either this look sees its new chain, or
         * the driver, which has the same barrier between the two, sees our index and notifies.
         */
        mem_barrier();
    }
    return virtq_waiting(vq) != 0;
}

bool virtq_wants_interrupt(struct virtq *vq)
{
    uint16_t before = vq->told_used;

    if (before == vq->next_used)
        return false;
    vq->told_used = vq->next_used;
    /* The used index before the look at the driver's wish: the counterpart stands in the driver. */
    mem_barrier();
    if (vq->event_idx) {
        uint16_t event = __atomic_load_n(used_event(vq), __ATOMIC_RELAXED);

        return vring_need_event(event, vq->next_used, before) != 0;
    }
    return (__atomic_load_n(&vq->avail->flags, __ATOMIC_RELAXED) & VRING_AVAIL_F_NO_INTERRUPT) == 0;
}

/* Copy between `bytes` and the segments, from byte `offset` of `seg` on: there is that much. */
static inline void copy_segs(const struct virtq_seg *seg, uint64_t offset, uint8_t *bytes,
                             uint64_t len, bool to_segs)
{
    for (; len != 0 && offset >= seg->len; seg++)
        offset -= seg->len;
    for (; len != 0; seg++, offset = 0) {
        uint64_t rest = seg->len - offset;
        uint64_t part = rest < len ? rest : len;

        if (to_segs)
            memcpy(seg->ptr + offset, bytes, part);
        else
            memcpy(bytes, seg->ptr + offset, part);
        bytes += part;
        len -= part;
    }
}

void virtq_copy_from(const struct virtq_chain *chain, uint64_t offset, void *dst, uint64_t len)
{
    copy_segs(chain->seg, offset, dst, len, false);
}

void virtq_copy_to(const struct virtq_chain *chain, uint64_t offset, const void *src, uint64_t len)
{
    copy_segs(&chain->seg[chain->nr_read], offset, (uint8_t *)src, len, true); /* only read */
}
