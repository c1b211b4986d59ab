/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rounds of samples. See watch.h.
 *
 * In a round an alarm sends an SGI to each CPU, which takes a sample of its vCPU. The next is due
 * one period later, and waits until every CPU has answered: what is counted is samples, so a host
 * that starves some CPUs makes nobody look stuck. An inquest is rounds with a shorter period.
 */
#include "vm/watch.h"

#include <stddef.h>

#include "drv/alarm.h"
#include "gic/gic.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "lib/string.h"
#include "regs.h"
#include "sysreg.h"
#include "trap/guest_insn.h"
#include "trap/irq.h"
#include "vm/power.h"
#include "vm/progress.h"
#include "vm/vm.h"

#define MS_PER_S       1000
#define INQUEST_ROUNDS 10
#define LONE_ROUNDS    50 /* where there is but one CPU, which spins */
#define REASON_MAX     64

#define INSN_HVC UINT32_C(0xd4000002) /* of immediate 0, the SMCCC's */
#define INSN_SMC UINT32_C(0xd4000003)

enum watch_mode {
    WATCHING, /* for a hang */
    ASKED,    /* for signs of life */
    PANICKED, /* the guest has said so, and may have more to say */
};

static struct vm *vm; /* NULL: nothing is watched */
static struct alarm alarm;
static bool busy;                       /* atomic: a CPU is in watch_ring() */
static enum watch_mode mode;            /* atomic */
static unsigned answers_due;            /* atomic: CPUs that have yet to answer this round */
static unsigned rounds;                 /* of the inquest, with the one that goes on */
static uint64_t accesses;               /* to devices, when last looked at */
static struct progress hang[MAX_VCPUS]; /* each is written by its own CPU */
static struct progress life[MAX_VCPUS]; /* in an inquest */

static enum watch_mode mode_now(void)
{
    return __atomic_load_n(&mode, __ATOMIC_ACQUIRE);
}

static void set_next_round(void)
{
    static const unsigned period_ms[] = {[WATCHING] = 1000, [ASKED] = 100, [PANICKED] = 200};

    alarm_set(&alarm, alarm_now() + alarm_frequency() * period_ms[mode_now()] / MS_PER_S);
}

static void set_mode(enum watch_mode now)
{
    __atomic_store_n(&mode, now, __ATOMIC_RELEASE);
    set_next_round();
}

