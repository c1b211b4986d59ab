/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backend that takes its time behind the virtio-mmio transport: requests in flight, ended from
 * another CPU (a thread), stopped and reset meanwhile; a configuration space that changes.
 */
#include "virtio_mmio_fixture.h"

#include <pthread.h>
#include <sched.h>

#define MAX_FLIGHT 64

/* A request in flight, as the backend keeps it. */
struct flight {
    unsigned queue;
    uint16_t head;
    unsigned resets; /* as many as there were when it was taken */
};

static pthread_mutex_t flight_lock = PTHREAD_MUTEX_INITIALIZER;
static struct flight flight[MAX_FLIGHT];
static unsigned nr_flight;
static unsigned cancels;
static unsigned resets;
static bool over;

static enum virtio_outcome keep(void *ctx, struct virtio_request *r)
{
    (void)ctx;
    pthread_mutex_lock(&flight_lock);
    assert_true(nr_flight < MAX_FLIGHT);
    flight[nr_flight++] = (struct flight){r->queue, r->chain.head, resets};
    served[r->queue]++;
    pthread_mutex_unlock(&flight_lock);
    return VIRTIO_IN_FLIGHT;
}

/* End the request of flight[i], holding the backend's own lock as a real one may. */
static void end(unsigned i, bool answer)
{
    struct flight f = flight[i];

    flight[i] = flight[--nr_flight];
    if (answer)
        virtio_queue_complete(&slot, f.queue, f.head, f.head + 100U);
    else
        virtio_queue_abandon(&slot, f.queue);
}

static void cancel(void *ctx, unsigned queue)
{
    (void)ctx;
    pthread_mutex_lock(&flight_lock);
    cancels++;
    for (unsigned i = nr_flight; i-- > 0;) {
        if (flight[i].queue == queue)
            end(i, false);
    }
    pthread_mutex_unlock(&flight_lock);
}

static const struct virtio_backend_ops slow_ops = {.serve_fn = keep, .cancel_fn = cancel};
static struct virtio_backend slow;

static void use_ops(const struct virtio_backend_ops *with)
{
    const struct irq_line line = {test_irq_set, &irq, 48};

    slow = backend;
    slow.ops = with;
    virtio_mmio_init(&slot, &slow, &test_mem, &line);
}

static int setup_slow(void **state)
{
    setup(state);
    nr_flight = 0;
    cancels = 0;
    resets = 0;
    over = false;
    use_ops(&slow_ops);
    return 0;
}

static void test_completed_later(void **state)
{
    static const uint16_t order[] = {2, 0, 1};
    uint32_t id, len;

    (void)state;
    start(F_TRANSPORT);
    for (uint16_t i = 0; i < 3; i++)
        driver_offer(&drv, i);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    assert_int_equal(nr_flight, 3);
    assert_false(driver_take(&drv, &id, &len));
    assert_false(irq.level);
    for (unsigned i = 0; i < 3; i++) {
        virtio_queue_complete(&slot, 0, order[i], 7 + i);
        assert_true(driver_take(&drv, &id, &len));
        assert_int_equal(id, order[i]);
        assert_int_equal(len, 7 + i);
        *driver_used_event(&drv) = 2;
        assert_int_equal(irq.rises, i == 0 ? 1 : i == 1 ? 1 : 2);
        wr(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
    }
    wr(VIRTIO_MMIO_STATUS, 0); /* nothing to wait for */
    assert_int_equal(cancels, 0);
}

/* The backend can't do it: the driver, which would wait for ever, is told. */
static void test_abandoned(void **state)
{
    (void)state;
    start(F_TRANSPORT);
    driver_offer(&drv, 0);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    virtio_queue_abandon(&slot, 0);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), RUNNING | NEEDS_RESET);
    assert_int_equal(rd(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_CONFIG);
    assert_int_equal(driver_used(&drv)->idx, 0);
    wr(VIRTIO_MMIO_STATUS, 0);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), 0);
    assert_false(irq.level);
}

/* Two queues with two requests in flight each. */
static void start_two(struct driver *second)
{
    start(F_TRANSPORT);
    *second = driver_init(1, 8);
    assert_true(add_queue(1, second));
    for (uint16_t i = 0; i < 2; i++) {
        put_desc(second->desc, i, DATA, 16, 0, 0);
        driver_offer(&drv, i);
        driver_offer(second, i);
    }
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 1);
    assert_int_equal(nr_flight, 4);
}

