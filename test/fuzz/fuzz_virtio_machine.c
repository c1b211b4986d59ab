/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mediator between a guest's driver gone bad and a device of the machine's that lies. The guest
 * writes registers in any order, and rings and chains that change while they are looked at; the
 * device hands back what it has, twice or never had, refuses, breaks or changes its wishes. What
 * the device is offered must be the guest's RAM or the mediator's copy, whatever the two do.
 */
#include <linux/virtio_gpu.h>
#include <linux/virtio_ids.h>

#include "dev/virtio_machine.h"
#include "fake_virtio_device.h"
#include "fuzz_driver.h"
#include "fuzz_poke.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "mm/phys.h"

#define RAM1_IPA    (RAM0_IPA + RAM0_SIZE) /* they touch, but lie apart in the machine */
#define RAM1_SIZE   UINT64_C(0x1000)
#define MAX_STEPS   400
#define QUEUE_SIZES 6
#define MAX_TURNS   4
#define QUEUES      3
#define RING        16
#define INTID       48

static struct scene {
    uint8_t *ram1;
    struct guest_mem mem;
    struct virtio_machine *machine;
    size_t room; /* for the machine */
    bool line;
    bool may_stick; /* the device may once not come out of a reset, which takes a while to see */
    struct fake_virtio_chain held; /* the chain that the device took last */
} scene;

void log_print(enum log_kind kind, const char *fmt, ...)
{
    (void)fmt;
    fuzz_require(kind == LOG_WARNING);
}

static void set_line(void *ctx, uint32_t intid, bool level)
{
    (void)ctx;
    fuzz_require(intid == INTID);
    scene.line = level;
}

/* The device is one with addresses in its requests, or not. */
static void set_up(struct fuzz_input *in)
{
    static const struct irq_line line = {set_line, NULL, INTID};
    static const uint32_t ids[] = {VIRTIO_ID_RNG, VIRTIO_ID_GPU, VIRTIO_ID_BALLOON,
                                   VIRTIO_ID_BLOCK};
    const struct pa_range regs = {pa(FAKE_VIRTIO_BASE), FAKE_VIRTIO_SIZE};
    uint8_t flags = (uint8_t)fuzz_take(in, 1);
    struct virtio_driver device;
    size_t size;

    if (driver.ram0 == NULL) {
        driver.ram0 = pages(RAM0_SIZE);
        scene.ram1 = pages(RAM1_SIZE);
        scene.mem.count = 2;
        scene.mem.region[0] = (struct ram_region){ipa(RAM0_IPA), ptr_to_pa(driver.ram0), RAM0_SIZE};
        scene.mem.region[1] = (struct ram_region){ipa(RAM1_IPA), ptr_to_pa(scene.ram1), RAM1_SIZE};
    }
    memset(driver.ram0, 0, RAM0_SIZE);
    scene.line = false;
    scene.may_stick = flags >= 0xf0;
    poke_init(driver.ram0, RAM0_SIZE);
    fake_virtio_init(ids[flags & 3],
                     BIT(VIRTIO_F_VERSION_1) | (uint64_t)(flags >> 2 & 1)
                                                   << VIRTIO_RING_F_EVENT_IDX,
                     QUEUES, 1U << (flags >> 3) % 5);
    fuzz_require(virtio_driver_open(&device, regs) == 0);
    size = virtio_machine_size(&device);
    if (size > scene.room) {
        free(scene.machine);
        scene.machine = (struct virtio_machine *)pages(align_up(size, PAGE_SIZE));
        scene.room = size;
    }
    memset(scene.machine, 0, size);
    virtio_machine_init(scene.machine, &device, &driver.slot, &scene.mem, &line);
}

static void bring_up(struct fuzz_input *in)
{
    wr(VIRTIO_MMIO_STATUS, 0);
    memset(driver.ram0, 0, DATA - RAM0_IPA);
    negotiate((fuzz_take(in, 1) & 3) << VIRTIO_RING_F_INDIRECT_DESC);
    set_up_queue(in, 0, QUEUE_SIZES);
    set_up_queue(in, 1, QUEUE_SIZES);
    wr(VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_DRIVER_OK);
}

