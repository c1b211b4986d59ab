/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of trap/trace.c: what an event says, the ring's bounds, and who waits for whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "gic/gic_regs.h"
#include "gicc.h"
#include "gich.h"
#include "lib/log.h"
#include "regs.h"
#include "sysreg.h"
#include "trap/esr.h"
#include "trap/exit.h"
#include "trap/trace.h"
#include "vectors.h"
#include "vm/vm.h"

#define VCPUS     2
#define EVENTS    8
#define FREQUENCY UINT64_C(1000)
#define PC        UINT64_C(0xffff000012345678)
#define RING_SIZE (sizeof(struct trace_ring) + EVENTS * sizeof(struct trace_event))

_Thread_local struct fake_sysreg fake_sysreg;
_Thread_local unsigned fake_cpu_index;

static _Alignas(PAGE_SIZE) uint8_t memory[PAGE_SIZE + VCPUS * RING_SIZE];
static struct vm vm;
static struct vcpu *const vcpu = &vm.vcpu[1];
static struct trace_head *const head = (void *)memory;
static struct trace_ring *const ring = (void *)(memory + PAGE_SIZE + RING_SIZE);
static struct trace_event *const event = (void *)(memory + PAGE_SIZE + RING_SIZE + sizeof(*ring));
static bool traced;
static unsigned handled;
static uint32_t free_lrs;
static void (*meanwhile)(void); /* as an exit is handled */
static unsigned reader_takes;   /* exits that the host reads while EL2 waits */

void log_print(enum log_kind kind, const char *fmt, ...)
{
    assert_int_equal(kind, LOG_ERROR);
    (void)fmt;
}

void vectors_use(bool with_trace)
{
    traced = with_trace;
}

uint32_t gicc_pending(void)
{
    return 27;
}

uint32_t gich_read_free(void)
{
    return free_lrs;
}

/* The counter goes on, and meanwhile the host reads, or does not. */
int sched_yield(void)
{
    fake_sysreg.cntpct_el0 += FREQUENCY;
    ring->taken += reader_takes;
    return 0;
}

static void note_handled(struct vcpu *v)
{
    assert_ptr_equal(v, vcpu);
    assert_int_equal(event[ring->published % EVENTS].left, 0);
    handled++;
    if (meanwhile != NULL)
        meanwhile();
    fake_sysreg.cntpct_el0 += 5;
}

void exit_sync(struct vcpu *v)
{
    note_handled(v);
    v->regs.x[3] = 0x33;
}

void exit_irq(struct vcpu *v)
{
    note_handled(v);
    free_lrs = 0xc;
    v->vm->vgic.vcpu[1].lr_value[1] = FIELD_PREP(ICH_LR_vINTID, 40);
}

void exit_serror(struct vcpu *v)
{
    note_handled(v);
}

static int setup(void **state)
{
    (void)state;
    memset(memory, 0xa5, sizeof(memory));
    memset(&vm, 0, sizeof(vm));
    vm.nr_vcpus = VCPUS;
    vm.config.trace = (struct pa_range){ptr_to_pa(memory), sizeof(memory)};
    vm.config.trace_lossless = true;
    vm.mem = (struct guest_mem){.count = 1, .region = {{ipa(1), pa(2), 3}}};
    vm.vcpu[0].vm = &vm;
    *vcpu = (struct vcpu){.vm = &vm, .index = 1, .regs.pc = PC};
    fake_sysreg = (struct fake_sysreg){.cntfrq_el0 = FREQUENCY, .cntpct_el0 = 100};
    traced = false;
    handled = 0;
    free_lrs = 0xe;
    reader_takes = 0;
    meanwhile = NULL;
    return trace_init(&vm);
}

static void test_head(void **state)
{
    (void)state;
    assert_memory_equal(memory, "TRTRACE1", 8);
    assert_int_equal(head->frequency, FREQUENCY);
    assert_int_equal(head->nr_rings, VCPUS);
    assert_int_equal(head->events, EVENTS);
    assert_int_equal(head->lossless, 1);
    assert_int_equal(head->nr_ram, 1);
    assert_int_equal(head->ram[0].size, 3);
    assert_int_equal(ring->published, 0);
    assert_int_equal(ring->taken, 0);
}

static void test_begins_traced_or_not(void **state)
{
    (void)state;
    trace_init_cpu(vcpu);
    assert_true(traced);
    traced = false;
    vm.config.trace_later = true;
    trace_init_cpu(vcpu);
    assert_false(traced);
}

static void test_is_switched(void **state)
{
    (void)state;
    trace_switch(true);
    assert_true(traced);
    trace_switch(false);
    assert_false(traced);
}

static void test_memory_is_refused(void **state)
{
    (void)state;
    vm.config.trace.size = PAGE_SIZE + VCPUS * (sizeof(struct trace_ring) + 47);
    assert_int_equal(trace_init(&vm), -ERR_RANGE);
    vm.config.trace.size = PAGE_SIZE;
    assert_int_equal(trace_init(&vm), -ERR_RANGE);
    vm.config.trace = (struct pa_range){pa(ptr_to_pa(memory).v + 8), sizeof(memory) - 8};
    assert_int_equal(trace_init(&vm), -ERR_RANGE);
    vm.config.trace.size = 0;
    assert_int_equal(trace_init(&vm), 0);
}

