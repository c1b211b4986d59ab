/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of dev/virtio_machine.c share: a guest's driver on one side of the mediator, a
 * device that the test plays on the other.
 */
#ifndef VIRTIO_MACHINE_FIXTURE_H
#define VIRTIO_MACHINE_FIXTURE_H

#include <linux/virtio_ids.h>
#include <stdlib.h>

#include "dev/virtio_machine.h"
#include "fake_virtio_device.h"
#include "lib/log.h"
#include "mm/phys.h"
#include "virtio_mmio_fixture.h"

#define VERSION_1 BIT(VIRTIO_F_VERSION_1)
#define EVENT_IDX BIT(VIRTIO_RING_F_EVENT_IDX)
#define INDIRECT  BIT(VIRTIO_RING_F_INDIRECT_DESC)
#define RING      8
#define TABLE     (RAM0_IPA + UINT64_C(0x80000)) /* indirect ones */

static unsigned warnings; /* atomic */

void log_print(enum log_kind kind, const char *fmt, ...)
{
    (void)fmt;
    assert_int_equal(kind, LOG_WARNING);
    __atomic_fetch_add(&warnings, 1, __ATOMIC_RELAXED);
}

static struct virtio_machine *machine;
static struct driver guest[NR_QUEUES];

/* A slot with a device of type `id` in it, which the guest has not touched. */
static inline void insert(uint32_t id, uint64_t features, unsigned nr_queues, uint32_t num_max)
{
    const struct pa_range regs = {pa(FAKE_VIRTIO_BASE), FAKE_VIRTIO_SIZE};
    const struct irq_line line = {test_irq_set, &irq, 48};
    struct virtio_driver driver;
    size_t size;

    fake_virtio_init(id, VERSION_1 | features, nr_queues, num_max);
    assert_int_equal(virtio_driver_open(&driver, regs), 0);
    size = virtio_machine_size(&driver);
    machine = aligned_alloc(64, (size + 63) / 64 * 64);
    assert_non_null(machine);
    memset(machine, 0, size);
    memset(ram0, 0, sizeof(ram0));
    memset(&irq, 0, sizeof(irq));
    warnings = 0;
    memset(&slot, 0xa5, sizeof(slot));
    virtio_machine_init(machine, &driver, &slot, &test_mem, &line);
}

static inline int take_out(void **state)
{
    (void)state;
    free(machine);
    machine = NULL;
    return 0;
}

/* The guest's driver starts the device, its first `nr_queues` queues as long as they may be. */
static inline void bring_up(uint64_t features, unsigned nr_queues)
{
    assert_true(negotiate(VERSION_1 | features));
    for (unsigned i = 0; i < nr_queues; i++) {
        wr(VIRTIO_MMIO_QUEUE_SEL, i);
        guest[i] = driver_init(i, rd(VIRTIO_MMIO_QUEUE_NUM_MAX));
        assert_true(add_queue(i, &guest[i]));
    }
    wr(VIRTIO_MMIO_STATUS, RUNNING);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), RUNNING);
}

static inline int setup_rng(void **state)
{
    (void)state;
    insert(VIRTIO_ID_RNG, EVENT_IDX, 2, RING);
    bring_up(INDIRECT, 2);
    return 0;
}

/* Chain `head` is one buffer, the device's to write. */
static inline void ask(unsigned queue, uint16_t head)
{
    put_desc(guest[queue].desc, head, DATA + 16U * head, 16, VRING_DESC_F_WRITE, 0);
    driver_offer(&guest[queue], head);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, queue);
}

/* Chain `head` is `count` buffers, in an indirect table of its own. */
static inline void ask_indirect(unsigned queue, uint16_t head, unsigned count)
{
    uint64_t table = TABLE + 0x1000U * head;

    for (unsigned i = 0; i < count; i++)
        put_desc(table, i, DATA + 16 * i, 16,
                 VRING_DESC_F_WRITE | (i + 1 < count ? VRING_DESC_F_NEXT : 0U), i + 1);
    put_desc(guest[queue].desc, head, table, 16 * count, VRING_DESC_F_INDIRECT, 0);
    driver_offer(&guest[queue], head);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, queue);
}

/* The readable part of it, as the mediator has copied it? */
static inline bool is_copy(unsigned queue, const struct vring_desc *desc)
{
    const uint8_t *copy = machine->ring[queue].copy;

    return copy != NULL && (desc->flags & VRING_DESC_F_WRITE) == 0 &&
           range_contains(ptr_to_pa(copy).v, machine->type->copy_size, desc->addr, desc->len);
}

/* The device takes a chain, all of it the guest's RAM or, where it only reads, a copy. */
static inline bool device_take(unsigned queue, struct fake_virtio_chain *chain)
{
    if (!fake_virtio_take(queue, chain))
        return false;
    for (unsigned i = 0; i < chain->count; i++)
        assert_true(is_ram(pa_to_ptr(pa(chain->desc[i].addr)), chain->desc[i].len) ||
                    is_copy(queue, &chain->desc[i]));
    return true;
}

/* If the device interrupts, that is handled, up to the end. */
static inline void interrupt(void)
{
    while (fake_virtio_interrupts() != 0) {
        while (virtio_machine_interrupt(machine))
            ;
    }
}

static inline void expect_used(unsigned queue, uint32_t head, uint32_t len)
{
    uint32_t id, written;

    assert_true(driver_take(&guest[queue], &id, &written));
    assert_int_equal(id, head);
    assert_int_equal(written, len);
}

static inline void expect_nothing_used(unsigned queue)
{
    uint32_t id, written;

    assert_false(driver_take(&guest[queue], &id, &written));
}

/* The device is as good as new: a request goes there and back. */
static inline void expect_works(void)
{
    ask(0, 0);
    assert_true(fake_virtio_serve(0, 0x77));
    interrupt();
    expect_used(0, 0, 16);
    assert_int_equal(*(uint8_t *)ram(DATA), 0x77);
}

/* It needs a reset, the guest hears of it, and after that it works again. */
static inline void expect_broken(void)
{
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), RUNNING | NEEDS_RESET);
    assert_true((rd(VIRTIO_MMIO_INTERRUPT_STATUS) & VIRTIO_MMIO_INT_CONFIG) != 0);
    assert_true(irq.level);
    wr(VIRTIO_MMIO_STATUS, 0);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), 0);
    assert_int_equal(fake_virtio.status, 0);
    assert_false(irq.level);
    bring_up(INDIRECT, 2);
    expect_works();
}

#endif