static void test_reset_cancels(void **state)
{
    struct driver second;

    (void)state;
    for (unsigned way = 0; way < 2; way++) {
        start_two(&second);
        if (way == 0)
            wr(VIRTIO_MMIO_STATUS, 0);
        else
            virtio_mmio_reset(&slot);
        assert_int_equal(nr_flight, 0);
        assert_int_equal(rd(VIRTIO_MMIO_STATUS), 0);
        assert_int_equal(rd(VIRTIO_MMIO_INTERRUPT_STATUS), 0);
        assert_int_equal(irq.rises, 0);
        assert_int_equal(driver_used(&drv)->idx, 0);
    }
    start(F_TRANSPORT); /* and it works again */
    driver_offer(&drv, 3);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    virtio_queue_complete(&slot, 0, 3, 0);
    assert_int_equal(driver_used(&drv)->idx, 1);
}

static void cancel_all(void *ctx, unsigned queue)
{
    for (unsigned i = 0; i < NR_QUEUES; i++)
        cancel(ctx, i);
    assert_int_equal(queue, 0); /* nothing is left for the second */
}

/* A backend that can only drop all at once is as good: no driver hears of what a reset takes. */
static void test_reset_cancels_all_at_once(void **state)
{
    static const struct virtio_backend_ops with = {.serve_fn = keep, .cancel_fn = cancel_all};
    struct driver second;

    (void)state;
    use_ops(&with);
    start_two(&second);
    wr(VIRTIO_MMIO_STATUS, 0);
    assert_int_equal(nr_flight, 0);
    assert_int_equal(irq.rises, 0);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), 0);
}

/* QueueReady = 0 ends the requests of this queue; the other goes on. */
static void test_one_queue_stops(void **state)
{
    struct driver second;

    (void)state;
    start_two(&second);
    wr(VIRTIO_MMIO_QUEUE_SEL, 0);
    wr(VIRTIO_MMIO_QUEUE_READY, 0);
    assert_int_equal(rd(VIRTIO_MMIO_QUEUE_READY), 0);
    assert_int_equal(nr_flight, 2);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), RUNNING);
    virtio_queue_complete(&slot, 1, 1, 0);
    assert_int_equal(driver_used(&second)->idx, 1);
    assert_int_equal(driver_used(&drv)->idx, 0);
    assert_true(irq.level);
}

/* A backend without cancel_fn ends its requests by itself, and a reset waits for that. */
static void *end_one_late(void *arg)
{
    while (__atomic_load_n(&slot.queue[0].vq.size, __ATOMIC_ACQUIRE) != 0)
        sched_yield(); /* until the reset has begun */
    *(bool *)arg = true;
    virtio_queue_complete(&slot, 0, 0, 0);
    return NULL;
}

static void test_reset_waits(void **state)
{
    static const struct virtio_backend_ops patient = {.serve_fn = keep};
    bool ended = false;
    pthread_t cpu;

    (void)state;
    use_ops(&patient);
    start(F_TRANSPORT);
    driver_offer(&drv, 0);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    assert_int_equal(pthread_create(&cpu, NULL, end_one_late, &ended), 0);
    wr(VIRTIO_MMIO_STATUS, 0);
    assert_true(ended);
    pthread_join(cpu, NULL);
    assert_int_equal(driver_used(&drv)->idx, 0); /* too late for an answer */
    assert_false(irq.level);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), 0);
}

static unsigned gate; /* calls of keep_behind_gate() that have come to it */
static bool gate_is_open;

static enum virtio_outcome keep_behind_gate(void *ctx, struct virtio_request *r)
{
    __atomic_fetch_add(&gate, 1, __ATOMIC_ACQ_REL);
    while (!__atomic_load_n(&gate_is_open, __ATOMIC_ACQUIRE))
        sched_yield();
    return keep(ctx, r);
}

static enum virtio_outcome keep_then_gate(void *ctx, struct virtio_request *r)
{
    enum virtio_outcome kept = keep(ctx, r);

    __atomic_fetch_add(&gate, 1, __ATOMIC_ACQ_REL);
    while (!__atomic_load_n(&gate_is_open, __ATOMIC_ACQUIRE))
        sched_yield();
    return kept;
}

static void cancel_and_open(void *ctx, unsigned queue)
{
    cancel(ctx, queue);
    __atomic_store_n(&gate_is_open, true, __ATOMIC_RELEASE);
}

static void *notify_queue(void *arg)
{
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, *(const uint32_t *)arg);
    return NULL;
}

