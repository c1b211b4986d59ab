/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rings, chains and registers that one CPU changes while the disk serves another: whatever it
 * sees of them, it goes on or wants a reset, and it comes back to the CPU that asked.
 */
#include "barrier.h"
#include "hostile_virtio.h"
#include "string.h"
#include "timer.h"
#include "worker.h"

#define ROUNDS      3000
#define ENOUGH      50 /* of each outcome */
#define FEED        20000
#define HEADER_SIZE 16

static struct virtio_blk *const disk = &hostile_disk;
static volatile bool over;

static void scribble_on(void *arg)
{
    unsigned cpu = (unsigned)(uintptr_t)arg;

    while (!over)
        hostile_virtio_scribble(cpu);
}

static void poke_on(void *arg)
{
    unsigned cpu = (unsigned)(uintptr_t)arg;

    while (!over)
        hostile_virtio_poke(cpu);
}

static void begin(unsigned cpu, smp_fn fn)
{
    over = false;
    if (cpu < hostile_cpus())
        worker_begin(cpu, fn, (void *)(uintptr_t)cpu);
}

static void end(void)
{
    over = true;
    for (unsigned cpu = 1; cpu < hostile_cpus(); cpu++)
        CHECK(worker_wait(cpu), "CPU %u hangs", cpu);
}

