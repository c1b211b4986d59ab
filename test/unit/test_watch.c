/* SPDX-License-Identifier: Apache-2.0 */
/* Rounds of samples: when one is due, that it waits for every CPU, and what ends the VM. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drv/alarm.h"
#include "gic/gic.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "regs.h"
#include "sysreg.h"
#include "trap/guest_insn.h"
#include "trap/irq.h"
#include "vm/power.h"
#include "vm/vm.h"
#include "vm/watch.h"

#define FREQUENCY UINT64_C(1000) /* a tick is a millisecond */
#define CPUS      2
#define HANG      3

_Thread_local struct fake_sysreg fake_sysreg;

static struct vm vm = {.nr_vcpus = CPUS, .config = {.unattended = true, .hang_seconds = HANG}};
static struct alarm *alarm_added;
static uint64_t now;
static irq_fn sample_fn;
static unsigned asked;     /* CPUs that owe a sample, a bit each */
static unsigned listening; /* CPUs that can be asked, a bit each */
static uint32_t insn;      /* the one that a vCPU waits in; 0: it can't be read */
static bool pending[CPUS]; /* an interrupt waits */
static unsigned stops;
static enum vm_ending ending;
static void (*meanwhile)(void); /* what happens while CPUs are asked */
static const char *stop_reason;
static char last_log[256];

uint64_t alarm_now(void)
{
    return now;
}

uint64_t alarm_frequency(void)
{
    return FREQUENCY;
}

void alarm_add(struct alarm *alarm, void (*fn)(void *ctx), void *ctx)
{
    *alarm = (struct alarm){.fn = fn, .ctx = ctx, .due = ALARM_NEVER};
    alarm_added = alarm;
}

void alarm_set(struct alarm *alarm, uint64_t due)
{
    alarm->due = due;
}

int irq_register(uint32_t intid, enum irq_trigger trigger, enum exit_reason reason, irq_fn fn,
                 void *ctx)
{
    assert_int_equal(intid, GIC_SGI_SAMPLE);
    assert_int_equal(trigger, IRQ_EDGE);
    assert_int_equal(reason, EXIT_IRQ_WATCH);
    assert_null(ctx);
    sample_fn = fn;
    return 0;
}

void gic_send_sgi(unsigned cpu, uint32_t intid)
{
    assert_int_equal(intid, GIC_SGI_SAMPLE);
    asked |= 1U << cpu;
    if (meanwhile != NULL)
        meanwhile();
}

void gic_ppi_set_enabled(unsigned cpu, uint32_t intid, bool enabled)
{
    assert_int_equal(intid, GIC_SGI_SAMPLE);
    assert_true(enabled);
    listening |= 1U << cpu;
}

bool vgic_has_pending(struct vgic *vgic, unsigned vcpu)
{
    assert_ptr_equal(vgic, &vm.vgic);
    return pending[vcpu];
}

int guest_insn_at(const struct vcpu *vcpu, uint64_t pc, uint32_t *found)
{
    (void)vcpu;
    *found = pc == 0x1000 - 4 ? insn : 0;
    return insn == 0 ? -ERR_RANGE : 0;
}

void power_request_stop(struct vm *stopped, enum vm_ending how, const char *reason)
{
    assert_ptr_equal(stopped, &vm);
    stop_reason = reason;
    stops++;
    ending = how;
}

void log_print(enum log_kind kind, const char *fmt, ...)
{
    va_list ap;

    (void)kind;
    va_start(ap, fmt);
    fmt_vsnprintf(last_log, sizeof(last_log), fmt, ap);
    va_end(ap);
}

static void be_busy(unsigned cpu, bool masked)
{
    vm.vcpu[cpu].regs.pc = 0x2000;
    vm.vcpu[cpu].regs.pstate = PSR_M_EL1h | (masked ? PSR_I | PSR_F : 0);
    pending[cpu] = masked;
}

static void be_idle(unsigned cpu)
{
    vm.vcpu[cpu].regs.pc = 0x1000;
    vm.vcpu[cpu].regs.pstate = PSR_M_EL1h | PSR_I | PSR_F;
    pending[cpu] = false;
}

static void be_stopped(unsigned cpu)
{
    vm.vcpu[cpu].regs.pc = 0x1000;
    vm.vcpu[cpu].regs.pstate = PSR_M_EL1h | PSR_DAIF;
}

