/* SPDX-License-Identifier: Apache-2.0 */
/* Rounds of samples: when one is due, that it waits for every CPU, and what ends the VM. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drv/alarm.h"
#include "gic/gic.h"
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
static bool pending[CPUS]; /* an interrupt waits */
static unsigned stops;
static enum vm_ending ending;
static char last_log[128];

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
}

void gic_ppi_set_enabled(unsigned cpu, uint32_t intid, bool enabled)
{
    (void)cpu;
    (void)intid;
    (void)enabled;
}

bool vgic_has_pending(struct vgic *vgic, unsigned vcpu)
{
    assert_ptr_equal(vgic, &vm.vgic);
    return pending[vcpu];
}

int guest_insn_at(const struct vcpu *vcpu, uint64_t pc, uint32_t *insn)
{
    (void)vcpu;
    *insn = pc == 0x1000 - 4 ? UINT32_C(0xd503207f) : 0; /* WFI */
    return 0;
}

void power_request_stop(struct vm *stopped, enum vm_ending how, const char *reason)
{
    assert_ptr_equal(stopped, &vm);
    assert_non_null(reason);
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
    for (unsigned i = 0; i < CPUS; i++) {
        if ((asked >> i & 1) != 0)
            sample_fn(NULL, &vm.vcpu[i]); /* what the test before has left */
    }
    asked = 0;
    stops = 0;
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
    assert_non_null(strstr(last_log, "vCPU 1"));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(once_a_second, start),
        cmocka_unit_test_setup(a_hang, start),
        cmocka_unit_test_setup(one_good_sample_is_enough, start),
        cmocka_unit_test_setup(aborts_are_no_work, start),
        cmocka_unit_test_setup(who_does_not_answer_is_waited_for, start),
        cmocka_unit_test_setup(a_guest_that_lives, start),
        cmocka_unit_test_setup(two_that_are_busy_live, start),
        cmocka_unit_test_setup(a_guest_that_is_dead, start),
        cmocka_unit_test_setup(life_comes_late, start),
        cmocka_unit_test_setup(alone_it_takes_longer, start),
        cmocka_unit_test_setup(it_says_that_it_panicked, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
