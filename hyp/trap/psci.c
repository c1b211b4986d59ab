/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's PSCI. See psci.h; vm/power.c does to the CPUs what is decided here. */
#include "trap/psci.h"

#include <stddef.h>

#include "regs.h"
#include "vm/power.h"
#include "vm/vm.h"

#define PSCI_VERSION_1_1 0x10001

/* MIGRATE_INFO_TYPE: there is no Trusted OS, or one that does not have to be migrated. */
#define PSCI_MIGRATE_NOT_REQUIRED 2

/*
 * CPU_SUSPEND's power_state, in the original format (PSCI, "power_state parameter"): a state's
 * number in bits [15:0], which is the guest's tree's, whether the CPU goes off, how many levels
 * above the CPU may go down with it. The other bits are zero.
 */
#define POWER_STATE_ID        GENMASK(15, 0)
#define POWER_STATE_POWERDOWN BIT(16)
#define POWER_STATE_LEVEL     GENMASK(25, 24)
#define POWER_STATE_MASK      (POWER_STATE_ID | POWER_STATE_POWERDOWN | POWER_STATE_LEVEL)

#define INSTRUCTION_SIZE 4

/* MPIDR_EL1's affinity fields, from level 0 up, as AFFINITY_INFO's lowest level leaves them. */
static const uint64_t affinity_from_level[] = {
    MPIDR_AFF_MASK,
    MPIDR_AFF_MASK & ~GENMASK(7, 0),
    MPIDR_AFF_MASK & ~GENMASK(15, 0),
    MPIDR_AFF_MASK & ~GENMASK(23, 0),
};

/* The vCPU with these affinity fields, other bits zero; NULL: none. */
static struct vcpu *find_vcpu(struct vm *vm, uint64_t affinity)
{
    for (unsigned i = 0; i < vm->nr_vcpus; i++) {
        if ((vm->vcpu[i].mpidr & MPIDR_AFF_MASK) == affinity)
            return &vm->vcpu[i];
    }
    return NULL;
}

/* Can a CPU begin to run at `entry`: at an instruction that lies in memory? */
static bool entry_is_valid(const struct vm *vm, uint64_t entry)
{
    return is_aligned(entry, INSTRUCTION_SIZE) &&
           guest_mem_readable(&vm->mem, ipa(entry), INSTRUCTION_SIZE) != NULL;
}

/* Of all who ask for the same CPU, the one that finds it off under the lock starts it. */
static int64_t claim_off_vcpu(struct vcpu *target, uint64_t entry, uint64_t context)
{
    if (target->power != VCPU_OFF)
        return target->power == VCPU_ON ? PSCI_ALREADY_ON : PSCI_ON_PENDING;
    target->entry = entry;
    target->context = context;
    target->power = VCPU_ON_PENDING;
    return PSCI_SUCCESS;
}

static int64_t cpu_on(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;
    struct vcpu *target = find_vcpu(vm, smccc_arg(vcpu, 1));
    uint64_t entry = smccc_arg(vcpu, 2);
    int64_t result;

    if (target == NULL)
        return PSCI_INVALID_PARAMETERS;
    if (!entry_is_valid(vm, entry))
        return PSCI_INVALID_ADDRESS;
    spin_lock(&vm->power_lock);
    result = claim_off_vcpu(target, entry, smccc_arg(vcpu, 3));
    spin_unlock(&vm->power_lock);
    if (result == PSCI_SUCCESS)
        power_kick(target);
    return result;
}

/* Is every vCPU off, so that nothing can ever turn one on? In a VM that stops, all go off: false.
 */
static bool is_dead_locked(const struct vm *vm)
{
    if (vm->run_state != VM_RUNNING)
        return false;
    for (unsigned i = 0; i < vm->nr_vcpus; i++) {
        if (vm->vcpu[i].power != VCPU_OFF)
            return false;
    }
    return true;
}

/* The result of a call after which the guest starts elsewhere: x0 stays what it starts with. */
static int64_t x0_of_start(const struct vcpu *vcpu)
{
    return (int64_t)vcpu->regs.x[0];
}

static int64_t cpu_off(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;
    bool dead;

    spin_lock(&vm->power_lock);
    vcpu->power = VCPU_OFF;
    dead = is_dead_locked(vm);
    spin_unlock(&vm->power_lock);
    if (dead)
        power_kill_vm(vcpu, "all its CPUs are off");
    else
        power_park(vcpu);
    return x0_of_start(vcpu);
}