/* One CPU is in serve_fn with queue 0's first request. */
static pthread_t enter_gate(const struct virtio_backend_ops *with)
{
    static const uint32_t first = 0;
    pthread_t cpu;

    use_ops(with);
    gate = 0;
    gate_is_open = false;
    start(F_TRANSPORT);
    driver_offer(&drv, 0);
    assert_int_equal(pthread_create(&cpu, NULL, notify_queue, (void *)(uintptr_t)&first), 0);
    while (__atomic_load_n(&gate, __ATOMIC_ACQUIRE) == 0)
        sched_yield();
    return cpu;
}

/* The first cancel_fn finds nothing, since the request is still on its way to the backend. */
static void test_cancelled_on_its_way(void **state)
{
    static const struct virtio_backend_ops gated = {.serve_fn = keep_behind_gate,
                                                    .cancel_fn = cancel_and_open};
    pthread_t cpu = enter_gate(&gated);

    (void)state;
    wr(VIRTIO_MMIO_STATUS, 0);
    assert_true(cancels >= 2);
    assert_int_equal(nr_flight, 0);
    pthread_join(cpu, NULL);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), 0);
}

/* All requests have come back, but a CPU is still at the queue: it must not take from the next. */
static void test_reset_waits_for_the_server(void **state)
{
    static const struct virtio_backend_ops gated = {.serve_fn = keep_then_gate,
                                                    .cancel_fn = cancel_and_open};
    pthread_t cpu = enter_gate(&gated);

    (void)state;
    nr_flight = 0;
    virtio_queue_complete(&slot, 0, 0, 0);
    wr(VIRTIO_MMIO_STATUS, 0);
    assert_true(gate_is_open);
    assert_false(slot.queue[0].serving);
    pthread_join(cpu, NULL);
}

/* While the backend works, nobody waits: not for this queue, not for another, not for a register.
 */
static void test_nobody_waits(void **state)
{
    static const struct virtio_backend_ops gated = {.serve_fn = keep_behind_gate,
                                                    .cancel_fn = cancel};
    struct driver second = driver_init(1, 8);
    pthread_t cpu = enter_gate(&gated);

    (void)state;
    driver_offer(&drv, 1);
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0); /* left to the CPU that serves already */
    assert_int_equal(gate, 1);
    assert_int_equal(rd(VIRTIO_MMIO_STATUS), RUNNING);
    assert_true(add_queue(1, &second));
    wr(VIRTIO_MMIO_QUEUE_NOTIFY, 1);
    wr(VIRTIO_MMIO_INTERRUPT_ACK, UINT32_MAX);
    __atomic_store_n(&gate_is_open, true, __ATOMIC_RELEASE);
    pthread_join(cpu, NULL);
    assert_int_equal(served[0], 2);
}

/* The device's CPU: ends what is in flight. Nothing from before a reset may be left. */
static void *end_all(void *arg)
{
    (void)arg;
    while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
        pthread_mutex_lock(&flight_lock);
        for (unsigned i = nr_flight; i-- > 0;) {
            assert_int_equal(flight[i].resets, resets);
            end(i, true);
        }
        pthread_mutex_unlock(&flight_lock);
        sched_yield();
    }
    return NULL;
}

#define ROUNDS 500

/* Requests on two queues, ended by another CPU, with a reset whenever it comes. */
static void test_resets_under_load(void **state)
{
    pthread_t cpu;
    unsigned before = 0;

    (void)state;
    assert_int_equal(pthread_create(&cpu, NULL, end_all, NULL), 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct driver second = driver_init(1, 8);

        start(F_TRANSPORT);
        assert_true(add_queue(1, &second));
        for (uint16_t n = 0; n < 8; n++) {
            put_desc(second.desc, n, DATA, 16, 0, 0);
            driver_offer(&drv, n);
            driver_offer(&second, n);
            wr(VIRTIO_MMIO_QUEUE_NOTIFY, n & 1);
        }
        wr(VIRTIO_MMIO_STATUS, 0);
        pthread_mutex_lock(&flight_lock);
        assert_int_equal(nr_flight, 0);
        resets++;
        pthread_mutex_unlock(&flight_lock);
        assert_int_equal(rd(VIRTIO_MMIO_STATUS), 0);
        assert_int_equal(rd(VIRTIO_MMIO_INTERRUPT_STATUS), 0);
        assert_true(served[0] + served[1] >= before + 15);
        before = served[0] + served[1];
    }
    __atomic_store_n(&over, true, __ATOMIC_RELEASE);
    pthread_join(cpu, NULL);
}

