// SPDX-License-Identifier: Apache-2.0
/*
 * A virtqueue's life: set up anywhere in any size, chains taken and handed back, notifications,
 * with rings and tables that read differently each time. No access outside the three parts of the
 * queue, as long as guest_mem_ptr() says, nor outside a chain.
 *
 * Assumed: guest_mem_ptr() gives NULL or room of that length. Where an indirect table ends is
 * prove_virtq_walk.c's: here each is as long as the largest index asks for.
 *
 * Options: -eva-precision 4 -eva-plevel 70000 -eva-domains octagon -eva-octagon-through-calls
 */
#include "prove.h"

#include <linux/virtio_ring.h>
#include <stddef.h>

static uint16_t load16(const uint16_t *from)
{
    uint16_t there = *from;

    (void)there;
    return any_u16();
}

static void read_desc(struct vring_desc *desc, const uint8_t *from)
{
    (void)(uint8_t)(from[0] + from[sizeof(*desc) - 1]);
    desc->addr = any_u64();
    desc->len = any_u32();
    desc->flags = any_u16();
    desc->next = any_u16();
}

#define __builtin_memcpy(to, from, size) read_desc(to, (const uint8_t *)(from))
#define __atomic_load_n(from, order)     load16(from)
#include "dev/virtq.c"

#define PART_MAX 8192

static unsigned asked; /* for parts of the queue */
static uint8_t desc[PART_MAX], avail[PART_MAX], used[PART_MAX];
static uint8_t elsewhere[(UINT16_MAX + 1) * sizeof(struct vring_desc)];

/* virtq_setup() asks for three parts in this order. They end where their memory ends, so that a
 * step too far shows. */
void *guest_mem_ptr(const struct guest_mem *mem, ipa_t ipa, uint64_t len)
{
    static uint8_t *const part[] = {desc, avail, used};
    uint8_t *ram = elsewhere;

    (void)mem;
    (void)ipa;
    if (asked < ARRAY_SIZE(part)) {
        prove(len <= PART_MAX);
        ram = part[asked] + (PART_MAX - len);
        asked++;
    }
    return len == 0 || any_bool() ? NULL : ram;
}

static void use(struct virtq *vq)
{
    static struct virtq_chain chain;
    int err;

    vq->next_avail = any_u16();
    vq->next_used = any_u16();
    vq->told_used = any_u16();
    err = virtq_pop(vq, &chain);
    prove(err <= 0 && err >= -ERR_NOENT);
    prove(chain.nr_segs <= VIRTQ_MAX_SEGS && chain.nr_read <= VIRTQ_MAX_SEGS);
    virtq_push(vq, any_u16(), any_u32());
    (void)virtq_rearm(vq);
    (void)virtq_wants_interrupt(vq);
    prove_end();
}

static void set_up(uint32_t size)
{
    static struct guest_mem mem;
    struct virtq_layout layout = {ipa(any_u64()), ipa(any_u64()), ipa(any_u64()), size};
    struct virtq vq;

    asked = 0;
    virtq_reset(&vq);
    if (virtq_setup(&vq, &mem, &layout, any_u64()) == 0)
        use(&vq);
    else
        prove(!virtq_is_ready(&vq));
}

uint64_t guest_mem_run(const struct guest_mem *mem, ipa_t ipa, uint64_t len)
{
    uint64_t run = any_u64();

    (void)mem;
    (void)ipa;
    return run < len ? run : len;
}

int main(void)
{
    /*@ widen_hints "all", VIRTQ_MAX_SEGS; */
    /*@ loop unroll VIRTQ_MAX_SIZE + 1; */
    for (uint32_t size = 0; size <= VIRTQ_MAX_SIZE; size++)
        set_up(size);
    set_up(Frama_C_unsigned_int_interval(VIRTQ_MAX_SIZE + 1, UINT32_MAX));
    return 0;
}
