/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QEMU's own disk behind Traproom, as a driver that keeps the rules sees it: every shape of
 * request, more of them than the machine's ring has room for, several queues and CPUs, resets in
 * flight, interrupts. virtio_machine_more.c has the entropy and the network.
 */
#include "virtio_machine.h"

#include "console.h"
#include "gic.h"
#include "guest.h"
#include "platform.h"
#include "string.h"
#include "timer.h"
#include "worker.h"

#define QUEUES        4 /* the disk is started with so many */
#define MANY          MACHINE_RING
#define ROUNDS        100 /* of a CPU's requests */
#define RESETS        50
#define PIECES        200
#define CHUNK         4096
#define SECTOR_OF(n)  ((uint64_t)(n) * (CHUNK / VIRTIO_SECTOR))
#define WCE           32 /* of struct virtio_blk_config: "writeback" */
#define NUM_QUEUES    34
#define IRQS          20
#define SETTLE_US     20000
#define DISK_SECTORS  8192 /* run.py's DISK_SIZE */
#define USED_EVENT(q) ((q)->avail.ring[(q)->size])

static struct virtio_blk disk;
static struct machine_queue queue[QUEUES];
static struct machine_request request[MANY];
static uint8_t data[MANY * CHUNK] __attribute__((aligned(4096)));
static uint8_t back[MANY * CHUNK] __attribute__((aligned(4096)));
static volatile uint32_t interrupts;

static bool start(uint64_t features, uint16_t size)
{
    return machine_start(&disk, features, queue, 1, size);
}

static int ask(uint32_t type, uint64_t sector, void *buffer, uint32_t size)
{
    return machine_ask(&queue[0], &request[0], type, sector, buffer, size);
}

static void identification(void)
{
    static const unsigned wanted[] = {VIRTIO_F_VERSION_1, VIRTIO_RING_F_INDIRECT_DESC,
                                      VIRTIO_RING_F_EVENT_IDX, VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_MQ};

    CHECK(start(0, 16), "VERSION_1 alone is refused");
    for (unsigned i = 0; i < COUNT(wanted); i++)
        CHECK(disk.offered & FEATURE(wanted[i]), "feature %u is not offered: %lx", wanted[i],
              disk.offered);
    CHECK(start(~UINT64_C(0), MACHINE_RING), "all that is offered is refused");
    virtio_write(&disk, VIRTIO_MMIO_QUEUE_SEL, QUEUES - 1);
    CHECK(virtio_read(&disk, VIRTIO_MMIO_QUEUE_NUM_MAX) >= MACHINE_RING, "queue of %u",
          virtio_read(&disk, VIRTIO_MMIO_QUEUE_NUM_MAX));
    virtio_write(&disk, VIRTIO_MMIO_QUEUE_SEL, QUEUES);
    CHECK(virtio_read(&disk, VIRTIO_MMIO_QUEUE_NUM_MAX) == 0, "there is one more queue");
}

static void read_and_write(void)
{
    CHECK(start(0, 16), "the disk does not start");
    for (unsigned i = 0; i < 16; i++) {
        machine_fill(data, CHUNK, i);
        CHECK(ask(VIRTIO_BLK_T_OUT, SECTOR_OF(i), data, CHUNK) == VIRTIO_BLK_S_OK, "write %u", i);
    }
    CHECK(ask(VIRTIO_BLK_T_FLUSH, 0, NULL, 0) == VIRTIO_BLK_S_OK, "flush");
    for (unsigned i = 0; i < 16; i++) {
        memset(back, 0, CHUNK);
        CHECK(ask(VIRTIO_BLK_T_IN, SECTOR_OF(i), back, CHUNK) == VIRTIO_BLK_S_OK, "read %u", i);
        CHECK(machine_holds(back, CHUNK, i), "chunk %u has something else", i);
    }
    CHECK(ask(VIRTIO_BLK_T_IN, virtio_blk_capacity(&disk), back, CHUNK) == VIRTIO_BLK_S_IOERR,
          "a read beyond the end");
    CHECK(ask(0x1234, 0, data, CHUNK) == VIRTIO_BLK_S_UNSUPP, "an unknown type");
}

