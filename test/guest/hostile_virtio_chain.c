/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drivers that lie to the disk in memory: random chains, direct and indirect, requests of every
 * type, size and place, cut in any way, and rings, descriptors and data that lie on each other.
 */
#include "barrier.h"
#include "hostile_virtio.h"
#include "platform.h"
#include "string.h"

#define NR_CHAINS    4000
#define NR_OVERLAPS  1500
#define NR_CUTS      300
#define TABLE_MAX    254
#define PIECE        ARENA_HALF
#define NO_STATUS    0xaa
#define HEADER_SIZE  16
#define BIG_REQUESTS 8

static struct virtio_blk *const disk = &hostile_disk;
static uint8_t data[4 * VIRTIO_SECTOR] __attribute__((aligned(4096)));
static uint8_t back[4 * VIRTIO_SECTOR] __attribute__((aligned(4096)));
static struct vring_desc table[TABLE_MAX + 2] __attribute__((aligned(16)));

/* A chain is handed back, or the device wants a reset; and it is served before the store ends. */
static void check_outcome(uint16_t head)
{
    uint32_t status = virtio_status(disk);
    const struct vring_used *used = disk->used;

    CHECK(!(status & ~0x4fU), "status %x", status);
    if (status & VIRTIO_CONFIG_S_NEEDS_RESET)
        CHECK(used->idx == 0, "handed back, and a reset wanted");
    else
        CHECK(used->idx == 1 && used->ring[0].id == head, "%u handed back, of them %u", used->idx,
              used->ring[0].id);
}

/* Good parts and random ones, in the ring or in a table. */
static uint16_t random_chain(void)
{
    uint64_t random = hostile_random(0);
    struct vring_desc *desc = random & 1 ? table : disk->desc;

    hostile_virtio_scribble(0);
    for (unsigned i = 0; i < VIRTIO_QUEUE_SIZE; i++) {
        hostile_virtio_desc(&disk->desc[i], 0);
        hostile_virtio_desc(&table[i], 0);
    }
    if (random & 6) {
        desc[0] = (struct vring_desc){ARENA_AT(ARENA_HEADER), HEADER_SIZE, VRING_DESC_F_NEXT, 1};
        if (random & 8)
            desc[1] = (struct vring_desc){ARENA_AT(ARENA_STATUS), 1, VRING_DESC_F_WRITE, 0};
    }
    if (random & 1)
        disk->desc[0] =
            (struct vring_desc){(uintptr_t)table, (uint32_t)(random >> 8 & 0xff0) + (random & 16),
                                VRING_DESC_F_INDIRECT, (uint16_t)(random >> 32)};
    return random & 0xf00 ? 0 : (uint16_t)(random >> 40);
}

static void chains(void)
{
    for (unsigned i = 0; i < NR_CHAINS; i++) {
        uint16_t head;

        CHECK(virtio_blk_start(disk, ~UINT64_C(0)), "the disk does not start");
        head = random_chain();
        virtio_blk_offer(disk, head);
        check_outcome(head);
    }
}

