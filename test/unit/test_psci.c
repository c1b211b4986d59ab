/* SPDX-License-Identifier: Apache-2.0 */
/* PSCI: each function's answers and errors, what it asks of vm/power.c, and CPUs that race. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "regs.h"
#include "trap/psci.h"
#include "vm/power.h"
#include "vm/vm.h"

#define VERSION      0x84000000U
#define SUSPEND32    0x84000001U
#define SUSPEND64    0xc4000001U
#define OFF          0x84000002U
#define ON32         0x84000003U
#define ON64         0xc4000003U
#define AFFINITY32   0x84000004U
#define AFFINITY64   0xc4000004U
#define MIGRATE_TYPE 0x84000006U
#define SYSTEM_OFF   0x84000008U
#define SYSTEM_RESET 0x84000009U
#define FEATURES     0x8400000aU

enum {
    SUCCESS = 0,
    NOT_SUPPORTED = -1,
    INVALID_PARAMETERS = -2,
    ALREADY_ON = -4,
    ON_PENDING = -5,
    INVALID_ADDRESS = -9,
};

#define PC       UINT64_C(0x48001000)
#define RAM      UINT64_C(0x48000000)
#define RAM_SIZE UINT64_C(0x20000000)
#define HIGH_RAM UINT64_C(0x8000000000) /* beyond what a 32-bit convention can name */
#define OLD      UINT64_C(0x0101010101010101)
#define NR_VCPUS 6
#define CONTEXT  UINT64_C(0xfedcba9876543210)

/* Two clusters, and one vCPU that differs in Aff3. */
static const uint64_t affinity[NR_VCPUS] = {0x0, 0x1, 0x100, 0x101, 0x10000, UINT64_C(0x100000000)};

static struct vm vm;

/* What vm/power.c was asked for. */
static unsigned kicks[NR_VCPUS];
static unsigned nr_parked, nr_waits, nr_stops, nr_kills;
static bool stopped_for_reset;
static const char *kill_reason;
static struct vcpu *asked; /* the vCPU that the last request was for */

static bool racing; /* another thread may hold the lock */

static void expect_unlocked(void)
{
    assert_true(racing || vm.power_lock.locked == 0);
}

void power_kick(struct vcpu *target)
{
    __atomic_fetch_add(&kicks[target->index], 1, __ATOMIC_RELAXED);
}

/* Comes back as the real one does: somewhere else. */
static void start_elsewhere(struct vcpu *vcpu)
{
    vcpu->regs.x[0] = CONTEXT;
    vcpu->regs.pc = RAM;
    __atomic_store_n(&asked, vcpu, __ATOMIC_RELAXED);
}

void power_park(struct vcpu *vcpu)
{
    expect_unlocked();
    assert_int_equal(vcpu->power, VCPU_OFF);
    nr_parked++;
    start_elsewhere(vcpu);
}

void power_wait_for_interrupt(struct vcpu *vcpu)
{
    expect_unlocked();
    nr_waits++;
    asked = vcpu;
}

void power_stop_vm(struct vcpu *vcpu, bool reset)
{
    expect_unlocked();
    nr_stops++;
    stopped_for_reset = reset;
    start_elsewhere(vcpu);
}

void power_kill_vm(struct vcpu *vcpu, const char *reason)
{
    expect_unlocked();
    nr_kills++;
    kill_reason = reason;
    __atomic_store_n(&asked, vcpu, __ATOMIC_RELAXED);
}

static int set_up(void **state)
{
    (void)state;
    memset(&vm, 0, sizeof(vm));
    vm.nr_vcpus = NR_VCPUS;
    vm.mem.count = 2;
    vm.mem.region[0] = (struct ram_region){ipa(RAM), pa(RAM), RAM_SIZE};
    vm.mem.region[1] = (struct ram_region){ipa(HIGH_RAM), pa(RAM + RAM_SIZE), SIZE_2M};
    for (unsigned i = 0; i < NR_VCPUS; i++) {
        vm.vcpu[i].vm = &vm;
        vm.vcpu[i].index = i;
        vm.vcpu[i].mpidr = affinity[i] | MPIDR_RES1;
    }
    vm.vcpu[0].power = VCPU_ON;
    memset(kicks, 0, sizeof(kicks));
    nr_parked = nr_waits = nr_stops = nr_kills = 0;
    asked = NULL;
    return 0;
}

