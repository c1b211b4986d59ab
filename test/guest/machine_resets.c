/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resets of each of QEMU's devices while four CPUs have requests in flight in it. After each the
 * device touches none of the old ones, and a new one is served. Now and then the CPUs stop
 * instead, and all that is in flight must come back. The tree's /chosen may say how often:
 * run.py --rounds. machine_resets_kinds.c has the devices.
 */
#include "machine_resets.h"
#include "barrier.h"
#include "console.h"
#include "gic.h"
#include "guest.h"
#include "machine_driver.h"
#include "platform.h"
#include "spinlock.h"
#include "string.h"
#include "testcase.h"
#include "timer.h"
#include "worker.h"

#define ROUNDS        100
#define DRAIN_EVERY   16
#define DELAY_US      127 /* a mask: from the first requests to the reset */
#define NAPS_A_SECOND 10000
#define RING          (2 * HEADS)
#define ROOM          4352
#define POISON        UINT64_C(0x5c5c5c5c5c5c5c5c)
#define TRANSPORT     (FEATURE(VIRTIO_RING_F_EVENT_IDX) | FEATURE(VIRTIO_RING_F_INDIRECT_DESC))

/* A queue, and what all CPUs do with it. */
struct lane {
    spinlock_t lock;
    const struct shape *shape;
    bool in_flight[HEADS];
    uint32_t served;
    struct machine_queue queue;
    uint8_t room[HEADS][ROOM] __attribute__((aligned(4096)));
};

static struct lane lane[MACHINE_MAX_QUEUES];
static struct virtio_blk device;
static const struct kind *kind;
static volatile bool over;
static volatile uint32_t steps[PLATFORM_MAX_CPUS];

/* Chain `head`: what is read, then what is written, from descriptor 2 * head on. */
static void offer_locked(struct lane *l, unsigned head)
{
    const struct shape *shape = l->shape;
    struct vring_desc *desc = &l->queue.desc[2 * head];

    if (shape->size != 0)
        *desc++ =
            (struct vring_desc){(uintptr_t)shape->bytes, shape->size,
                                shape->room ? VRING_DESC_F_NEXT : 0, (uint16_t)(2 * head + 1)};
    if (shape->room != 0)
        *desc = (struct vring_desc){(uintptr_t)l->room[head], shape->room, VRING_DESC_F_WRITE, 0};
    l->in_flight[head] = true;
    machine_put(&l->queue, (uint16_t)(2 * head));
}

static void take_locked(struct lane *l)
{
    struct vring_used_elem elem;

    while (machine_take(&l->queue, &elem)) {
        if (elem.id >= RING || elem.id % 2 || !l->in_flight[elem.id / 2] ||
            elem.len > l->shape->room) {
            test_fail("%u with %u bytes comes back", elem.id, elem.len);
            return;
        }
        l->in_flight[elem.id / 2] = false;
        l->served++;
    }
}

/* A polling driver's acknowledgement: it lets the device go on where a turn was over. */
static void tell(const struct lane *l)
{
    virtio_write(&device, VIRTIO_MMIO_QUEUE_NOTIFY, l->queue.index);
    virtio_write(&device, VIRTIO_MMIO_INTERRUPT_ACK, ~0U);
}

static void timer_over(uint32_t intid)
{
    if (intid == TIMER_PPI_VIRTUAL)
        write_sysreg(0, cntv_ctl_el0);
}

/* The device's turn: an emulator has fewer CPUs than the guest. WFI ends though IRQs are masked. */
static void nap(void)
{
    irq_disable();
    write_sysreg(read_sysreg(cntfrq_el0) / NAPS_A_SECOND, cntv_tval_el0);
    write_sysreg(TIMER_CTL_ENABLE, cntv_ctl_el0);
    isb();
    __asm__ volatile("wfi" : : : "memory");
    irq_enable();
}