/*
 * A CPU that may go off stays on and waits, as the specification allows: the caller has to be
 * prepared for a return (PSCI, "CPU_SUSPEND"). Its timers go on: one of them may have to wake it.
 */
static int64_t cpu_suspend(struct vcpu *vcpu)
{
    uint64_t state = smccc_arg(vcpu, 1) & UINT32_MAX; /* 32 bits in either convention */

    if ((state & ~POWER_STATE_MASK) != 0)
        return PSCI_INVALID_PARAMETERS;
    if ((state & POWER_STATE_POWERDOWN) != 0 && !entry_is_valid(vcpu->vm, smccc_arg(vcpu, 2)))
        return PSCI_INVALID_ADDRESS;
    power_wait_for_interrupt(vcpu);
    return PSCI_SUCCESS;
}

/* The state of a group of CPUs, with one more in it: on if any of them is, else pending if any is.
 */
static int64_t merge_affinity(int64_t so_far, enum vcpu_power power)
{
    if (power == VCPU_ON || so_far == PSCI_AFFINITY_ON)
        return PSCI_AFFINITY_ON;
    if (power == VCPU_ON_PENDING || so_far == PSCI_AFFINITY_ON_PENDING)
        return PSCI_AFFINITY_ON_PENDING;
    return PSCI_AFFINITY_OFF;
}

static int64_t affinity_info(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;
    uint64_t target = smccc_arg(vcpu, 1);
    uint64_t level = smccc_arg(vcpu, 2) & UINT32_MAX; /* 32 bits in either convention */
    int64_t result = PSCI_INVALID_PARAMETERS;

    if (level >= ARRAY_SIZE(affinity_from_level) || (target & ~MPIDR_AFF_MASK) != 0)
        return PSCI_INVALID_PARAMETERS;
    spin_lock(&vm->power_lock);
    for (unsigned i = 0; i < vm->nr_vcpus; i++) {
        if (((vm->vcpu[i].mpidr ^ target) & affinity_from_level[level]) == 0)
            result = merge_affinity(result, vm->vcpu[i].power);
    }
    spin_unlock(&vm->power_lock);
    return result;
}

static int64_t migrate_info_type(struct vcpu *vcpu)
{
    (void)vcpu;
    return PSCI_MIGRATE_NOT_REQUIRED;
}

static int64_t version(struct vcpu *vcpu)
{
    (void)vcpu;
    return PSCI_VERSION_1_1;
}

static int64_t system_off(struct vcpu *vcpu)
{
    power_stop_vm(vcpu, false);
    return x0_of_start(vcpu);
}

static int64_t system_reset(struct vcpu *vcpu)
{
    power_stop_vm(vcpu, true);
    return x0_of_start(vcpu);
}

static int64_t features(struct vcpu *vcpu);

/* All that is served, by number. */
static const struct {
    int64_t (*fn)(struct vcpu *vcpu); /* returns the result; NULL: not served */
    bool smc64;                       /* it can be called by the 64-bit convention, too */
} functions[PSCI_NUMBER + 1] = {
#define AT(identifier) [(identifier)&PSCI_NUMBER]
    AT(PSCI_VERSION) = {version, false},
    AT(PSCI_CPU_SUSPEND_32) = {cpu_suspend, true},
    AT(PSCI_CPU_OFF) = {cpu_off, false},
    AT(PSCI_CPU_ON_32) = {cpu_on, true},
    AT(PSCI_AFFINITY_INFO_32) = {affinity_info, true},
    AT(PSCI_MIGRATE_INFO_TYPE) = {migrate_info_type, false},
    AT(PSCI_SYSTEM_OFF) = {system_off, false},
    AT(PSCI_SYSTEM_RESET) = {system_reset, false},
    AT(PSCI_FEATURES) = {features, false},
#undef AT
};

static bool is_served(uint32_t function)
{
    return functions[function & PSCI_NUMBER].fn != NULL &&
           ((function & SMCCC_64) == 0 || functions[function & PSCI_NUMBER].smc64);
}

/* CPU_SUSPEND's flags are 0: the original format, no OS-initiated mode. */
static int64_t features(struct vcpu *vcpu)
{
    uint32_t asked = (uint32_t)smccc_arg(vcpu, 1);

    return asked == SMCCC_VERSION || (psci_owns(asked) && is_served(asked)) ? PSCI_SUCCESS
                                                                            : PSCI_NOT_SUPPORTED;
}

void psci_call(struct vcpu *vcpu, uint32_t function)
{
    smccc_return(vcpu, is_served(function) ? functions[function & PSCI_NUMBER].fn(vcpu)
                                           : PSCI_NOT_SUPPORTED);
}
