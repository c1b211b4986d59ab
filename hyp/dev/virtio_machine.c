/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mediator between a guest's virtio slot and a device of the machine's. See virtio_machine.h.
 * Read it in the order of a request: hand_on() hands it to the device, virtio_machine_interrupt()
 * gets it back. Before that the driver's set-up is repeated on the device, step by step; after it a
 * reset ends what the device still has.
 */
#include "dev/virtio_machine.h"

#include <linux/virtio_mmio.h>

#include "check/device_ring.h"
#include "lib/bits.h"
#include "lib/log.h"

/* Feature bits that belong to the type of device (virtio 1.2, "Feature Bits"). */
#define DEVICE_FEATURES (GENMASK(23, 0) | GENMASK(63, 50))

/* The requests that one interrupt hands back before others get their turn. */
#define TURN_REQUESTS (2 * VIRTIO_RING_SIZE)

static bool is_alive(const struct virtio_machine *machine)
{
    return __atomic_load_n(&machine->alive, __ATOMIC_ACQUIRE);
}

/* FEATURES_OK: the device has the last word. */
static bool accept(void *ctx, uint64_t features)
{
    struct virtio_machine *machine = ctx;
    int err = virtio_driver_negotiate(&machine->driver, features & machine->backend.features);

    __atomic_store_n(&machine->alive, err == 0, __ATOMIC_RELEASE);
    return err == 0;
}

/* A queue that was stopped, with nothing in flight, is still the device's, and empty. */
static int start_queue(void *ctx, unsigned queue)
{
    struct virtio_machine *machine = ctx;
    struct virtio_machine_ring *ring = &machine->ring[queue];
    int err = 0;

    spin_lock(&ring->lock);
    if (!is_alive(machine))
        err = -ERR_INVAL;
    else if (ring->ring.size == 0)
        err = virtio_driver_add_queue(&machine->driver, queue, &ring->ring);
    spin_unlock(&ring->lock);
    return err;
}

static void start_device(void *ctx)
{
    const struct virtio_machine *machine = ctx;

    virtio_driver_start(&machine->driver);
}

/*
 * The readable part of a request with addresses in it: what the device reads in its place is a
 * copy, checked and translated, which the guest can't change any more. There is room for one.
 */
static enum virtio_outcome copy_readable(const struct virtio_machine *machine,
                                         const struct virtio_machine_ring *ring,
                                         struct virtio_request *request)
{
    struct virtq_chain *chain = &request->chain;
    uint64_t len = chain->read_len;

    if (__atomic_load_n(&ring->copy_used, __ATOMIC_ACQUIRE))
        return VIRTIO_FULL;
    if (len == 0 || len > machine->type->copy_size)
        return VIRTIO_BROKEN;
    virtq_copy_from(chain, 0, ring->copy, len);
    request->moved += len;
    if (machine->type->translate_fn(machine->slot->mem, ring->copy, len) != 0)
        return VIRTIO_BROKEN;
    for (unsigned i = chain->nr_read; i < chain->nr_segs; i++)
        chain->seg[1 + i - chain->nr_read] = chain->seg[i];
    chain->seg[0] = (struct virtq_seg){ring->copy, (uint32_t)len};
    chain->nr_segs = (uint16_t)(chain->nr_segs - chain->nr_read + 1);
    chain->nr_read = 1;
    return VIRTIO_IN_FLIGHT;
}

static enum virtio_outcome add_locked(struct virtio_machine *machine,
                                      struct virtio_machine_ring *ring,
                                      const struct virtq_chain *chain)
{
    if (!is_alive(machine) || chain->nr_segs > ring->ring.size)
        return VIRTIO_BROKEN;
    if (virtio_ring_add(&ring->ring, chain) != 0)
        return VIRTIO_FULL;
    if (ring->copy != NULL) {
        ring->copy_head = chain->head;
        ring->copy_used = true;
    }
    device_ring_expect(&ring->ring, ring->copy);
    return VIRTIO_IN_FLIGHT;
}

/* A request is handed to the device as it is: only the places of its buffers are the machine's. */
static enum virtio_outcome hand_on(void *ctx, struct virtio_request *request)
{
    struct virtio_machine *machine = ctx;
    struct virtio_machine_ring *ring = &machine->ring[request->queue];
    enum virtio_outcome outcome = VIRTIO_IN_FLIGHT;
    bool notify;

    if (ring->copy != NULL)
        outcome = copy_readable(machine, ring, request);
    if (outcome != VIRTIO_IN_FLIGHT)
        return outcome;
    spin_lock(&ring->lock);
    outcome = add_locked(machine, ring, &request->chain);
    notify = outcome == VIRTIO_IN_FLIGHT && virtio_ring_publish(&ring->ring);
    spin_unlock(&ring->lock);
    if (notify)
        virtio_driver_notify(&machine->driver, request->queue);
    return outcome;
}

/* The device, which is reset or not to be trusted, has no request any more. */
static void abandon_all(struct virtio_machine *machine)
{
    for (unsigned i = 0; i < machine->backend.nr_queues; i++) {
        unsigned lost;

        spin_lock(&machine->ring[i].lock);
        lost = virtio_ring_drop(&machine->ring[i].ring);
        machine->ring[i].copy_used = false;
        spin_unlock(&machine->ring[i].lock);
        for (; lost > 0; lost--)
            virtio_queue_abandon(machine->slot, i);
    }
}

