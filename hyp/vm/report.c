/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The report on a guest. EL1's registers are in the hardware, so each vCPU tells its own: an SGI
 * of Traproom's calls all of them to EL2, where each waits for its turn and then for the others.
 * The SGI comes through whatever the guest masks. A vCPU that does not take its turn is named and
 * passed over.
 *
 * Neighbours: power.c and main.c ask; trap/irq.c brings the SGI; trap/guest_frames.c reads stacks.
 */
#include "vm/report.h"

#include <stddef.h>

#include "cpu.h"
#include "drv/console.h"
#include "el1_regs.h"
#include "gic/gic.h"
#include "lib/log.h"
#include "regs.h"
#include "sysreg.h"
#include "trap/esr.h"
#include "trap/guest_frames.h"
#include "trap/guest_insn.h"
#include "trap/irq.h"
#include "vm/vm.h"

#define NOT_NOW      0u /* a value of vm->report_turn: no report is being made */
#define PATIENCE     10 /* seconds for a vCPU to take its turn and be done */
#define NAME_MAX     40
#define REGS_IN_LINE 3

#define say(...) log_print(LOG_REPORT, __VA_ARGS__)

/* What is shown of the CPU, beside the general registers; the last ones tell of the latest trap. */
#define SHOWN_REGS(X)                                                                              \
    EL1_REGS(X)                                                                                    \
    X(esr_el2, 0)                                                                                  \
    X(far_el2, 0)                                                                                  \
    X(hpfar_el2, 0)

static void show_named(const char *const *names, const uint64_t *values, size_t count)
{
    char line[REGS_IN_LINE * NAME_MAX];
    size_t at = 0;

    for (size_t i = 0; i < count; i++) {
        at +=
            (size_t)fmt_snprintf(line + at, sizeof(line) - at, " %s 0x%016lx", names[i], values[i]);
        if (i % REGS_IN_LINE == REGS_IN_LINE - 1 || i == count - 1) {
            say(" %s", line);
            at = 0;
        }
    }
}

static void show_system_regs(void)
{
#define X(name, reset) #name,
    static const char *const names[] = {SHOWN_REGS(X)};
#undef X
#define X(name, reset) read_sysreg(name),
    const uint64_t values[] = {SHOWN_REGS(X)};
#undef X

    show_named(names, values, ARRAY_SIZE(names));
}

static void show_general_regs(const struct guest_regs *regs)
{
    for (unsigned i = 0; i + 1 < ARRAY_SIZE(regs->x); i += 2)
        say("  x%u 0x%016lx x%u 0x%016lx", i, regs->x[i], i + 1, regs->x[i + 1]);
    say("  x30 0x%016lx", regs->x[30]);
}

/* The instruction before the one that comes next says what the CPU waits for, if it does. */
static const char *waits_for(const struct vcpu *vcpu)
{
    uint32_t insn;

    if (guest_insn_at(vcpu, vcpu->regs.pc - INSN_SIZE, &insn) != 0)
        return "runs";
    if (insn == INSN_WFI)
        return "waits (WFI)";
    return insn == INSN_WFE ? "waits (WFE)" : "runs";
}

static void show_level(const struct vcpu *vcpu)
{
    uint64_t pstate = vcpu->regs.pstate;
    unsigned level = (unsigned)FIELD_GET(PSR_M_EL, pstate);

    say("vCPU %u %s at EL%u%s%s%s%s%s%s", vcpu->index, waits_for(vcpu), level,
        (pstate & PSR_M_nRW) != 0         ? " in AArch32"
        : level == 1 && (pstate & 1) == 0 ? " on SP_EL0"
                                          : "",
        (pstate & PSR_DAIF) != 0 ? ", masks " : "", (pstate & PSR_D) != 0 ? "D" : "",
        (pstate & PSR_A) != 0 ? "A" : "", (pstate & PSR_I) != 0 ? "I" : "",
        (pstate & PSR_F) != 0 ? "F" : "");
    say("  pc 0x%016lx pstate 0x%08lx mpidr 0x%lx", vcpu->regs.pc, pstate, vcpu->mpidr);
}

static void show_frames(const struct vcpu *vcpu, const struct s1_regime *regime)
{
    struct guest_frames frames;

    if ((vcpu->regs.pstate & PSR_M_nRW) != 0)
        return;
    guest_frames_read(regime, &vcpu->vm->mem, vcpu->regs.x[29], &frames);
    for (unsigned i = 0; i < frames.count; i++)
        say("  called from 0x%016lx", frames.pc[i]);
    if (frames.end == FRAMES_LOOP)
        say("  frames go in a circle at 0x%016lx", frames.stopped_at);
    else if (frames.end == FRAMES_BROKEN)
        say("  frames end at 0x%016lx, which is no frame record", frames.stopped_at);
    else if (frames.end == FRAMES_MORE)
        say("  frames go on at 0x%016lx", frames.stopped_at);
}

