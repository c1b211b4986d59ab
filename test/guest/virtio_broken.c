/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drivers that break virtio's rules: the request fails or the device asks for a reset,
 * nothing is overwritten, and after a reset all works again.
 */
#include "barrier.h"
#include "gic.h"
#include "platform.h"
#include "string.h"
#include "timer.h"
#include "virtio_common.h"

#define SETTLE_US 2000
#define CANARY    0x5c

static struct virtio_blk *const disk = &virtio_disk;
static uint8_t buffer[2 * VIRTIO_SECTOR] __attribute__((aligned(4096)));
static struct vring_desc table[4] __attribute__((aligned(16)));

/* What a spoiled request may end in. */
enum outcome {
    FAILS,       /* a status other than OK, or a device that wants a reset */
    WANTS_RESET, /* the latter only */
    ANYTHING,    /* if only all works again after a reset */
};

static bool wants_reset(void)
{
    return virtio_status(disk) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

/* A good read of sector 0, spoiled by `spoil`, offered with head `head`. */
static void try(void (*spoil)(void), uint16_t head, enum outcome outcome)
{
    struct vring_used_elem elem;
    bool answered, ok;

    CHECK(virtio_blk_start(disk, FEATURE(VIRTIO_RING_F_INDIRECT_DESC)), "the disk does not start");
    memset(buffer, CANARY, sizeof(buffer));
    virtio_blk_build(disk, VIRTIO_BLK_T_IN, 0, buffer, VIRTIO_SECTOR);
    spoil();
    virtio_blk_offer(disk, head);
    answered = virtio_blk_wait(disk, &elem);
    ok = answered && virtio_blk_status_byte() == VIRTIO_BLK_S_OK;
    /* QEMU's own device reads and writes what is no RAM as if it were. */
    CHECK(outcome == ANYTHING || gic_is_qemus() || !ok, "it succeeds");
    CHECK(outcome != WANTS_RESET || wants_reset(), "status %x, answered %d", virtio_status(disk),
          answered);
    CHECK(virtio_works(), "it does not work after a reset");
}

static uint64_t beyond_ram(void)
{
    return platform_ram_end() + 0x10000;
}

#define SPOILED(name, head, outcome, ...)                                                          \
    static void name##_spoil(void)                                                                 \
    {                                                                                              \
        __VA_ARGS__;                                                                               \
    }                                                                                              \
    static void name(void)                                                                         \
    {                                                                                              \
        try(name##_spoil, head, outcome);                                                          \
    }

SPOILED(loop, 0, WANTS_RESET, disk->desc[1].next = 1)
SPOILED(loop_to_head, 0, WANTS_RESET, disk->desc[1].next = 0)
SPOILED(next_out_of_range, 0, WANTS_RESET, disk->desc[1].next = VIRTIO_QUEUE_SIZE)
SPOILED(next_far_out, 0, WANTS_RESET, disk->desc[1].next = 0xffff)
SPOILED(head_out_of_range, VIRTIO_QUEUE_SIZE, WANTS_RESET, )
SPOILED(index_jumps, 0, WANTS_RESET, disk->avail->idx = 1000)
SPOILED(header_beyond_ram, 0, FAILS, disk->desc[0].addr = beyond_ram())
SPOILED(data_beyond_ram, 0, FAILS, disk->desc[1].addr = beyond_ram())
SPOILED(data_half_beyond, 0, FAILS, disk->desc[1].addr = platform_ram_end() - 256)
SPOILED(data_at_top, 0, FAILS, disk->desc[1].addr = ~UINT64_C(0) - 255)
SPOILED(length_wraps, 0, FAILS, disk->desc[1].addr = ~UINT64_C(0xfff), disk->desc[1].len = ~0U)
SPOILED(length_huge, 0, FAILS, disk->desc[1].len = 0xfffffe00)
SPOILED(length_odd, 0, FAILS, disk->desc[1].len = 100)
SPOILED(no_data_writable, 0, ANYTHING, disk->desc[1].flags = VRING_DESC_F_NEXT)
SPOILED(header_writable, 0, FAILS, disk->desc[0].flags = VRING_DESC_F_NEXT | VRING_DESC_F_WRITE)
SPOILED(status_read_only, 0, FAILS, disk->desc[2].flags = 0)
SPOILED(status_missing, 0, FAILS, disk->desc[1].flags = VRING_DESC_F_WRITE)
SPOILED(status_beyond_ram, 0, FAILS, disk->desc[2].addr = beyond_ram())
SPOILED(header_only, 0, FAILS, disk->desc[0].flags = 0)
SPOILED(header_short, 0, FAILS, disk->desc[0].len = 7)
SPOILED(empty_chain, 0, ANYTHING, memset(disk->desc, 0, sizeof(disk->desc[0])))

static void make_indirect(uint32_t length, uint16_t flags)
{
    memcpy(table, disk->desc, 3 * sizeof(table[0]));
    disk->desc[0] =
        (struct vring_desc){.addr = (uintptr_t)table, .len = length, .flags = flags, .next = 1};
}

SPOILED(indirect_odd_length, 0, WANTS_RESET,
        make_indirect(3 * sizeof(table[0]) - 1, VRING_DESC_F_INDIRECT))
SPOILED(indirect_empty, 0, WANTS_RESET, make_indirect(0, VRING_DESC_F_INDIRECT))
SPOILED(indirect_huge, 0, FAILS, make_indirect(0xfffffff0, VRING_DESC_F_INDIRECT),
        table[1].next = 0x7fff)
SPOILED(indirect_with_next, 0, ANYTHING,
        make_indirect(3 * sizeof(table[0]), VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT))
SPOILED(indirect_nested, 0, WANTS_RESET, make_indirect(3 * sizeof(table[0]), VRING_DESC_F_INDIRECT),
        table[0].flags = VRING_DESC_F_INDIRECT)
SPOILED(indirect_loop, 0, WANTS_RESET, make_indirect(3 * sizeof(table[0]), VRING_DESC_F_INDIRECT),
        table[1].next = 0)
SPOILED(indirect_beyond_ram, 0, FAILS, make_indirect(3 * sizeof(table[0]), VRING_DESC_F_INDIRECT),
        disk->desc[0].addr = beyond_ram())

/* Queue registers that make no sense, and a notification. */
static void try_queue(uint32_t reg, uint32_t value)
{
    virtio_blk_reset(disk);
    CHECK(virtio_blk_negotiate(disk, 0), "negotiation");
    virtio_blk_set_queue(disk, 0);
    virtio_write(disk, VIRTIO_MMIO_QUEUE_READY, 0);
    virtio_write(disk, reg, value);
    virtio_write(disk, VIRTIO_MMIO_QUEUE_READY, 1);
    virtio_write(disk, VIRTIO_MMIO_STATUS, virtio_status(disk) | VIRTIO_CONFIG_S_DRIVER_OK);
    virtio_blk_build(disk, VIRTIO_BLK_T_IN, 0, buffer, VIRTIO_SECTOR);
    virtio_blk_offer(disk, 0);
    timer_delay_us(SETTLE_US);
    CHECK(virtio_works(), "register %x, value %x: it does not work after a reset", reg, value);
}

static void queue_registers(void)
{
    uint32_t outside = (uint32_t)(beyond_ram() >> 32) + 0x80;

    if (gic_is_qemus()) {
        test_skip("QEMU itself trusts these");
        return;
    }
    try_queue(VIRTIO_MMIO_QUEUE_NUM, 0);
    try_queue(VIRTIO_MMIO_QUEUE_NUM, 3);
    try_queue(VIRTIO_MMIO_QUEUE_NUM, 0x8000);
    try_queue(VIRTIO_MMIO_QUEUE_NUM, ~0U);
    try_queue(VIRTIO_MMIO_QUEUE_DESC_HIGH, outside);
    try_queue(VIRTIO_MMIO_QUEUE_AVAIL_HIGH, outside);
    try_queue(VIRTIO_MMIO_QUEUE_USED_HIGH, outside);
    try_queue(VIRTIO_MMIO_QUEUE_DESC_HIGH, ~0U);
    try_queue(VIRTIO_MMIO_QUEUE_DESC_LOW, 0x09000000);
    try_queue(VIRTIO_MMIO_QUEUE_DESC_LOW, 0x40200008);
    try_queue(VIRTIO_MMIO_QUEUE_USED_LOW, 0x0a000000);
}

static void early_notify(void)
{
    virtio_blk_reset(disk);
    virtio_write(disk, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    CHECK(virtio_blk_negotiate(disk, 0), "negotiation");
    virtio_write(disk, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    virtio_blk_set_queue(disk, 0);
    virtio_write(disk, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    virtio_write(disk, VIRTIO_MMIO_QUEUE_NOTIFY, 77);
    virtio_write(disk, VIRTIO_MMIO_QUEUE_NOTIFY, ~0U);
    CHECK(virtio_works(), "it does not work after a reset");
}

static void unknown_features(void)
{
    if (gic_is_qemus()) {
        test_skip("QEMU itself drops them");
        return;
    }
    virtio_blk_reset(disk);
    virtio_write(disk, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
    virtio_write(disk, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
    virtio_write(disk, VIRTIO_MMIO_DRIVER_FEATURES, ~0U);
    virtio_write(disk, VIRTIO_MMIO_STATUS,
                 VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
                     VIRTIO_CONFIG_S_FEATURES_OK);
    CHECK(!(virtio_status(disk) & VIRTIO_CONFIG_S_FEATURES_OK),
          "features not offered are accepted");
    CHECK(virtio_works(), "it does not work after a reset");
}

/* VERSION_1 left out: a version 2 transport can't go on. */
static void without_version_1(void)
{
    virtio_blk_reset(disk);
    virtio_write(disk, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
    virtio_write(disk, VIRTIO_MMIO_STATUS,
                 VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
                     VIRTIO_CONFIG_S_FEATURES_OK);
    CHECK(gic_is_qemus() || !(virtio_status(disk) & VIRTIO_CONFIG_S_FEATURES_OK),
          "no features at all are accepted");
    CHECK(virtio_works(), "it does not work after a reset");
}

static void every_register(void)
{
    for (uint32_t reg = 0; reg < 0x200; reg += 4) {
        uint32_t value = virtio_read(disk, reg);

        if (reg >= VIRTIO_MMIO_CONFIG && !gic_is_qemus())
            virtio_write(disk, reg, ~value);
    }
    for (uint32_t status = 0; status < 256; status++)
        virtio_write(disk, VIRTIO_MMIO_STATUS, status);
    CHECK(virtio_works(), "it does not work after a reset");
}

const struct test_case virtio_broken_cases[] = {
    {"broken-loop", loop},
    {"broken-loop-to-head", loop_to_head},
    {"broken-next", next_out_of_range},
    {"broken-next-far", next_far_out},
    {"broken-head", head_out_of_range},
    {"broken-index", index_jumps},
    {"header-beyond-ram", header_beyond_ram},
    {"data-beyond-ram", data_beyond_ram},
    {"data-half-beyond", data_half_beyond},
    {"data-at-top", data_at_top},
    {"length-wraps", length_wraps},
    {"length-huge", length_huge},
    {"length-odd", length_odd},
    {"data-not-writable", no_data_writable},
    {"header-writable", header_writable},
    {"status-read-only", status_read_only},
    {"status-missing", status_missing},
    {"status-beyond-ram", status_beyond_ram},
    {"header-only", header_only},
    {"header-short", header_short},
    {"empty-chain", empty_chain},
    {"indirect-odd-length", indirect_odd_length},
    {"indirect-empty", indirect_empty},
    {"indirect-huge", indirect_huge},
    {"indirect-with-next", indirect_with_next},
    {"indirect-nested", indirect_nested},
    {"indirect-loop", indirect_loop},
    {"indirect-beyond-ram", indirect_beyond_ram},
    {"queue-registers", queue_registers},
    {"early-notify", early_notify},
    {"unknown-features", unknown_features},
    {"without-version-1", without_version_1},
    {"every-register", every_register},
    {NULL, NULL},
};