/* A call by vCPU `from`; x1 to x3 and all else keep what they had. */
static int64_t call_from(unsigned from, uint32_t function, uint64_t x1, uint64_t x2, uint64_t x3)
{
    struct guest_regs *r = &vm.vcpu[from].regs;
    struct guest_regs before;

    assert_true(psci_owns(function));
    for (unsigned i = 0; i < 31; i++)
        r->x[i] = OLD * i;
    r->x[0] = UINT64_C(0x7777777700000000) | function;
    r->x[1] = x1;
    r->x[2] = x2;
    r->x[3] = x3;
    r->pc = PC;
    r->pstate = PSR_M_EL1h;
    before = *r;
    psci_call(&vm.vcpu[from], function);
    assert_memory_equal(&r->x[1], &before.x[1], sizeof(r->x) - sizeof(r->x[0]));
    assert_int_equal(r->pstate, PSR_M_EL1h);
    assert_int_equal(vm.power_lock.locked, 0);
    return (int64_t)r->x[0];
}

static int64_t call(uint32_t function, uint64_t x1, uint64_t x2, uint64_t x3)
{
    int64_t result = call_from(0, function, x1, x2, x3);

    assert_int_equal(vm.vcpu[0].regs.pc, PC);
    return result;
}

static unsigned all_requests(void)
{
    unsigned sum = nr_parked + nr_waits + nr_stops + nr_kills;

    for (unsigned i = 0; i < NR_VCPUS; i++)
        sum += kicks[i];
    return sum;
}

static void version(void **state)
{
    (void)state;
    assert_int_equal(call(VERSION, 1, 2, 3), 0x10001);
    assert_int_equal(call(MIGRATE_TYPE, 0, 0, 0), 2);
    assert_int_equal(all_requests(), 0);
}

/* What PSCI_FEATURES promises is there, and what is there it promises. */
static void features(void **state)
{
    static const uint32_t served[] = {VERSION,    SUSPEND32,    SUSPEND64,    OFF,
                                      ON32,       ON64,         AFFINITY32,   AFFINITY64,
                                      SYSTEM_OFF, SYSTEM_RESET, MIGRATE_TYPE, FEATURES};
    unsigned found = 0;

    (void)state;
    for (uint32_t n = 0; n < 0x400; n++) {
        uint32_t function = (n & 0x200 ? 0xc4000000 : 0x84000000) | (n & 0x1ff);

        found += call(FEATURES, function, 0, 0) == SUCCESS;
    }
    assert_int_equal(found, ARRAY_SIZE(served));
    for (unsigned i = 0; i < ARRAY_SIZE(served); i++)
        assert_int_equal(call(FEATURES, served[i], 0, 0), SUCCESS);
    assert_int_equal(call(FEATURES, 0x80000000, 0, 0), SUCCESS); /* SMCCC_VERSION */
    assert_int_equal(call(FEATURES, UINT64_C(0xff00000084000000), 0, 0), SUCCESS);
    assert_int_equal(call(FEATURES, 0x80000001, 0, 0), NOT_SUPPORTED);
    assert_int_equal(call(FEATURES, 0, 0, 0), NOT_SUPPORTED);
    assert_int_equal(call(FEATURES, 0xffffffff, 0, 0), NOT_SUPPORTED);
}

static void unknown(void **state)
{
    static const uint32_t functions[] = {
        0xc4000000, 0xc4000002, 0xc4000006, 0xc4000008,
        0xc4000009, 0xc400000a, 0x84000005, 0xc4000005, /* MIGRATE */
        0x84000007, 0xc4000007,                         /* MIGRATE_INFO_UP_CPU */
        0x8400000b,                                     /* CPU_FREEZE */
        0x8400000c, 0xc400000c,                         /* CPU_DEFAULT_SUSPEND */
        0x8400000e, 0xc400000e,                         /* SYSTEM_SUSPEND */
        0x8400000f, 0x84000012,                         /* SET_SUSPEND_MODE, SYSTEM_RESET2 */
        0x84000013, 0x8400001f, 0xc400001f,
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(functions); i++)
        assert_int_equal(call(functions[i], 0, RAM, 0), NOT_SUPPORTED);
    assert_int_equal(all_requests(), 0);
    assert_false(psci_owns(0x84000020));
    assert_false(psci_owns(0x04000000));
    assert_false(psci_owns(0x80000000));
    assert_false(psci_owns(0x84010000));
}

