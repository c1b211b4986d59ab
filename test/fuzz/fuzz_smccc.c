// SPDX-License-Identifier: Apache-2.0
/*
 * Firmware calls by HVC and SMC with any function and arguments, by six vCPUs whose power changes
 * between them. Stands in for vm/power.c and checks what PSCI asks of it.
 */
#include <stdbool.h>
#include <string.h>

#include "fuzz.h"
#include "regs.h"
#include "trap/esr.h"
#include "trap/id_regs.h"
#include "trap/psci.h"
#include "trap/smccc.h"
#include "vm/power.h"
#include "vm/vm.h"

#define RAM      UINT64_C(0x48000000)
#define RAM_SIZE UINT64_C(0x10000)
#define NR_VCPUS 6
#define PC       UINT64_C(0x48001000)
#define CALLS    32

static struct vm vm;
static const uint64_t affinity[NR_VCPUS] = {0x0, 0x1, 0x100, 0x101, 0x10000, UINT64_C(0x100000000)};
static struct vcpu *kicked;
static bool elsewhere; /* the call ends with the guest somewhere else */

void power_kick(struct vcpu *target)
{
    fuzz_require(vm.power_lock.locked == 0 && target->power == VCPU_ON_PENDING);
    fuzz_require(target->entry % 4 == 0 && target->entry - RAM <= RAM_SIZE - 4);
    kicked = target;
}

static void leave(void)
{
    fuzz_require(vm.power_lock.locked == 0);
    elsewhere = true;
}

void power_park(struct vcpu *vcpu)
{
    fuzz_require(vcpu->power == VCPU_OFF);
    leave();
}

void power_wait_for_interrupt(struct vcpu *vcpu)
{
    (void)vcpu;
    fuzz_require(vm.power_lock.locked == 0);
}

void power_stop_vm(struct vcpu *vcpu, bool reset)
{
    (void)reset;
    vcpu->power = VCPU_ON;
    leave();
}

void power_kill_vm(struct vcpu *vcpu, const char *reason)
{
    fuzz_require(reason != NULL);
    for (unsigned i = 0; i < NR_VCPUS; i++)
        fuzz_require(vm.vcpu[i].power == VCPU_OFF);
    vcpu->power = VCPU_ON; /* a VM of its own from here */
    leave();
}

static void set_up(void)
{
    memset(&vm.vcpu, 0, sizeof(vm.vcpu));
    vm.nr_vcpus = NR_VCPUS;
    vm.mem.count = 1;
    vm.mem.region[0] = (struct ram_region){ipa(RAM), pa(RAM), RAM_SIZE};
    for (unsigned i = 0; i < NR_VCPUS; i++) {
        vm.vcpu[i].vm = &vm;
        vm.vcpu[i].index = i;
        vm.vcpu[i].mpidr = affinity[i] | MPIDR_RES1;
    }
    vm.vcpu[0].power = VCPU_ON;
    kicked = NULL;
}

static uint64_t some_argument(struct fuzz_input *in)
{
    unsigned kind = fuzz_below(in, 4);

    if (kind == 0)
        return affinity[fuzz_below(in, NR_VCPUS)];
    if (kind == 1)
        return RAM + fuzz_take(in, 2) * 2;
    return fuzz_value(in);
}

static uint32_t some_function(struct fuzz_input *in)
{
    unsigned kind = fuzz_below(in, 8);

    if (kind == 0)
        return (uint32_t)fuzz_take(in, 4);
    if (kind == 1)
        return UINT32_C(0x80000000) | fuzz_below(in, 4);
    return UINT32_C(0x84000000) | (kind & 1) << 30 | fuzz_below(in, 0x70);
}

static void check(const struct vcpu *vcpu, const struct guest_regs *before, bool smc)
{
    fuzz_require(vm.power_lock.locked == 0);
    fuzz_require(elsewhere || vcpu->regs.pc == before->pc + (smc ? 4 : 0));
    fuzz_require(memcmp(&vcpu->regs.x[1], &before->x[1], 30 * sizeof(uint64_t)) == 0);
}

static void call(struct fuzz_input *in)
{
    struct vcpu *vcpu = &vm.vcpu[fuzz_below(in, NR_VCPUS)];
    uint8_t how = (uint8_t)fuzz_take(in, 1);
    bool smc = (how & 1) != 0;
    uint64_t esr = FIELD_PREP(ESR_ELx_EC, smc ? ESR_EC_SMC64 : ESR_EC_HVC64) | ESR_ELx_IL;
    struct guest_regs before;

    if (how >= 0xf0)
        esr |= fuzz_take(in, 2);
    if (vcpu->power != VCPU_ON)
        vcpu->power = VCPU_ON; /* its CPU has come up meanwhile */
    vcpu->regs.x[0] = some_function(in) | fuzz_take(in, 1) << 40;
    for (unsigned i = 1; i < 4; i++)
        vcpu->regs.x[i] = some_argument(in);
    vcpu->regs.pc = PC;
    vcpu->regs.pstate = PSR_M_EL1h;
    before = vcpu->regs;
    elsewhere = false;
    smccc_call(vcpu, esr, smc);
    check(vcpu, &before, smc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};

    set_up();
    for (unsigned i = 0; i < CALLS && in.left > 0; i++)
        call(&in);
    return 0;
}