static void used_length(void)
{
    struct vring_used_elem elem;

    CHECK(start(0, 16), "the disk does not start");
    machine_build(&queue[0], 5, &request[0], VIRTIO_BLK_T_IN, 0, back, CHUNK);
    machine_put(&queue[0], 5);
    machine_publish(&queue[0]);
    CHECK(machine_wait(&queue[0], &elem), "no answer");
    CHECK(elem.id == 5 && elem.len == CHUNK + 1, "used %u, %u bytes", elem.id, elem.len);
}

/* The request's data cut into pieces of 8 to some hundred bytes, in its own table. */
static uint16_t cut(struct vring_desc *table, uint8_t *buffer, uint32_t size, uint16_t flags)
{
    uint16_t n = 1;

    for (uint32_t at = 0; at < size; n++) {
        uint32_t rest = size - at, piece = n < PIECES ? 8U + n * 37U % 400U : rest;

        piece = piece < rest ? piece : rest;
        table[n] = (struct vring_desc){(uintptr_t)buffer + at, piece, VRING_DESC_F_NEXT | flags,
                                       (uint16_t)(n + 1)};
        at += piece;
    }
    return n;
}

static int ask_in_pieces(uint32_t type, uint64_t sector, uint8_t *buffer, uint32_t size)
{
    struct machine_request *one = &request[0];
    struct vring_used_elem elem;
    uint16_t n;

    machine_build_indirect(&queue[0], 0, one, type, sector, buffer, size);
    n = cut(one->table, buffer, size, type == VIRTIO_BLK_T_IN ? VRING_DESC_F_WRITE : 0);
    one->table[n] = (struct vring_desc){(uintptr_t)&one->status, 1, VRING_DESC_F_WRITE, 0};
    queue[0].desc[0].len = (n + 1U) * (uint32_t)sizeof(struct vring_desc);
    machine_put(&queue[0], 0);
    machine_publish(&queue[0]);
    return machine_wait(&queue[0], &elem) ? one->status : VIRTIO_NO_ANSWER;
}

/* The ring has 2 descriptors, the request's table some 180: only the machine's ring counts. */
static void pieces(void)
{
    uint32_t size = 9 * CHUNK;

    CHECK(start(FEATURE(VIRTIO_RING_F_INDIRECT_DESC), 2), "the disk does not start");
    machine_fill(data, size, 21);
    memset(back, 0, size);
    CHECK(ask_in_pieces(VIRTIO_BLK_T_OUT, 0, data, size) == VIRTIO_BLK_S_OK, "write");
    CHECK(ask_in_pieces(VIRTIO_BLK_T_IN, 0, back, size) == VIRTIO_BLK_S_OK, "read");
    CHECK(machine_holds(back, size, 21), "something else was read");
}

/* As many requests as the ring has heads, of three buffers each, before any is taken back. */
static void fill_ring(uint32_t type, uint8_t *buffer)
{
    struct vring_used_elem elem;

    for (uint16_t i = 0; i < MANY; i++) {
        machine_build_indirect(&queue[0], i, &request[i], type, SECTOR_OF(i), buffer + i * CHUNK,
                               CHUNK);
        machine_put(&queue[0], i);
    }
    machine_publish(&queue[0]);
    for (unsigned i = 0; i < MANY; i++)
        CHECK(machine_wait(&queue[0], &elem), "of %u requests, %u are answered", MANY, i);
    for (unsigned i = 0; i < MANY; i++)
        CHECK(request[i].status == VIRTIO_BLK_S_OK, "request %u: status %u", i, request[i].status);
}

static void more_than_the_ring(void)
{
    CHECK(start(FEATURE(VIRTIO_RING_F_INDIRECT_DESC), MANY), "the disk does not start");
    machine_fill(data, sizeof(data), 31);
    fill_ring(VIRTIO_BLK_T_OUT, data);
    memset(back, 0, sizeof(back));
    fill_ring(VIRTIO_BLK_T_IN, back);
    CHECK(machine_holds(back, sizeof(back), 31), "something else was read");
}

