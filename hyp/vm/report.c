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

/*
 * The values of vm->report_turn, in the order in which a report goes through them. An odd one is
 * nobody's: whoever made it so says something, and then goes on to the next.
 */
#define NOT_NOW     0u /* no report is being made */
#define BEGINS      1u
#define TURN(index) (2 * (index) + 2) /* of that vCPU */
#define OWNER(turn) ((turn) / 2 - 1)  /* its index */
#define CLOSED      1u                /* set in a turn: it is over */

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
    if (vcpu->abort.esr != 0)
        say("  latest abort by Traproom: ESR_EL2 0x%lx HPFAR_EL2 0x%lx FAR_EL2 0x%lx pc 0x%lx",
            vcpu->abort.esr, vcpu->abort.hpfar, vcpu->abort.far, vcpu->abort.pc);
    show_frames(vcpu, &regime);
    show_exits(vcpu);
}

static unsigned turn_of(const struct vm *vm)
{
    return __atomic_load_n(&vm->report_turn, __ATOMIC_ACQUIRE);
}

static void set_turn(struct vm *vm, unsigned turn)
{
    __atomic_store_n(&vm->report_turn, turn, __ATOMIC_RELEASE);
}

/* False: it is not as expected. */
static bool change_turn(struct vm *vm, unsigned expected, unsigned turn)
{
    return __atomic_compare_exchange_n(&vm->report_turn, &expected, turn, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

static void end_report(struct vm *vm)
{
    say("ends");
    if (vm->config.report)
        console_await_break();
    set_turn(vm, NOT_NOW);
}

/* After the turn of a vCPU, which the caller has closed. */
static void next_turn(struct vm *vm, unsigned index)
{
    if (index == vm->nr_vcpus - 1)
        end_report(vm);
    else
        set_turn(vm, TURN(index + 1));
}

/* The vCPU whose turn it is has had time enough. */
static void pass_over(struct vm *vm, unsigned turn)
{
    if (!change_turn(vm, turn, turn | CLOSED))
        return;
    say("vCPU %u does not come", OWNER(turn));
    next_turn(vm, OWNER(turn));
}

static bool is_open(unsigned turn)
{
    return turn != NOT_NOW && (turn & CLOSED) == 0;
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
        if (is_open(turn) && cpu_counter() - since > patience)
            pass_over(vm, turn);
        vgic_sync(&vm->vgic, vcpu->index);
        cpu_relax();
        turn = turn_of(vm);
    }
    return turn;
}

/* The calling vCPU's part of the report, if there is one. */
static void take_part(struct vcpu *vcpu)
{
    unsigned mine = TURN(vcpu->index);

    if (await_turn(vcpu, mine) == mine) {
        show(vcpu);
        if (change_turn(vcpu->vm, mine, mine | CLOSED))
            next_turn(vcpu->vm, vcpu->index);
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
    if (!change_turn(vm, NOT_NOW, BEGINS))
        return;
    say("begins: %s", why);
    for (unsigned i = 0; i < vm->mem.count; i++)
        say("ram 0x%lx size 0x%lx at 0x%lx", vm->mem.region[i].ipa.v, vm->mem.region[i].size,
            vm->mem.region[i].pa.v);
    set_turn(vm, TURN(0));
    for (unsigned i = 0; i < vm->nr_vcpus; i++)
        gic_send_sgi(vm->vgic.vcpu[i].cpu, GIC_SGI_REPORT);
}

void report_ending(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;

    /* Until it is marked as made, whoever comes finds it begun, or begins it. */
    if (!__atomic_load_n(&vm->reported, __ATOMIC_ACQUIRE))
        report_ask(vm, vm->stop_reason != NULL ? vm->stop_reason : "its kernel has panicked");
    __atomic_store_n(&vm->reported, true, __ATOMIC_RELEASE);
    take_part(vcpu);
}
