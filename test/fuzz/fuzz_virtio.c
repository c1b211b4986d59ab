// SPDX-License-Identifier: Apache-2.0
/*
 * The driver's side of a virtio-blk disk, gone bad: register writes in any order, any rings, any
 * chains, direct and indirect, and guest memory that changes while the device looks at it. The
 * change comes between the device's reads: each time it asks for a piece of guest memory. The disk
 * may answer at once or, by a backend in front of it, keep requests in flight.
 */
#include "dev/virtio_blk.h"
#include "fuzz_disk.h"
#include "fuzz_poke.h"
#include "lib/bits.h"
#include "mm/phys.h"

#define MAX_STEPS 400

#define FLAG_READ_ONLY 1
#define FLAG_SLOW      8  /* requests stay in flight for some steps */
#define ABANDON_EVERY  16 /* of them one ends without an answer */

/* A request that the disk has served and that has not come back yet. */
struct flight {
    unsigned queue;
    uint16_t head;
    uint32_t written;
};

struct scene {
    uint8_t *ram1, *disk, *pristine;
    struct guest_mem mem;
    struct virtio_blk blk;
    struct virtio_backend slow; /* the disk's, but for its ops */
    unsigned nr_flight;
    struct flight flight[VIRTIO_BLK_MAX_QUEUES * 2 * VIRTQ_MAX_SIZE];
    bool line;
};

static struct scene scene;

static void set_line(void *ctx, uint32_t intid, bool level)
{
    (void)ctx;
    fuzz_require(intid == 48);
    scene.line = level;
}

static void end_flight(unsigned i, bool answer)
{
    struct flight flight = scene.flight[i];

    scene.flight[i] = scene.flight[--scene.nr_flight];
    if (answer)
        virtio_queue_complete(&driver.slot, flight.queue, flight.head, flight.written);
    else
        virtio_queue_abandon(&driver.slot, flight.queue);
}

static enum virtio_outcome serve_slowly(void *ctx, struct virtio_request *request)
{
    enum virtio_outcome outcome = scene.blk.backend.ops->serve_fn(ctx, request);

    if (outcome != VIRTIO_DONE || scene.nr_flight == ARRAY_SIZE(scene.flight))
        return outcome;
    scene.flight[scene.nr_flight++] =
        (struct flight){request->queue, request->chain.head, request->written};
    return VIRTIO_IN_FLIGHT;
}

static void cancel(void *ctx, unsigned queue)
{
    (void)ctx;
    for (unsigned i = scene.nr_flight; i-- > 0;) {
        if (scene.flight[i].queue == queue)
            end_flight(i, false);
    }
}

static void set_up(struct fuzz_input *in)
{
    static const struct virtio_backend_ops slow_ops = {.serve_fn = serve_slowly,
                                                       .cancel_fn = cancel};
    static const struct irq_line line = {set_line, NULL, 48};
    uint8_t flags = (uint8_t)fuzz_take(in, 1);
    struct virtio_blk_setup setup = {.read_only = (flags & FLAG_READ_ONLY) != 0,
                                     .nr_queues = 1 + (flags >> 1 & 3),
                                     .id = "twenty-characters-id"};

    if (driver.ram0 == NULL) {
        driver.ram0 = pages(RAM0_SIZE);
        scene.ram1 = pages(RAM1_SIZE);
        scene.disk = pages(DISK_SIZE);
        scene.pristine = pages(DISK_SIZE);
        memset(scene.pristine, 0xd5, DISK_SIZE);
        scene.mem.count = 2;
        scene.mem.region[0] = (struct ram_region){ipa(RAM0_IPA), ptr_to_pa(driver.ram0), RAM0_SIZE};
        scene.mem.region[1] = (struct ram_region){ipa(RAM1_IPA), ptr_to_pa(scene.ram1), RAM1_SIZE};
    }
    memset(driver.ram0, 0, RAM0_SIZE);
    memcpy(scene.disk, scene.pristine, DISK_SIZE);
    scene.line = false;
    poke_init(driver.ram0, RAM0_SIZE);
    scene.nr_flight = 0;
    setup.disk = (struct pa_range){ptr_to_pa(scene.disk), DISK_SIZE};
    fuzz_require(virtio_blk_init(&scene.blk, &setup, &driver.slot, &scene.mem, &line) == 0);
    if ((flags & FLAG_SLOW) != 0) {
        scene.slow = scene.blk.backend;
        scene.slow.ops = &slow_ops;
        virtio_mmio_init(&driver.slot, &scene.slow, &scene.mem, &line);
    }
}

static void step(struct fuzz_input *in)
{
    unsigned queue;

    switch (fuzz_below(in, 10)) {
    case 0:
        bring_up(in);
        break;
    case 1:
        put_desc(in);
        break;
    case 2:
        put_request(in);
        break;
    case 3:
        queue = fuzz_below(in, 4);
        add_available(queue, (uint16_t)fuzz_below(in, 34), 0x7f);
        break;
    case 4:
        wr(VIRTIO_MMIO_QUEUE_NOTIFY, fuzz_below(in, 6));
        break;
    case 5:
        wr(fuzz_take(in, 1) & 0xfc, fuzz_value(in));
        break;
    case 6:
        access_any(in);
        break;
    case 7:
        poke_at_once(in);
        break;
    case 8:
        poke_later(in);
        break;
    default:
        set_up_queue(in, fuzz_below(in, 5), QUEUE_SIZES);
        break;
    }
}

static void check(bool broken_before)
{
    uint64_t status = access_at(VIRTIO_MMIO_STATUS, 4, false, 0);
    unsigned in_flight = 0;

    fuzz_require(scene.line == (access_at(VIRTIO_MMIO_INTERRUPT_STATUS, 4, false, 0) != 0));
    /* Only a reset mends the device. */
    fuzz_require(!broken_before || driver.was_reset || (status & VIRTIO_CONFIG_S_NEEDS_RESET) != 0);
    for (unsigned i = 0; i < VIRTIO_BLK_MAX_QUEUES; i++)
        in_flight += driver.slot.queue[i].in_flight;
    fuzz_require(in_flight == scene.nr_flight);
    if (scene.blk.read_only)
        fuzz_require(memcmp(scene.disk, scene.pristine, DISK_SIZE) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};

    set_up(&in);
    for (unsigned i = 0; i < MAX_STEPS && in.left > 0; i++) {
        bool broken = (driver.slot.status & VIRTIO_CONFIG_S_NEEDS_RESET) != 0;

        driver.was_reset = false;
        step(&in);
        if (scene.nr_flight != 0 && i % 3 == 0)
            end_flight(i % scene.nr_flight, i % ABANDON_EVERY != 0);
        check(broken);
    }
    virtio_mmio_reset(&driver.slot);
    fuzz_require(scene.nr_flight == 0);
    fuzz_require(!scene.line && access_at(VIRTIO_MMIO_STATUS, 4, false, 0) == 0);
    return 0;
}