/* Rings in the arena, and so is all that the device writes: it may overwrite any of them. */
static void overlaps(void)
{
    for (unsigned i = 0; i < NR_OVERLAPS; i++) {
        uint64_t random = hostile_random(0);

        CHECK(hostile_virtio_start_in_arena(), "the disk does not start");
        hostile_virtio_set_queue(
            UINT32_C(1) << (random & 7), ARENA_AT(random >> 8 & 0x3ff0),
            random & 8 ? ARENA_AT(ARENA_AVAIL) : ARENA_AT(random >> 16 & 0x3ffe),
            random & 16 ? ARENA_AT(ARENA_USED) : ARENA_AT(random >> 32 & 0x3ffc));
        hostile_virtio_scribble(0);
        for (unsigned n = 0; n < 4; n++)
            virtio_write(disk, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
        virtio_write(disk, VIRTIO_MMIO_INTERRUPT_ACK, ~0U);
    }
}

static const uint8_t *byte_of(uintptr_t address)
{
    return (const uint8_t *)address;
}

/* The data of a read, which the device writes while it serves, is what tells it how to go on. */
static void read_onto(uint32_t place)
{
    CHECK(hostile_virtio_start_in_arena(), "the disk does not start");
    virtio_blk_build(disk, VIRTIO_BLK_T_IN, 0, (void *)ARENA_AT(place), VIRTIO_SECTOR);
    virtio_blk_offer(disk, 0);
    CHECK(*byte_of(ARENA_AT(place) + VIRTIO_SECTOR - 1) == 0xff, "%x: not read", place);
    for (unsigned i = 0; i < 4; i++)
        virtio_write(disk, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
}

static void reads_onto_rings(void)
{
    CHECK(virtio_blk_start(disk, 0), "the disk does not start");
    memset(data, 0xff, VIRTIO_SECTOR);
    CHECK(virtio_blk_request(disk, VIRTIO_BLK_T_OUT, 0, data, VIRTIO_SECTOR) == 0, "write");
    read_onto(ARENA_DESC);
    read_onto(ARENA_AVAIL);
    read_onto(ARENA_USED);
}

static int expected(uint32_t type, uint64_t sector, uint32_t size)
{
    uint64_t capacity = virtio_blk_capacity(disk);

    if (type != VIRTIO_BLK_T_IN && type != VIRTIO_BLK_T_OUT)
        return VIRTIO_BLK_S_UNSUPP;
    return size % VIRTIO_SECTOR == 0 && sector <= capacity &&
                   size / VIRTIO_SECTOR <= capacity - sector
               ? VIRTIO_BLK_S_OK
               : VIRTIO_BLK_S_IOERR;
}

static bool is_known_type(uint32_t type)
{
    return type == VIRTIO_BLK_T_FLUSH || type == VIRTIO_BLK_T_GET_ID ||
           type == VIRTIO_BLK_T_DISCARD || type == VIRTIO_BLK_T_WRITE_ZEROES;
}

static void try_request(uint32_t type, uint64_t sector, uint32_t size)
{
    int status = virtio_blk_request(disk, type, sector, data, size);

    CHECK(status == expected(type, sector, size), "type %x, sector %lx, %u bytes: %d", type, sector,
          size, status);
}

/* Every type with every size and sector: just the answer that virtio names. */
static void requests(void)
{
    static const uint32_t sizes[] = {0, 1, 511, 512, 513, 1024, 1536, 2047, 2048};
    uint64_t capacity = virtio_blk_capacity(disk);
    const uint64_t sectors[] = {0,
                                31,
                                capacity - 4,
                                capacity,
                                capacity + 1,
                                UINT32_MAX,
                                UINT64_C(1) << 32,
                                UINT64_C(1) << 54,
                                UINT64_C(1) << 55,
                                (UINT64_C(1) << 55) - 1,
                                UINT64_C(1) << 63,
                                ~UINT64_C(0) - 2,
                                ~UINT64_C(0)};

    CHECK(virtio_blk_start(disk, 0), "the disk does not start");
    for (unsigned n = 0; n < COUNT(sizes); n++)
        for (unsigned s = 0; s < COUNT(sectors); s++) {
            try_request(VIRTIO_BLK_T_IN, sectors[s], sizes[n]);
            if (sectors[s] != capacity - 4)
                try_request(VIRTIO_BLK_T_OUT, sectors[s], sizes[n]);
        }
    for (uint32_t type = 2; type < 4096; type++)
        if (!is_known_type(type))
            try_request(type, type, sizes[type % COUNT(sizes)]);
    for (uint32_t bit = 12; bit < 32; bit++)
        try_request(UINT32_C(1) << bit, 0, VIRTIO_SECTOR);
}

static int range_status(uint32_t type, const struct virtio_blk_discard_write_zeroes *range)
{
    bool whole = range->sector <= virtio_blk_capacity(disk) &&
                 range->num_sectors <= virtio_blk_capacity(disk) - range->sector;

    if (range->flags & ~(type == VIRTIO_BLK_T_WRITE_ZEROES ? 1U : 0U))
        return VIRTIO_BLK_S_UNSUPP;
    return whole ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR;
}

/* Ranges to discard or to fill with zeroes: whole structures, and none beyond the disk. */
static void ranges(void)
{
    struct virtio_blk_discard_write_zeroes *range = (void *)data;
    static const uint64_t sectors[] = {0, 8, 1U << 13, 1U << 14, UINT64_C(1) << 63, ~UINT64_C(0)};
    static const uint32_t counts[] = {0, 1, 2, 8193, 1U << 31, ~0U};

    CHECK(virtio_blk_start(disk, ~UINT64_C(0)), "the disk does not start");
    for (uint32_t type = VIRTIO_BLK_T_DISCARD; type <= VIRTIO_BLK_T_WRITE_ZEROES; type += 2) {
        for (unsigned i = 0; i < COUNT(sectors) * COUNT(counts) * 4; i++) {
            int status;

            memset(data, 0, sizeof(data));
            range->sector = sectors[i / 4 % COUNT(sectors)];
            range->num_sectors = counts[i / 4 / COUNT(sectors)];
            range->flags = i & 3;
            status = virtio_blk_request(disk, type, 0, data, sizeof(*range));
            CHECK(status == range_status(type, range), "type %u, sector %lx, %x sectors: %d", type,
                  (uint64_t)range->sector, range->num_sectors, status);
        }
        memset(data, 0, sizeof(data));
        for (uint32_t size = 0; size < 17 * sizeof(*range); size++) {
            int status = virtio_blk_request(disk, type, 0, data, size);

            CHECK((status == VIRTIO_BLK_S_OK) ==
                      (size && size % sizeof(*range) == 0 && size <= sizeof(*range) * 16),
                  "type %u, %u bytes: %d", type, size, status);
        }
    }
}

/* Append [at, at + size) to the table in up to `pieces` pieces of random sizes. */
static unsigned cut(unsigned n, uintptr_t at, uint32_t size, unsigned pieces, uint16_t flags)
{
    while (size) {
        uint32_t part =
            pieces-- > 1 && size > 1 ? 1 + (uint32_t)(hostile_random(0) % (size - 1)) : size;

        table[n] = (struct vring_desc){at, part, flags | VRING_DESC_F_NEXT, (uint16_t)(n + 1)};
        n++;
        at += part;
        size -= part;
    }
    return n;
}

/* Header, data and status are found wherever the driver cut them. */
static void cuts(void)
{
    struct virtio_blk_outhdr *header = (struct virtio_blk_outhdr *)data;
    uint8_t *status = &back[VIRTIO_SECTOR];

    CHECK(virtio_blk_start(disk, FEATURE(VIRTIO_RING_F_INDIRECT_DESC)), "the disk does not start");
    for (unsigned i = 0; i < NR_CUTS; i++) {
        bool write = !(i & 1);
        unsigned n;

        memset(data, (int)(i / 2), sizeof(data));
        memset(back, NO_STATUS, sizeof(back));
        *header = (struct virtio_blk_outhdr){.type = write, .sector = 3};
        n = cut(0, (uintptr_t)data, HEADER_SIZE + (write ? VIRTIO_SECTOR : 0), 1 + i % 40, 0);
        if (write)
            n = cut(n, (uintptr_t)status, 1, 1, VRING_DESC_F_WRITE);
        else
            n = cut(n, (uintptr_t)back, VIRTIO_SECTOR + 1, 1 + i % 40, VRING_DESC_F_WRITE);
        table[n - 1].flags &= (uint16_t)~VRING_DESC_F_NEXT;
        disk->desc[0] = (struct vring_desc){(uintptr_t)table, n * 16, VRING_DESC_F_INDIRECT, 0};
        virtio_blk_offer(disk, 0);
        CHECK(*status == VIRTIO_BLK_S_OK, "round %u: status %x", i, *status);
        CHECK(write || (back[0] == i / 2 % 256 && back[VIRTIO_SECTOR - 1] == i / 2 % 256),
              "round %u: other data", i);
        CHECK(back[VIRTIO_SECTOR + 1] == NO_STATUS, "round %u: more is written", i);
    }
}

/* Any index that offers more chains than the ring has entries. */
static void index_jumps(void)
{
    static const uint16_t jumps[] = {17, 18, 255, 256, 257, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff};

    for (unsigned i = 0; i < COUNT(jumps); i++) {
        CHECK(virtio_blk_start(disk, 0), "the disk does not start");
        virtio_blk_build(disk, VIRTIO_BLK_T_IN, 0, back, VIRTIO_SECTOR);
        disk->avail->idx = jumps[i];
        /* The index before the notification. */
        dsb(sy);
        virtio_write(disk, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
        CHECK(virtio_status(disk) & VIRTIO_CONFIG_S_NEEDS_RESET && disk->used->idx == 0,
              "index %x: status %x, %u handed back", jumps[i], virtio_status(disk),
              disk->used->idx);
    }
}

/* Requests of the whole disk, of as many parts as a chain may have, several at a time. */
static void biggest(void)
{
    uint32_t pieces = (uint32_t)(virtio_blk_capacity(disk) * VIRTIO_SECTOR / PIECE);

    CHECK(pieces <= TABLE_MAX, "the disk is too big for this case");
    CHECK(virtio_blk_start(disk, FEATURE(VIRTIO_RING_F_INDIRECT_DESC)), "the disk does not start");
    *(struct virtio_blk_outhdr *)ARENA_AT(ARENA_HEADER) =
        (struct virtio_blk_outhdr){.type = VIRTIO_BLK_T_IN};
    table[0] = (struct vring_desc){ARENA_AT(ARENA_HEADER), HEADER_SIZE, VRING_DESC_F_NEXT, 1};
    for (uint16_t i = 1; i <= pieces; i++)
        table[i] = (struct vring_desc){ARENA_AT(ARENA_HALF), PIECE,
                                       VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, (uint16_t)(i + 1)};
    table[pieces + 1] = (struct vring_desc){ARENA_AT(ARENA_STATUS), 1, VRING_DESC_F_WRITE, 0};
    disk->desc[0] =
        (struct vring_desc){(uintptr_t)table, 16 * (pieces + 2), VRING_DESC_F_INDIRECT, 0};
    *(uint8_t *)ARENA_AT(ARENA_STATUS) = NO_STATUS;
    disk->avail->idx = BIG_REQUESTS - 1;
    virtio_blk_offer(disk, 0);
    CHECK(disk->used->idx == BIG_REQUESTS && *byte_of(ARENA_AT(ARENA_STATUS)) == VIRTIO_BLK_S_OK,
          "%u handed back, status %x", disk->used->idx, *byte_of(ARENA_AT(ARENA_STATUS)));
}

const struct test_case hostile_virtio_chain_cases[] = {
    {"chains", chains},           {"overlaps", overlaps}, {"reads-onto-rings", reads_onto_rings},
    {"requests", requests},       {"ranges", ranges},     {"cuts", cuts},
    {"index-jumps", index_jumps}, {"biggest", biggest},   {NULL, NULL},
};
