/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm/report.c: that each vCPU tells what it does, in its turn, and that one that does not come is
 * named and stops nobody. Threads play the CPUs; a CPU's time goes by as it waits, if at all.
 */
#include "vm/report.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "drv/console.h"
#include "el1_regs.h"
#include "gic/gic.h"
#include "lib/log.h"
#include "mm/phys.h"
#include "regs.h"
#include "sysreg.h"
#include "trap/guest_insn.h"
#include "trap/irq.h"
#include "vm/vm.h"

#define CPUS      3
#define FIRST_CPU 4 /* where vCPU 0 is */
#define RAM       UINT64_C(0x48000000)
#define CODE      RAM
#define STACK     (RAM + 0x800)
#define SECOND    UINT64_C(50) /* ticks */
#define ENDLESS   100          /* records: more than are shown */
#define ENDINGS   20
#define LOOK_US   20 /* between two looks of a CPU that waits */

_Thread_local struct fake_sysreg fake_sysreg;

static struct vm vm;
static uint64_t ram[2 * SIZE_4K / sizeof(uint64_t)] __attribute__((aligned(SIZE_4K)));
static struct fake_sysreg registers; /* of each CPU at first */
static bool time_goes_by;
static unsigned looks; /* atomic: how often a CPU that waits has looked */
static irq_fn report_fn;
static int irq_error;
static unsigned asked;        /* CPUs that got the SGI, a bit each */
static unsigned synced[CPUS]; /* atomic */
static unsigned breaks;       /* how often one was waited for */
static void (*at_begin)(void);

static pthread_mutex_t said_lock = PTHREAD_MUTEX_INITIALIZER;
static char said[1 << 16]; /* each line of it with a newline */
static size_t nr_said;
static uint64_t said_at; /* the time of the latest line, as its CPU had it */

int __wrap_sched_yield(void);

/* Where time goes by, nobody else is there. */
int __wrap_sched_yield(void)
{
    fake_sysreg.cntpct_el0 += time_goes_by;
    __atomic_fetch_add(&looks, 1, __ATOMIC_RELEASE);
    return time_goes_by ? 0 : usleep(LOOK_US);
}

void log_print(enum log_kind kind, const char *fmt, ...)
{
    va_list ap;

    if (kind != LOG_REPORT)
        abort();
    if (strncmp(fmt, "begins", 6) == 0 && at_begin != NULL)
        at_begin();
    pthread_mutex_lock(&said_lock);
    va_start(ap, fmt);
    nr_said += (size_t)fmt_vsnprintf(said + nr_said, sizeof(said) - nr_said - 1, fmt, ap);
    va_end(ap);
    if (nr_said + 1 >= sizeof(said))
        abort();
    said[nr_said++] = '\n';
    said[nr_said] = '\0';
    said_at = fake_sysreg.cntpct_el0;
    pthread_mutex_unlock(&said_lock);
}

int irq_register(uint32_t intid, enum irq_trigger trigger, enum exit_reason reason, irq_fn fn,
                 void *ctx)
{
    assert_int_equal(intid, GIC_SGI_REPORT);
    assert_int_equal(trigger, IRQ_EDGE);
    assert_int_equal(reason, EXIT_IRQ_REPORT);
    assert_null(ctx);
    report_fn = fn;
    return irq_error;
}

void gic_send_sgi(unsigned cpu, uint32_t intid)
{
    if (intid == GIC_SGI_REPORT)
        __atomic_fetch_or(&asked, 1U << cpu, __ATOMIC_RELAXED);
}

void vgic_sync(struct vgic *vgic, unsigned vcpu)
{
    if (vgic != &vm.vgic)
        abort();
    __atomic_fetch_add(&synced[vcpu], 1, __ATOMIC_RELAXED);
}

const char *vm_exit_name(enum exit_reason reason, char *buf, size_t size)
{
    fmt_snprintf(buf, size, "reason %u", (unsigned)reason);
    return buf;
}

/* A report is not over before the break. */
void console_await_break(void)
{
    breaks++;
    report_ask(&vm, "too early");
}

static void forget(void)
{
    nr_said = 0;
    said[0] = '\0';
}