static uint64_t some_address(struct fuzz_input *in)
{
    switch (fuzz_below(in, 8)) {
    case 0:
        return fuzz_value(in);
    case 1:
        return RAM1_IPA - fuzz_take(in, 1);
    case 2:
        return RAM1_IPA + fuzz_take(in, 2) % (RAM1_SIZE + 16);
    case 3:
        return FAKE_VIRTIO_BASE + fuzz_take(in, 1);
    default:
        return DATA + fuzz_take(in, 1) * 64;
    }
}

static void put_desc(struct fuzz_input *in)
{
    uint8_t where = (uint8_t)fuzz_take(in, 1);
    uint64_t table = (where & 0x80) != 0 ? QUEUE(0) + INDIRECT : QUEUE(where >> 4 & 1);
    struct vring_desc desc = {.addr = some_address(in),
                              .flags = (uint16_t)fuzz_take(in, 1) & 7,
                              .next = (uint16_t)fuzz_take(in, 1) & 0xf};

    desc.len = fuzz_below(in, 8) == 0 ? (uint32_t)fuzz_value(in) : fuzz_below(in, 200);
    memcpy(driver.ram0 + (table - RAM0_IPA) + (where & 0xf) * sizeof(desc), &desc, sizeof(desc));
}

/* A display's command with an address in it, from descriptor 0 on. */
static void put_command(struct fuzz_input *in)
{
    struct virtio_gpu_resource_attach_backing attach = {
        .hdr.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, .nr_entries = fuzz_below(in, 3)};
    struct virtio_gpu_mem_entry piece[2] = {
        {.addr = some_address(in), .length = fuzz_below(in, 256)},
        {.addr = some_address(in), .length = fuzz_below(in, 256)},
    };
    struct vring_desc desc[2] = {
        {DATA, sizeof(attach) + sizeof(piece), VRING_DESC_F_NEXT, 1},
        {some_address(in), 24, VRING_DESC_F_WRITE, 0},
    };

    memcpy(driver.ram0 + (DATA - RAM0_IPA), &attach, sizeof(attach));
    memcpy(driver.ram0 + (DATA - RAM0_IPA) + sizeof(attach), piece, sizeof(piece));
    memcpy(driver.ram0, desc, sizeof(desc));
}

static void offer(struct fuzz_input *in, unsigned queue)
{
    unsigned mask = driver.slot.queue[queue].layout.size - 1U;

    add_available(queue, (uint16_t)fuzz_below(in, RING), mask & 0x7f);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, queue);
}

static void guest_step(struct fuzz_input *in)
{
    switch (fuzz_below(in, 9)) {
    case 0:
        bring_up(in);
        break;
    case 1:
        put_desc(in);
        break;
    case 2:
        put_command(in);
        break;
    case 3:
    case 4:
        offer(in, fuzz_below(in, 2));
        break;
    case 5:
        access_any(in);
        break;
    case 6:
        poke_at_once(in);
        break;
    case 7:
        poke_later(in);
        break;
    default:
        set_up_queue(in, fuzz_below(in, QUEUES + 1), QUEUE_SIZES);
        break;
    }
}

/* It says of itself what it likes; what it refuses or forgets is for one step. */
static void change_device(struct fuzz_input *in)
{
    uint8_t what = (uint8_t)fuzz_take(in, 1);

    fake_virtio.refuses_features = (what & 1) != 0;
    fake_virtio.refuses_queues = (what & 2) != 0;
    fake_virtio.never_resets = what >= 0xf0 && scene.may_stick;
    scene.may_stick &= !fake_virtio.never_resets;
    if ((what & 4) != 0)
        fake_virtio.generation++;
    if ((what & 0x38) == 0x38)
        fake_virtio_need_reset();
    else
        fake_virtio_interrupt(what >> 6);
    guest_step(in);
    fake_virtio.refuses_features = false;
    fake_virtio.refuses_queues = false;
    fake_virtio.never_resets = false;
}

/* What the device writes into a ring beside the chains that it hands back. */
static void scribble(struct fuzz_input *in, struct virtio_ring *ring)
{
    unsigned index = fuzz_below(in, RING);
    uint16_t value = (uint16_t)fuzz_value(in);

    switch (fuzz_below(in, 4)) {
    case 0:
        ring->used.idx = value;
        break;
    case 1:
        ring->used.flags = value;
        break;
    case 2:
        ring->used.ring[index].id = value;
        break;
    default:
        memcpy(&ring->used.ring[ring->size], &value, sizeof(value)); /* the avail event */
        break;
    }
}