static void test_read(void **state)
{
    uint64_t esr =
        FIELD_PREP(ESR_ELx_EC, ESR_EC_DABT_LOW) | ISS_ABORT_ISV | FIELD_PREP(ISS_ABORT_SRT, 3);

    (void)state;
    fake_sysreg.esr_el2 = esr;
    fake_sysreg.far_el2 = 0xffff000000000018;
    fake_sysreg.hpfar_el2 = FIELD_PREP(HPFAR_EL2_FIPA, 0x9000);
    trace_exit_sync(vcpu);
    assert_int_equal(handled, 1);
    assert_int_equal(ring->published, 1);
    assert_int_equal(event->entered, 100);
    assert_int_equal(event->left, 105);
    assert_int_equal(event->pc, PC);
    assert_int_equal(event->address, 0x9000018);
    assert_int_equal(event->value, 0x33);
    assert_int_equal(event->what, esr);
    assert_int_equal(event->given, TRACE_NOTHING);
    assert_int_equal(event->vcpu, 1);
    assert_int_equal(event->kind, TRACE_SYNC);
}

/* No syndrome, no value. */
static void test_access_of_two_registers(void **state)
{
    (void)state;
    fake_sysreg.esr_el2 = FIELD_PREP(ESR_ELx_EC, ESR_EC_DABT_LOW) | FIELD_PREP(ISS_ABORT_SRT, 3);
    trace_exit_sync(vcpu);
    assert_int_equal(event->value, 0);
}

static void test_system_register(void **state)
{
    (void)state;
    fake_sysreg.esr_el2 = FIELD_PREP(ESR_ELx_EC, ESR_EC_SYS64) | FIELD_PREP(ISS_SYS64_Rt, 3);
    trace_exit_sync(vcpu);
    assert_int_equal(event->value, 0x33);
    assert_int_equal(event->address, 0);
}

static void test_call(void **state)
{
    (void)state;
    vcpu->regs.x[0] = 0x84000000;
    vcpu->regs.x[1] = 7;
    fake_sysreg.esr_el2 = FIELD_PREP(ESR_ELx_EC, ESR_EC_HVC64);
    trace_exit_sync(vcpu);
    assert_int_equal(event->value, 0x84000000);
    assert_int_equal(event->address, 7);
}

static void test_interrupt(void **state)
{
    (void)state;
    trace_exit_irq(vcpu);
    assert_int_equal(event->kind, TRACE_IRQ);
    assert_int_equal(event->what, 27);
    assert_int_equal(event->given, 40);
}

static void test_system_error(void **state)
{
    (void)state;
    trace_exit_serror(vcpu);
    assert_int_equal(event->kind, TRACE_SERROR);
    assert_int_equal(event->given, TRACE_NOTHING);
}

static void fill(unsigned exits)
{
    for (unsigned i = 0; i < exits; i++)
        trace_exit_serror(vcpu);
}

static void test_waits_for_room(void **state)
{
    (void)state;
    reader_takes = 1;
    fill(EVENTS);
    assert_int_equal(ring->waited, 0);
    fill(1);
    assert_int_equal(ring->waited, 1);
    assert_int_equal(ring->taken, 1);
    assert_int_equal(ring->published, EVENTS + 1);
    assert_int_equal(head->lossless, 1);
}

static void test_does_not_wait_for_ever(void **state)
{
    (void)state;
    fill(EVENTS + 1);
    assert_int_equal(head->lossless, 0);
    fill(EVENTS);
    assert_int_equal(ring->waited, 1);
    assert_int_equal(ring->published, 2 * EVENTS + 1);
}

static void change(void)
{
    vm.stage2.changed_fn(STAGE2_PROTECTED, ipa(0x48000000), 0x2000, STAGE2_READ | STAGE2_EXEC);
}

/* It is read once the exit that made it is over. */
static void test_change_of_stage2(void **state)
{
    (void)state;
    fake_cpu_index = 1;
    change(); /* of an exit that was not traced */
    meanwhile = change;
    fill(1);
    assert_int_equal(ring->published, 2);
    assert_int_equal(event[0].kind, TRACE_SERROR);
    assert_int_equal(event[1].kind, TRACE_STAGE2);
    assert_int_equal(event[1].pc, PC);
    assert_int_equal(event[1].address, 0x48000000);
    assert_int_equal(event[1].value, 0x2000);
    assert_int_equal(event[1].what, STAGE2_PROTECTED | (STAGE2_READ | STAGE2_EXEC) << 8);
    assert_in_range(event[1].entered, event[0].entered, event[0].left);
    assert_int_equal(event[1].left, event[1].entered);
    fill(1);
    assert_int_equal(ring->published, 4);
}

static void change_often(void)
{
    for (unsigned i = 0; i < 3 * EVENTS; i++)
        change();
}

static void test_more_changes_than_a_ring_has(void **state)
{
    (void)state;
    fake_cpu_index = 1;
    reader_takes = 1;
    fill(2);
    meanwhile = change_often;
    fill(1);
    assert_int_equal(head->lossless, 1);
    assert_int_equal(ring->published, 2 + EVENTS);
    assert_int_equal(ring->taken, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_head, setup),
        cmocka_unit_test_setup(test_begins_traced_or_not, setup),
        cmocka_unit_test_setup(test_is_switched, setup),
        cmocka_unit_test_setup(test_memory_is_refused, setup),
        cmocka_unit_test_setup(test_read, setup),
        cmocka_unit_test_setup(test_access_of_two_registers, setup),
        cmocka_unit_test_setup(test_system_register, setup),
        cmocka_unit_test_setup(test_call, setup),
        cmocka_unit_test_setup(test_interrupt, setup),
        cmocka_unit_test_setup(test_system_error, setup),
        cmocka_unit_test_setup(test_waits_for_room, setup),
        cmocka_unit_test_setup(test_does_not_wait_for_ever, setup),
        cmocka_unit_test_setup(test_change_of_stage2, setup),
        cmocka_unit_test_setup(test_more_changes_than_a_ring_has, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