/* Whatever has come back is offered again. */
static void step(unsigned cpu)
{
    struct lane *l = &lane[cpu % kind->lanes];
    bool more = false;

    spin_lock(&l->lock);
    take_locked(l);
    for (unsigned head = 0; head < kind->heads; head++)
        if (!l->in_flight[head]) {
            offer_locked(l, head);
            more = true;
        }
    spin_unlock(&l->lock);
    /* The index before the notification. */
    dsb(sy);
    steps[cpu]++;
    if (more)
        tell(l);
    else
        nap();
}

static void work(void *arg)
{
    gic_enable(TIMER_PPI_VIRTUAL);
    while (!over)
        step((unsigned)(uintptr_t)arg);
}

static unsigned count_in_flight(const struct lane *l)
{
    unsigned count = 0;

    for (unsigned head = 0; head < kind->heads; head++)
        count += l->in_flight[head];
    return count;
}

static bool start(uint64_t features)
{
    virtio_blk_reset(&device);
    if (!virtio_blk_negotiate(&device, features))
        return false;
    for (unsigned i = 0; i < kind->lanes; i++) {
        machine_set_queue(&device, &lane[i].queue, kind->first + i, RING);
        lane[i].shape = &kind->shape[i];
        memset(lane[i].in_flight, 0, sizeof(lane[i].in_flight));
    }
    machine_go(&device);
    return true;
}

/* The poison is where a device that goes on with what it had before its reset would write. */
static void poison(void)
{
    for (unsigned i = 0; i < kind->lanes; i++)
        for (unsigned head = 0; head < kind->heads; head++)
            *(uint64_t *)lane[i].room[head] = POISON;
}

static bool is_poisoned(void)
{
    for (unsigned i = 0; i < kind->lanes; i++)
        for (unsigned head = 1; head < kind->heads; head++)
            if (*(volatile uint64_t *)lane[i].room[head] != POISON)
                return false;
    return true;
}

/* One request in each queue whose device answers: the first one's room is not looked at. */
static bool answers(void)
{
    struct vring_used_elem elem;

    for (unsigned i = 0; i < kind->lanes; i++) {
        if (lane[i].shape->waits)
            continue;
        offer_locked(&lane[i], 0);
        machine_publish(&lane[i].queue);
        if (!machine_wait(&lane[i].queue, &elem) || elem.id != 0)
            return false;
        lane[i].in_flight[0] = false;
    }
    return true;
}

static void lock_all(void)
{
    for (unsigned i = 0; i < kind->lanes; i++)
        spin_lock(&lane[i].lock);
}

static void unlock_all(void)
{
    for (unsigned i = 0; i < kind->lanes; i++)
        spin_unlock(&lane[i].lock);
}

static bool all_work(const uint32_t *before)
{
    for (unsigned cpu = 0; cpu < platform.nr_cpus; cpu++)
        if (steps[cpu] == before[cpu])
            return false;
    return true;
}

/* Until each CPU has offered something, and some time more. */
static void load(uint32_t delay)
{
    uint32_t before[PLATFORM_MAX_CPUS];

    for (unsigned cpu = 0; cpu < platform.nr_cpus; cpu++)
        before[cpu] = steps[cpu];
    if (!timer_wait_until((step(0), all_work(before)), WAIT_US))
        test_fail("a CPU does not come to work");
    timer_wait_until((step(0), false), delay);
}

/* Nothing is lost: whatever is in flight comes back. */
static void drain_locked(void)
{
    for (unsigned i = 0; i < kind->lanes; i++) {
        struct lane *l = &lane[i];

        if (!l->shape->waits &&
            !timer_wait_until((tell(l), take_locked(l), !count_in_flight(l)), WAIT_US))
            test_fail("queue %u: %u requests are lost", i, count_in_flight(l));
    }
}

/*
 * The locks are held but while all work: so the others wait in between, or are on their way to
 * notify the device, whatever it is doing. Returns how many requests the reset found in flight.
 */