static int scene(void **state)
{
    (void)state;
    memset(&vm, 0, sizeof(vm));
    memset(ram, 0, sizeof(ram));
    memset(synced, 0, sizeof(synced));
    vm.nr_vcpus = CPUS;
    vm.mem.count = 1;
    vm.mem.region[0] = (struct ram_region){ipa(RAM), ptr_to_pa(ram), sizeof(ram)};
    for (unsigned i = 0; i < CPUS; i++) {
        vm.vgic.vcpu[i].cpu = FIRST_CPU + i;
        vm.vcpu[i] =
            (struct vcpu){.index = i, .vm = &vm, .regs = {.pc = CODE + 4, .pstate = PSR_M_EL1h}};
    }
    registers = (struct fake_sysreg){.cntfrq_el0 = SECOND, .id_aa64mmfr0_el1 = 5};
    time_goes_by = false;
    at_begin = NULL;
    asked = breaks = 0;
    irq_error = 0;
    assert_int_equal(report_init(), 0);
    forget();
    return 0;
}

/* The vCPU's CPU takes the SGI. */
static void *come(void *vcpu)
{
    fake_sysreg = registers;
    report_fn(NULL, vcpu);
    return NULL;
}

static void *end(void *vcpu)
{
    fake_sysreg = registers;
    report_ending(vcpu);
    return NULL;
}

/* All of them, the last first, each once the one before waits. */
static void all(void *(*fn)(void *vcpu))
{
    pthread_t cpu[CPUS];

    for (unsigned i = CPUS; i-- > 0;) {
        unsigned before = __atomic_load_n(&looks, __ATOMIC_ACQUIRE);

        assert_int_equal(pthread_create(&cpu[i], NULL, fn, &vm.vcpu[i]), 0);
        while (i > 0 && __atomic_load_n(&looks, __ATOMIC_ACQUIRE) == before)
            usleep(LOOK_US);
    }
    for (unsigned i = 0; i < CPUS; i++)
        pthread_join(cpu[i], NULL);
}

/* What vCPU 0 says when the others stay away. */
static const char *alone(void)
{
    forget();
    time_goes_by = true;
    report_ask(&vm, "why");
    come(&vm.vcpu[0]);
    return said;
}

/* It was said that `first`, and later that `second`. */
static void assert_order(const char *first, const char *second)
{
    const char *at = strstr(said, first);

    if (at == NULL || strstr(at, second) == NULL)
        fail_msg("no \"%s\" before \"%s\" in:\n%s", first, second, said);
}

static void assert_says(const char *text)
{
    assert_order("", text);
}

static void assert_silent_on(const char *text)
{
    if (strstr(said, text) != NULL)
        fail_msg("\"%s\" in:\n%s", text, said);
}

static void no_interrupt(void **state)
{
    (void)state;
    irq_error = -ERR_EXIST;
    assert_int_equal(report_init(), -ERR_EXIST);
}

static void nobody_asked(void **state)
{
    (void)state;
    come(&vm.vcpu[1]);
    assert_string_equal(said, "");
}

static void one_after_the_other(void **state)
{
    char begin[128];

    (void)state;
    fmt_snprintf(begin, sizeof(begin), "begins: why\nram 0x48000000 size 0x2000 at 0x%lx\n",
                 ptr_to_pa(ram).v);
    report_ask(&vm, "why");
    assert_string_equal(said, begin);
    assert_int_equal(asked, 0x7 << FIRST_CPU);
    all(come);
    assert_order("vCPU 0 runs", "vCPU 1 runs");
    assert_order("vCPU 1 runs", "vCPU 2 runs");
    assert_order("vCPU 2 runs", "\nends\n");
    assert_silent_on("does not come");
    assert_int_equal(breaks, 0);
}

static void one_at_a_time(void **state)
{
    (void)state;
    report_ask(&vm, "first");
    asked = 0;
    report_ask(&vm, "second");
    assert_int_equal(asked, 0);
    assert_silent_on("second");
    all(come);
    report_ask(&vm, "third");
    assert_order("\nends\n", "begins: third");
    all(come);
}

/* Others may wait for it to let go of its interrupts. */
static void syncs_while_it_waits(void **state)
{
    (void)state;
    time_goes_by = true;
    report_ask(&vm, "why");
    come(&vm.vcpu[2]);
    assert_int_equal(synced[0] + synced[1], 0);
    assert_int_not_equal(synced[2], 0);
}

/* What does not come is named before anything that comes after it. */
static void who_does_not_come(void **state)
{
    (void)state;
    time_goes_by = true;
    report_ask(&vm, "why");
    come(&vm.vcpu[1]);
    assert_order("vCPU 0 does not come\n", "vCPU 1 runs");
    assert_order("vCPU 1 runs", "vCPU 2 does not come\nends\n");
    assert_string_equal(strstr(said, "ends\n"), "ends\n");
    forget();
    come(&vm.vcpu[0]); /* late */
    assert_string_equal(said, "");
}

