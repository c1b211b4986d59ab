/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of gic/vgic_sync.c: threads play CPUs that take interrupts, send them to each other and
 * reach for each other's state, all at once. None may wait for ever, and no interrupt may be lost.
 */
#include <stdlib.h>
#include <unistd.h>

#include "vgic_fixture.h"

#define CPUS     4
#define ROUNDS   30000
#define FIRST    32
#define SPIS     12 /* of which the even ones are edges */
#define SGIS     8
#define TIME_MAX 900 /* seconds until a test counts as hung */

/* How often each interrupt was raised, and taken; and when it was last, in one order for all. */
struct record {
    uint64_t clock;
    uint64_t raised_at[CPUS][FIRST + SPIS]; /* private ones: by target; SPIs: in [0] */
    uint64_t taken_at[CPUS][FIRST + SPIS];
    unsigned taken;
    unsigned quiet; /* CPUs that have done all their rounds */
};

static struct record record;
static uint32_t device_line; /* of the levels: what the devices drive */

struct cpu_thread {
    pthread_t thread;
    unsigned cpu;
    unsigned seed;
    void (*step_fn)(struct cpu_thread *self);
};

static unsigned choose(struct cpu_thread *self, unsigned below)
{
    return (unsigned)rand_r(&self->seed) % below;
}

static uint64_t tick(void)
{
    return __atomic_add_fetch(&record.clock, 1, __ATOMIC_SEQ_CST);
}

static void store(uint64_t *at, uint64_t v)
{
    __atomic_store_n(at, v, __ATOMIC_SEQ_CST);
}

static uint64_t do_mmio(struct cpu_thread *self, bool redist, uint64_t offset, uint8_t size,
                        bool write, uint64_t value)
{
    struct mmio_access access = {
        .offset = offset, .size = size, .write = write, .value = value, .vcpu = (uint8_t)self->cpu};

    if (redist)
        fake_require(vgic_redist_access(&redists, &access) == MMIO_OK);
    else
        fake_require(vgic_dist_access(&vgic, &access) == MMIO_OK);
    return access.value;
}

/* A device's level, which its handler will take away; only one thread moves it at a time. */
static void drive(uint32_t intid, bool level)
{
    static spinlock_t lock;

    spin_lock(&lock);
    if (level)
        device_line |= UINT32_C(1) << (intid - FIRST);
    else
        device_line &= ~(UINT32_C(1) << (intid - FIRST));
    vgic_set_line(&vgic, intid, level);
    spin_unlock(&lock);
}

static bool is_level(uint32_t intid)
{
    return intid >= FIRST && intid % 2 != 0;
}

/* Take what there is, as a guest does. What is taken twice at once breaks gich's rules. */
static void take(unsigned cpu)
{
    uint32_t intid = fake_guest_ack();

    if (intid == FAKE_SPURIOUS)
        return;
    store(&record.taken_at[intid < FIRST ? cpu : 0][intid], tick());
    __atomic_fetch_add(&record.taken, 1, __ATOMIC_RELAXED);
    if (is_level(intid))
        drive(intid, false);
    settle();
    fake_guest_eoi(intid);
    settle();
}

static void raise_edge(struct cpu_thread *self)
{
    uint32_t intid = FIRST + choose(self, SPIS / 2) * 2;

    store(&record.raised_at[0][intid], tick());
    vgic_set_line(&vgic, intid, true);
    vgic_set_line(&vgic, intid, false);
}

static void raise_sgi(struct cpu_thread *self)
{
    uint32_t intid = choose(self, SGIS);
    unsigned list = choose(self, 1 << CPUS);

    for (unsigned i = 0; i < CPUS; i++) {
        if ((list >> i & 1) != 0)
            store(&record.raised_at[i][intid], tick());
    }
    vgic_send_sgi(&vgic, self->cpu, FIELD_PREP(ICC_SGIR_INTID, intid) | list, true);
}

/* Reads of state that lies in others' LRs, and writes that change nothing that counts. */
static void look(struct cpu_thread *self)
{
    unsigned other = choose(self, CPUS);
    uint64_t frame = other * GICR_SIZE + GICR_SGI_BASE;

    switch (choose(self, 7)) {
    case 0:
        do_mmio(self, true, frame + GICD_ISPENDR, 4, false, 0);
        break;
    case 1:
        do_mmio(self, false, GICD_ISACTIVER + 4, 4, false, 0);
        break;
    case 2:
        do_mmio(self, true, frame + GICD_IPRIORITYR + choose(self, SGIS), 1, true,
                choose(self, 30) * 8);
        break;
    case 3:
        do_mmio(self, false, GICD_IPRIORITYR + FIRST + choose(self, SPIS), 1, true,
                choose(self, 30) * 8);
        break;
    case 4:
        do_mmio(self, false, GICD_CTLR, 4, true, GICD_CTLR_EnableGrp1);
        break;
    case 5:
        do_mmio(self, true, frame + GICD_ICACTIVER, 4, true, UINT32_C(0xff00));
        break;
    default:
        do_mmio(self, false, GICD_ICPENDR + 4, 4, true, UINT32_C(0xff000000));
        break;
    }
}