static void turns_on(void **state)
{
    (void)state;
    for (unsigned i = 1; i < NR_VCPUS; i++) {
        assert_int_equal(call(ON64, affinity[i], RAM + 4 * i, CONTEXT + i), SUCCESS);
        assert_int_equal(vm.vcpu[i].power, VCPU_ON_PENDING);
        assert_int_equal(vm.vcpu[i].entry, RAM + 4 * i);
        assert_true(vm.vcpu[i].context == CONTEXT + i);
        assert_int_equal(kicks[i], 1);
    }
    assert_int_equal(all_requests(), NR_VCPUS - 1);
    assert_int_equal(vm.vcpu[0].power, VCPU_ON);
}

static void turns_on_32(void **state)
{
    (void)state;
    assert_int_equal(call(ON32, UINT64_C(0x900000101), UINT64_C(0x900000000) | RAM, CONTEXT),
                     SUCCESS);
    assert_int_equal(vm.vcpu[3].power, VCPU_ON_PENDING);
    assert_int_equal(vm.vcpu[3].entry, RAM);
    assert_int_equal(vm.vcpu[3].context, (uint32_t)CONTEXT);
    assert_int_equal(kicks[3], 1);
    assert_int_equal(all_requests(), 1);
}

static void high_addresses(void **state)
{
    (void)state;
    assert_int_equal(call(ON64, 1, HIGH_RAM, 0), SUCCESS);
    assert_int_equal(vm.vcpu[1].entry, HIGH_RAM);
    assert_int_equal(call(ON32, 0x100, HIGH_RAM | RAM, 0), SUCCESS);
    assert_int_equal(vm.vcpu[2].entry, RAM);
    /* Aff3 can't be named in 32 bits. */
    assert_int_equal(call(ON32, UINT64_C(0x100000001), RAM, 0), ON_PENDING);
    assert_int_equal(vm.vcpu[5].power, VCPU_OFF);
}