/* Ten seconds for each, not for all. */
static void patience(void **state)
{
    uint64_t last;

    (void)state;
    vm.nr_vcpus = 1;
    vm.vcpu[1].index = 1; /* it looks on, and reports nothing */
    time_goes_by = true;
    report_ask(&vm, "why");
    come(&vm.vcpu[1]);
    last = said_at;
    assert_in_range(last, 10 * SECOND, 11 * SECOND);
    vm.nr_vcpus = 2;
    report_ask(&vm, "why");
    come(&vm.vcpu[2]);
    assert_in_range(said_at, 2 * last - SECOND, 2 * last + SECOND);
}

static void one_that_is_off(void **state)
{
    (void)state;
    vm.vcpu[1].parked = true;
    vm.vcpu[1].exits[EXIT_HVC] = 7;
    report_ask(&vm, "why");
    all(come);
    assert_says("vCPU 1 is off\n  exits 7 reason 0\nvCPU 2 runs");
}

static void exits(void **state)
{
    (void)state;
    vm.vcpu[0].exits[EXIT_SMC] = 3;
    vm.vcpu[0].exits[EXIT_REASON_COUNT - 1] = UINT64_C(5000000000);
    alone();
    assert_int_equal(EXIT_SMC, 1);
    assert_says("\n  exits 3 reason 1\n  exits 5000000000 reason ");
    assert_silent_on("exits 0");
}

static void general_registers(void **state)
{
    (void)state;
    vm.vcpu[0].regs.pstate |= UINT64_C(0x80000000);
    vm.vcpu[0].mpidr = 0x80000003;
    for (unsigned i = 0; i < 31; i++)
        vm.vcpu[0].regs.x[i] = 0x1000 + i;
    alone();
    assert_says("\n  pc 0x0000000048000004 pstate 0x80000005 mpidr 0x80000003\n");
    for (unsigned i = 0; i < 31; i++) {
        char text[40];

        fmt_snprintf(text, sizeof(text), " x%u 0x%016lx", i, 0x1000UL + i);
        assert_says(text);
    }
}

