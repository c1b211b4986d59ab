/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest stopped, going on, and one instruction at a time, for a monitor. See monitor_call.h.
 *
 * A vCPU that is held waits in EL2, in the handler of monitor.c's SGI, where it goes on answering
 * questions and taking part in what others need of it. The guest's counter goes on.
 */
#include "cpu.h"
#include "gic/gic.h"
#include "lib/bits.h"
#include "step.h"
#include "trap/esr.h"
#include "trap/irq.h"
#include "vm/monitor_call.h"
#include "vm/power.h"

#define OP0_DEBUG 2 /* of MRS and MSR: the debug registers */

/* Each is its own CPU's, but for `asked`, which its CPU alone sets. */
static struct run {
    bool held;   /* it waits, and what is nested in the wait must not wait again */
    bool asked;  /* it steps, since the host wants it to */
    unsigned on; /* why it steps: STEP_*; 0: it does not */
    struct step step;
} runs[MAX_VCPUS];

static bool goes_on(const struct vm *vm)
{
    return __atomic_load_n(&vm->run_state, __ATOMIC_ACQUIRE) == VM_RUNNING;
}

static bool must_wait(const struct vcpu *vcpu)
{
    return __atomic_load_n(&vcpu->vm->held, __ATOMIC_ACQUIRE) && !runs[vcpu->index].asked &&
           goes_on(vcpu->vm);
}

void monitor_hold(struct vcpu *vcpu)
{
    struct run *run = &runs[vcpu->index];

    if (run->held)
        return;
    run->held = true;
    while (must_wait(vcpu)) {
        cpu_wfi();
        irq_handle(vcpu);
    }
    run->held = false;
    if (!goes_on(vcpu->vm))
        power_kick(vcpu); /* the kick that said so is used up; exit.c shall see one */
}

static void set_held(struct vm *vm, bool held)
{
    __atomic_store_n(&vm->held, held, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < vm->nr_vcpus; i++)
        gic_send_sgi(vm->vgic.vcpu[i].cpu, GIC_SGI_MONITOR);
}

int monitor_stop(struct monitor_call *call)
{
    set_held(call->vm, true);
    return 0;
}

int monitor_go(struct monitor_call *call)
{
    set_held(call->vm, false);
    return 0;
}

void monitor_step_begin(struct vcpu *vcpu, unsigned why)
{
    struct run *run = &runs[vcpu->index];

    if (run->on == 0)
        step_begin(&run->step, &vcpu->regs.pstate);
    run->on |= why;
}

/* The answer says that it has begun; where it ended is an event, for it may wait for long. */
int monitor_step(struct monitor_call *call)
{
    struct run *run = &runs[call->vcpu->index];

    if (!run->held || __atomic_load_n(&call->vcpu->parked, __ATOMIC_ACQUIRE))
        return -ERR_INVAL;
    monitor_step_begin(call->vcpu, STEP_ASKED);
    run->asked = true;
    return 0;
}

/* Traps that are none but for MDCR_EL2.TDE, which has them while a step is under way. */
static bool is_debug(uint64_t esr)
{
    switch (esr_ec(esr)) {
    case ESR_EC_BREAK_LOW:
    case ESR_EC_STEP_LOW:
    case ESR_EC_WATCH_LOW:
    case ESR_EC_BKPT32:
    case ESR_EC_BRK64:
        return true;
    case ESR_EC_SYS64:
        return FIELD_GET(ISS_SYS64_Op0, esr) == OP0_DEBUG;
    default:
        return false;
    }
}

/*
 * What is no step exception is an instruction that can't be stepped: it runs again, without, and
 * what was to be closed behind it stays open.
 */
bool monitor_stepped(struct vcpu *vcpu, uint64_t esr)
{
    struct run *run = &runs[vcpu->index];
    unsigned why = run->on;

    if (why == 0 || !is_debug(esr))
        return false;
    step_end(&run->step, &vcpu->regs.pstate);
    run->on = 0;
    if ((why & STEP_WATCH) != 0)
        monitor_watch_close(vcpu, esr_ec(esr) == ESR_EC_STEP_LOW);
    if ((why & STEP_ASKED) != 0) {
        run->asked = false;
        monitor_tell(&(struct monitor_message){
            .type = MONITOR_STEP, .vcpu = (uint16_t)vcpu->index, .address = vcpu->regs.pc});
    }
    monitor_hold(vcpu);
    return true;
}

/* It is turned off, or the guest starts again, on the CPU of `vcpu`. */
void monitor_step_forget(struct vcpu *vcpu)
{
    struct run *run = &runs[vcpu->index];

    if (run->on != 0)
        step_end(&run->step, &vcpu->regs.pstate);
    run->on = 0;
    run->asked = false;
}
