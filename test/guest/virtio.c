/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The disk behind virtio-mmio as a driver that keeps the rules sees it (virtio 1.2,
 * "Virtio Over MMIO", "Block Device"). virtio_irq.c has the
 * interrupts, virtio_broken.c the drivers that break them.
 */
#include "barrier.h"
#include "console.h"
#include "guest.h"
#include "platform.h"
#include "string.h"
#include "virtio_common.h"

#define BIG                (1U << 20)
#define VIRTIO_BLK_ID_SIZE 20
#define SECTORS(size)      ((size) / VIRTIO_SECTOR)

struct virtio_blk virtio_disk;
static struct virtio_blk *const disk = &virtio_disk;
static uint8_t data[8 * VIRTIO_SECTOR] __attribute__((aligned(4096)));
static uint8_t back[8 * VIRTIO_SECTOR] __attribute__((aligned(4096)));

void virtio_fill(void *buffer, uint32_t size, uint32_t seed)
{
    uint8_t *p = buffer;

    for (uint32_t i = 0; i < size; i++)
        p[i] = (uint8_t)(seed * 31 + i + (i >> 8));
}

bool virtio_holds(const void *buffer, uint32_t size, uint32_t seed)
{
    const uint8_t *p = buffer;

    for (uint32_t i = 0; i < size; i++)
        if (p[i] != (uint8_t)(seed * 31 + i + (i >> 8)))
            return false;
    return true;
}

int virtio_read_sectors(uint64_t sector, void *buffer, uint32_t size)
{
    return virtio_blk_request(disk, VIRTIO_BLK_T_IN, sector, buffer, size);
}

static int write_sectors(uint64_t sector, void *buffer, uint32_t size)
{
    return virtio_blk_request(disk, VIRTIO_BLK_T_OUT, sector, buffer, size);
}

bool virtio_works(void)
{
    static uint32_t seed = 1000;

    virtio_fill(data, VIRTIO_SECTOR, ++seed);
    memset(back, 0, VIRTIO_SECTOR);
    return virtio_blk_start(disk, 0) && write_sectors(9, data, VIRTIO_SECTOR) == VIRTIO_BLK_S_OK &&
           virtio_read_sectors(9, back, VIRTIO_SECTOR) == VIRTIO_BLK_S_OK &&
           virtio_holds(back, VIRTIO_SECTOR, seed);
}

static void identification(void)
{
    CHECK(virtio_read(disk, VIRTIO_MMIO_VERSION) == 2, "version %u",
          virtio_read(disk, VIRTIO_MMIO_VERSION));
    for (unsigned i = 0; i < platform.nr_virtio; i++) {
        struct virtio_blk slot = {.base = platform.virtio[i].regs.address};

        CHECK(virtio_read(&slot, VIRTIO_MMIO_MAGIC_VALUE) == 0x74726976, "slot %u has no magic", i);
    }
    virtio_blk_reset(disk);
    CHECK(virtio_status(disk) == 0, "status after reset is %x", virtio_status(disk));
    CHECK(virtio_read(disk, VIRTIO_MMIO_INTERRUPT_STATUS) == 0, "an interrupt after reset");
    virtio_write(disk, VIRTIO_MMIO_QUEUE_SEL, 0);
    CHECK(virtio_read(disk, VIRTIO_MMIO_QUEUE_READY) == 0, "queue 0 is ready after reset");
    CHECK(virtio_read(disk, VIRTIO_MMIO_QUEUE_NUM_MAX) >= VIRTIO_QUEUE_SIZE, "queue of %u",
          virtio_read(disk, VIRTIO_MMIO_QUEUE_NUM_MAX));
    virtio_write(disk, VIRTIO_MMIO_QUEUE_SEL, 1000);
    CHECK(virtio_read(disk, VIRTIO_MMIO_QUEUE_NUM_MAX) == 0, "queue 1000 is there");
}

static void features(void)
{
    static const unsigned wanted[] = {VIRTIO_F_VERSION_1,      VIRTIO_RING_F_INDIRECT_DESC,
                                      VIRTIO_RING_F_EVENT_IDX, VIRTIO_BLK_F_FLUSH,
                                      VIRTIO_BLK_F_DISCARD,    VIRTIO_BLK_F_WRITE_ZEROES};

    CHECK(virtio_blk_start(disk, 0), "VERSION_1 alone is refused");
    for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        CHECK(disk->offered & FEATURE(wanted[i]), "feature %u is not offered: %lx", wanted[i],
              disk->offered);
    CHECK(virtio_blk_start(disk, ~UINT64_C(0)), "all that is offered is refused");
}