static void unknown_targets(void **state)
{
    static const uint64_t bad[] = {
        2,
        0x102,
        0x20000,
        UINT64_C(0x200000000),
        UINT64_C(0x80000001), /* MPIDR_EL1's RES1 bit is no affinity */
        UINT64_C(0x40000001), /* nor is U */
        UINT64_C(0x01000001), /* nor MT */
        UINT64_C(0x10000000001),
        ~UINT64_C(0),
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(call(ON64, bad[i], RAM, 0), INVALID_PARAMETERS);
    assert_int_equal(call(ON32, 2, RAM, 0), INVALID_PARAMETERS);
    assert_int_equal(call(ON64, 1 + NR_VCPUS, 1, 0), INVALID_PARAMETERS);
    vm.nr_vcpus = 2; /* those in the array's rest are no vCPUs */
    assert_int_equal(call(ON64, 0x100, RAM, 0), INVALID_PARAMETERS);
    assert_int_equal(all_requests(), 0);
}

static void bad_entries(void **state)
{
    static const uint64_t bad[] = {
        0,
        RAM - 4,
        RAM + RAM_SIZE,
        RAM + RAM_SIZE + 4,
        RAM + 1,
        RAM + 2,
        RAM + RAM_SIZE - 2,
        HIGH_RAM - 4,
        HIGH_RAM + SIZE_2M,
        ~UINT64_C(3),
        ~UINT64_C(0),
        0x09000000,
        UINT64_C(0xffff800048000000),
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(call(ON64, 1, bad[i], 0), INVALID_ADDRESS);
        assert_int_equal(vm.vcpu[1].power, VCPU_OFF);
    }
    assert_int_equal(call(ON32, 1, HIGH_RAM, 0), INVALID_ADDRESS); /* 0 in 32 bits */
    assert_int_equal(all_requests(), 0);
    assert_int_equal(call(ON64, 1, RAM + RAM_SIZE - 4, 0), SUCCESS);
}

static void not_off(void **state)
{
    (void)state;
    assert_int_equal(call(ON64, 0, RAM, 0), ALREADY_ON);
    vm.vcpu[1] = (struct vcpu){.vm = &vm,
                               .index = 1,
                               .mpidr = MPIDR_RES1 | 1,
                               .power = VCPU_ON_PENDING,
                               .entry = 8,
                               .context = 9};
    assert_int_equal(call(ON64, 1, RAM, 0), ON_PENDING);
    assert_int_equal(vm.vcpu[1].entry, 8);
    assert_int_equal(vm.vcpu[1].context, 9);
    vm.vcpu[1].power = VCPU_ON;
    assert_int_equal(call(ON64, 1, RAM, 0), ALREADY_ON);
    assert_int_equal(vm.vcpu[1].entry, 8);
    assert_int_equal(all_requests(), 0);
}

/* Parked, it starts elsewhere: the call must not write a result over that. */
static void off(void **state)
{
    (void)state;
    vm.vcpu[2].power = VCPU_ON;
    assert_int_equal(call_from(2, OFF, 0, 0, 0), (int64_t)CONTEXT);
    assert_int_equal(vm.vcpu[2].regs.pc, RAM);
    assert_int_equal(nr_parked, 1);
    assert_ptr_equal(asked, &vm.vcpu[2]);
    assert_int_equal(all_requests(), 1);
}

static void off_and_on(void **state)
{
    (void)state;
    vm.vcpu[2].power = VCPU_ON;
    call_from(2, OFF, 0, 0, 0);
    assert_int_equal(call(AFFINITY64, 0x100, 0, 0), 1);
    assert_int_equal(call(ON64, 0x100, RAM, 0), SUCCESS);
    assert_int_equal(call(AFFINITY64, 0x100, 0, 0), 2);
}

/* No vCPU is left that could turn one on. */
static void last_off(void **state)
{
    (void)state;
    call_from(0, OFF, 0, 0, 0);
    assert_int_equal(nr_kills, 1);
    assert_ptr_equal(asked, &vm.vcpu[0]);
    assert_string_equal(kill_reason, "all its CPUs are off");
    assert_int_equal(vm.vcpu[0].power, VCPU_OFF);
    assert_int_equal(all_requests(), 1);
}

static void last_off_but_pending(void **state)
{
    (void)state;
    vm.vcpu[NR_VCPUS - 1].power = VCPU_ON_PENDING;
    call_from(0, OFF, 0, 0, 0);
    assert_int_equal(nr_kills, 0);
    assert_int_equal(nr_parked, 1);
}

/* All others are off since another vCPU has asked for a reset: nothing is wrong. */
static void last_off_while_stopping(void **state)
{
    (void)state;
    vm.run_state = VM_RESETTING;
    call_from(0, OFF, 0, 0, 0);
    vm.vcpu[0].power = VCPU_ON;
    vm.run_state = VM_STOPPING;
    call_from(0, OFF, 0, 0, 0);
    assert_int_equal(nr_kills, 0);
    assert_int_equal(nr_parked, 2);
}

static void affinity_level_0(void **state)
{
    static const enum vcpu_power power[] = {VCPU_ON, VCPU_OFF, VCPU_ON_PENDING};

    (void)state;
    for (int64_t i = 0; i < 3; i++) {
        vm.vcpu[3].power = power[i];
        assert_int_equal(call(AFFINITY64, 0x101, 0, 0), i);
        assert_int_equal(call(AFFINITY32, UINT64_C(0x700000101), UINT64_C(0x700000000), 0), i);
        /* The level has 32 bits in either convention. */
        assert_int_equal(call(AFFINITY64, 0x101, UINT64_C(0x700000000), 0), i);
    }
    assert_int_equal(call(AFFINITY64, 0, 0, 0), 0);
    assert_int_equal(call(AFFINITY64, UINT64_C(0x100000000), 0, 0), 1);
    assert_int_equal(all_requests(), 0);
}

static void affinity_groups(void **state)
{
    (void)state;
    vm.vcpu[3].power = VCPU_ON_PENDING;
    assert_int_equal(call(AFFINITY64, 0x0, 1, 0), 0);   /* 0 is on, 1 off */
    assert_int_equal(call(AFFINITY64, 0x100, 1, 0), 2); /* 2 is off, 3 pending */
    assert_int_equal(call(AFFINITY64, 0x1ff, 1, 0), 2); /* fields below the level do not count */
    assert_int_equal(call(AFFINITY64, 0x10000, 1, 0), 1);
    assert_int_equal(call(AFFINITY64, 0x200, 1, 0), INVALID_PARAMETERS);
    assert_int_equal(call(AFFINITY64, 0x200, 2, 0), 0); /* 0 to 3 */
    assert_int_equal(call(AFFINITY64, 0x10000, 2, 0), 1);
    assert_int_equal(call(AFFINITY64, 0x20000, 2, 0), INVALID_PARAMETERS);
    assert_int_equal(call(AFFINITY64, 0x20000, 3, 0), 0); /* all but the last */
    assert_int_equal(call(AFFINITY64, UINT64_C(0x100ffffff), 3, 0), 1);
    assert_int_equal(call(AFFINITY64, UINT64_C(0x200000000), 3, 0), INVALID_PARAMETERS);
}

/* Each order of states gives the same. */
static void affinity_merges(void **state)
{
    static const int64_t result[3][3] = {{1, 2, 0}, {2, 2, 0}, {0, 0, 0}}; /* off, pending, on */

    (void)state;
    for (unsigned a = 0; a < 3; a++) {
        for (unsigned b = 0; b < 3; b++) {
            vm.vcpu[2].power = a;
            vm.vcpu[3].power = b;
            assert_int_equal(call(AFFINITY64, 0x100, 1, 0), result[a][b]);
        }
    }
}

static void affinity_errors(void **state)
{
    (void)state;
    assert_int_equal(call(AFFINITY64, 0x102, 0, 0), INVALID_PARAMETERS);
    assert_int_equal(call(AFFINITY64, 0, 4, 0), INVALID_PARAMETERS);
    assert_int_equal(call(AFFINITY64, 0, 0xffffffff, 0), INVALID_PARAMETERS);
    assert_int_equal(call(AFFINITY32, 0, 9, 0), INVALID_PARAMETERS);
    assert_int_equal(call(AFFINITY64, UINT64_C(0x80000000), 0, 0), INVALID_PARAMETERS);
    assert_int_equal(call(AFFINITY64, UINT64_C(0x80000000), 3, 0), INVALID_PARAMETERS);
    assert_int_equal(call(AFFINITY64, UINT64_C(0x10000000000), 3, 0), INVALID_PARAMETERS);
    assert_int_equal(call(AFFINITY64, ~UINT64_C(0), 3, 0), INVALID_PARAMETERS);
}

static void suspend(void **state)
{
    static const uint32_t functions[] = {SUSPEND32, SUSPEND64};
    static const uint32_t states[] = {0, 1, 0xffff, 0x01000000, 0x0300ffff};

    (void)state;
    for (unsigned f = 0; f < 2; f++) {
        for (unsigned i = 0; i < ARRAY_SIZE(states); i++) {
            nr_waits = 0;
            /* A standby's entry point does not matter. */
            assert_int_equal(call(functions[f], UINT64_C(0xff00000000) | states[i], 3, 0), SUCCESS);
            assert_int_equal(nr_waits, 1);
            assert_ptr_equal(asked, &vm.vcpu[0]);
            nr_waits = 0;
            assert_int_equal(call(functions[f], 0x10000 | states[i], RAM + 8, CONTEXT), SUCCESS);
            assert_int_equal(nr_waits, 1);
        }
    }
    nr_waits = 0;
    assert_int_equal(call(SUSPEND64, 0x10000, HIGH_RAM, CONTEXT), SUCCESS);
    nr_waits = 0;
    assert_int_equal(vm.vcpu[0].power, VCPU_ON);
    assert_int_equal(all_requests(), 0);
}

static void suspend_errors(void **state)
{
    (void)state;
    for (unsigned bit = 17; bit < 32; bit++) {
        if (bit != 24 && bit != 25)
            assert_int_equal(call(SUSPEND64, UINT64_C(1) << bit, RAM, 0), INVALID_PARAMETERS);
    }
    assert_int_equal(call(SUSPEND32, 0xffffffff, RAM, 0), INVALID_PARAMETERS);
    assert_int_equal(call(SUSPEND64, 0x10000, RAM + 1, 0), INVALID_ADDRESS);
    assert_int_equal(call(SUSPEND64, 0x1010000, RAM + RAM_SIZE, 0), INVALID_ADDRESS);
    assert_int_equal(call(SUSPEND32, 0x10000, HIGH_RAM, 0), INVALID_ADDRESS);
    assert_int_equal(all_requests(), 0);
}

/* A reset starts the guest again: no result goes over its registers. */
static void system_stops(void **state)
{
    (void)state;
    assert_int_equal(call_from(0, SYSTEM_OFF, 1, 2, 3), (int64_t)CONTEXT);
    assert_int_equal(nr_stops, 1);
    assert_false(stopped_for_reset);
    vm.vcpu[4].power = VCPU_ON;
    assert_int_equal(call_from(4, SYSTEM_RESET, 1, 2, 3), (int64_t)CONTEXT);
    assert_int_equal(nr_stops, 2);
    assert_true(stopped_for_reset);
    assert_ptr_equal(asked, &vm.vcpu[4]);
    assert_int_equal(vm.vcpu[4].regs.pc, RAM);
    assert_int_equal(all_requests(), 2);
}

#define ROUNDS 2000
#define RACERS 3

static pthread_barrier_t start_line;
static int64_t answer[RACERS];

/* Each vCPU below RACERS tries to start the last vCPU, with a context that names it. */
static void *race_thread(void *arg)
{
    struct vcpu *vcpu = arg;

    for (unsigned round = 0; round < ROUNDS; round++) {
        vcpu->regs.x[0] = ON64;
        vcpu->regs.x[1] = affinity[NR_VCPUS - 1];
        vcpu->regs.x[2] = RAM + 4 * vcpu->index;
        vcpu->regs.x[3] = vcpu->index;
        pthread_barrier_wait(&start_line);
        psci_call(vcpu, ON64);
        answer[vcpu->index] = (int64_t)vcpu->regs.x[0];
        pthread_barrier_wait(&start_line);
        pthread_barrier_wait(&start_line); /* the judge has spoken */
    }
    return NULL;
}

static void judge(const struct vcpu *victim)
{
    unsigned winner = RACERS;

    for (unsigned i = 0; i < RACERS; i++) {
        if (answer[i] == SUCCESS) {
            assert_int_equal(winner, RACERS);
            winner = i;
        } else {
            assert_int_equal(answer[i], ON_PENDING);
        }
    }
    assert_in_range(winner, 0, RACERS - 1);
    assert_int_equal(victim->power, VCPU_ON_PENDING);
    assert_int_equal(victim->context, winner);
    assert_int_equal(victim->entry, RAM + 4 * winner);
}

static void race(void **state)
{
    struct vcpu *victim = &vm.vcpu[NR_VCPUS - 1];
    pthread_t thread[RACERS];

    (void)state;
    pthread_barrier_init(&start_line, NULL, RACERS + 1);
    for (unsigned i = 0; i < RACERS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, race_thread, &vm.vcpu[i]), 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        victim->power = VCPU_OFF;
        pthread_barrier_wait(&start_line);
        pthread_barrier_wait(&start_line);
        judge(victim);
        pthread_barrier_wait(&start_line);
    }
    for (unsigned i = 0; i < RACERS; i++)
        pthread_join(thread[i], NULL);
    pthread_barrier_destroy(&start_line);
    assert_int_equal(kicks[NR_VCPUS - 1], ROUNDS);
}