static int start(void **state)
{
    (void)state;
    memset(vm.vcpu, 0, sizeof(vm.vcpu));
    fake_sysreg = (struct fake_sysreg){.vbar_el1 = 0x100000, .spsr_el1 = PSR_M_EL1h};
    for (unsigned i = 0; i < CPUS; i++) {
        vm.vcpu[i].vm = &vm;
        vm.vcpu[i].index = i;
        be_idle(i);
    }
    if (alarm_added == NULL)
        assert_int_equal(watch_init(&vm), 0);
    vm.config.unattended = true;
    vm.config.hang_seconds = HANG;
    for (unsigned i = 0; i < CPUS; i++) {
        if ((asked >> i & 1) != 0)
            sample_fn(NULL, &vm.vcpu[i]); /* what the test before has left */
    }
    asked = 0;
    stops = 0;
    stop_reason = NULL;
    meanwhile = NULL;
    insn = INSN_WFI;
    last_log[0] = '\0';
    watch_start();
    return 0;
}

static void answer(unsigned cpu)
{
    assert_true((asked >> cpu & 1) != 0);
    asked &= ~(1U << cpu);
    sample_fn(NULL, &vm.vcpu[cpu]);
}

/* The alarm is due, and fires. */
static void ring(void)
{
    now = alarm_added->due;
    alarm_added->fn(alarm_added->ctx);
}

static void one_round(void)
{
    ring();
    for (unsigned i = 0; i < CPUS; i++)
        answer(i);
}

static void rounds(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        one_round();
}

/* The first test: a VM that asks for nothing is left alone. */
static void nothing_is_watched(void **state)
{
    static struct vm other = {.nr_vcpus = CPUS};

    (void)state;
    assert_int_equal(watch_init(&other), 0);
    assert_null(alarm_added);
    watch_init_cpu(1);
    assert_int_equal(listening, 0);
    watch_start();
    watch_panicked();
    assert_false(watch_inquest());
}

static void each_cpu_can_be_asked(void **state)
{
    (void)state;
    watch_init_cpu(0);
    watch_init_cpu(1);
    assert_int_equal(listening, 0x3);
}

static void once_a_second(void **state)
{
    (void)state;
    now = alarm_added->due - 1;
    alarm_added->fn(alarm_added->ctx); /* early */
    assert_int_equal(asked, 0);
    ring();
    assert_int_equal(asked, 0x3);
    assert_int_equal(alarm_added->due, now + FREQUENCY);
}

static void a_hang(void **state)
{
    (void)state;
    be_busy(1, true);
    rounds(HANG + 1); /* of the first, nothing is known of before */
    assert_int_equal(stops, 0);
    ring();
    assert_int_equal(stops, 1);
    assert_int_equal(ending, VM_HUNG);
    assert_string_equal(stop_reason, "vCPU 1 takes no interrupts");
    assert_non_null(strstr(last_log, "vCPU 1 gets nowhere for 3 s, at pc 0x2000 of EL1"));
    assert_non_null(strstr(last_log, "interrupts masked"));
}

/* It takes an exception at the first instruction of its vectors, again and again. */
static void a_loop_of_exceptions(void **state)
{
    (void)state;
    vm.vcpu[0].regs.pc = fake_sysreg.vbar_el1 + 0x200;
    fake_sysreg.elr_el1 = fake_sysreg.vbar_el1 + 0x200;
    rounds(HANG + 1);
    ring();
    assert_int_equal(ending, VM_HUNG);
    assert_string_equal(stop_reason, "vCPU 0 is in a loop of exceptions");
    assert_non_null(strstr(last_log, "one exception after the other"));
}

/* Who only wants to hear of the end is not told of a hang. */
static void no_limit(void **state)
{
    (void)state;
    vm.config.hang_seconds = 0;
    be_busy(1, true);
    rounds(10 * HANG);
    assert_int_equal(stops, 0);
}

static void ring_again(void)
{
    meanwhile = NULL;
    alarm_added->fn(alarm_added->ctx);
    now += 2 * FREQUENCY;
    alarm_added->fn(alarm_added->ctx);
    now -= 2 * FREQUENCY;
}

/* The alarm fires on another CPU while one is at it. */
static void one_cpu_at_a_time(void **state)
{
    uint64_t due = alarm_added->due;

    (void)state;
    meanwhile = ring_again;
    ring();
    assert_null(meanwhile);
    assert_int_equal(alarm_added->due, due + FREQUENCY);
}

static void one_good_sample_is_enough(void **state)
{
    (void)state;
    be_busy(1, true);
    rounds(HANG);
    vm.vcpu[1].exits[EXIT_IRQ_TIMER]++;
    rounds(HANG);
    assert_int_equal(stops, 0);
}

static void aborts_are_no_work(void **state)
{
    (void)state;
    be_busy(1, true);
    for (unsigned i = 0; i < HANG + 2; i++) {
        vm.vcpu[1].exits[EXIT_ABORT]++;
        one_round();
    }
    assert_int_equal(stops, 1);
}

