/* SPDX-License-Identifier: Apache-2.0 */
/* vm/monitor_cpu.c: registers by name, and translations that leave no trace in the guest's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "at.h"
#include "el1_regs.h"
#include "gich.h"
#include "lib/bits.h"
#include "sysreg.h"
#include "trap/trace.h"
#include "vm/monitor_call.h"

#define VA       UINT64_C(0xffff000012345678)
#define PAR      UINT64_C(0x48000000)
#define THEIRS   UINT64_C(0x1234) /* what the guest has in PAR_EL1 */
#define LRS      4
#define TEXT_MAX 16384

_Thread_local struct fake_sysreg fake_sysreg;

static struct vcpu vcpu;
static struct monitor_message message;
static char said[TEXT_MAX];
static const char *translated_by;

void fake_at(const char *kind, uint64_t va)
{
    assert_int_equal(va, VA);
    translated_by = kind;
    fake_sysreg.par_el1 = PAR;
}

uint64_t gich_read_vtr(void)
{
    return LRS - 1;
}

uint64_t gich_read_lr(unsigned n)
{
    return 0x100 + n;
}

static bool traced;

void trace_switch(bool on)
{
    traced = on;
}

void monitor_say(struct monitor_call *call, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    call->used += (uint32_t)fmt_vsnprintf(said + call->used, sizeof(said) - call->used, fmt, ap);
    va_end(ap);
    assert_in_range(call->used, 1, sizeof(said) - 2);
    said[call->used++] = '\n';
    said[call->used] = '\0';
}

static int setup(void **state)
{
    (void)state;
    vcpu = (struct vcpu){.mpidr = 0x80000002, .regs = {.pc = 0x48000004, .pstate = 0x3c5}};
    for (unsigned i = 0; i < ARRAY_SIZE(vcpu.regs.x); i++)
        vcpu.regs.x[i] = 0x1000 + i;
    fake_sysreg = (struct fake_sysreg){.par_el1 = THEIRS};
    said[0] = '\0';
    translated_by = NULL;
    return 0;
}

static int ask(int (*fn)(struct monitor_call *), uint64_t value)
{
    struct monitor_call call = {.vcpu = &vcpu, .message = &message};

    message = (struct monitor_message){.address = VA, .value = value};
    return fn(&call);
}

static void assert_says(const char *name, uint64_t value)
{
    char line[64];

    fmt_snprintf(line, sizeof(line), "\n%s=0x%lx\n", name, value);
    if (strstr(said, line) == NULL)
        fail_msg("no %s in:\n%s", line, said);
}

static void general_registers(void **state)
{
    (void)state;
    assert_int_equal(ask(monitor_regs, MONITOR_REGS_GENERAL), 0);
    assert_int_equal(strncmp(said, "off=0\n", 6), 0);
    assert_says("x0", 0x1000);
    assert_says("x30", 0x101e);
    assert_says("pc", 0x48000004);
    assert_says("pstate", 0x3c5);
    assert_says("mpidr", 0x80000002);
}

/* Each by its own name. */
static void el1_registers(void **state)
{
    uint64_t value = 0x5000;

    (void)state;
#define X(name, reset) fake_sysreg.name = value++;
    EL1_REGS(X)
#undef X
    assert_int_equal(ask(monitor_regs, MONITOR_REGS_EL1), 0);
#define X(name, reset) assert_says(#name, fake_sysreg.name);
    EL1_REGS(X)
#undef X
}

static void cpu_registers(void **state)
{
    (void)state;
    fake_sysreg.vttbr_el2 = 0x1000040000000;
    fake_sysreg.esr_el2 = 0x93800005;
    vcpu.abort = (struct vcpu_abort){0x93830005, 0x7008, 0xb0000, 0x4c7ed8};
    vcpu.parked = true;
    assert_int_equal(ask(monitor_regs, MONITOR_REGS_CPU), 0);
    assert_int_equal(strncmp(said, "off=1\n", 6), 0);
    assert_says("vttbr_el2", 0x1000040000000);
    assert_says("esr_el2", 0x93800005);
    assert_says("lr0", 0x100);
    assert_says("abort_esr", 0x93830005);
    assert_says("abort_far", 0x7008);
    assert_says("abort_hpfar", 0xb0000);
    assert_says("abort_pc", 0x4c7ed8);
    assert_says("lr3", 0x103);
    assert_null(strstr(said, "lr4="));
}

static void no_such_group(void **state)
{
    (void)state;
    assert_int_equal(ask(monitor_regs, MONITOR_REGS_GROUPS), -ERR_RANGE);
    assert_string_equal(said, "");
}

static void translations(void **state)
{
    static const char *const kind[MONITOR_AT_KINDS] = {
        [MONITOR_AT_S1E1R] = "s1e1r",   [MONITOR_AT_S1E1W] = "s1e1w",
        [MONITOR_AT_S1E0R] = "s1e0r",   [MONITOR_AT_S1E0W] = "s1e0w",
        [MONITOR_AT_S12E1R] = "s12e1r", [MONITOR_AT_S12E1W] = "s12e1w",
        [MONITOR_AT_S12E0R] = "s12e0r", [MONITOR_AT_S12E0W] = "s12e0w",
    };

    (void)state;
    for (unsigned i = 0; i < MONITOR_AT_KINDS; i++) {
        assert_int_equal(ask(monitor_at, i), 0);
        assert_string_equal(translated_by, kind[i]);
        assert_int_equal(message.value, PAR);
        assert_int_equal(fake_sysreg.par_el1, THEIRS);
    }
}

/* A vCPU that is off has no tables. */
static void no_translation(void **state)
{
    (void)state;
    assert_int_equal(ask(monitor_at, MONITOR_AT_KINDS), -ERR_RANGE);
    vcpu.parked = true;
    assert_int_equal(ask(monitor_at, MONITOR_AT_S1E1R), -ERR_NOENT);
    assert_null(translated_by);
    assert_int_equal(fake_sysreg.par_el1, THEIRS);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

static int switch_trace(struct vm *of, uint64_t on)
{
    struct monitor_call call = {.vm = of, .vcpu = &vcpu, .message = &message};

    message = (struct monitor_message){.type = MONITOR_TRACE, .value = on};
    return monitor_trace(&call);
}

static void trace_is_switched(void **state)
{
    static struct vm of;

    (void)state;
    assert_int_equal(switch_trace(&of, 1), -ERR_NOENT);
    of.config.trace = (struct pa_range){pa(0x70000000), 0x10000};
    assert_int_equal(switch_trace(&of, 1), -ERR_EXIST);
    assert_false(traced);
    of.config.trace_later = true;
    assert_int_equal(switch_trace(&of, 1), 0);
    assert_true(traced);
    assert_int_equal(message.address, 0x70000000);
    assert_int_equal(message.extra, 0x10000);
    assert_int_equal(switch_trace(&of, 0), 0);
    assert_false(traced);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(general_registers), TEST(el1_registers),  TEST(cpu_registers),     TEST(no_such_group),
        TEST(translations),      TEST(no_translation), TEST(trace_is_switched),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