/* Disable and enable, or reroute: what is pending stays so. */
static void disturb(struct cpu_thread *self)
{
    unsigned other = choose(self, CPUS);
    uint32_t bit = UINT32_C(1) << choose(self, SPIS);
    uint64_t frame = other * GICR_SIZE + GICR_SGI_BASE;

    switch (choose(self, 4)) {
    case 0:
        do_mmio(self, false, GICD_ICENABLER + 4, 4, true, bit);
        do_mmio(self, false, GICD_ISENABLER + 4, 4, true, bit);
        break;
    case 1:
        do_mmio(self, true, frame + GICD_ICENABLER, 4, true, 0xf);
        do_mmio(self, true, frame + GICD_ISENABLER, 4, true, 0xf);
        break;
    case 2:
        do_mmio(self, false, GICD_IROUTER + 8 * (FIRST + choose(self, SPIS)), 8, true,
                choose(self, 3) == 0 ? GICD_IROUTER_IRM : other);
        break;
    default:
        do_mmio(self, true, other * GICR_SIZE + GICR_WAKER, 4, true, 2);
        do_mmio(self, true, other * GICR_SIZE + GICR_WAKER, 4, true, 0);
        break;
    }
}

static void step_any(struct cpu_thread *self)
{
    switch (choose(self, 8)) {
    case 0:
    case 1:
        raise_edge(self);
        break;
    case 2:
    case 3:
        raise_sgi(self);
        break;
    case 4:
        drive(FIRST + 1 + choose(self, SPIS / 2) * 2, true);
        break;
    case 5:
        look(self);
        break;
    default:
        disturb(self);
        break;
    }
}

/* All reach for one another all the time. */
static void step_hold(struct cpu_thread *self)
{
    unsigned other = (self->cpu + 1 + choose(self, CPUS - 1)) % CPUS;

    raise_sgi(self);
    do_mmio(self, true, other * GICR_SIZE + GICR_SGI_BASE + GICD_ISPENDR, 4, false, 0);
}

static bool line_is_up(uint32_t intid)
{
    return (__atomic_load_n(&device_line, __ATOMIC_ACQUIRE) >> (intid - FIRST) & 1) != 0;
}

static bool is_taken(unsigned cpu, uint32_t intid)
{
    return __atomic_load_n(&record.taken_at[cpu][intid], __ATOMIC_SEQ_CST) >
           record.raised_at[cpu][intid];
}

/*
 * Each CPU raises interrupts of its own one by one, and waits until another has taken it: so that
 * one whose kick was lost is not found by chance with the next.
 */
static void step_relay(struct cpu_thread *self)
{
    unsigned other = (self->cpu + 1 + choose(self, CPUS - 1)) % CPUS;
    unsigned kind = choose(self, 4);
    uint32_t intid = kind == 0 ? self->cpu : FIRST + self->cpu * 2 + kind % 2;
    unsigned slot = kind == 0 ? other : 0;

    if (kind != 0 && choose(self, 2) == 0)
        do_mmio(self, false, GICD_IROUTER + 8 * intid, 8, true, other);
    store(&record.raised_at[slot][intid], tick());
    if (kind == 0)
        vgic_send_sgi(&vgic, self->cpu, FIELD_PREP(ICC_SGIR_INTID, intid) | 1 << other, true);
    else
        drive(intid, true);
    if (kind == 2)
        drive(intid, false);
    if (kind > 1 && choose(self, 2) == 0)
        do_mmio(self, false, GICD_IROUTER + 8 * intid, 8, true, (other + 1) % CPUS);
    while (!is_taken(slot, intid) || (is_level(intid) && line_is_up(intid))) {
        settle();
        take(self->cpu);
        sched_yield();
    }
}

/* CPUs 1 and up go off and on under the others' hands. */
static void step_power(struct cpu_thread *self)
{
    if (self->cpu != 0 && choose(self, 8) == 0) {
        fake_guest[self->cpu].depth = 0;
        vgic_cpu_off(&vgic, self->cpu);
        for (unsigned i = choose(self, 20); i > 0; i--)
            settle();
        vgic_cpu_on(&vgic, self->cpu);
    }
    step_any(self);
}

/* Do the rounds, then go on taking interrupts until every CPU is through and nothing is left. */
static void *run(void *arg)
{
    struct cpu_thread *self = arg;

    fake_cpu_index = self->cpu;
    for (unsigned i = 0; i < ROUNDS; i++) {
        self->step_fn(self);
        settle();
        take(self->cpu);
    }
    __atomic_fetch_add(&record.quiet, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&record.quiet, __ATOMIC_SEQ_CST) < CPUS) {
        settle();
        take(self->cpu);
        sched_yield();
    }
    return NULL;
}