/* Once more with all that is offered: event indices on both sides. */
static void with_all_features(void)
{
    CHECK(start(~UINT64_C(0), MANY), "the disk does not start");
    CHECK(queue[0].event, "EVENT_IDX is not offered");
    for (unsigned round = 0; round < 4; round++) {
        machine_fill(data, sizeof(data), round);
        fill_ring(VIRTIO_BLK_T_OUT, data);
        memset(back, 0, sizeof(back));
        fill_ring(VIRTIO_BLK_T_IN, back);
        CHECK(machine_holds(back, sizeof(back), round), "round %u: something else was read", round);
    }
}

/* CPU n: its own queue, its own chunks, one request after the other. */
static void work(void *arg)
{
    unsigned n = (unsigned)(uintptr_t)arg;
    uint8_t *mine = data + n * CHUNK;

    for (unsigned i = 0; i < ROUNDS; i++) {
        machine_fill(mine, CHUNK, n * ROUNDS + i);
        if (machine_ask(&queue[n], &request[n], VIRTIO_BLK_T_OUT, SECTOR_OF(n), mine, CHUNK) != 0)
            test_fail("CPU %u: write %u", n, i);
        memset(mine, 0, CHUNK);
        if (machine_ask(&queue[n], &request[n], VIRTIO_BLK_T_IN, SECTOR_OF(n), mine, CHUNK) != 0 ||
            !machine_holds(mine, CHUNK, n * ROUNDS + i))
            test_fail("CPU %u: read %u", n, i);
    }
}

static void several_queues(void)
{
    unsigned count = platform.nr_cpus < QUEUES ? platform.nr_cpus : QUEUES;

    CHECK(machine_start(&disk, ~UINT64_C(0), queue, QUEUES, 16), "the disk does not start");
    CHECK(*(volatile uint16_t *)(disk.base + VIRTIO_MMIO_CONFIG + NUM_QUEUES) == QUEUES,
          "num_queues");
    for (unsigned n = 1; n < count; n++)
        worker_begin(n, work, (void *)(uintptr_t)n);
    work(NULL);
    for (unsigned n = 1; n < count; n++)
        CHECK(worker_wait(n), "CPU %u hangs", n);
}

/* Whatever was in flight: after the reset nothing is written any more, and all works. */
static void reset_in_flight(void)
{
    for (unsigned round = 0; round < RESETS; round++) {
        CHECK(start(~UINT64_C(0), MANY), "round %u: the disk does not start", round);
        for (uint16_t i = 0; i < MANY; i++) {
            machine_build_indirect(&queue[0], i, &request[i], VIRTIO_BLK_T_IN, SECTOR_OF(i),
                                   back + i * CHUNK, CHUNK);
            machine_put(&queue[0], i);
        }
        machine_publish(&queue[0]);
        virtio_blk_reset(&disk);
        CHECK(virtio_status(&disk) == 0, "round %u: status %x", round, virtio_status(&disk));
        memset(back, 0x5c, sizeof(back));
        machine_fill(data, CHUNK, round);
        CHECK(start(0, 16) && ask(VIRTIO_BLK_T_OUT, 0, data, CHUNK) == VIRTIO_BLK_S_OK,
              "round %u: write after the reset", round);
        for (unsigned i = 0; i < sizeof(back); i++)
            CHECK(back[i] == 0x5c, "round %u: byte %x was written after the reset", round, i);
    }
}

static void configuration(void)
{
    uint64_t at = disk.base + VIRTIO_MMIO_CONFIG, by_bytes = 0;
    volatile uint8_t *wce = (volatile uint8_t *)(at + WCE);
    uint64_t capacity = virtio_blk_capacity(&disk);
    uint32_t generation = virtio_read(&disk, VIRTIO_MMIO_CONFIG_GENERATION);

    CHECK(capacity == DISK_SECTORS, "capacity %lx", capacity);
    for (unsigned i = 0; i < 8; i++)
        by_bytes |= (uint64_t) * (volatile uint8_t *)(at + i) << (8 * i);
    CHECK(by_bytes == capacity, "by bytes %lx", by_bytes);
    CHECK(*(volatile uint64_t *)at == capacity, "by 8 bytes");
    CHECK(*(volatile uint16_t *)at == (capacity & 0xffff), "by halfwords");
    CHECK(start(~UINT64_C(0), 16), "the disk does not start");
    CHECK(disk.features & FEATURE(VIRTIO_BLK_F_CONFIG_WCE), "CONFIG_WCE is not offered");
    for (uint8_t on = 0; on < 2; on++) {
        *wce = on;
        CHECK(*wce == on, "writeback is %u", *wce);
    }
    CHECK(virtio_read(&disk, VIRTIO_MMIO_CONFIG_GENERATION) == generation, "the generation");
}