static void read_and_write(void)
{
    CHECK(virtio_blk_start(disk, 0), "the disk does not start");
    for (uint32_t i = 0; i < 8; i++) {
        virtio_fill(data, VIRTIO_SECTOR, i);
        CHECK(write_sectors(i * 3, data, VIRTIO_SECTOR) == VIRTIO_BLK_S_OK, "write %u", i);
    }
    for (uint32_t i = 0; i < 8; i++) {
        CHECK(virtio_read_sectors(i * 3, back, VIRTIO_SECTOR) == VIRTIO_BLK_S_OK, "read %u", i);
        CHECK(virtio_holds(back, VIRTIO_SECTOR, i), "sector %u has something else", i * 3);
    }
    virtio_fill(data, sizeof(data), 77);
    CHECK(write_sectors(100, data, sizeof(data)) == VIRTIO_BLK_S_OK, "write of 8 sectors");
    CHECK(virtio_read_sectors(103, back, VIRTIO_SECTOR) == VIRTIO_BLK_S_OK, "read of one of them");
    CHECK(memcmp(back, data + 3 * VIRTIO_SECTOR, VIRTIO_SECTOR) == 0, "sector 103");
}

static void used_length(void)
{
    struct vring_used_elem elem;

    CHECK(virtio_blk_start(disk, 0), "the disk does not start");
    virtio_blk_build(disk, VIRTIO_BLK_T_IN, 0, back, VIRTIO_SECTOR);
    virtio_blk_offer(disk, 0);
    CHECK(virtio_blk_wait(disk, &elem), "no answer");
    CHECK(elem.id == 0 && elem.len == VIRTIO_SECTOR + 1, "used %u, %u bytes", elem.id, elem.len);
}

static void big_request(void)
{
    uint8_t *big = platform_alloc(BIG);

    CHECK(virtio_blk_start(disk, 0), "the disk does not start");
    virtio_fill(big, BIG, 5);
    CHECK(write_sectors(1024, big, BIG) == VIRTIO_BLK_S_OK, "write of 1 MiB");
    memset(big, 0, BIG);
    CHECK(virtio_read_sectors(1024, big, BIG) == VIRTIO_BLK_S_OK, "read of 1 MiB");
    CHECK(virtio_holds(big, BIG, 5), "1 MiB is not what was written");
}

static void flush(void)
{
    CHECK(virtio_blk_start(disk, FEATURE(VIRTIO_BLK_F_FLUSH)), "the disk does not start");
    CHECK(virtio_blk_request(disk, VIRTIO_BLK_T_FLUSH, 0, NULL, 0) == VIRTIO_BLK_S_OK, "flush");
}

static void get_id(void)
{
    CHECK(virtio_blk_start(disk, 0), "the disk does not start");
    memset(back, 0xff, VIRTIO_BLK_ID_SIZE + 1);
    CHECK(virtio_blk_request(disk, VIRTIO_BLK_T_GET_ID, 0, back, VIRTIO_BLK_ID_SIZE) ==
              VIRTIO_BLK_S_OK,
          "GET_ID");
    CHECK(back[VIRTIO_BLK_ID_SIZE] == 0xff, "more than 20 bytes written");
}

static void beyond_the_end(void)
{
    uint64_t capacity = virtio_blk_capacity(disk);

    CHECK(virtio_blk_start(disk, 0), "the disk does not start");
    CHECK(capacity, "no capacity");
    CHECK(virtio_read_sectors(capacity - 1, back, VIRTIO_SECTOR) == VIRTIO_BLK_S_OK,
          "the last sector");
    CHECK(virtio_read_sectors(capacity, back, VIRTIO_SECTOR) == VIRTIO_BLK_S_IOERR, "one beyond");
    CHECK(virtio_read_sectors(capacity - 1, back, 2 * VIRTIO_SECTOR) == VIRTIO_BLK_S_IOERR,
          "half beyond");
    CHECK(write_sectors(capacity - 1, data, 2 * VIRTIO_SECTOR) == VIRTIO_BLK_S_IOERR,
          "write half beyond");
    CHECK(virtio_read_sectors(~UINT64_C(0), back, VIRTIO_SECTOR) == VIRTIO_BLK_S_IOERR,
          "far beyond");
    CHECK(virtio_read_sectors(UINT64_C(1) << 55, back, VIRTIO_SECTOR) == VIRTIO_BLK_S_IOERR,
          "a sector whose byte address wraps");
    CHECK(virtio_read_sectors(0, back, VIRTIO_SECTOR) == VIRTIO_BLK_S_OK, "afterwards");
}

