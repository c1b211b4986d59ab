/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drivers that lie to QEMU's own devices, which have no stage 2 before them: buffers, tables and
 * rings where there is no RAM or something else, the configuration written everywhere, status and
 * features in any order. What QEMU's devices saw of it, run.py reads from QEMU's trace.
 * hostile_machine_race.c has the lies that change while they are read, hostile_machine_inside.c
 * those inside of requests.
 */
#include "hostile_machine.h"

#include "console.h"
#include "guest.h"
#include "platform.h"
#include "string.h"
#include "timer.h"

#define SIZE     16 /* of the queues */
#define NR_GAMES 300

#define CONFIG_SIZE 0x100 /* up to the end of the slot */
#define WCE         32    /* of struct virtio_blk_config, which a driver may write */

struct machine_queue machine_queue[MACHINE_MAX_QUEUES];
struct machine_request machine_request[MACHINE_RING];
struct virtio_blk machine_device[MACHINE_DEVICES];
static struct virtio_blk *const disk = &machine_device[0];
static struct machine_queue *const queue = &machine_queue[0];
static struct machine_request *const request = &machine_request[0];
static uint8_t data[8 * VIRTIO_SECTOR] __attribute__((aligned(4096)));

uint64_t hostile_machine_address(unsigned n)
{
    static const uint64_t addresses[HOSTILE_NR_MACHINE_ADDRESSES - HOSTILE_NR_ADDRESSES] = {
        0x0a000000 + VIRTIO_MMIO_QUEUE_NOTIFY, /* the machine's slots, which are the guest's, too */
        0x0a000200 + VIRTIO_MMIO_STATUS,
        0x0a000400 + VIRTIO_MMIO_QUEUE_DESC_LOW,
        0x0a003e00,
        0x080a0000,             /* a redistributor */
        0x40200000 + 0x40000,   /* in the midst of Traproom */
        0x0a000000 - 256,       /* half a device, if anything */
        UINT64_C(0x4010000000), /* where QEMU has PCI */
    };

    n %= HOSTILE_NR_MACHINE_ADDRESSES;
    return n < HOSTILE_NR_ADDRESSES ? hostile_address(n) : addresses[n - HOSTILE_NR_ADDRESSES];
}

/* The next sector that the disk must not be asked for. */
static uint64_t forbidden(void)
{
    static uint64_t next;

    return FORBIDDEN + next++ % NR_FORBIDDEN;
}

/* The chain with head 0 is refused: the device wants a reset, and nothing was handed back. */
static void expect_refusal(const char *what, uint64_t at, uint32_t length)
{
    machine_put(queue, 0);
    machine_publish(queue);
    CHECK(timer_wait_until(machine_wants_reset(disk), WAIT_US), "%s at %lx, %x bytes: status %x",
          what, at, length, virtio_status(disk));
    CHECK(queue->used.idx == 0 && request->status == MACHINE_NO_STATUS,
          "%s at %lx, %x bytes: it is served", what, at, length);
}

/* One part of a request, direct or in a table, at every place where there is no RAM. */
static void try_part(unsigned part, uint32_t length, uint32_t type, bool indirect)
{
    static const char *const names[] = {"header", "data", "status"};

    for (unsigned n = 0; n < HOSTILE_NR_MACHINE_ADDRESSES; n++) {
        uint64_t at = hostile_machine_address(n);
        struct vring_desc *desc = indirect ? request->table : queue->desc;

        if (hostile_is_ram(at, length))
            continue;
        CHECK(machine_start(disk, ~UINT64_C(0), queue, 1, SIZE), "the disk does not start");
        if (indirect)
            machine_build_indirect(queue, 0, request, type, forbidden(), data, sizeof(data));
        else
            machine_build(queue, 0, request, type, forbidden(), data, sizeof(data));
        desc[part].addr = at;
        desc[part].len = length;
        expect_refusal(names[part], at, length);
    }
}