/* The guest hears of it, and what it does next is a reset. */
static void give_up(struct virtio_machine *machine, const char *why)
{
    if (!__atomic_exchange_n(&machine->alive, false, __ATOMIC_ACQ_REL))
        return;
    log_warn("the machine's virtio device at 0x%lx %s: the guest must reset it",
             machine->driver.regs.v, why);
    abandon_all(machine);
    virtio_mmio_need_reset(machine->slot);
}

static void reset_device(void *ctx)
{
    struct virtio_machine *machine = ctx;

    __atomic_store_n(&machine->alive, false, __ATOMIC_RELEASE);
    if (virtio_driver_reset(&machine->driver) != 0)
        log_warn("the machine's virtio device at 0x%lx does not reset", machine->driver.regs.v);
    abandon_all(machine);
}

/*
 * A queue stops, and the device has requests of it. It can't be made to give back only those: it is
 * reset, and if other queues go on, what they have in flight is lost and the guest told.
 */
static void cancel(void *ctx, unsigned queue)
{
    struct virtio_machine *machine = ctx;

    (void)queue;
    if (is_alive(machine))
        reset_device(machine);
    else
        abandon_all(machine); /* what a CPU has added since */
}

/* Hand back what the device is done with. False: there may be more. */
static bool collect(struct virtio_machine *machine, unsigned queue, unsigned *left)
{
    struct virtio_machine_ring *ring = &machine->ring[queue];
    uint32_t written = 0;
    uint16_t head = 0;
    int err;

    for (; *left > 0; (*left)--) {
        spin_lock(&ring->lock);
        err = virtio_ring_take(&ring->ring, &head, &written);
        if (err == 0 && ring->copy_used && ring->copy_head == head)
            __atomic_store_n(&ring->copy_used, false, __ATOMIC_RELEASE);
        spin_unlock(&ring->lock);
        if (err == -ERR_INVAL)
            give_up(machine, "hands back what it was not given");
        if (err != 0)
            return true;
        virtio_queue_complete(machine->slot, queue, head, written);
    }
    return false;
}

bool virtio_machine_interrupt(struct virtio_machine *machine)
{
    uint32_t reasons = virtio_driver_acknowledge(&machine->driver);
    unsigned left = TURN_REQUESTS;
    bool done = true;

    if ((reasons & VIRTIO_MMIO_INT_CONFIG) != 0 && is_alive(machine)) {
        if (virtio_driver_needs_reset(&machine->driver))
            give_up(machine, "needs a reset");
        virtio_mmio_tell_config(machine->slot);
    }
    for (unsigned i = 0; i < machine->backend.nr_queues; i++) {
        if (virtio_ring_wants_take(&machine->ring[i].ring))
            done &= collect(machine, i, &left);
    }
    return !done;
}

/* The driver's accesses go to the device, writes only where its type has something to write. */
static void device_config(void *ctx, struct mmio_access *access)
{
    const struct virtio_machine *machine = ctx;
    uint64_t into = access->offset - machine->type->config_at;

    if (!access->write ||
        (into < machine->type->config_size && access->size <= machine->type->config_size - into))
        virtio_driver_config(&machine->driver, access);
}

static uint32_t device_generation(void *ctx)
{
    const struct virtio_machine *machine = ctx;

    return virtio_driver_generation(&machine->driver);
}

size_t virtio_machine_size(const struct virtio_driver *driver)
{
    const struct virtio_type *type = virtio_type_find(driver->id);

    return sizeof(struct virtio_machine) +
           driver->nr_queues * (sizeof(struct virtio_machine_ring) + sizeof(struct virtio_queue) +
                                sizeof(struct virtio_request)) +
           type->nr_copied * type->copy_size;
}

/* What follows the struct virtio_machine in its memory. */
static void lay_out(struct virtio_machine *machine, unsigned count)
{
    struct virtio_backend *backend = &machine->backend;
    uint8_t *copies;

    machine->ring = (struct virtio_machine_ring *)(machine + 1);
    backend->request = (struct virtio_request *)(machine->ring + count);
    backend->queue = (struct virtio_queue *)(backend->request + count);
    copies = (uint8_t *)(backend->queue + count);
    for (unsigned i = 0; i < machine->type->nr_copied && i < count; i++)
        machine->ring[i].copy = copies + i * machine->type->copy_size;
}

void virtio_machine_init(struct virtio_machine *machine, const struct virtio_driver *driver,
                         struct virtio_mmio *slot, const struct guest_mem *mem,
                         const struct irq_line *line)
{
    static const struct virtio_backend_ops ops = {
        .serve_fn = hand_on,
        .cancel_fn = cancel,
        .accept_fn = accept,
        .queue_fn = start_queue,
        .start_fn = start_device,
        .reset_fn = reset_device,
        .config_fn = device_config,
        .generation_fn = device_generation,
    };

    machine->driver = *driver;
    machine->type = virtio_type_find(driver->id);
    machine->slot = slot;
    machine->backend = (struct virtio_backend){
        .id = driver->id,
        .features = driver->features & DEVICE_FEATURES & ~machine->type->never,
        .nr_queues = (uint16_t)driver->nr_queues,
        .queue_size = driver->queue_size,
        .ops = &ops,
        .ctx = machine,
    };
    lay_out(machine, driver->nr_queues);
    virtio_mmio_init(slot, &machine->backend, mem, line);
}