static void *off_thread(void *arg)
{
    struct vcpu *vcpu = arg;

    vcpu->regs.x[0] = OFF;
    pthread_barrier_wait(&start_line);
    psci_call(vcpu, OFF);
    return NULL;
}

/* However they race, exactly one CPU_OFF is the last. */
static void off_race(void **state)
{
    pthread_t thread[2];

    racing = true;
    for (unsigned round = 0; round < 200; round++) {
        set_up(state);
        vm.vcpu[1].power = VCPU_ON;
        pthread_barrier_init(&start_line, NULL, 2);
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&thread[i], NULL, off_thread, &vm.vcpu[i]), 0);
        for (unsigned i = 0; i < 2; i++)
            pthread_join(thread[i], NULL);
        pthread_barrier_destroy(&start_line);
        assert_int_equal(nr_kills, 1);
        assert_int_equal(nr_parked, 1);
    }
    racing = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(version, set_up),
        cmocka_unit_test_setup(features, set_up),
        cmocka_unit_test_setup(unknown, set_up),
        cmocka_unit_test_setup(turns_on, set_up),
        cmocka_unit_test_setup(turns_on_32, set_up),
        cmocka_unit_test_setup(high_addresses, set_up),
        cmocka_unit_test_setup(unknown_targets, set_up),
        cmocka_unit_test_setup(bad_entries, set_up),
        cmocka_unit_test_setup(not_off, set_up),
        cmocka_unit_test_setup(off, set_up),
        cmocka_unit_test_setup(off_and_on, set_up),
        cmocka_unit_test_setup(last_off, set_up),
        cmocka_unit_test_setup(last_off_but_pending, set_up),
        cmocka_unit_test_setup(last_off_while_stopping, set_up),
        cmocka_unit_test_setup(affinity_level_0, set_up),
        cmocka_unit_test_setup(affinity_groups, set_up),
        cmocka_unit_test_setup(affinity_merges, set_up),
        cmocka_unit_test_setup(affinity_errors, set_up),
        cmocka_unit_test_setup(suspend, set_up),
        cmocka_unit_test_setup(suspend_errors, set_up),
        cmocka_unit_test_setup(system_stops, set_up),
        cmocka_unit_test_setup(race, set_up),
        cmocka_unit_test_setup(off_race, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