static void buffers(void)
{
    static const uint32_t lengths[] = {1, 8, VIRTIO_SECTOR, sizeof(data), NOT_RAM_LENGTH, ~0U};

    for (unsigned round = 0; round < 4; round++) {
        uint32_t type = round & 1 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN;

        try_part(0, sizeof(request->header), type, round & 2);
        for (unsigned i = 0; i < COUNT(lengths); i++)
            try_part(1, lengths[i], type, round & 2);
        try_part(2, 1, type, round & 2);
    }
}

static void tables(void)
{
    static const uint32_t lengths[] = {16, 48, 4096, 0xfffffff0U};

    for (unsigned i = 0; i < COUNT(lengths); i++)
        for (unsigned n = 0; n < HOSTILE_NR_MACHINE_ADDRESSES; n++) {
            uint64_t at = hostile_machine_address(n);

            if (hostile_is_ram(at, lengths[i]))
                continue;
            CHECK(machine_start(disk, ~UINT64_C(0), queue, 1, SIZE), "the disk does not start");
            machine_build_indirect(queue, 0, request, VIRTIO_BLK_T_IN, forbidden(), data,
                                   sizeof(data));
            queue->desc[0].addr = at;
            queue->desc[0].len = lengths[i];
            expect_refusal("table", at, lengths[i]);
        }
}

