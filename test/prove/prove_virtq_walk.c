// SPDX-License-Identifier: Apache-2.0
/*
 * The walk of a descriptor table of any length, which may change at any time: it stays in the table
 * and in the chain, whatever stands there. prove_virtq.c goes on from here.
 *
 * Assumed: a descriptor is read by copy_desc() alone, the only user of __builtin_memcpy().
 *
 * Options: -eva-precision 3 -eva-domains octagon -eva-octagon-through-calls
 */
#include "prove.h"

#include <linux/virtio_ring.h>
#include <stddef.h>

static uint32_t table_size; /* descriptors */

static void read_desc(struct vring_desc *desc, unsigned index)
{
    prove(index < table_size);
    desc->addr = any_u64();
    desc->len = any_u32();
    desc->flags = any_u16();
    desc->next = any_u16();
}

#define __builtin_memcpy(to, from, size) read_desc(to, index)
#define __atomic_load_n(from, order)     any_u16()
#include "dev/virtq.c"

void *guest_mem_ptr(const struct guest_mem *mem, ipa_t ipa, uint64_t len)
{
    static uint8_t ram[1];

    return len == 0 || any_bool() ? NULL : ram;
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
    static struct virtq vq;
    static struct vring_desc table[1], last;
    static struct virtq_chain chain;
    int err;

    /*@ widen_hints "all", VIRTQ_MAX_SEGS; */
    table_size = any_u32();
    chain.nr_segs = (uint16_t)Frama_C_interval(0, VIRTQ_MAX_SEGS);
    chain.nr_read = (uint16_t)Frama_C_interval(0, VIRTQ_MAX_SEGS);
    err = walk(&vq, &chain, table, table_size, any_u32(), any_bool() ? &last : NULL);
    prove(err <= 0 && err >= -ERR_RANGE);
    prove(chain.nr_segs <= VIRTQ_MAX_SEGS && chain.nr_read <= VIRTQ_MAX_SEGS);
    prove_end();
    return 0;
}