static void show_exits(const struct vcpu *vcpu)
{
    char name[NAME_MAX];

    for (unsigned r = 0; r < EXIT_REASON_COUNT; r++) {
        if (vcpu->exits[r] != 0)
            say("  exits %lu %s", vcpu->exits[r],
                vm_exit_name((enum exit_reason)r, name, NAME_MAX));
    }
}

static void show(const struct vcpu *vcpu)
{
    const struct s1_regime regime = s1_regime_current();

    if (__atomic_load_n(&vcpu->parked, __ATOMIC_ACQUIRE)) {
        say("vCPU %u is off", vcpu->index);
        show_exits(vcpu);
        return;
    }
    show_level(vcpu);
    show_general_regs(&vcpu->regs);
    show_system_regs();
    say("  latest exception to EL1: %s", esr_ec_name((unsigned)esr_ec(read_sysreg(esr_el1))));
    say("  latest trap to EL2: %s", esr_ec_name((unsigned)esr_ec(read_sysreg(esr_el2))));
    show_frames(vcpu, &regime);
    show_exits(vcpu);
}

static unsigned turn_of(const struct vm *vm)
{
    return __atomic_load_n(&vm->report_turn, __ATOMIC_ACQUIRE);
}

static void end_report(struct vm *vm)
{
    say("ends");
    if (vm->config.report)
        console_await_break();
    __atomic_store_n(&vm->report_turn, NOT_NOW, __ATOMIC_RELEASE);
}

/* From the vCPU whose turn it is to the next. False: another has done so. */
static bool pass(struct vm *vm, unsigned turn)
{
    bool mine = __atomic_compare_exchange_n(&vm->report_turn, &turn, turn + 1, false,
                                            __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);

    if (mine && turn == vm->nr_vcpus)
        end_report(vm);
    return mine;
}

/*
 * Until it is `wanted`'s turn, or too late for that. Others may wait for this vCPU to fold its
 * interrupts before they can come themselves: hence the sync.
 */
static unsigned await_turn(struct vcpu *vcpu, unsigned wanted)
{
    struct vm *vm = vcpu->vm;
    uint64_t patience = PATIENCE * read_sysreg(cntfrq_el0);
    uint64_t since = cpu_counter();
    unsigned last = turn_of(vm);
    unsigned turn = last;

    while (turn != NOT_NOW && turn != wanted && (wanted == NOT_NOW || turn < wanted)) {
        if (turn != last)
            since = cpu_counter();
        last = turn;
        if (turn <= vm->nr_vcpus && cpu_counter() - since > patience && pass(vm, turn))
            say("vCPU %u does not come", turn - 1);
        vgic_sync(&vm->vgic, vcpu->index);
        cpu_relax();
        turn = turn_of(vm);
    }
    return turn;
}

/* The calling vCPU's part of the report, if there is one. */
static void take_part(struct vcpu *vcpu)
{
    unsigned mine = vcpu->index + 1;

    if (await_turn(vcpu, mine) == mine) {
        show(vcpu);
        pass(vcpu->vm, mine);
    }
    await_turn(vcpu, NOT_NOW);
}

static void take_part_on_sgi(void *ctx, struct vcpu *vcpu)
{
    (void)ctx;
    take_part(vcpu);
}

int report_init(void)
{
    return irq_register(GIC_SGI_REPORT, IRQ_EDGE, EXIT_IRQ_REPORT, take_part_on_sgi, NULL);
}

void report_ask(struct vm *vm, const char *why)
{
    unsigned turn = NOT_NOW;

    if (!__atomic_compare_exchange_n(&vm->report_turn, &turn, 1, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        return;
    say("begins: %s", why);
    for (unsigned i = 0; i < vm->mem.count; i++)
        say("ram 0x%lx size 0x%lx at 0x%lx", vm->mem.region[i].ipa.v, vm->mem.region[i].size,
            vm->mem.region[i].pa.v);
    for (unsigned i = 0; i < vm->nr_vcpus; i++)
        gic_send_sgi(vm->vgic.vcpu[i].cpu, GIC_SGI_REPORT);
}

void report_ending(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;

    if (!__atomic_exchange_n(&vm->reported, true, __ATOMIC_ACQ_REL))
        report_ask(vm, vm->stop_reason != NULL ? vm->stop_reason : "its kernel has panicked");
    take_part(vcpu);
}