static bool wants_reset(void)
{
    return virtio_status(disk) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

/* All of the arena changes all the time. */
static void rings(void)
{
    uint64_t deadline = timer_deadline_us(WAIT_US);
    uint32_t resets = 0;

    begin(1, scribble_on);
    begin(2, scribble_on);
    for (unsigned i = 0; i < ROUNDS || (resets <= 1 && !timer_passed(deadline)); i++) {
        if (i == 0 || wants_reset()) {
            resets++;
            if (!hostile_virtio_start_in_arena())
                test_fail("round %u: the disk does not start", i);
        }
        virtio_write(disk, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
        virtio_write(disk, VIRTIO_MMIO_INTERRUPT_ACK, ~0U);
    }
    end();
    CHECK(resets > 1, "nothing was ever wrong");
}

/*
 * The ring is good and so is the first chain, but for what changes: between a length that is
 * right and one that is not, between the arena and no RAM, between a chain and a loop.
 */
static void flip_on(void *arg)
{
    volatile struct vring_desc *desc = disk->desc;
    volatile struct vring_desc *table = (volatile struct vring_desc *)ARENA_AT(ARENA_TABLE);
    volatile struct virtio_blk_outhdr *header = (void *)ARENA_AT(ARENA_HEADER);

    (void)arg;
    for (unsigned n = 0; !over; n++) {
        uint64_t random = hostile_random(1);

        desc[random & 3].len = random & 4 ? VIRTIO_SECTOR : ~0U;
        table[random >> 3 & 3].addr = random & 32 ? ARENA_AT(ARENA_DATA) : hostile_address(n);
        table[random >> 6 & 3].next = (uint16_t)(random >> 8 & 3);
        desc[random >> 10 & 3].flags = (uint16_t)(random >> 12 & 7);
        desc[3].len = (uint32_t)(random >> 16 & 0x3f);
        header->sector = random & 64 ? 1 : ~UINT64_C(0) - n;
        header->type = (uint32_t)(random >> 22 & 15);
        timer_relax();
    }
}

static void good_chain(struct vring_desc *desc)
{
    desc[0] = (struct vring_desc){ARENA_AT(ARENA_HEADER), HEADER_SIZE, VRING_DESC_F_NEXT, 1};
    desc[1] = (struct vring_desc){ARENA_AT(ARENA_DATA), VIRTIO_SECTOR,
                                  VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 2};
    desc[2] = (struct vring_desc){ARENA_AT(ARENA_STATUS), 1, VRING_DESC_F_WRITE, 0};
}

/* One request by the ring or by the table: 1 when it is handed back, 0 when refused. */
static unsigned offer_changing(uint16_t head)
{
    struct vring_used_elem elem;

    good_chain(disk->desc);
    good_chain((struct vring_desc *)ARENA_AT(ARENA_TABLE));
    disk->desc[3] = (struct vring_desc){ARENA_AT(ARENA_TABLE), 3 * 16, VRING_DESC_F_INDIRECT, 0};
    virtio_blk_offer(disk, head);
    if (virtio_blk_wait(disk, &elem)) {
        if (elem.id != head)
            test_fail("of chain %u, %u is handed back", head, elem.id);
        return 1;
    }
    if (!wants_reset())
        test_fail("no answer");
    virtio_blk_start(disk, FEATURE(VIRTIO_RING_F_INDIRECT_DESC));
    return 0;
}

/* A busy host lets the CPUs meet rarely: as many rounds as it takes. */
static void chains(void)
{
    uint64_t deadline = timer_deadline_us(WAIT_US);
    uint32_t outcomes[2] = {0};

    virtio_blk_start(disk, FEATURE(VIRTIO_RING_F_INDIRECT_DESC));
    begin(1, flip_on);
    for (unsigned i = 0;
         !timer_passed(deadline) && (i < ROUNDS || outcomes[0] < ENOUGH || outcomes[1] < ENOUGH);
         i++)
        outcomes[offer_changing(i & 1 ? 3 : 0)]++;
    end();
    CHECK(outcomes[0] && outcomes[1], "%u refused, %u served", outcomes[0], outcomes[1]);
}

/* Reset, set-up and notifications from all CPUs at once, over rings that change. */
static void registers(void)
{
    begin(1, poke_on);
    begin(2, scribble_on);
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (i % 16 == 0)
            hostile_virtio_start_in_arena();
        virtio_write(disk, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
        hostile_virtio_poke(0);
    }
    end();
}

/* As soon as a chain is handed back, it is offered again: there is always one more. */
static void feed_on(void *arg)
{
    (void)arg;
    while (!over)
        *(volatile uint16_t *)&disk->avail->idx = (uint16_t)(disk->used->idx + 8);
}

static void endless(void)
{
    uint64_t deadline = timer_deadline_us(WAIT_US);
    uint32_t served = 0;

    CHECK(virtio_blk_start(disk, 0), "the disk does not start");
    virtio_blk_build(disk, VIRTIO_BLK_T_FLUSH, 0, NULL, 0);
    begin(1, feed_on);
    while (served < FEED && !timer_passed(deadline)) {
        uint16_t before = *(volatile uint16_t *)&disk->used->idx;
        uint16_t more;

        virtio_write(disk, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
        virtio_write(disk, VIRTIO_MMIO_INTERRUPT_ACK, ~0U);
        more = (uint16_t)(*(volatile uint16_t *)&disk->used->idx - before);
        served += more;
        if (more != 0) /* a busy host feeds slowly */
            deadline = timer_deadline_us(WAIT_US);
    }
    end();
    CHECK(!wants_reset() && served >= FEED, "status %x, %u served", virtio_status(disk), served);
}

/* A reset in the middle of what another CPU's notification has the device do. */
static void reset_on(void *arg)
{
    (void)arg;
    while (!over) {
        virtio_write(disk, VIRTIO_MMIO_STATUS, 0);
        timer_delay_us(hostile_random(1) & 127);
    }
}

static void resets(void)
{
    begin(1, reset_on);
    for (unsigned i = 0; i < ROUNDS; i++) {
        virtio_blk_negotiate(disk, ~UINT64_C(0));
        virtio_blk_set_queue(disk, 0);
        virtio_write(disk, VIRTIO_MMIO_STATUS, virtio_status(disk) | VIRTIO_CONFIG_S_DRIVER_OK);
        virtio_blk_build(disk, VIRTIO_BLK_T_IN, 0, (void *)ARENA_AT(ARENA_DATA), 4 * VIRTIO_SECTOR);
        virtio_blk_offer(disk, 0);
    }
    end();
    /* What was offered before a reset is not served after it. */
    CHECK(virtio_blk_start(disk, 0), "the disk does not start");
    virtio_blk_build(disk, VIRTIO_BLK_T_IN, 0, (void *)ARENA_AT(ARENA_DATA), VIRTIO_SECTOR);
    disk->avail->idx = 1;
    virtio_blk_reset(disk);
    virtio_write(disk, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    CHECK(disk->used->idx == 0, "served after a reset");
}

const struct test_case hostile_virtio_race_cases[] = {
    {"race-rings", rings},
    {"race-chains", chains},
    {"race-registers", registers},
    {"race-reset", resets},
    {NULL, NULL},
};

const struct test_case hostile_virtio_endless_cases[] = {
    {"endless-requests", endless},
    {NULL, NULL},
};
