/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lies to QEMU's devices that change while they are read, from several CPUs: buffers that flip
 * between RAM and something else after they were offered, resets and new queues in the midst of
 * requests, notifications without end. What is good is served, or the device wants a reset; the
 * CPUs come back.
 */
#include "barrier.h"
#include "hostile_machine.h"
#include "string.h"
#include "timer.h"
#include "worker.h"

#define SIZE      64
#define ROUNDS    1000
#define STARTS    150 /* or of queues set up anew */
#define ENOUGH    50  /* of each outcome */
#define STORM     400
#define IN_FLIGHT 16
#define CHUNK     4096

static struct virtio_blk *const disk = &machine_device[0];
static struct machine_queue *const queue = &machine_queue[0];
static uint8_t buffer[IN_FLIGHT][CHUNK] __attribute__((aligned(4096)));
static volatile bool over;

static void begin(smp_fn fn)
{
    over = false;
    for (unsigned cpu = 1; cpu < hostile_cpus(); cpu++)
        worker_begin(cpu, fn, (void *)(uintptr_t)cpu);
}

static void end(void)
{
    over = true;
    for (unsigned cpu = 1; cpu < hostile_cpus(); cpu++)
        CHECK(worker_wait(cpu), "CPU %u hangs", cpu);
}

/* A good place or a bad one, in the ring and in the tables of what CPU 0 offers. */
static void flip_on(void *arg)
{
    unsigned cpu = (unsigned)(uintptr_t)arg;

    while (!over) {
        uint64_t random = hostile_random(cpu);
        unsigned n = random % IN_FLIGHT, part = 1 + (random >> 8 & 1);
        volatile struct vring_desc *desc = &machine_request[n].table[part];

        desc->addr = random & 0x1000 ? hostile_machine_address((unsigned)(random >> 16 & 0xff))
                                     : (uintptr_t)buffer[n];
        desc->len = random & 0x2000 ? ~0U : CHUNK;
        timer_relax();
        desc->len = part == 1 ? CHUNK : 1;
        desc->addr = part == 1 ? (uintptr_t)buffer[n] : (uintptr_t)&machine_request[n].status;
        if (random & 0x4000)
            queue->avail.ring[random >> 24 & (SIZE - 1)] = (uint16_t)(random >> 32);
    }
}

static void offer_all(void)
{
    for (uint16_t i = 0; i < IN_FLIGHT; i++) {
        machine_build_indirect(queue, i, &machine_request[i], VIRTIO_BLK_T_IN, i, buffer[i], CHUNK);
        machine_put(queue, i);
    }
    machine_publish(queue);
}

/* Until all have ended: false when the device wants a reset. */
static bool take_all(void)
{
    struct vring_used_elem elem;

    for (unsigned i = 0; i < IN_FLIGHT; i++)
        if (!machine_wait(queue, &elem)) {
            if (!machine_wants_reset(disk))
                test_fail("%u of %u answers", i, IN_FLIGHT);
            return false;
        }
    return true;
}

static void flips(void)
{
    uint64_t deadline = timer_deadline_us(WAIT_US);
    uint32_t outcomes[2] = {0};

    begin(flip_on);
    for (unsigned i = 0;
         !timer_passed(deadline) && (i < ROUNDS || outcomes[0] < ENOUGH || outcomes[1] < ENOUGH);
         i++) {
        if ((i == 0 || machine_wants_reset(disk)) &&
            !machine_start(disk, ~UINT64_C(0), queue, 1, SIZE))
            test_fail("round %u: the disk does not start", i);
        offer_all();
        outcomes[take_all()]++;
    }
    end();
    CHECK(outcomes[0] && outcomes[1], "%u refused, %u served", outcomes[0], outcomes[1]);
}

/* All CPUs set the device up and offer in it, each in the others' way. */
static void start_on(void *arg)
{
    unsigned cpu = (unsigned)(uintptr_t)arg;

    while (!over) {
        struct virtio_blk mine = machine_device[hostile_random(cpu) % MACHINE_DEVICES];

        if (hostile_random(cpu) & 1)
            virtio_write(&mine, VIRTIO_MMIO_STATUS, 0);
        virtio_blk_negotiate(&mine, hostile_random(cpu));
        machine_set_queue(&mine, &machine_queue[cpu], cpu % 2, SIZE);
        machine_go(&mine);
        machine_buffer(&machine_queue[cpu], 0, buffer[cpu], CHUNK, true);
        machine_put(&machine_queue[cpu], 0);
        virtio_write(&mine, VIRTIO_MMIO_QUEUE_NOTIFY, cpu % 2);
    }
}

static void starts(void)
{
    begin(start_on);
    for (unsigned i = 0; i < STARTS; i++)
        if (machine_start(disk, ~UINT64_C(0), queue, 1, SIZE))
            offer_all();
    end();
}

/* Queue 1 comes and goes while queue 0 is busy: its end may cost queue 0 a reset, no more. */
static void set_up_on(void *arg)
{
    unsigned cpu = (unsigned)(uintptr_t)arg;

    while (!over) {
        machine_set_queue(disk, &machine_queue[1], 1, SIZE);
        machine_build(&machine_queue[1], 0, &machine_request[IN_FLIGHT + cpu], VIRTIO_BLK_T_IN, 0,
                      buffer[0], CHUNK);
        machine_put(&machine_queue[1], 0);
        virtio_write(disk, VIRTIO_MMIO_QUEUE_NOTIFY, 1);
        virtio_write(disk, VIRTIO_MMIO_QUEUE_READY, 0);
        timer_delay_us(hostile_random(cpu) & 127);
    }
}

static void queues_again(void)
{
    CHECK(machine_start(disk, ~UINT64_C(0), queue, 1, SIZE), "the disk does not start");
    begin(set_up_on);
    for (unsigned i = 0; i < STARTS; i++) {
        offer_all();
        if (!take_all())
            machine_start(disk, ~UINT64_C(0), queue, 1, SIZE);
    }
    end();
}

static void notify_on(void *arg)
{
    unsigned cpu = (unsigned)(uintptr_t)arg;

    while (!over) {
        uint64_t random = hostile_random(cpu);

        virtio_write(&machine_device[random % MACHINE_DEVICES], VIRTIO_MMIO_QUEUE_NOTIFY,
                     (uint32_t)(random & 0x100 ? random >> 32 : random >> 32 & 3));
        virtio_write(disk, VIRTIO_MMIO_INTERRUPT_ACK, ~0U);
    }
}

/* In the storm, what is good is served. */
static void storm(void)
{
    CHECK(machine_start(disk, ~UINT64_C(0), queue, 1, SIZE), "the disk does not start");
    begin(notify_on);
    for (unsigned i = 0; i < STORM; i++) {
        offer_all();
        if (!take_all())
            test_fail("round %u: status %x", i, virtio_status(disk));
        for (unsigned n = 0; n < IN_FLIGHT; n++)
            if (machine_request[n].status != VIRTIO_BLK_S_OK)
                test_fail("round %u: request %u has status %u", i, n, machine_request[n].status);
    }
    end();
}

const struct test_case hostile_machine_race_cases[] = {
    {"machine-flips", flips},
    {"machine-starts", starts},
    {"machine-queues", queues_again},
    {"machine-notify-storm", storm},
    {NULL, NULL},
};
