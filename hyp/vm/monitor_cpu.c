/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a monitor asks of a vCPU on its own CPU: registers, translations by the hardware. See
 * monitor_call.h; monitor.c calls.
 */
#include "at.h"
#include "barrier.h"
#include "el1_regs.h"
#include "gic/gic_regs.h"
#include "gich.h"
#include "regs.h"
#include "sysreg.h"
#include "trap/trace.h"
#include "vm/monitor_call.h"

/* What a walk of the guest's tables, and the reading of a syndrome, takes beside EL1_REGS. */
#define CPU_REGS(X)                                                                                \
    X(midr_el1)                                                                                    \
    X(id_aa64mmfr0_el1)                                                                            \
    X(id_aa64mmfr1_el1)                                                                            \
    X(id_aa64mmfr2_el1)                                                                            \
    X(id_aa64pfr0_el1)                                                                             \
    X(id_aa64isar0_el1)                                                                            \
    X(hcr_el2)                                                                                     \
    X(vttbr_el2)                                                                                   \
    X(vtcr_el2)                                                                                    \
    X(esr_el2)                                                                                     \
    X(far_el2)                                                                                     \
    X(hpfar_el2)                                                                                   \
    X(mdcr_el2)                                                                                    \
    X(ich_hcr_el2)                                                                                 \
    X(ich_vmcr_el2)                                                                                \
    X(ich_vtr_el2)                                                                                 \
    X(cntpct_el0)

static void say_general(struct monitor_call *call)
{
    const struct guest_regs *regs = &call->vcpu->regs;

    for (unsigned i = 0; i < ARRAY_SIZE(regs->x); i++)
        monitor_say(call, "x%u=0x%lx", i, regs->x[i]);
    monitor_say(call, "pc=0x%lx", regs->pc);
    monitor_say(call, "pstate=0x%lx", regs->pstate);
    monitor_say(call, "mpidr=0x%lx", call->vcpu->mpidr);
}

static void say_named(struct monitor_call *call, const char *const *names, const uint64_t *values,
                      size_t count)
{
    for (size_t i = 0; i < count; i++)
        monitor_say(call, "%s=0x%lx", names[i], values[i]);
}

static void say_el1(struct monitor_call *call)
{
#define X(name, reset) #name,
    static const char *const names[] = {EL1_REGS(X)};
#undef X
#define X(name, reset) read_sysreg(name),
    const uint64_t values[] = {EL1_REGS(X)};
#undef X

    say_named(call, names, values, ARRAY_SIZE(names));
}

static void say_cpu(struct monitor_call *call)
{
    unsigned lrs = (unsigned)FIELD_GET(ICH_VTR_ListRegs, gich_read_vtr()) + 1;
#define X(name) #name,
    static const char *const names[] = {CPU_REGS(X)};
#undef X
#define X(name) read_sysreg(name),
    const uint64_t values[] = {CPU_REGS(X)};
#undef X

    say_named(call, names, values, ARRAY_SIZE(names));
    for (unsigned i = 0; i < lrs; i++)
        monitor_say(call, "lr%u=0x%lx", i, gich_read_lr(i));
    monitor_say(call, "abort_esr=0x%lx", call->vcpu->abort.esr);
    monitor_say(call, "abort_far=0x%lx", call->vcpu->abort.far);
    monitor_say(call, "abort_hpfar=0x%lx", call->vcpu->abort.hpfar);
    monitor_say(call, "abort_pc=0x%lx", call->vcpu->abort.pc);
}

int monitor_regs(struct monitor_call *call)
{
    static void (*const say[MONITOR_REGS_GROUPS])(struct monitor_call *) = {
        [MONITOR_REGS_GENERAL] = say_general,
        [MONITOR_REGS_EL1] = say_el1,
        [MONITOR_REGS_CPU] = say_cpu,
    };

    if (call->message->value >= MONITOR_REGS_GROUPS)
        return -ERR_RANGE;
    monitor_say(call, "off=%u", __atomic_load_n(&call->vcpu->parked, __ATOMIC_ACQUIRE) ? 1 : 0);
    say[call->message->value](call);
    return 0;
}

/* A trace that the run itself has wanted is the run's. */
int monitor_trace(struct monitor_call *call)
{
    const struct vm_config *config = &call->vm->config;

    if (config->trace.size == 0)
        return -ERR_NOENT;
    if (!config->trace_later)
        return -ERR_EXIST;
    trace_switch(call->message->value == 1);
    call->message->address = config->trace.base.v;
    call->message->extra = config->trace.size;
    return 0;
}

int monitor_at(struct monitor_call *call)
{
    uint64_t va = call->message->address;
    uint64_t par = read_sysreg(par_el1); /* the guest's */

    if (__atomic_load_n(&call->vcpu->parked, __ATOMIC_ACQUIRE))
        return -ERR_NOENT;
    switch (call->message->value) {
    case MONITOR_AT_S1E1R:
        at_translate(s1e1r, va);
        break;
    case MONITOR_AT_S1E1W:
        at_translate(s1e1w, va);
        break;
    case MONITOR_AT_S1E0R:
        at_translate(s1e0r, va);
        break;
    case MONITOR_AT_S1E0W:
        at_translate(s1e0w, va);
        break;
    case MONITOR_AT_S12E1R:
        at_translate(s12e1r, va);
        break;
    case MONITOR_AT_S12E1W:
        at_translate(s12e1w, va);
        break;
    case MONITOR_AT_S12E0R:
        at_translate(s12e0r, va);
        break;
    case MONITOR_AT_S12E0W:
        at_translate(s12e0w, va);
        break;
    default:
        return -ERR_RANGE;
    }
    call->message->value = read_sysreg(par_el1);
    write_sysreg(par, par_el1);
    return 0;
}
