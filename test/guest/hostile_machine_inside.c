/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses inside of requests, as a balloon's and a display's have them: pages and pieces out of
 * RAM, and such as change while the request is read. QEMU's trace has each page that the balloon
 * was given; run.py looks whether it is the guest's.
 */
#include <linux/virtio_balloon.h>
#include <linux/virtio_gpu.h>

#include "hostile_machine.h"
#include "platform.h"
#include "string.h"
#include "timer.h"
#include "worker.h"

#define SIZE      16
#define PAGE      4096
#define PAGES     8
#define BAD       5 /* which of them */
#define PIECES    2
#define RESOURCE  1
#define SIDE      32 /* pixels of 4 bytes, a page in all */
#define ROUNDS    300
#define ENOUGH    10 /* of each outcome */
#define PFN(at)   ((uint32_t)((uint64_t)(at) >> VIRTIO_BALLOON_PFN_SHIFT))
#define PIECE(at) ((struct virtio_gpu_mem_entry){.addr = (at), .length = PAGE / PIECES})

struct attach {
    struct virtio_gpu_resource_attach_backing head;
    struct virtio_gpu_mem_entry piece[PIECES];
};

static struct machine_queue *const queue = &machine_queue[0];
static uint8_t memory[PAGES][PAGE] __attribute__((aligned(PAGE)));
static volatile uint32_t pages[PAGES];
static volatile struct attach attach;
static struct virtio_gpu_ctrl_hdr answer;
static struct virtio_blk balloon, display;
static volatile bool over;

/* Two buffers, the second of which the device writes, or one; then wait. True: it is served. */
static bool offer(const volatile void *bytes, uint32_t size, void *room, uint32_t room_size)
{
    struct vring_used_elem elem;

    machine_buffer(queue, 0, (void *)(uintptr_t)bytes, size, false);
    if (room != NULL) {
        queue->desc[0].flags = VRING_DESC_F_NEXT;
        queue->desc[0].next = 1;
        machine_buffer(queue, 1, room, room_size, true);
    }
    machine_put(queue, 0);
    machine_publish(queue);
    return machine_wait(queue, &elem);
}

static void good_pages(void)
{
    for (unsigned i = 0; i < PAGES; i++)
        pages[i] = PFN(memory[i]);
}

static bool inflate(uint32_t size)
{
    return offer(pages, size, NULL, 0);
}

static bool create(void)
{
    static struct virtio_gpu_resource_create_2d request = {
        .hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
        .resource_id = RESOURCE,
        .format = VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM,
        .width = SIDE,
        .height = SIDE};

    return machine_start(&display, 0, queue, 2, SIZE) &&
           offer(&request, sizeof(request), &answer, sizeof(answer)) &&
           answer.type == VIRTIO_GPU_RESP_OK_NODATA;
}

static void good_pieces(void)
{
    attach.head.hdr.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING;
    attach.head.resource_id = RESOURCE;
    attach.head.nr_entries = PIECES;
    for (unsigned i = 0; i < PIECES; i++)
        attach.piece[i] = PIECE((uintptr_t)memory[i]);
}

static bool attach_backing(void)
{
    return offer(&attach, sizeof(attach), &answer, sizeof(answer));
}

static void balloon_pages(void)
{
    CHECK(virtio_find(&balloon, VIRTIO_ID_BALLOON), "there is no balloon");
    for (unsigned n = 0; n < HOSTILE_NR_MACHINE_ADDRESSES; n++) {
        uint64_t at = hostile_machine_address(n) & ~UINT64_C(0xfff);

        if (hostile_is_ram(at, PAGE) || at >> (32 + VIRTIO_BALLOON_PFN_SHIFT))
            continue;
        CHECK(machine_start(&balloon, 0, queue, 2, SIZE), "the balloon does not start");
        good_pages();
        pages[BAD] = PFN(at);
        CHECK(!inflate(sizeof(pages)) && machine_wants_reset(&balloon), "page %lx: status %x", at,
              virtio_status(&balloon));
    }
    CHECK(machine_start(&balloon, 0, queue, 2, SIZE), "the balloon does not start");
    good_pages();
    CHECK(inflate(sizeof(pages)), "good pages are refused");
    CHECK(!inflate(sizeof(pages) - 1), "a broken number is taken");
}

static void display_pieces(void)
{
    CHECK(virtio_find(&display, VIRTIO_ID_GPU), "there is no display");
    for (unsigned n = 0; n < HOSTILE_NR_MACHINE_ADDRESSES * PIECES; n++) {
        uint64_t at = hostile_machine_address(n / PIECES);

        if (hostile_is_ram(at, PAGE / PIECES))
            continue;
        CHECK(create(), "the display makes no resource: %x", answer.type);
        good_pieces();
        attach.piece[n % PIECES].addr = at;
        CHECK(!attach_backing() && machine_wants_reset(&display), "piece at %lx: status %x", at,
              virtio_status(&display));
    }
    CHECK(create(), "the display makes no resource: %x", answer.type);
    good_pieces();
    CHECK(attach_backing() && answer.type == VIRTIO_GPU_RESP_OK_NODATA, "good pieces: %x",
          answer.type);
    attach.head.nr_entries = PIECES + 1;
    CHECK(!attach_backing(), "more pieces than there are");
}

static void flip_on(void *arg)
{
    unsigned cpu = (unsigned)(uintptr_t)arg;

    while (!over) {
        uint64_t random = hostile_random(cpu), bad = hostile_machine_address(random >> 8 & 0xff);
        unsigned n = random % PAGES;

        pages[n] = PFN(bad);
        attach.piece[n % PIECES].addr = bad;
        attach.head.nr_entries = random & 0x10000 ? ~0U : PIECES;
        timer_delay_us(random >> 20 & 31);
        pages[n] = PFN(memory[n]);
        attach.piece[n % PIECES].addr = (uintptr_t)memory[n % PIECES];
        attach.head.nr_entries = PIECES;
        timer_delay_us(random >> 32 & 127);
    }
}

/* What changes all the time is served or refused; `one` says which, of a device that was started.
 */
static void race(bool (*begin)(void), bool (*one)(void))
{
    uint64_t deadline = timer_deadline_us(WAIT_US);
    uint32_t outcomes[2] = {0};

    good_pages();
    good_pieces();
    over = false;
    worker_begin(1, flip_on, (void *)1);
    for (unsigned i = 0;
         !timer_passed(deadline) && (i < ROUNDS || outcomes[0] < ENOUGH || outcomes[1] < ENOUGH);
         i++) {
        if (!begin())
            test_fail("round %u: the device does not start", i);
        outcomes[one()]++;
    }
    over = true;
    CHECK(worker_wait(1), "CPU 1 hangs");
    CHECK(outcomes[0] && outcomes[1], "%u refused, %u served", outcomes[0], outcomes[1]);
}

static bool start_balloon(void)
{
    return machine_start(&balloon, 0, queue, 2, SIZE);
}

static bool inflate_all(void)
{
    return inflate(sizeof(pages));
}

static void balloon_race(void)
{
    race(start_balloon, inflate_all);
}

static void display_race(void)
{
    race(create, attach_backing);
}

const struct test_case hostile_machine_inside_cases[] = {
    {"balloon-pages", balloon_pages},
    {"display-pieces", display_pieces},
    {"balloon-race", balloon_race},
    {"display-race", display_race},
    {NULL, NULL},
};