static void unsupported(void)
{
    CHECK(virtio_blk_start(disk, 0), "the disk does not start");
    CHECK(virtio_blk_request(disk, 0x1234, 0, data, VIRTIO_SECTOR) == VIRTIO_BLK_S_UNSUPP,
          "an unknown type");
}

static int range_request(uint32_t type, uint64_t sector, uint32_t count, uint32_t flags)
{
    struct virtio_blk_discard_write_zeroes range = {
        .sector = sector, .num_sectors = count, .flags = flags};

    return virtio_blk_request(disk, type, 0, &range, sizeof(range));
}

static void write_zeroes(void)
{
    uint64_t capacity = virtio_blk_capacity(disk);

    CHECK(virtio_blk_start(disk, FEATURE(VIRTIO_BLK_F_WRITE_ZEROES)), "the disk does not start");
    virtio_fill(data, sizeof(data), 3);
    CHECK(write_sectors(40, data, sizeof(data)) == VIRTIO_BLK_S_OK, "write");
    CHECK(range_request(VIRTIO_BLK_T_WRITE_ZEROES, 41, 2, 0) == VIRTIO_BLK_S_OK, "WRITE_ZEROES");
    CHECK(virtio_read_sectors(40, back, sizeof(back)) == VIRTIO_BLK_S_OK, "read");
    for (unsigned i = 0; i < 2 * VIRTIO_SECTOR; i++)
        CHECK(back[VIRTIO_SECTOR + i] == 0, "byte %u is not zero", i);
    CHECK(memcmp(back, data, VIRTIO_SECTOR) == 0, "the sector before");
    CHECK(memcmp(back + 3 * VIRTIO_SECTOR, data + 3 * VIRTIO_SECTOR, VIRTIO_SECTOR) == 0,
          "the sector behind");
    CHECK(range_request(VIRTIO_BLK_T_WRITE_ZEROES, capacity, 1, 0) == VIRTIO_BLK_S_IOERR,
          "beyond the end");
    CHECK(range_request(VIRTIO_BLK_T_WRITE_ZEROES, 0, 1, 0x80) == VIRTIO_BLK_S_UNSUPP,
          "an unknown flag");
}

static void discard(void)
{
    CHECK(virtio_blk_start(disk, FEATURE(VIRTIO_BLK_F_DISCARD)), "the disk does not start");
    CHECK(range_request(VIRTIO_BLK_T_DISCARD, 64, 8, 0) == VIRTIO_BLK_S_OK, "DISCARD");
    CHECK(range_request(VIRTIO_BLK_T_DISCARD, virtio_blk_capacity(disk) - 1, 2, 0) ==
              VIRTIO_BLK_S_IOERR,
          "beyond the end");
    CHECK(virtio_read_sectors(64, back, VIRTIO_SECTOR) == VIRTIO_BLK_S_OK, "read afterwards");
}

/* The whole request in a table of its own. */
static void indirect(void)
{
    static struct vring_desc table[3] __attribute__((aligned(16)));
    struct vring_used_elem elem;

    CHECK(virtio_blk_start(disk, FEATURE(VIRTIO_RING_F_INDIRECT_DESC)), "the disk does not start");
    virtio_fill(data, VIRTIO_SECTOR, 21);
    CHECK(write_sectors(5, data, VIRTIO_SECTOR) == VIRTIO_BLK_S_OK, "write");
    virtio_blk_build(disk, VIRTIO_BLK_T_IN, 5, back, VIRTIO_SECTOR);
    memcpy(table, disk->desc, sizeof(table));
    disk->desc[7] = (struct vring_desc){
        .addr = (uintptr_t)table, .len = sizeof(table), .flags = VRING_DESC_F_INDIRECT};
    virtio_blk_offer(disk, 7);
    CHECK(virtio_blk_wait(disk, &elem) && elem.id == 7, "no answer");
    CHECK(virtio_blk_status_byte() == VIRTIO_BLK_S_OK, "status %d", virtio_blk_status_byte());
    CHECK(virtio_holds(back, VIRTIO_SECTOR, 21), "something else was read");
}