/* Each is shown, with its own value. */
static void system_registers(void **state)
{
    char text[64];
    uint64_t value = UINT64_C(0x1100000000);

    (void)state;
#define X(name, reset) registers.name = value++;
    EL1_REGS(X)
#undef X
    registers.sctlr_el1 = 0; /* so that the stack is found */
    registers.esr_el1 = FIELD_PREP(GENMASK(31, 26), 0x3c);
    registers.esr_el2 = FIELD_PREP(GENMASK(31, 26), 0x16);
    registers.far_el2 = value++;
    registers.hpfar_el2 = value++;
    alone();
#define X(name, reset)                                                                             \
    fmt_snprintf(text, sizeof(text), " " #name " 0x%016lx", registers.name);                       \
    assert_says(text);
    EL1_REGS(X)
    X(esr_el2, 0)
    X(far_el2, 0)
    X(hpfar_el2, 0)
#undef X
    assert_says("\n  latest exception to EL1: BRK\n  latest trap to EL2: HVC\n");
    assert_null(strstr(said, "by Traproom"));
    vm.vcpu[0].abort = (struct vcpu_abort){0x93830005, 0x7000, 0xb0000, 0x4c7ed8};
    alone();
    assert_says("\n  latest abort by Traproom: ESR_EL2 0x93830005 HPFAR_EL2 0xb0000 FAR_EL2 0x7000 "
                "pc 0x4c7ed8\n");
    vm.vcpu[0].abort.esr = 0;
}

/* The words for what a vCPU does and where. */
static void what_it_does(void **state)
{
    static const struct {
        uint32_t before; /* the instruction before the next one */
        uint64_t pstate;
        const char *says;
    } case_of[] = {
        {0, PSR_M_EL1h, "\nvCPU 0 runs at EL1\n"},
        {0, PSR_M_EL1t, "\nvCPU 0 runs at EL1 on SP_EL0\n"},
        {INSN_WFI, PSR_M_EL1h | PSR_DAIF, "\nvCPU 0 waits (WFI) at EL1, masks DAIF\n"},
        {INSN_WFE, PSR_M_EL1h | PSR_I | PSR_F, "\nvCPU 0 waits (WFE) at EL1, masks IF\n"},
        {0, PSR_M_EL0t | PSR_A, "\nvCPU 0 runs at EL0, masks A\n"},
        {INSN_WFI, PSR_M_nRW, "\nvCPU 0 runs at EL0 in AArch32\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(case_of); i++) {
        scene(state);
        memcpy(ram, &case_of[i].before, sizeof(case_of[i].before));
        vm.vcpu[0].regs.pstate = case_of[i].pstate;
        alone();
        assert_says(case_of[i].says);
    }
}

static void put_record(uint64_t at, uint64_t next, uint64_t pc)
{
    ram[(at - RAM) / 8] = next;
    ram[(at - RAM) / 8 + 1] = pc;
}

static void frames(void **state)
{
    (void)state;
    vm.vcpu[0].regs.x[29] = STACK;
    put_record(STACK, STACK + 0x20, 0x1230);
    put_record(STACK + 0x20, 0, 0x4560);
    alone();
    assert_says("\n  called from 0x0000000000001230\n  called from 0x0000000000004560\nvCPU 1");
    put_record(STACK + 0x20, STACK, 0x4560);
    alone();
    assert_says("\n  frames go in a circle at 0x0000000048000820\n");
    put_record(STACK + 0x20, 0x17, 0x4560);
    alone();
    assert_says("\n  frames end at 0x0000000000000017, which is no frame record\n");
    for (unsigned i = 0; i < ENDLESS; i++)
        put_record(STACK + 0x10 * i, STACK + 0x10 * (i + 1), 0x1000);
    alone();
    assert_says("\n  frames go on at 0x0000000048000b00\n");
    vm.vcpu[0].regs.pstate = PSR_M_nRW; /* its x29 is something else */
    alone();
    assert_silent_on("called from");
}

static void an_ending(void **state)
{
    (void)state;
    vm.stop_reason = "it did this";
    vm.config.report = true;
    all(end);
    assert_order("begins: it did this\n", "\nvCPU 0 runs");
    assert_order("\nvCPU 2 runs", "\nends\n");
    assert_int_equal(breaks, 1);
    assert_silent_on("too early");
    forget();
    end(&vm.vcpu[0]); /* once */
    assert_string_equal(said, "");
}

static void a_panic(void **state)
{
    (void)state;
    all(end);
    assert_says("begins: its kernel has panicked\n");
}

static pthread_t hurried;

static void first_vcpu_ends(void)
{
    unsigned before = __atomic_load_n(&looks, __ATOMIC_ACQUIRE);

    assert_int_equal(pthread_create(&hurried, NULL, end, &vm.vcpu[0]), 0);
    while (__atomic_load_n(&looks, __ATOMIC_ACQUIRE) == before &&
           __atomic_load_n(&nr_said, __ATOMIC_ACQUIRE) == 0)
        usleep(LOOK_US);
}

/* A vCPU that ends while the report is begun by another waits for the beginning. */
static void nothing_comes_before_the_beginning(void **state)
{
    (void)state;
    vm.nr_vcpus = 2;
    at_begin = first_vcpu_ends;
    end(&vm.vcpu[1]);
    pthread_join(hurried, NULL);
    assert_order("begins: ", "vCPU 0 runs");
    assert_order("vCPU 0 runs", "vCPU 1 runs");
}

static pthread_barrier_t barrier;

static void *end_with_the_others(void *vcpu)
{
    pthread_barrier_wait(&barrier);
    return end(vcpu);
}

/* Whoever comes first, all are in the report, and there is one. */
static void all_end_at_once(void **state)
{
    (void)state;
    assert_int_equal(pthread_barrier_init(&barrier, NULL, CPUS), 0);
    for (unsigned n = 0; n < ENDINGS; n++) {
        pthread_t cpu[CPUS];

        vm.reported = false;
        forget();
        for (unsigned i = 0; i < CPUS; i++)
            assert_int_equal(pthread_create(&cpu[i], NULL, end_with_the_others, &vm.vcpu[i]), 0);
        for (unsigned i = 0; i < CPUS; i++)
            pthread_join(cpu[i], NULL);
        assert_order("begins", "vCPU 0 runs");
        assert_order("vCPU 0 runs", "vCPU 1 runs");
        assert_order("vCPU 1 runs", "vCPU 2 runs");
        assert_string_equal(strstr(said, "ends\n"), "ends\n");
    }
    pthread_barrier_destroy(&barrier);
}

#define TEST(name) cmocka_unit_test_setup(name, scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_interrupt),
        TEST(nobody_asked),
        TEST(one_after_the_other),
        TEST(one_at_a_time),
        TEST(syncs_while_it_waits),
        TEST(who_does_not_come),
        TEST(patience),
        TEST(one_that_is_off),
        TEST(exits),
        TEST(general_registers),
        TEST(system_registers),
        TEST(what_it_does),
        TEST(frames),
        TEST(an_ending),
        TEST(a_panic),
        TEST(nothing_comes_before_the_beginning),
        TEST(all_end_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
