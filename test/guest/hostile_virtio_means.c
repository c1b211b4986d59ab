/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hostile drivers' means: memory full of lies, registers poked at random, status and features
 * in any order, and whether the disk still works. See hostile_virtio.h.
 */
#include "hostile_virtio.h"

#include "platform.h"
#include "string.h"

#define SCRATCH_SECTOR FIRST_FREE
#define KNOWN          HOSTILE_VIRTIO_KNOWN
#define GAME_STEPS     12
#define STATUS_KNOWN   0xcfU /* the bits that virtio defines */

uint8_t hostile_arena[ARENA_SIZE] __attribute__((aligned(4096)));
struct virtio_blk hostile_disk;
static struct virtio_blk *const disk = &hostile_disk;
static uint8_t data[VIRTIO_SECTOR] __attribute__((aligned(16)));
static uint8_t back[VIRTIO_SECTOR] __attribute__((aligned(16)));

void hostile_virtio_desc(struct vring_desc *desc, unsigned cpu)
{
    static const uint32_t lengths[] = {
        0,   1,     8,       15,      16,         17, 32, 511, 512, 513, 1024, 4096, NOT_RAM_LENGTH,
        ~0U, 4080U, 0x7fffU, 0x8000U, 0xfffff000U};
    uint64_t random = hostile_random(cpu);

    desc->addr = random & 0x70 ? ARENA_AT(random >> 8 & (ARENA_HALF - 1))
                               : hostile_address((unsigned)(random >> 8 & 0xff));
    desc->len = lengths[(random >> 24 & 0xff) % COUNT(lengths)];
    desc->flags = (uint16_t)(random >> 32 & (random & 0x80 ? 7 : 3));
    desc->next = (uint16_t)(random & 0xf00000000000 ? random >> 48 & 15 : random >> 48 | 0x8000);
}

/* Ring entries and indices stay below 0x4000 or above 0x8000: see hostile_arena. */
void hostile_virtio_scribble(unsigned cpu)
{
    volatile uint16_t *avail = (volatile uint16_t *)ARENA_AT(ARENA_AVAIL);
    volatile uint16_t *used = (volatile uint16_t *)ARENA_AT(ARENA_USED);
    struct virtio_blk_outhdr *header = (struct virtio_blk_outhdr *)ARENA_AT(ARENA_HEADER);
    uint64_t random = hostile_random(cpu);

    for (unsigned i = 0; i < VIRTIO_QUEUE_SIZE; i++) {
        hostile_virtio_desc((struct vring_desc *)ARENA_AT(ARENA_DESC) + i, cpu);
        hostile_virtio_desc((struct vring_desc *)ARENA_AT(ARENA_TABLE) + i, cpu);
        avail[2 + i] = (uint16_t)(hostile_random(cpu) & (random & 7 ? 15 : 0xbfff));
    }
    avail[0] = random >> 8 & 1;
    avail[1] = (uint16_t)(used[1] + (random >> 9 & 15));
    avail[1] &= 0xbfff;
    for (unsigned i = 0; i < 4; i++) {
        header[i].type = (uint32_t)(random >> (16 + 4 * i) & 15);
        header[i].sector = random >> (32 + 4 * i) & 15 ? random >> 40 & 31 : ~UINT64_C(0) - i;
    }
}

static uint32_t random_value(uint64_t random)
{
    static const uint32_t values[] = {0,   1, 2, 3, 4, 8,         15,        16,         0xf,
                                      128, 7, 5, 6, 9, 0x8000000, 0xfffffff, 0x80000000, ~0U};

    return values[(random >> 16) % COUNT(values)];
}

void hostile_virtio_poke(unsigned cpu)
{
    static const uint32_t places[] = {ARENA_DESC, ARENA_AVAIL,     ARENA_USED, ARENA_TABLE,
                                      ARENA_DATA, ARENA_AVAIL + 2, 1};
    uint64_t random = hostile_random(cpu);
    uint32_t reg = (uint32_t)(random >> 8 & 0x3f) * 4;
    uint32_t value = random_value(random);

    /* Addresses of the lower half are the arena's or none at all. */
    if (reg == VIRTIO_MMIO_QUEUE_DESC_LOW || reg == VIRTIO_MMIO_QUEUE_AVAIL_LOW ||
        reg == VIRTIO_MMIO_QUEUE_USED_LOW)
        value = random >> 40 & 3 ? (uint32_t)ARENA_AT(places[(random >> 48) % COUNT(places)])
                                 : (uint32_t)hostile_address((unsigned)(random >> 48)) & 0x7ff;
    if (random & 7)
        virtio_write(disk, random >> 60 ? reg : VIRTIO_MMIO_QUEUE_NOTIFY, value);
    else
        virtio_read(disk, reg);
}

static void write_address(uint32_t low, uint64_t address)
{
    virtio_write(disk, low, (uint32_t)address);
    virtio_write(disk, low + 4, (uint32_t)(address >> 32));
}

