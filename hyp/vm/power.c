/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The physical side of PSCI: vCPUs parked in EL2, woken, and the whole VM stopped or started
 * again. CPU 0 leads: when every vCPU has come to rest, it alone decides what follows.
 * Neighbours: trap/psci.c asks; el1_ctx.h sets a CPU's registers; vm.c starts the guest.
 */
#include "vm/power.h"

#include "cache.h"
#include "cpu.h"
#include "drv/console.h"
#include "drv/host_psci.h"
#include "el1_ctx.h"
#include "lib/log.h"
#include "mm/phys.h"
#include "regs.h"
#include "trap/irq.h"
#include "vm/report.h"
#include "vm/vm.h"

#define REASON_MAX 160

void power_kick(struct vcpu *target)
{
    vgic_kick(&target->vm->vgic, target->index);
}

/* The registers that vectors.S loads, of a CPU that was just turned on (PSCI, "CPU_ON"). */
static void reset_regs(struct vcpu *vcpu)
{
    vcpu->regs = (struct guest_regs){
        .x[0] = vcpu->context, .pc = vcpu->entry, .pstate = PSR_M_EL1h | PSR_DAIF};
    vcpu->guest_key[0] = 0;
    vcpu->guest_key[1] = 0;
}

static void power_off_machine(struct vm *vm)
{
    static const char *const how[] = {[VM_STOPPED] = "stopped",
                                      [VM_HUNG] = "hung",
                                      [VM_DEAD] = "dead",
                                      [VM_PANICKED] = "panicked"};
    char text[REASON_MAX];

    if (vm->config.stats)
        vm_print_stats(vm);
    if (vm->stop_reason == NULL && vm->panicked) {
        vm->ending = VM_PANICKED;
        vm->stop_reason = "its kernel says so";
    }
    if (vm->stop_reason == NULL) {
        console_exit_line(vm->run_state == VM_RESETTING ? "guest reset" : "guest powered off");
    } else {
        fmt_snprintf(text, sizeof(text), "guest %s: %s", how[vm->ending], vm->stop_reason);
        console_exit_line(text);
    }
    host_psci_system_off();
}

/*
 * Without the lock. The acquire pairs with the release in begin_stop(): who sees the VM stop sees
 * no older `parked` than there was then, so a vCPU that had been turned on does not look parked.
 */
static bool is_running(const struct vm *vm)
{
    return __atomic_load_n(&vm->run_state, __ATOMIC_ACQUIRE) == VM_RUNNING;
}

/* Also a vCPU that was turned on just before the VM stopped, and has not begun to run: it must not.
 */
static void turn_all_off(struct vm *vm)
{
    spin_lock(&vm->power_lock);
    for (unsigned i = 0; i < vm->nr_vcpus; i++)
        vm->vcpu[i].power = VCPU_OFF;
    spin_unlock(&vm->power_lock);
}

/*
 * All of the guest's RAM to memory and out of the caches, as a reset of a machine leaves it: else a
 * line that this life has left dirty could be written back over what the next one writes before it
 * turns its caches on. At the first start only the images have gone through our caches.
 */
static void clean_ram(const struct vm *vm)
{
    for (unsigned i = 0; i < vm->mem.count; i++)
        cache_clean_inval_poc(pa_to_ptr(vm->mem.region[i].pa), vm->mem.region[i].size);
}

/* On CPU 0 once the VM stops: wait for all vCPUs, then power off or start the guest again. */
static void lead(struct vm *vm)
{
    for (unsigned i = 0; i < vm->nr_vcpus; i++) {
        while (!__atomic_load_n(&vm->vcpu[i].parked, __ATOMIC_ACQUIRE))
            cpu_relax();
    }
    if (vm->run_state == VM_STOPPING || vm->config.no_reboot)
        power_off_machine(vm);
    turn_all_off(vm);
    log_info("guest resets");
    clean_ram(vm);
    vm_start(vm);
}

/*
 * Take vcpu from VCPU_ON_PENDING to VCPU_ON, unless the VM is stopping: then it is off again.
 * Says whether it is on.
 */
static bool try_turn_on(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;
    bool on;

    spin_lock(&vm->power_lock);
    if (vcpu->power == VCPU_ON_PENDING)
        vcpu->power = vm->run_state == VM_RUNNING ? VCPU_ON : VCPU_OFF;
    on = vcpu->power == VCPU_ON;
    __atomic_store_n(&vcpu->parked, !on, __ATOMIC_RELEASE);
    spin_unlock(&vm->power_lock);
    return on;
}

void power_park(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;

    if (vm->watcher != NULL)
        vm->watcher->off_fn(vcpu);
    /* From now on its timers are silent, and nothing walks its tables ahead of need: they may be
     * other data by then. */
    el1_ctx_reset();
    vgic_cpu_off(&vm->vgic, vcpu->index);
    while (!try_turn_on(vcpu)) {
        if (vcpu->index == 0 && !is_running(vm)) {
            lead(vm);
        } else {
            cpu_wfi();
            irq_handle(vcpu);
        }
    }
    reset_regs(vcpu);
    vgic_cpu_on(&vm->vgic, vcpu->index);
}

bool power_sleep(struct vcpu *vcpu)
{
    if (is_running(vcpu->vm)) {
        cpu_wfi();
        irq_handle(vcpu);
    }
    if (is_running(vcpu->vm))
        return true;
    power_kick(vcpu); /* the kick that said so is used up; exit.c shall see one */
    return false;
}

void power_wait_for_interrupt(struct vcpu *vcpu)
{
    while (!vgic_has_pending(&vcpu->vm->vgic, vcpu->index) && power_sleep(vcpu)) {
    }
}

void power_join_stop(struct vcpu *vcpu)
{
    if (vcpu->vm->stop_reason != NULL || vcpu->vm->panicked)
        report_ending(vcpu);
    spin_lock(&vcpu->vm->power_lock);
    vcpu->power = VCPU_OFF;
    spin_unlock(&vcpu->vm->power_lock);
    power_park(vcpu);
}

static void set_stopping(struct vm *vm, enum vm_run_state state, enum vm_ending ending,
                         const char *reason)
{
    spin_lock(&vm->power_lock);
    if (vm->run_state == VM_RUNNING) {
        vm->ending = ending;
        vm->stop_reason = reason;
        __atomic_store_n(&vm->run_state, state, __ATOMIC_RELEASE); /* see is_running() */
    }
    spin_unlock(&vm->power_lock);
}

void power_request_stop(struct vm *vm, enum vm_ending ending, const char *reason)
{
    set_stopping(vm, VM_STOPPING, ending, reason);
    for (unsigned i = 0; i < vm->nr_vcpus; i++)
        power_kick(&vm->vcpu[i]);
}

static void begin_stop(struct vcpu *vcpu, enum vm_run_state state, const char *reason)
{
    struct vm *vm = vcpu->vm;

    set_stopping(vm, state, VM_STOPPED, reason);
    for (unsigned i = 0; i < vm->nr_vcpus; i++) {
        if (i != vcpu->index)
            power_kick(&vm->vcpu[i]);
    }
    power_join_stop(vcpu);
}

void power_stop_vm(struct vcpu *vcpu, bool reset)
{
    begin_stop(vcpu, reset ? VM_RESETTING : VM_STOPPING, NULL);
}

void power_kill_vm(struct vcpu *vcpu, const char *reason)
{
    begin_stop(vcpu, VM_STOPPING, reason);
}