/* A sector read into pieces of odd sizes, the header in two parts. */
static void scattered(void)
{
    static const uint32_t sizes[] = {1, 3, 200, 308};
    uint8_t *at = back;
    struct vring_used_elem elem;
    struct vring_desc header, status;

    CHECK(virtio_blk_start(disk, 0), "the disk does not start");
    virtio_fill(data, VIRTIO_SECTOR, 22);
    CHECK(write_sectors(6, data, VIRTIO_SECTOR) == VIRTIO_BLK_S_OK, "write");
    virtio_blk_build(disk, VIRTIO_BLK_T_IN, 6, back, VIRTIO_SECTOR);
    header = disk->desc[0];
    status = disk->desc[2];
    disk->desc[0].len = 8;
    disk->desc[1] = (struct vring_desc){
        .addr = header.addr + 8, .len = 8, .flags = VRING_DESC_F_NEXT, .next = 2};
    for (uint16_t i = 0; i < 4; at += sizes[i], i++)
        disk->desc[2 + i] = (struct vring_desc){.addr = (uintptr_t)at,
                                                .len = sizes[i],
                                                .flags = VRING_DESC_F_NEXT | VRING_DESC_F_WRITE,
                                                .next = (uint16_t)(3 + i)};
    disk->desc[6] = status;
    memset(back, 0, VIRTIO_SECTOR);
    virtio_blk_offer(disk, 0);
    CHECK(virtio_blk_wait(disk, &elem), "no answer");
    CHECK(virtio_blk_status_byte() == VIRTIO_BLK_S_OK, "status %d", virtio_blk_status_byte());
    CHECK(virtio_holds(back, VIRTIO_SECTOR, 22), "something else was read");
}

/* The ring's indices pass their 16 bits; the queue is reused all along. */
static void many_requests(void)
{
    CHECK(virtio_blk_start(disk, 0), "the disk does not start");
    for (uint32_t i = 0; i < 66000; i++)
        CHECK(virtio_blk_request(disk, VIRTIO_BLK_T_FLUSH, 0, NULL, 0) != VIRTIO_NO_ANSWER,
              "request %u is not answered", i);
}

static void several_queues(void)
{
    uint32_t queues;

    CHECK(virtio_blk_start(disk, FEATURE(VIRTIO_BLK_F_MQ)), "the disk does not start");
    if (!(disk->features & FEATURE(VIRTIO_BLK_F_MQ))) {
        test_skip("one queue only");
        return;
    }
    queues = *(volatile uint16_t *)(disk->base + VIRTIO_MMIO_CONFIG + 34);
    CHECK(queues >= 1, "num_queues is %u", queues);
    for (uint32_t i = 0; i < queues; i++) {
        struct vring_used_elem elem;

        virtio_blk_reset(disk);
        CHECK(virtio_blk_negotiate(disk, FEATURE(VIRTIO_BLK_F_MQ)), "negotiation");
        virtio_blk_set_queue(disk, i);
        virtio_write(disk, VIRTIO_MMIO_STATUS, virtio_status(disk) | VIRTIO_CONFIG_S_DRIVER_OK);
        virtio_blk_build(disk, VIRTIO_BLK_T_IN, 0, back, VIRTIO_SECTOR);
        disk->avail->idx = 1;
        dsb(sy);
        virtio_write(disk, VIRTIO_MMIO_QUEUE_NOTIFY, i);
        CHECK(virtio_blk_wait(disk, &elem), "queue %u does not answer", i);
        CHECK(virtio_blk_status_byte() == VIRTIO_BLK_S_OK, "queue %u: status", i);
    }
}

static void configuration_sizes(void)
{
    uint64_t at = disk->base + VIRTIO_MMIO_CONFIG, capacity = virtio_blk_capacity(disk);
    uint64_t by_bytes = 0;

    for (unsigned i = 0; i < 8; i++)
        by_bytes |= (uint64_t) * (volatile uint8_t *)(at + i) << (8 * i);
    CHECK(by_bytes == capacity, "by bytes %lx, by words %lx", by_bytes, capacity);
    CHECK(*(volatile uint16_t *)at == (capacity & 0xffff), "by halfwords");
}

static const struct test_case rule_cases[] = {
    {"identification", identification},
    {"features", features},
    {"read-write", read_and_write},
    {"used-length", used_length},
    {"big-request", big_request},
    {"flush", flush},
    {"get-id", get_id},
    {"beyond-the-end", beyond_the_end},
    {"unsupported", unsupported},
    {"write-zeroes", write_zeroes},
    {"discard", discard},
    {"indirect", indirect},
    {"scattered", scattered},
    {"many-requests", many_requests},
    {"several-queues", several_queues},
    {"configuration-sizes", configuration_sizes},
    {NULL, NULL},
};

void guest_main(void)
{
    if (!virtio_blk_find(disk)) {
        printf("there is no disk\n");
        return;
    }
    TEST_RUN(rule_cases, virtio_irq_cases, virtio_broken_cases);
}