static void try_rings(uint64_t desc, uint64_t avail, uint64_t used)
{
    virtio_blk_reset(disk);
    CHECK(virtio_blk_negotiate(disk, 0), "negotiation");
    CHECK(!hostile_virtio_set_queue(MACHINE_RING, desc, avail, used),
          "rings at %lx, %lx, %lx are taken", desc, avail, used);
    machine_go(disk);
    CHECK(machine_wants_reset(disk), "rings at %lx, %lx, %lx: status %x", desc, avail, used,
          virtio_status(disk));
    virtio_write(disk, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
}

static void rings(void)
{
    const uint64_t desc = (uintptr_t)queue->desc, avail = (uintptr_t)&queue->avail,
                   used = (uintptr_t)&queue->used;

    machine_build(queue, 0, request, VIRTIO_BLK_T_IN, forbidden(), data, sizeof(data));
    queue->avail.idx = 1;
    for (unsigned n = 0; n < HOSTILE_NR_MACHINE_ADDRESSES; n++) {
        uint64_t at = hostile_machine_address(n);

        if (hostile_is_ram(at, MACHINE_RING * sizeof(struct vring_desc)) || at % 16)
            continue;
        try_rings(at, avail, used);
        try_rings(desc, at, used);
        try_rings(desc, avail, at);
    }
}

/* Features that were not offered, without VERSION_1, none: the device goes on as a virtio 1 one. */
static void features(void)
{
    for (unsigned bit = 0; bit < 64; bit++) {
        virtio_blk_reset(disk);
        virtio_write(disk, VIRTIO_MMIO_STATUS,
                     VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
        if (disk->offered & FEATURE(bit))
            continue;
        for (unsigned half = 0; half < 2; half++) {
            uint64_t wanted = FEATURE(bit) | FEATURE(VIRTIO_F_VERSION_1);

            virtio_write(disk, VIRTIO_MMIO_DRIVER_FEATURES_SEL, half);
            virtio_write(disk, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(wanted >> (32 * half)));
        }
        virtio_write(disk, VIRTIO_MMIO_STATUS, virtio_status(disk) | VIRTIO_CONFIG_S_FEATURES_OK);
        CHECK(!(virtio_status(disk) & VIRTIO_CONFIG_S_FEATURES_OK), "feature %u is accepted", bit);
        machine_set_queue(disk, queue, 0, SIZE);
        machine_go(disk);
        machine_build(queue, 0, request, VIRTIO_BLK_T_IN, forbidden(), data, VIRTIO_SECTOR);
        machine_put(queue, 0);
        virtio_write(disk, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
        CHECK(queue->used.idx == 0, "feature %u: it is served", bit);
    }
}

static void write_config(uint64_t at, unsigned size, uint64_t value)
{
    if (size == 1)
        *(volatile uint8_t *)at = (uint8_t)value;
    else if (size == 2)
        *(volatile uint16_t *)at = (uint16_t)value;
    else if (size == 4)
        *(volatile uint32_t *)at = (uint32_t)value;
    else
        *(volatile uint64_t *)at = value;
}

/* Every place of every device's, by every size: nothing changes but what a driver may write. */
static void try_config(const struct virtio_blk *device)
{
    static uint8_t before[CONFIG_SIZE];
    uint64_t at = device->base + VIRTIO_MMIO_CONFIG;

    for (unsigned i = 0; i < CONFIG_SIZE; i++)
        before[i] = *(volatile uint8_t *)(at + i);
    for (unsigned size = 1; size <= 8; size *= 2)
        for (unsigned i = 0; i < CONFIG_SIZE; i += size) {
            write_config(at + i, size, 0);
            write_config(at + i, size, hostile_random(0));
            write_config(at + i, size, ~UINT64_C(0));
        }
    for (unsigned i = 0; i < CONFIG_SIZE; i++)
        CHECK((device == disk && i == WCE) || before[i] == *(volatile uint8_t *)(at + i),
              "device at %lx: byte %x of its configuration was %x", device->base, i, before[i]);
}

static void configurations(void)
{
    for (unsigned n = 0; n < MACHINE_DEVICES; n++) {
        try_config(&machine_device[n]);
        CHECK(machine_start(&machine_device[n], ~UINT64_C(0), queue, 1, SIZE),
              "device %u does not start", n);
        try_config(&machine_device[n]);
    }
}

static void status_games(void)
{
    for (unsigned n = 0; n < MACHINE_DEVICES; n++) {
        CHECK(machine_start(&machine_device[n], 0, queue, 1, SIZE), "device %u does not start", n);
        hostile_disk = machine_device[n];
        hostile_virtio_play(NR_GAMES);
        virtio_blk_reset(&machine_device[n]);
    }
    hostile_disk = *disk;
}

/* What is good ends well: the tree's page is RAM, at another physical address. */
static void own_tree(void)
{
    void *tree = (void *)(platform.dtb.address & ~UINT64_C(0xfff));

    CHECK(machine_start(disk, 0, queue, 1, SIZE), "the disk does not start");
    CHECK(machine_ask(queue, request, VIRTIO_BLK_T_OUT, 8, tree, sizeof(data)) == 0, "write");
    memset(data, 0, sizeof(data));
    CHECK(machine_ask(queue, request, VIRTIO_BLK_T_IN, 8, data, sizeof(data)) == 0, "read");
    CHECK(memcmp(data, tree, sizeof(data)) == 0, "something else is on the disk");
}

static void check_disk(void)
{
    hostile_check_alive();
    if (!hostile_virtio_works())
        test_fail("the disk does not work afterwards");
}

static bool find_devices(void)
{
    static const uint32_t ids[MACHINE_DEVICES] = {VIRTIO_ID_BLOCK, VIRTIO_ID_RNG, VIRTIO_ID_NET};

    for (unsigned n = 0; n < MACHINE_DEVICES; n++)
        if (!virtio_find(&machine_device[n], ids[n]))
            return false;
    hostile_disk = *disk;
    return true;
}

static const struct test_case cases[] = {
    {"buffers", buffers},
    {"tables", tables},
    {"rings", rings},
    {"features", features},
    {"configurations", configurations},
    {"status-games", status_games},
    {"own-tree", own_tree},
    {NULL, NULL},
};

void guest_main(void)
{
    if (!hostile_start())
        printf("a CPU did not start\n");
    if (!find_devices()) {
        printf("a device is missing\n");
        return;
    }
    memset(data, HOSTILE_VIRTIO_KNOWN, sizeof(data));
    if (!machine_start(disk, 0, queue, 1, SIZE) ||
        machine_ask(queue, request, VIRTIO_BLK_T_OUT, virtio_blk_capacity(disk) - 1, data,
                    VIRTIO_SECTOR) != VIRTIO_BLK_S_OK)
        printf("the disk can't be written\n");
    test_set_after(check_disk);
    TEST_RUN(cases, hostile_virtio_race_cases, hostile_machine_race_cases,
             hostile_machine_inside_cases);
}
