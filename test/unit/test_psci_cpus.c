/* SPDX-License-Identifier: Apache-2.0 */
/* PSCI turning CPUs on and off: every state and error, and CPUs that race. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "psci_common.h"

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

#define ROUNDS  100
#define RACERS  3
#define HOLD_US 50

static int64_t answer[RACERS];
static unsigned ready;

static void *race_thread(void *arg)
{
    struct vcpu *vcpu = arg;

    __atomic_fetch_add(&ready, 1, __ATOMIC_RELEASE);
    psci_call(vcpu, (uint32_t)vcpu->regs.x[0]);
    answer[vcpu->index] = (int64_t)vcpu->regs.x[0];
    return NULL;
}

/* All of vCPU 0 to count - 1 make their calls and meet at the lock: until it is free none decides.
 */
static void race_calls(unsigned count, const struct vcpu *victim)
{
    enum vcpu_power before = victim->power;
    pthread_t thread[RACERS];

    racing = true;
    ready = 0;
    spin_lock(&vm.power_lock);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, race_thread, &vm.vcpu[i]), 0);
    while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) < count)
        sched_yield();
    usleep(HOLD_US);
    assert_int_equal(__atomic_load_n(&victim->power, __ATOMIC_RELAXED), before);
    spin_unlock(&vm.power_lock);
    for (unsigned i = 0; i < count; i++)
        pthread_join(thread[i], NULL);
    racing = false;
}

/* One has won, and it is its entry and context, not another's, with which the victim starts. */
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
    assert_int_equal(kicks[victim->index], 1);
}

static void race(void **state)
{
    struct vcpu *victim = &vm.vcpu[NR_VCPUS - 1];

    for (unsigned round = 0; round < ROUNDS; round++) {
        psci_set_up(state);
        for (unsigned i = 0; i < RACERS; i++) {
            vm.vcpu[i].power = VCPU_ON;
            vm.vcpu[i].regs.x[0] = ON64;
            vm.vcpu[i].regs.x[1] = affinity[NR_VCPUS - 1];
            vm.vcpu[i].regs.x[2] = RAM + 4 * i;
            vm.vcpu[i].regs.x[3] = i;
        }
        race_calls(RACERS, victim);
        judge(victim);
    }
}

/* However they race, exactly one CPU_OFF is the last. */
static void off_race(void **state)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        psci_set_up(state);
        for (unsigned i = 0; i < RACERS; i++) {
            vm.vcpu[i].power = VCPU_ON;
            vm.vcpu[i].regs.x[0] = OFF;
        }
        race_calls(RACERS, &vm.vcpu[0]);
        assert_int_equal(nr_kills, 1);
        assert_int_equal(nr_parked, RACERS - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(turns_on, psci_set_up),
        cmocka_unit_test_setup(turns_on_32, psci_set_up),
        cmocka_unit_test_setup(high_addresses, psci_set_up),
        cmocka_unit_test_setup(unknown_targets, psci_set_up),
        cmocka_unit_test_setup(bad_entries, psci_set_up),
        cmocka_unit_test_setup(not_off, psci_set_up),
        cmocka_unit_test_setup(off, psci_set_up),
        cmocka_unit_test_setup(off_and_on, psci_set_up),
        cmocka_unit_test_setup(last_off, psci_set_up),
        cmocka_unit_test_setup(last_off_but_pending, psci_set_up),
        cmocka_unit_test_setup(last_off_while_stopping, psci_set_up),
        cmocka_unit_test_setup(race, psci_set_up),
        cmocka_unit_test_setup(off_race, psci_set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