bool hostile_virtio_set_queue(uint32_t size, uint64_t desc, uint64_t avail, uint64_t used)
{
    virtio_write(disk, VIRTIO_MMIO_QUEUE_SEL, 0);
    virtio_write(disk, VIRTIO_MMIO_QUEUE_READY, 0);
    virtio_write(disk, VIRTIO_MMIO_QUEUE_NUM, size);
    write_address(VIRTIO_MMIO_QUEUE_DESC_LOW, desc);
    write_address(VIRTIO_MMIO_QUEUE_AVAIL_LOW, avail);
    write_address(VIRTIO_MMIO_QUEUE_USED_LOW, used);
    virtio_write(disk, VIRTIO_MMIO_QUEUE_READY, 1);
    return virtio_read(disk, VIRTIO_MMIO_QUEUE_READY) == 1;
}

bool hostile_virtio_start_in_arena(void)
{
    disk->desc = (struct vring_desc *)ARENA_AT(ARENA_DESC);
    disk->avail = (struct vring_avail *)ARENA_AT(ARENA_AVAIL);
    disk->used = (struct vring_used *)ARENA_AT(ARENA_USED);
    disk->last_used = 0;
    memset(disk->used, 0, 0x1000);
    memset(disk->avail, 0, 0x1000);
    virtio_blk_reset(disk);
    if (!virtio_blk_negotiate(disk, ~UINT64_C(0)) ||
        !hostile_virtio_set_queue(VIRTIO_QUEUE_SIZE, ARENA_AT(ARENA_DESC), ARENA_AT(ARENA_AVAIL),
                                  ARENA_AT(ARENA_USED)))
        return false;
    virtio_write(disk, VIRTIO_MMIO_STATUS, virtio_status(disk) | VIRTIO_CONFIG_S_DRIVER_OK);
    return true;
}

static bool is_filled(const uint8_t *bytes, uint8_t with)
{
    for (unsigned i = 0; i < VIRTIO_SECTOR; i++)
        if (bytes[i] != with)
            return false;
    return true;
}

bool hostile_virtio_works(void)
{
    static uint8_t seed;

    memset(data, ++seed, sizeof(data));
    if (!virtio_blk_start(disk, 0) ||
        virtio_blk_request(disk, VIRTIO_BLK_T_OUT, SCRATCH_SECTOR, data, VIRTIO_SECTOR) != 0 ||
        virtio_blk_request(disk, VIRTIO_BLK_T_IN, SCRATCH_SECTOR, back, VIRTIO_SECTOR) != 0 ||
        !is_filled(back, seed))
        return false;
    return virtio_blk_request(disk, VIRTIO_BLK_T_IN, virtio_blk_capacity(disk) - 1, back,
                              VIRTIO_SECTOR) == 0 &&
           is_filled(back, KNOWN);
}

void hostile_virtio_write_features(uint64_t features)
{
    virtio_write(disk, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
    virtio_write(disk, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)features);
    virtio_write(disk, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
    virtio_write(disk, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32));
}

/* A bit appears only by being written, stays until a reset, and FEATURES_OK only where it may. */
static void play(void)
{
    uint32_t status = 0;
    uint64_t features = 0;

    for (unsigned step = 0; step < GAME_STEPS; step++) {
        uint64_t random = hostile_random(0);
        uint32_t value = (uint32_t)(random >> 8) & (random & 1 ? 0x8f : ~0U), now;

        if (random & 2) {
            uint64_t wanted = random & 4 ? disk->offered & hostile_random(0) : hostile_random(0);

            wanted |= random & 8 ? FEATURE(VIRTIO_F_VERSION_1) : 0;
            hostile_virtio_write_features(wanted);
            if (!(status & VIRTIO_CONFIG_S_FEATURES_OK))
                features = wanted;
        }
        virtio_write(disk, VIRTIO_MMIO_STATUS, random & 0x70 ? value : 0);
        now = virtio_status(disk);
        if (!(random & 0x70) || !value) {
            CHECK(!now, "status %x after a reset", now);
            features = 0;
        } else {
            CHECK((now & status) == status && !(now & ~(status | value) & STATUS_KNOWN) &&
                      !(now & ~STATUS_KNOWN),
                  "status %x by %x is %x", status, value, now);
            CHECK(!(now & VIRTIO_CONFIG_S_FEATURES_OK) ||
                      (!(features & ~disk->offered) && features & FEATURE(VIRTIO_F_VERSION_1)),
                  "features %lx are accepted", features);
        }
        status = now;
        virtio_write(disk, VIRTIO_MMIO_QUEUE_NOTIFY, (uint32_t)random & 7);
    }
}

void hostile_virtio_play(unsigned games)
{
    for (unsigned i = 0; i < games; i++) {
        virtio_blk_reset(disk);
        play();
    }
}