/* A CPU that the host starves delays the count, whatever time goes by. */
static void who_does_not_answer_is_waited_for(void **state)
{
    (void)state;
    be_busy(1, true);
    ring();
    answer(0);
    for (unsigned i = 0; i < 10 * HANG; i++) {
        ring();
        assert_int_equal(asked, 0x2);
    }
    answer(1);
    rounds(HANG);
    assert_int_equal(stops, 0);
}

static void a_guest_that_lives(void **state)
{
    (void)state;
    be_busy(0, false);
    watch_inquest();
    assert_int_equal(alarm_added->due, now + FREQUENCY / 10);
    ring();
    answer(0);
    answer(1);
    assert_string_equal(last_log, "");
    ring();
    assert_string_equal(last_log, "break: the guest lives");
    assert_int_equal(stops, 0);
}

static void two_that_are_busy_live(void **state)
{
    (void)state;
    be_busy(0, false);
    be_busy(1, false);
    watch_inquest();
    rounds(2);
    assert_string_equal(last_log, "break: the guest lives");
}

static void a_guest_that_is_dead(void **state)
{
    (void)state;
    be_busy(0, false);
    be_stopped(1);
    watch_inquest();
    rounds(10);
    assert_int_equal(stops, 0);
    ring();
    assert_int_equal(stops, 1);
    assert_int_equal(ending, VM_DEAD);
}

/* What else a vCPU may wait in: a call of the firmware's. What can't be read is no waiting. */
static void ways_to_wait(void **state)
{
    static const uint32_t waits[] = {INSN_WFI, UINT32_C(0xd4000002), UINT32_C(0xd4000003)};

    for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
        start(state);
        be_stopped(1);
        insn = waits[i];
        assert_true(watch_inquest());
        rounds(2);
        assert_string_equal(last_log, "break: the guest lives");
    }
    start(state);
    be_stopped(1);
    insn = 0;
    assert_true(watch_inquest());
    rounds(2);
    assert_string_equal(last_log, "");
}

static void who_is_not_asked(void **state)
{
    (void)state;
    assert_true(watch_inquest());
    assert_false(watch_inquest()); /* already */
    start(state);
    watch_panicked();
    assert_false(watch_inquest());
    start(state);
    vm.config.unattended = false;
    assert_false(watch_inquest());
}

/* What was seen before it was asked for says nothing. */
static void life_comes_late(void **state)
{
    (void)state;
    be_busy(0, false);
    be_stopped(1);
    rounds(20);
    watch_inquest();
    rounds(9);
    be_idle(0);
    rounds(2);
    assert_int_equal(stops, 0);
    assert_string_equal(last_log, "break: the guest lives");
}

static void alone_it_takes_longer(void **state)
{
    (void)state;
    be_busy(0, false);
    vm.vcpu[1].parked = true;
    watch_inquest();
    rounds(50);
    assert_int_equal(stops, 0);
    ring();
    assert_int_equal(ending, VM_DEAD);
    assert_int_equal(stops, 1);
}

/* As long as it uses a device it may be printing. */
static void it_says_that_it_panicked(void **state)
{
    (void)state;
    watch_panicked();
    for (unsigned i = 0; i < 5; i++) {
        vm.vcpu[1].exits[EXIT_MMIO_DEVICE + 1]++;
        ring();
        assert_int_equal(stops, 0);
    }
    ring();
    assert_int_equal(stops, 1);
    assert_int_equal(ending, VM_PANICKED);
    assert_int_equal(asked, 0);
}

/* Whoever sits at the console wants to see it. */
static void a_panic_that_is_attended(void **state)
{
    (void)state;
    vm.config.unattended = false;
    watch_panicked();
    rounds(10);
    assert_int_equal(stops, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_watched),
        cmocka_unit_test_setup(each_cpu_can_be_asked, start),
        cmocka_unit_test_setup(once_a_second, start),
        cmocka_unit_test_setup(a_hang, start),
        cmocka_unit_test_setup(a_loop_of_exceptions, start),
        cmocka_unit_test_setup(no_limit, start),
        cmocka_unit_test_setup(one_cpu_at_a_time, start),
        cmocka_unit_test_setup(one_good_sample_is_enough, start),
        cmocka_unit_test_setup(aborts_are_no_work, start),
        cmocka_unit_test_setup(who_does_not_answer_is_waited_for, start),
        cmocka_unit_test_setup(a_guest_that_lives, start),
        cmocka_unit_test_setup(two_that_are_busy_live, start),
        cmocka_unit_test_setup(a_guest_that_is_dead, start),
        cmocka_unit_test_setup(ways_to_wait, start),
        cmocka_unit_test_setup(who_is_not_asked, start),
        cmocka_unit_test_setup(life_comes_late, start),
        cmocka_unit_test_setup(alone_it_takes_longer, start),
        cmocka_unit_test_setup(it_says_that_it_panicked, start),
        cmocka_unit_test_setup(a_panic_that_is_attended, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