/* Every request that is offered comes back once, whoever ends it. */
static void test_all_come_back(void **state)
{
    unsigned back = 0, offered = 0;
    uint32_t id, len;
    pthread_t cpu;

    (void)state;
    start(BIT(VIRTIO_F_VERSION_1));
    assert_int_equal(pthread_create(&cpu, NULL, end_all, NULL), 0);
    while (back < 4 * ROUNDS) {
        if (offered < back + 8 && offered < 4 * ROUNDS) {
            driver_offer(&drv, (uint16_t)(offered++ % 8));
            wr(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
        }
        while (driver_take(&drv, &id, &len)) {
            assert_int_equal(len, id + 100);
            back++;
        }
        if (rd(VIRTIO_MMIO_INTERRUPT_STATUS) != 0)
            wr(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
    }
    __atomic_store_n(&over, true, __ATOMIC_RELEASE);
    pthread_join(cpu, NULL);
    assert_int_equal(served[0], 4 * ROUNDS);
    wr(VIRTIO_MMIO_INTERRUPT_ACK, UINT32_MAX);
    assert_false(irq.level);
}

static void test_config_changes(void **state)
{
    static const uint8_t other[] = {0xa5, 0x5a};
    uint32_t before = rd(VIRTIO_MMIO_CONFIG_GENERATION);

    (void)state;
    virtio_mmio_set_config(&slot, 8, other, 1); /* nobody to tell yet */
    assert_false(irq.level);
    assert_int_not_equal(rd(VIRTIO_MMIO_CONFIG_GENERATION), before);
    assert_int_equal(read_sized(VIRTIO_MMIO_CONFIG + 8, 2), 0x19a5);
    start(F_TRANSPORT);
    before = rd(VIRTIO_MMIO_CONFIG_GENERATION);
    virtio_mmio_set_config(&slot, 2, other, 2);
    assert_int_equal(rd(VIRTIO_MMIO_CONFIG_GENERATION), before + 1);
    assert_int_equal(read_sized(VIRTIO_MMIO_CONFIG, 8), UINT64_C(0x171615145aa51110));
    assert_int_equal(rd(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_CONFIG);
    assert_true(irq.level);
    wr(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_CONFIG);
    assert_false(irq.level);
}

static void *change_config(void *arg)
{
    (void)arg;
    for (unsigned i = 0; !__atomic_load_n(&over, __ATOMIC_ACQUIRE); i++) {
        uint32_t both[2] = {i, i};

        virtio_mmio_set_config(&slot, 0, both, sizeof(both));
    }
    return NULL;
}

/* Between two equal generations, what is read belongs together ("Device Configuration Space"). */
static void test_config_is_consistent(void **state)
{
    pthread_t cpu;
    unsigned equal = 0;

    (void)state;
    start(F_TRANSPORT);
    memset(config, 0, sizeof(config));
    assert_int_equal(pthread_create(&cpu, NULL, change_config, NULL), 0);
    while (equal < ROUNDS) {
        uint32_t generation = rd(VIRTIO_MMIO_CONFIG_GENERATION);
        uint64_t low = read_sized(VIRTIO_MMIO_CONFIG, 4);
        uint64_t high = read_sized(VIRTIO_MMIO_CONFIG + 4, 4);
        uint64_t both = read_sized(VIRTIO_MMIO_CONFIG, 8);

        assert_int_equal(both >> 32, (uint32_t)both);
        if (rd(VIRTIO_MMIO_CONFIG_GENERATION) == generation) {
            assert_int_equal(low, high);
            equal++;
        }
        wr(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_CONFIG);
    }
    __atomic_store_n(&over, true, __ATOMIC_RELEASE);
    pthread_join(cpu, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_completed_later, setup_slow),
        cmocka_unit_test_setup(test_abandoned, setup_slow),
        cmocka_unit_test_setup(test_reset_cancels, setup_slow),
        cmocka_unit_test_setup(test_reset_cancels_all_at_once, setup_slow),
        cmocka_unit_test_setup(test_one_queue_stops, setup_slow),
        cmocka_unit_test_setup(test_reset_waits, setup_slow),
        cmocka_unit_test_setup(test_cancelled_on_its_way, setup_slow),
        cmocka_unit_test_setup(test_reset_waits_for_the_server, setup_slow),
        cmocka_unit_test_setup(test_nobody_waits, setup_slow),
        cmocka_unit_test_setup(test_resets_under_load, setup_slow),
        cmocka_unit_test_setup(test_all_come_back, setup_slow),
        cmocka_unit_test_setup(test_config_changes, setup_slow),
        cmocka_unit_test_setup(test_config_is_consistent, setup_slow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