static unsigned round_locked(unsigned n, uint32_t delay)
{
    bool drains = n % DRAIN_EVERY == DRAIN_EVERY - 1;
    unsigned in_flight = 0;

    if (!start(kind->features | (n & 1 ? TRANSPORT : 0)))
        test_fail("round %u: the device does not start", n);
    else if (!answers())
        test_fail("round %u: no answer, status %x", n, virtio_status(&device));
    else if (n != 0 && !is_poisoned())
        test_fail("round %u: a request from before the reset was served", n);
    unlock_all();
    load(delay);
    if (!drains)
        virtio_blk_reset(&device);
    lock_all();
    for (unsigned i = 0; i < kind->lanes; i++)
        in_flight += count_in_flight(&lane[i]);
    if (drains)
        drain_locked();
    virtio_blk_reset(&device);
    if (virtio_status(&device) != 0)
        test_fail("round %u: status %x after a reset", n, virtio_status(&device));
    poison();
    return in_flight;
}

/* Rounds with in-flight requests. */
static unsigned all_rounds(unsigned rounds)
{
    uint64_t random = 1;
    unsigned busy = 0;

    over = false;
    gic_set_handler(timer_over);
    gic_enable(TIMER_PPI_VIRTUAL);
    lock_all();
    for (unsigned cpu = 1; cpu < platform.nr_cpus; cpu++)
        worker_begin(cpu, work, (void *)(uintptr_t)cpu);
    for (unsigned n = 0; n < rounds && !test_has_failed(); n++) {
        random = random * 6364136223846793005 + 1442695040888963407;
        busy += round_locked(n, random >> 33 & DELAY_US) != 0;
    }
    over = true;
    unlock_all();
    for (unsigned cpu = 1; cpu < platform.nr_cpus; cpu++)
        if (!worker_wait(cpu))
            test_fail("CPU %u hangs", cpu);
    return busy;
}

/* The request that opens what the others need. */
static bool prepare(void)
{
    struct vring_used_elem elem;
    struct lane *l = &lane[0];

    virtio_blk_reset(&device);
    if (!virtio_blk_negotiate(&device, kind->features))
        return false;
    machine_set_queue(&device, &l->queue, kind->once_queue, RING);
    l->shape = &kind->once;
    machine_go(&device);
    offer_locked(l, 0);
    machine_publish(&l->queue);
    return machine_wait(&l->queue, &elem) && elem.id == 0 && elem.len == kind->once.room;
}

static void try(const char *name, const struct kind *which)
{
    unsigned rounds = platform.test_rounds ? platform.test_rounds : ROUNDS, busy;
    uint64_t started = timer_count();
    uint32_t served = 0;

    kind = which;
    if (!virtio_find(&device, kind->id)) {
        test_skip("there is no such device");
        return;
    }
    if (kind->once.size != 0 && !prepare()) {
        test_fail("the first request is not answered");
        return;
    }
    for (unsigned i = 0; i < MACHINE_MAX_QUEUES; i++)
        lane[i].served = 0;
    busy = all_rounds(rounds);
    for (unsigned i = 0; i < kind->lanes; i++)
        served += lane[i].served;
    printf("%s: %u rounds, %u with requests in flight, %u were served, %lu ms\n", name, rounds,
           busy, served, (timer_count() - started) * 1000 / read_sysreg(cntfrq_el0));
    CHECK(busy > rounds / 4, "only %u rounds had requests in flight", busy);
}

#define RESETS(name)                                                                               \
    static void reset_##name(void)                                                                 \
    {                                                                                              \
        try(#name, &name);                                                                         \
    }

RESETS(blk)
RESETS(rng)
RESETS(net)
RESETS(console)
RESETS(share)
RESETS(scsi)
RESETS(input)
RESETS(gpu)
RESETS(crypto)
RESETS(fs)

static const struct test_case cases[] = {
    {"reset-blk", reset_blk},
    {"reset-rng", reset_rng},
    {"reset-net", reset_net},
    {"reset-console", reset_console},
    {"reset-9p", reset_share},
    {"reset-scsi", reset_scsi},
    {"reset-input", reset_input},
    {"reset-gpu", reset_gpu},
    {"reset-crypto", reset_crypto},
    {"reset-fs", reset_fs},
    {NULL, NULL},
};

void guest_main(void)
{
    if (!worker_start_all())
        printf("a CPU did not start\n");
    TEST_RUN(cases);
}