/* Every step has left all enabled and awake: the CPUs have but to take what they were told of. */
static void drain(void)
{
    for (unsigned round = 0; round < 100; round++) {
        for (fake_cpu_index = 0; fake_cpu_index < CPUS; fake_cpu_index++) {
            settle();
            take(fake_cpu_index);
        }
    }
    for (unsigned i = 0; i < CPUS; i++)
        expect_none(i);
}

static void check_none_lost(void)
{
    assert_int_equal(device_line, 0);
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        for (uint32_t intid = 0; intid < FIRST + SPIS; intid++) {
            if (record.taken_at[cpu][intid] < record.raised_at[cpu][intid])
                fail_msg("INTID %u of CPU %u: raised at %lu, taken last at %lu", intid, cpu,
                         record.raised_at[cpu][intid], record.taken_at[cpu][intid]);
        }
        assert_int_equal(bits_read(cpu, GICD_ISPENDR, 0), 0);
        assert_int_equal(bits_read(cpu, GICD_ISACTIVER, 0), 0);
    }
    assert_int_equal(dist_read(GICD_ISPENDR + 4), 0);
    assert_int_equal(dist_read(GICD_ISACTIVER + 4), 0);
}

static void race(void (*step_fn)(struct cpu_thread *self), unsigned nr_lrs)
{
    struct cpu_thread cpu[CPUS];

    memset(&record, 0, sizeof(record));
    device_line = 0;
    vgic_start_ready(CPUS, nr_lrs);
    dist_write(GICD_ICFGR + 8, 0x22222222);
    for (uint32_t i = 0; i < SPIS; i++)
        irq_route(FIRST + i, i % CPUS);
    for (unsigned i = 0; i < CPUS; i++)
        bits_write(i, GICD_ISENABLER, 0, (1 << SGIS) - 1);
    dist_write(GICD_ISENABLER + 4, (1 << SPIS) - 1);
    alarm(TIME_MAX); /* a deadlock ends the test */
    for (unsigned i = 0; i < CPUS; i++) {
        cpu[i] = (struct cpu_thread){.cpu = i, .seed = 77 + i + 100 * nr_lrs, .step_fn = step_fn};
        fake_require(pthread_create(&cpu[i].thread, NULL, run, &cpu[i]) == 0);
    }
    for (unsigned i = 0; i < CPUS; i++)
        pthread_join(cpu[i].thread, NULL);
    drain();
    check_none_lost();
    alarm(0);
    assert_true(record.taken > ROUNDS);
}

static void anything_at_once(void **state)
{
    (void)state;
    race(step_any, 4);
}

static void with_few_lrs(void **state)
{
    (void)state;
    race(step_any, 2);
}

static void holding_each_other(void **state)
{
    (void)state;
    race(step_hold, 4);
}

static void one_by_one(void **state)
{
    (void)state;
    race(step_relay, 4);
}

static void cpus_that_come_and_go(void **state)
{
    (void)state;
    race(step_power, 4);
}

static void *read_pending_of_1(void *arg)
{
    struct cpu_thread *self = arg;

    fake_cpu_index = self->cpu;
    do_mmio(self, true, GICR_SIZE + GICR_SGI_BASE + GICD_ISPENDR, 4, false, 0);
    return NULL;
}

static bool is_locked(void)
{
    return __atomic_load_n(&vgic.lock.locked, __ATOMIC_ACQUIRE) != 0;
}

/* CPUs that wait for another one don't contend with it for the lock it must take to come. */
static void waiting_without_the_lock(void **state)
{
    (void)state;
    struct cpu_thread waiter[] = {{.cpu = 0}, {.cpu = 2}, {.cpu = 3}};

    vgic_start_ready(CPUS, 4);
    alarm(TIME_MAX);
    for (unsigned i = 0; i < ARRAY_SIZE(waiter); i++)
        fake_require(pthread_create(&waiter[i].thread, NULL, read_pending_of_1, &waiter[i]) == 0);
    while (__atomic_load_n(&vgic.vcpu[1].holds, __ATOMIC_ACQUIRE) < ARRAY_SIZE(waiter) ||
           is_locked())
        sched_yield();
    for (unsigned i = 0; i < ROUNDS; i++) {
        assert_false(is_locked());
        sched_yield();
    }
    fake_cpu_index = 1;
    settle(); /* returns when nobody holds it any more */
    for (unsigned i = 0; i < ARRAY_SIZE(waiter); i++)
        pthread_join(waiter[i].thread, NULL);
    alarm(0);
    assert_int_equal(vgic.vcpu[1].holds, 0);
    assert_false(vgic.vcpu[1].folded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(anything_at_once),      cmocka_unit_test(with_few_lrs),
        cmocka_unit_test(holding_each_other),    cmocka_unit_test(one_by_one),
        cmocka_unit_test(cpus_that_come_and_go), cmocka_unit_test(waiting_without_the_lock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
