/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of trap/irq.c: what happens for which interrupt, in which order, and what is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cpu.h"
#include "gic/gic.h"
#include "gicc.h"
#include "trap/exit.h"
#include "trap/irq.h"
#include "vm/power.h"
#include "vm/vm.h"

#define MAINTENANCE 25
#define DEVICE      40
#define NOBODYS     41
#define VTIMER      27
#define PTIMER      30
#define SPURIOUS    1023

_Thread_local unsigned fake_cpu_index = 3;

static struct vm vm;
static struct vcpu *const vcpu = &vm.vcpu[2];
static uint32_t waiting; /* what the GIC has for us */
static char done[64];    /* what was done, in order */
static uint32_t enabled_spi;
static bool enabled_as_edge;
static uint64_t enabled_for;
static unsigned joined;

static void note(const char *what)
{
    assert_true(strlen(done) + strlen(what) < sizeof(done));
    strcat(done, what);
}

uint32_t gicc_acknowledge(void)
{
    return waiting | 0xff000000; /* the upper bits are RES0 by the manual, and nobody's to use */
}

void gicc_eoi(uint32_t intid)
{
    assert_int_equal(intid, waiting);
    note("eoi ");
}

void gicc_deactivate(uint32_t intid)
{
    assert_int_equal(intid, waiting);
    note("deactivate ");
}

void gic_enable_spi(uint32_t intid, bool edge, uint64_t mpidr)
{
    enabled_spi = intid;
    enabled_as_edge = edge;
    enabled_for = mpidr;
}

void vgic_sync(struct vgic *vgic, unsigned cpu)
{
    assert_ptr_equal(vgic, &vm.vgic);
    assert_int_equal(cpu, vcpu->index);
    note("sync ");
}

void vgic_hw_ppi_fired(struct vgic *vgic, unsigned cpu, uint32_t intid)
{
    assert_ptr_equal(vgic, &vm.vgic);
    assert_int_equal(cpu, vcpu->index);
    assert_int_equal(intid, waiting);
    note("timer ");
}

void power_join_stop(struct vcpu *v)
{
    assert_ptr_equal(v, vcpu);
    joined++;
}

static void device(void *ctx, struct vcpu *v)
{
    assert_ptr_equal(v, vcpu);
    note(ctx);
}

/* The table is filled once, as at boot. */
static int boot(void **state)
{
    (void)state;
    assert_int_equal(irq_init(MAINTENANCE), 0);
    assert_int_equal(irq_register(DEVICE, IRQ_LEVEL, EXIT_IRQ_UART, device, "level "), 0);
    assert_int_equal(enabled_spi, DEVICE);
    assert_false(enabled_as_edge);
    assert_int_equal(enabled_for, 3);
    assert_int_equal(irq_register(DEVICE + 2, IRQ_EDGE, EXIT_IRQ_OTHER, device, "edge "), 0);
    assert_int_equal(enabled_spi, DEVICE + 2);
    assert_true(enabled_as_edge);
    assert_int_equal(irq_register(20, IRQ_LEVEL, EXIT_IRQ_OTHER, device, "PPI "), 0);
    assert_int_equal(enabled_spi, DEVICE + 2);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    memset(&vm, 0, sizeof(vm));
    vcpu->vm = &vm;
    vcpu->index = 2;
    joined = 0;
    return 0;
}

static const struct {
    uint32_t intid;
    enum exit_reason reason;
    const char *done;
} cases[] = {
    {VTIMER, EXIT_IRQ_TIMER, "timer eoi "}, /* the guest deactivates it */
    {PTIMER, EXIT_IRQ_TIMER, "timer eoi "},
    {GIC_SGI_KICK, EXIT_IRQ_KICK, "eoi deactivate sync "},
    {MAINTENANCE, EXIT_IRQ_MAINTENANCE, "sync eoi deactivate "},
    {DEVICE, EXIT_IRQ_UART, "level eoi deactivate "},
    {DEVICE + 2, EXIT_IRQ_OTHER, "eoi deactivate edge "},
    {20, EXIT_IRQ_OTHER, "PPI eoi deactivate "},
    {NOBODYS, EXIT_IRQ_OTHER, "eoi deactivate "},
    {1019, EXIT_IRQ_OTHER, "eoi deactivate "},
    {1020, EXIT_IRQ_OTHER, ""},
    {SPURIOUS, EXIT_IRQ_OTHER, ""},
};

static uint64_t all_exits(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < EXIT_REASON_COUNT; i++)
        sum += vcpu->exits[i];
    return sum;
}

static void each_is_handled_and_counted(void **state)
{
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        setup(state);
        done[0] = '\0';
        waiting = cases[i].intid;
        exit_irq(vcpu);
        assert_string_equal(done, cases[i].done);
        assert_int_equal(vcpu->exits[cases[i].reason], 1);
        assert_int_equal(all_exits(), 1);
        assert_int_equal(joined, 0);
    }
}

/* An interrupt that a CPU takes while it waits in EL2 is no exit of its guest. */
static void waiting_is_no_exit(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        done[0] = '\0';
        waiting = cases[i].intid;
        irq_handle(vcpu);
        assert_string_equal(done, cases[i].done);
        assert_int_equal(all_exits(), 0);
    }
}

static void stop_is_seen(void **state)
{
    (void)state;
    waiting = GIC_SGI_KICK;
    vm.run_state = VM_RESETTING;
    done[0] = '\0';
    irq_handle(vcpu);
    assert_int_equal(joined, 0); /* whoever waits looks for itself */
    done[0] = '\0';
    exit_irq(vcpu);
    assert_int_equal(joined, 1);
}

static void refusals(void **state)
{
    static const uint32_t taken[] = {GIC_SGI_KICK, MAINTENANCE, VTIMER, PTIMER, DEVICE};

    (void)state;
    for (unsigned i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
        assert_int_equal(irq_register(taken[i], IRQ_LEVEL, EXIT_IRQ_OTHER, device, ""), -ERR_EXIST);
    assert_int_equal(irq_register(1020, IRQ_LEVEL, EXIT_IRQ_OTHER, device, ""), -ERR_RANGE);
    assert_int_equal(irq_register(UINT32_MAX, IRQ_LEVEL, EXIT_IRQ_OTHER, device, ""), -ERR_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_is_handled_and_counted, setup),
        cmocka_unit_test_setup(waiting_is_no_exit, setup),
        cmocka_unit_test_setup(stop_is_seen, setup),
        cmocka_unit_test_setup(refusals, setup),
    };

    return cmocka_run_group_tests(tests, boot, NULL);
}