/* Unless the guest has said meanwhile that it panicked. */
static void end_inquest(void)
{
    enum watch_mode asked = ASKED;

    __atomic_compare_exchange_n(&mode, &asked, WATCHING, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static uint64_t device_accesses(const struct vcpu *vcpu)
{
    uint64_t sum = 0;

    for (unsigned i = EXIT_MMIO_DEVICE; i < EXIT_REASON_COUNT; i++)
        sum += vcpu->exits[i];
    return sum;
}

/* Exits by which the vCPU wants something. Not those of others' doing, and no aborts, of which one
 * that is lost makes no end. */
static uint64_t work_of(const struct vcpu *vcpu)
{
    static const uint8_t wanted[] = {EXIT_HVC,        EXIT_SMC,          EXIT_SYSREG_ID,
                                     EXIT_SYSREG_SGI, EXIT_SYSREG_OTHER, EXIT_MMIO_GICD,
                                     EXIT_MMIO_GICR,  EXIT_IRQ_TIMER,    EXIT_IRQ_PMU};
    uint64_t sum = device_accesses(vcpu);

    for (unsigned i = 0; i < ARRAY_SIZE(wanted); i++)
        sum += vcpu->exits[wanted[i]];
    return sum;
}

/* Was its latest instruction one that waits: WFI, or a call such as CPU_SUSPEND? */
static bool is_idle(const struct vcpu *vcpu)
{
    uint32_t insn;

    return guest_insn_at(vcpu, vcpu->regs.pc - INSN_SIZE, &insn) == 0 &&
           (insn == INSN_WFI || insn == INSN_HVC || insn == INSN_SMC);
}

static void take_sample(void *ctx, struct vcpu *vcpu)
{
    bool on = !__atomic_load_n(&vcpu->parked, __ATOMIC_ACQUIRE);
    bool asked = mode_now() == ASKED;
    struct progress_sample sample = {
        .pc = vcpu->regs.pc,
        .pstate = vcpu->regs.pstate,
        .vbar = read_sysreg(vbar_el1),
        .elr = read_sysreg(elr_el1),
        .spsr = read_sysreg(spsr_el1),
        .work = work_of(vcpu),
        .on = on,
        .pending = on && vgic_has_pending(&vm->vgic, vcpu->index),
        .idle = on && asked && is_idle(vcpu),
    };

    (void)ctx;
    progress_take(asked ? &life[vcpu->index] : &hang[vcpu->index], &sample);
    __atomic_fetch_sub(&answers_due, 1, __ATOMIC_ACQ_REL);
}

static void begin_round(void)
{
    __atomic_store_n(&answers_due, vm->nr_vcpus, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < vm->nr_vcpus; i++)
        gic_send_sgi(i, GIC_SGI_SAMPLE);
}

static void end_hung(unsigned index)
{
    static char reason[REASON_MAX];
    const struct progress_sample *at = &hang[index].last;
    bool loop = progress_trouble(at, at) == PROGRESS_LOOP;

    log_error("vCPU %u gets nowhere for %u s, at pc 0x%lx of EL%lu, pstate 0x%lx: it %s", index,
              hang[index].stuck, at->pc, FIELD_GET(PSR_M_EL, at->pstate), at->pstate,
              loop ? "takes one exception after the other"
                   : "has interrupts masked, and one is pending");
    fmt_snprintf(reason, sizeof(reason), "vCPU %u %s", index,
                 loop ? "is in a loop of exceptions" : "takes no interrupts");
    power_request_stop(vm, VM_HUNG, reason);
}

static void look_for_hang(void)
{
    unsigned limit = vm->config.hang_seconds;

    for (unsigned i = 0; i < vm->nr_vcpus; i++) {
        if (limit != 0 && hang[i].stuck >= limit) {
            end_hung(i);
            return;
        }
    }
}

static void look_for_life(void)
{
    unsigned on = 0, spinning = 0;
    bool alive = false;

    for (unsigned i = 0; i < vm->nr_vcpus; i++) {
        alive |= life[i].dead < rounds;
        on += life[i].last.on;
        spinning += progress_sign(&life[i].last) == PROGRESS_SPINS;
    }
    if (alive || spinning > 1) {
        end_inquest();
        log_info("break: the guest lives");
    } else if (rounds >= (on > 1 ? INQUEST_ROUNDS : LONE_ROUNDS)) {
        end_inquest();
        power_request_stop(vm, VM_DEAD, "no program runs, and no CPU idles");
    }
}

static uint64_t all_accesses(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < vm->nr_vcpus; i++)
        sum += device_accesses(&vm->vcpu[i]);
    return sum;
}

/* A guest that uses no device for a while has printed all that it wants to. */
static void look_for_end(void)
{
    uint64_t now = all_accesses();

    if (now == accesses)
        power_request_stop(vm, VM_PANICKED, "its kernel says so");
    accesses = now;
}

static void look(void)
{
    if (alarm_now() < __atomic_load_n(&alarm.due, __ATOMIC_RELAXED))
        return;
    set_next_round();
    if (__atomic_load_n(&vm->held, __ATOMIC_ACQUIRE))
        return; /* it gets nowhere, as it shall */
    if (mode_now() == PANICKED) {
        look_for_end();
    } else if (__atomic_load_n(&answers_due, __ATOMIC_ACQUIRE) == 0) {
        if (mode_now() == WATCHING)
            look_for_hang();
        else if (rounds != 0)
            look_for_life();
        rounds++;
        begin_round();
    }
}

static void watch_ring(void *ctx)
{
    (void)ctx;
    if (__atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE))
        return;
    look();
    __atomic_store_n(&busy, false, __ATOMIC_RELEASE);
}

int watch_init(struct vm *of)
{
    if (!of->config.unattended && of->config.hang_seconds == 0)
        return 0;
    vm = of;
    alarm_add(&alarm, watch_ring, NULL);
    return irq_register(GIC_SGI_SAMPLE, IRQ_EDGE, EXIT_IRQ_WATCH, take_sample, NULL);
}

void watch_init_cpu(unsigned cpu)
{
    if (vm != NULL)
        gic_ppi_set_enabled(cpu, GIC_SGI_SAMPLE, true);
}

void watch_start(void)
{
    if (vm == NULL)
        return;
    memset(hang, 0, sizeof(hang));
    set_mode(WATCHING);
}

bool watch_inquest(void)
{
    if (vm == NULL || !vm->config.unattended || mode_now() != WATCHING)
        return false;
    memset(life, 0, sizeof(life));
    rounds = 0;
    set_mode(ASKED);
    return true;
}

void watch_panicked(void)
{
    if (vm == NULL || !vm->config.unattended)
        return;
    accesses = all_accesses();
    set_mode(PANICKED);
}
