/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest for the tests of virtio: two pieces of RAM, the driver's side of a split virtqueue in
 * them, and an interrupt line that counts. Included by one file per test program.
 */
#ifndef TEST_VIRTIO_DRIVER_H
#define TEST_VIRTIO_DRIVER_H

#include <linux/virtio_ring.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dev/irq_line.h"
#include "dev/virtq.h"
#include "lib/bits.h"
#include "mm/guest_mem.h"

#define RAM0_IPA  UINT64_C(0x48000000)
#define RAM0_SIZE UINT64_C(0x200000)
#define RAM1_IPA  UINT64_C(0x90000000)
#define RAM1_SIZE UINT64_C(0x1000)
#define RAM2_IPA  (RAM1_IPA + RAM1_SIZE) /* touches RAM1, but lies elsewhere */
#define RAM2_SIZE UINT64_C(0x1000)
#define RAM0_END  (RAM0_IPA + RAM0_SIZE)

static uint8_t ram0[RAM0_SIZE] __attribute__((aligned(4096)));
static uint8_t ram1[RAM1_SIZE] __attribute__((aligned(4096)));
static uint8_t ram2[RAM2_SIZE] __attribute__((aligned(4096)));

/* guest_mem_ptr() below knows the three pieces; the queue only hands this on. */
static const struct guest_mem test_mem;

void *guest_mem_ptr(const struct guest_mem *mem, ipa_t addr, uint64_t len)
{
    assert_ptr_equal(mem, &test_mem);
    if (len == 0)
        return NULL;
    if (range_contains(RAM0_IPA, RAM0_SIZE, addr.v, len))
        return ram0 + (addr.v - RAM0_IPA);
    if (range_contains(RAM1_IPA, RAM1_SIZE, addr.v, len))
        return ram1 + (addr.v - RAM1_IPA);
    if (range_contains(RAM2_IPA, RAM2_SIZE, addr.v, len))
        return ram2 + (addr.v - RAM2_IPA);
    return NULL;
}

uint64_t guest_mem_run(const struct guest_mem *mem, ipa_t addr, uint64_t len)
{
    uint64_t run = 0;

    while (run < len && guest_mem_ptr(mem, addr, run + 1) != NULL)
        run++;
    return run;
}

/* Do the `len` bytes at `ptr` lie in one of the pieces? */
static inline bool is_ram(const void *ptr, uint64_t len)
{
    uint64_t at = (uintptr_t)ptr;

    return range_contains((uintptr_t)ram0, RAM0_SIZE, at, len) ||
           range_contains((uintptr_t)ram1, RAM1_SIZE, at, len) ||
           range_contains((uintptr_t)ram2, RAM2_SIZE, at, len);
}

static inline void *ram(uint64_t addr)
{
    void *ptr = guest_mem_ptr(&test_mem, ipa(addr), 1);

    assert_non_null(ptr);
    return ptr;
}

/* The interrupt line: its level, and how often it rose. */
struct test_irq {
    bool level;
    unsigned rises;
    uint32_t intid;
};

static inline void test_irq_set(void *ctx, uint32_t intid, bool level)
{
    struct test_irq *irq = ctx;

    if (level && !irq->level)
        irq->rises++;
    irq->level = level;
    irq->intid = intid;
}

/* The driver's side of one queue, whose three parts it has put into RAM. */
struct driver {
    uint32_t size;
    uint64_t desc, avail, used;
    uint16_t next_avail;
    uint16_t seen_used;
};

#define DRIVER_QUEUE_STRIDE UINT64_C(0x4000)

/* Queue `index` lies from RAM0_IPA + index * DRIVER_QUEUE_STRIDE on, zeroed. */
static inline struct driver driver_init(unsigned index, uint32_t size)
{
    uint64_t base = RAM0_IPA + index * DRIVER_QUEUE_STRIDE;

    memset(ram(base), 0, DRIVER_QUEUE_STRIDE);
    return (struct driver){
        .size = size, .desc = base, .avail = base + 0x2000, .used = base + 0x3000};
}

static inline struct vring_avail *driver_avail(const struct driver *d)
{
    return ram(d->avail);
}

static inline struct vring_used *driver_used(const struct driver *d)
{
    return ram(d->used);
}

static inline __virtio16 *driver_used_event(const struct driver *d)
{
    return &driver_avail(d)->ring[d->size];
}

static inline __virtio16 *driver_avail_event(const struct driver *d)
{
    return (__virtio16 *)&driver_used(d)->ring[d->size];
}

static inline void put_desc(uint64_t table, unsigned i, uint64_t addr, uint32_t len, unsigned flags,
                            unsigned next)
{
    struct vring_desc desc = {addr, len, (uint16_t)flags, (uint16_t)next};

    memcpy((uint8_t *)ram(table) + i * sizeof(desc), &desc, sizeof(desc));
}

/* Make the chain that starts at descriptor `head` available. */
static inline void driver_offer(struct driver *d, uint16_t head)
{
    struct vring_avail *avail = driver_avail(d);

    avail->ring[d->next_avail % d->size] = head;
    d->next_avail++;
    __atomic_store_n(&avail->idx, d->next_avail, __ATOMIC_RELEASE);
}

/* Is there a used chain? Take it. */
static inline bool driver_take(struct driver *d, uint32_t *id, uint32_t *len)
{
    struct vring_used *used = driver_used(d);

    if (__atomic_load_n(&used->idx, __ATOMIC_ACQUIRE) == d->seen_used)
        return false;
    *id = used->ring[d->seen_used % d->size].id;
    *len = used->ring[d->seen_used % d->size].len;
    d->seen_used++;
    return true;
}

static inline struct virtq_layout driver_layout(const struct driver *d)
{
    return (struct virtq_layout){ipa(d->desc), ipa(d->avail), ipa(d->used), d->size};
}

#endif
