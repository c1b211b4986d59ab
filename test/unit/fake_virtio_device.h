/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtio device of the machine's, for tests of what drives one: registers that react as those of
 * virtio 1.2, "Virtio Over MMIO", and the device's side of its rings. It serves a chain when the
 * test says so, and lies where the test says so. A driver that breaks a rule of the specification
 * ends the test. Neighbours: fake_io/mm/io.h leads here.
 */
#ifndef TEST_FAKE_VIRTIO_DEVICE_H
#define TEST_FAKE_VIRTIO_DEVICE_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"

#define FAKE_VIRTIO_BASE   UINT64_C(0xa003e00)
#define FAKE_VIRTIO_SIZE   UINT64_C(0x140)
#define FAKE_VIRTIO_CONFIG 0x40U /* bytes */
#define FAKE_VIRTIO_QUEUES 66

struct fake_virtio_queue {
    uint32_t num_max; /* 0: there is no such queue */
    uint32_t num;
    bool ready;
    uint64_t part[3]; /* descriptors, driver's ring, device's ring */
    uint16_t next_avail;
    uint16_t next_used;
    unsigned notified;
};

/* Constant for the device until the test changes it; then what the driver made of it. */
extern struct fake_virtio {
    uint32_t magic, version, id;
    uint64_t features;
    uint32_t generation;
    uint8_t config[FAKE_VIRTIO_CONFIG];
    bool never_resets;
    bool refuses_features;
    bool refuses_queues;
    uint32_t interrupts_next; /* reasons that come once the driver has looked, */
    bool interrupts_for_ever; /* each time */
    /* Hears of a notification, without a lock. It may be NULL. */
    void (*notified_fn)(unsigned queue);

    uint32_t status;
    uint32_t interrupt;
    uint64_t driver_features;
    uint32_t device_features_sel, driver_features_sel, queue_sel;
    unsigned resets;
    struct fake_virtio_queue queue[FAKE_VIRTIO_QUEUES];
} fake_virtio;

/* A device of type `id` with `nr_queues` queues for `num_max` descriptors, just switched on. */
void fake_virtio_init(uint32_t id, uint64_t features, unsigned nr_queues, uint32_t num_max);

/* The registers. At another address than FAKE_VIRTIO_BASE they read 0. */
uint64_t fake_virtio_read(pa_t reg, unsigned size);
void fake_virtio_write(pa_t reg, unsigned size, uint64_t value);

/* A chain that the driver made available. */
struct fake_virtio_chain {
    uint16_t head;
    unsigned count;
    struct vring_desc desc[256];
};

/*
 * Take the next chain; false: there is none, or the queue does not run. Otherwise the driver is
 * asked to notify.
 */
bool fake_virtio_take(unsigned queue, struct fake_virtio_chain *chain);

/* Hand back what may be a chain. True: the driver wants an interrupt, and InterruptStatus has it.
 */
bool fake_virtio_use(unsigned queue, uint32_t id, uint32_t len);

/* Take and hand back at once, its writable part filled with `byte`. False: there is none. */
bool fake_virtio_serve(unsigned queue, uint8_t byte);

/* Does the driver have a reason to look, VIRTIO_MMIO_INT_x? For more than one thread. */
uint32_t fake_virtio_interrupts(void);
void fake_virtio_interrupt(uint32_t reasons);

/* What the device says of itself from now on, in Status. */
void fake_virtio_need_reset(void);

#endif
