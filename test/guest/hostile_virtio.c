/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drivers that lie to the disk in every register: queues of every size at every place, status
 * and features in any order, notifications out of turn. hostile_virtio_chain.c has lies in
 * chains and requests, hostile_virtio_race.c those that change while the device reads them,
 * hostile_virtio_means.c what they share.
 */
#include "hostile_virtio.h"

#include "barrier.h"
#include "console.h"
#include "guest.h"
#include "platform.h"
#include "string.h"

#define NR_GAMES      3000
#define NR_POKES      12000
#define POKES_A_ROUND 64

static struct virtio_blk *const disk = &hostile_disk;
static uint8_t data[VIRTIO_SECTOR] __attribute__((aligned(16)));
static uint8_t back[VIRTIO_SECTOR] __attribute__((aligned(16)));

static bool is_valid_queue(uint32_t size, uint64_t desc, uint64_t avail, uint64_t used)
{
    return size && !(size & (size - 1)) && size <= 256 && !(desc & 15) && !(avail & 1) &&
           !(used & 3) && hostile_is_ram(desc, 16 * (uint64_t)size) &&
           hostile_is_ram(avail, 6 + 2 * (uint64_t)size) &&
           hostile_is_ram(used, 6 + 8 * (uint64_t)size);
}

static void try_queue(uint32_t size, uint64_t desc, uint64_t avail, uint64_t used)
{
    bool valid = is_valid_queue(size, desc, avail, used);

    virtio_blk_reset(disk);
    CHECK(virtio_blk_negotiate(disk, 0), "negotiation");
    CHECK(hostile_virtio_set_queue(size, desc, avail, used) == valid,
          "size %x, rings at %lx, %lx, %lx: ready %d", size, desc, avail, used, !valid);
    virtio_write(disk, VIRTIO_MMIO_STATUS, virtio_status(disk) | VIRTIO_CONFIG_S_DRIVER_OK);
    CHECK(valid == !(virtio_status(disk) & VIRTIO_CONFIG_S_NEEDS_RESET), "size %x: status %x", size,
          virtio_status(disk));
    virtio_write(disk, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
}

/* Every size with every place of one ring, the others being good. */
static void queues(void)
{
    static const uint32_t sizes[] = {0,   1,   2,   3,      16,      17,      255,
                                     256, 257, 512, 0x8000, 0x10000, 0x10001, ~0U};
    const uint64_t desc = ARENA_AT(ARENA_DESC), avail = ARENA_AT(ARENA_AVAIL),
                   used = ARENA_AT(ARENA_USED);

    memset(hostile_arena, 0, sizeof(hostile_arena));
    for (unsigned s = 0; s < COUNT(sizes); s++) {
        for (unsigned n = 0; n < HOSTILE_NR_ADDRESSES; n++) {
            try_queue(sizes[s], hostile_address(n), avail, used);
            try_queue(sizes[s], desc, hostile_address(n), used);
            try_queue(sizes[s], desc, avail, hostile_address(n));
        }
        for (uint64_t shift = 0; shift <= 16; shift++) {
            try_queue(sizes[s], desc + shift, avail, used);
            try_queue(sizes[s], desc, avail + shift, used);
            try_queue(sizes[s], desc, avail, used + shift);
        }
    }
}

/* A good request, offered in each state that is not yet the right one. */
static void early(void)
{
    static const uint32_t states[] = {
        0,
        VIRTIO_CONFIG_S_ACKNOWLEDGE,
        VIRTIO_CONFIG_S_DRIVER_OK,
        VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_DRIVER_OK,
        VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK,
        VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK |
            VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_FAILED};

    for (unsigned i = 0; i < COUNT(states); i++) {
        virtio_blk_reset(disk);
        hostile_virtio_write_features(
            states[i] & VIRTIO_CONFIG_S_FEATURES_OK ? FEATURE(VIRTIO_F_VERSION_1) : 0);
        virtio_write(disk, VIRTIO_MMIO_STATUS, states[i]);
        virtio_blk_set_queue(disk, 0);
        virtio_blk_build(disk, VIRTIO_BLK_T_IN, 0, back, VIRTIO_SECTOR);
        virtio_blk_offer(disk, 0);
        CHECK(disk->used->idx == 0, "status %x: it is served", states[i]);
    }
    CHECK(virtio_blk_start(disk, 0), "the disk does not start");
    virtio_blk_build(disk, VIRTIO_BLK_T_IN, 0, back, VIRTIO_SECTOR);
    disk->avail->idx = 1;
    /* The index before the notifications. */
    dsb(sy);
    for (uint32_t queue = 1; queue; queue <<= 1)
        virtio_write(disk, VIRTIO_MMIO_QUEUE_NOTIFY, queue);
    virtio_write(disk, VIRTIO_MMIO_QUEUE_NOTIFY, ~0U);
    CHECK(disk->used->idx == 0, "served by another queue's notification");
}

static void status_games(void)
{
    hostile_virtio_play(NR_GAMES);
}

static void pokes(void)
{
    for (unsigned i = 0; i < NR_POKES; i++) {
        if (i % POKES_A_ROUND == 0) {
            CHECK(hostile_virtio_works(), "after %u: the disk does not work", i);
            CHECK(hostile_virtio_start_in_arena(), "the disk does not start");
            hostile_virtio_scribble(0);
        }
        hostile_virtio_poke(0);
    }
}

static void check_disk(void)
{
    hostile_check_alive();
    if (!hostile_virtio_works())
        test_fail("the disk does not work afterwards");
}

static const struct test_case cases[] = {
    {"queues", queues}, {"status-games", status_games}, {"early", early}, {"pokes", pokes},
    {NULL, NULL},
};

void guest_main(void)
{
    if (!hostile_start())
        printf("a CPU did not start\n");
    if (!virtio_blk_find(disk)) {
        printf("there is no disk\n");
        return;
    }
    memset(data, HOSTILE_VIRTIO_KNOWN, sizeof(data));
    if (!virtio_blk_start(disk, 0) ||
        virtio_blk_request(disk, VIRTIO_BLK_T_OUT, virtio_blk_capacity(disk) - 1, data,
                           VIRTIO_SECTOR) != 0)
        printf("the disk can't be written\n");
    test_set_after(check_disk);
    TEST_RUN(cases, hostile_virtio_chain_cases, hostile_virtio_race_cases,
             hostile_virtio_endless_cases);
}
