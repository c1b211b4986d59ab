/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of PSCI share: a VM of six vCPUs, vm/power.c's side that notes what it is asked
 * for, and calls by a vCPU. Included once by each test, after cmocka.h.
 */
#ifndef TEST_PSCI_COMMON_H
#define TEST_PSCI_COMMON_H

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
    __atomic_fetch_add(&nr_parked, 1, __ATOMIC_RELAXED);
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
    __atomic_fetch_add(&nr_kills, 1, __ATOMIC_RELAXED);
    kill_reason = reason;
    __atomic_store_n(&asked, vcpu, __ATOMIC_RELAXED);
}

static inline int psci_set_up(void **state)
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

static inline int64_t call(uint32_t function, uint64_t x1, uint64_t x2, uint64_t x3)
{
    int64_t result = call_from(0, function, x1, x2, x3);

    assert_int_equal(vm.vcpu[0].regs.pc, PC);
    return result;
}

static inline unsigned all_requests(void)
{
    unsigned sum = nr_parked + nr_waits + nr_stops + nr_kills;

    for (unsigned i = 0; i < NR_VCPUS; i++)
        sum += kicks[i];
    return sum;
}

#endif