static void device_step(struct fuzz_input *in)
{
    unsigned queue = fuzz_below(in, QUEUES);

    switch (fuzz_below(in, 6)) {
    case 0:
        fake_virtio_take(queue, &scene.held);
        break;
    case 1:
        fake_virtio_use(queue, scene.held.head, (uint32_t)fuzz_value(in));
        break;
    case 2:
        fake_virtio_use(queue, fuzz_below(in, RING + 1), (uint32_t)fuzz_value(in));
        break;
    case 3:
        fake_virtio_serve(queue, 0x5a);
        break;
    case 4:
        scribble(in, &scene.machine->ring[queue].ring);
        break;
    default:
        change_device(in);
        break;
    }
    for (unsigned i = 0; i < MAX_TURNS && virtio_machine_interrupt(scene.machine); i++)
        ;
}

static bool is_guests(const struct virtio_machine_ring *ring, const struct vring_desc *desc)
{
    uint64_t copy = ptr_to_pa(ring->copy).v;

    return desc->len != 0 && (desc->flags & VRING_DESC_F_INDIRECT) == 0 &&
           (range_contains(ptr_to_pa(driver.ram0).v, RAM0_SIZE, desc->addr, desc->len) ||
            range_contains(ptr_to_pa(scene.ram1).v, RAM1_SIZE, desc->addr, desc->len) ||
            (copy != 0 && (desc->flags & VRING_DESC_F_WRITE) == 0 &&
             range_contains(copy, scene.machine->type->copy_size, desc->addr, desc->len)));
}

/* What the device has is the guest's, and what is in flight is what the device has. */
static void check_queue(unsigned index)
{
    const struct virtio_queue *queue = &driver.slot.queue[index];
    const struct virtio_machine_ring *ring = &scene.machine->ring[index];
    unsigned chains = 0, used = 0;

    fuzz_require(queue->lock.locked == 0 && !queue->serving && ring->lock.locked == 0);
    for (unsigned head = 0; head < ring->ring.size; head++) {
        const struct vring_desc *desc = &ring->ring.desc[head];
        unsigned count = ring->ring.chain[head].count;

        chains += count != 0;
        used += count;
        for (; count > 0; count--, desc = &ring->ring.desc[desc->next]) {
            fuzz_require(is_guests(ring, desc));
            fuzz_require(((desc->flags & VRING_DESC_F_NEXT) != 0) == (count > 1));
        }
    }
    fuzz_require(queue->in_flight == chains && (ring->copy == NULL || chains <= 1));
    fuzz_require(ring->ring.size == 0 || used + ring->ring.nr_free == ring->ring.size);
}

static void check(bool broken_before)
{
    uint64_t status = access_at(VIRTIO_MMIO_STATUS, 4, false, 0);

    fuzz_require(driver.slot.setup_lock.locked == 0 && driver.slot.lock.locked == 0);
    fuzz_require(scene.line == (access_at(VIRTIO_MMIO_INTERRUPT_STATUS, 4, false, 0) != 0));
    /* Only a reset mends the device. */
    fuzz_require(!broken_before || driver.was_reset || (status & VIRTIO_CONFIG_S_NEEDS_RESET) != 0);
    for (unsigned i = 0; i < QUEUES; i++)
        check_queue(i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};

    set_up(&in);
    for (unsigned i = 0; i < MAX_STEPS && in.left > 0; i++) {
        bool broken = (driver.slot.status & VIRTIO_CONFIG_S_NEEDS_RESET) != 0;

        driver.was_reset = false;
        if (fuzz_below(&in, 2) == 0)
            guest_step(&in);
        else
            device_step(&in);
        check(broken);
    }
    virtio_mmio_reset(&driver.slot);
    check(false);
    for (unsigned i = 0; i < QUEUES; i++)
        fuzz_require(driver.slot.queue[i].in_flight == 0);
    fuzz_require(!scene.line && driver.slot.status == 0 && fake_virtio.status == 0);
    return 0;
}