static void acknowledge(uint32_t intid)
{
    if (intid == disk.intid) {
        virtio_write(&disk, VIRTIO_MMIO_INTERRUPT_ACK,
                     virtio_read(&disk, VIRTIO_MMIO_INTERRUPT_STATUS));
        interrupts++;
    }
}

static void interrupts_on(void)
{
    interrupts = 0;
    gic_set_handler(acknowledge);
    for (unsigned i = 0; i < platform.nr_virtio; i++)
        if (platform.virtio[i].intid == disk.intid)
            gic_set_edge(disk.intid, platform.virtio[i].edge);
    virtio_write(&disk, VIRTIO_MMIO_INTERRUPT_ACK, ~0U);
    gic_set_bit(GICD_ICPENDR, disk.intid);
    gic_enable(disk.intid);
    irq_enable();
}

static void interrupts_off(void)
{
    irq_disable();
    gic_disable(disk.intid);
    gic_set_handler(NULL);
}

static void interrupt_each(void)
{
    CHECK(start(0, 16), "the disk does not start");
    interrupts_on();
    for (uint32_t i = 1; i <= IRQS; i++) {
        if (ask(VIRTIO_BLK_T_IN, 0, back, CHUNK) != VIRTIO_BLK_S_OK)
            test_fail("read %u", i);
        timer_wait_until(interrupts == i, WAIT_US);
    }
    interrupts_off();
    CHECK(interrupts == IRQS, "%u interrupts for %u requests", interrupts, IRQS);
}

/* NO_INTERRUPT, or an event index: none before the answer that the driver waits for. */
static void interrupt_at(uint64_t features)
{
    uint32_t before;

    CHECK(start(features, 16), "the disk does not start");
    queue[0].avail.flags = VRING_AVAIL_F_NO_INTERRUPT;
    USED_EVENT(&queue[0]) = IRQS;
    /* A device may interrupt once until it has seen the wish. */
    ask(VIRTIO_BLK_T_IN, 0, back, CHUNK);
    timer_delay_us(SETTLE_US);
    interrupts_on();
    for (uint32_t i = 1; i < IRQS; i++)
        ask(VIRTIO_BLK_T_IN, 0, back, CHUNK);
    timer_delay_us(SETTLE_US);
    before = interrupts;
    queue[0].avail.flags = 0;
    ask(VIRTIO_BLK_T_IN, 0, back, CHUNK);
    timer_wait_until(interrupts == 1, WAIT_US);
    interrupts_off();
    CHECK(before == 0, "%u interrupts before the last answer", before);
    CHECK(interrupts == 1, "%u interrupts after it", interrupts);
}

static void no_interrupt(void)
{
    interrupt_at(0);
}

static void event_index(void)
{
    interrupt_at(FEATURE(VIRTIO_RING_F_EVENT_IDX));
}

static const struct test_case cases[] = {
    {"identification", identification},
    {"read-write", read_and_write},
    {"used-length", used_length},
    {"pieces", pieces},
    {"more-than-the-ring", more_than_the_ring},
    {"all-features", with_all_features},
    {"several-queues", several_queues},
    {"reset-in-flight", reset_in_flight},
    {"configuration", configuration},
    {"interrupts", interrupt_each},
    {"no-interrupt", no_interrupt},
    {"event-index", event_index},
    {NULL, NULL},
};

void guest_main(void)
{
    if (!worker_start_all())
        printf("a CPU did not start\n");
    if (!virtio_blk_find(&disk)) {
        printf("there is no disk\n");
        return;
    }
    TEST_RUN(cases, virtio_machine_more_cases);
}
