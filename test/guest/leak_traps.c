/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trap changes what it is for and nothing else: after each kind, every general register, the
 * flags, every vector register hold what the guest put in, but for the result. Each register has
 * a pattern of its own, so that none can be mistaken for another. See leak_regs.S.
 */
#include "barrier.h"
#include "exception.h"
#include "gic.h"
#include "leak.h"
#include "platform.h"
#include "psci.h"
#include "testcase.h"
#include "timer.h"

#define NAME_SIZE     24
#define ADDRESS       7 /* the register with the address */
#define DATA          9 /* and the next: what is stored */
#define ANY           UINT64_C(0x616e79)
#define SPI           40                   /* unused */
#define WORD          UINT64_C(0x98a0b0f8) /* as priorities: the top five bits of a byte are there */
#define HOLE_ABOVE    UINT64_C(0x10000000) /* RAM's end, where nothing is */
#define ISAR1_APA_API UINT64_C(0xff0)
#define CPACR_FPEN    (UINT64_C(3) << 20)
#define FPCR_RZ       (UINT64_C(3) << 22)
#define FPSR_ALL      UINT64_C(0x1f)
#define NZCV_ALL      UINT64_C(0xf0000000)
#define X0            1U

struct leak_regs {
    uint64_t x[31];
    uint64_t nzcv;
    uint64_t v[64];
    uint64_t fpcr;
    uint64_t fpsr;
};

struct leak_form {
    char name[NAME_SIZE];
    uint32_t insn;
    uint32_t result;
    int64_t step;
    uint64_t expected;
};

void leak_around(const struct leak_regs *in, struct leak_regs *out);
extern uint32_t leak_slot[1];
extern const struct leak_form leak_word_forms[], leak_double_forms[], leak_fault_forms[],
    leak_hole_forms[], leak_other_forms[], leak_undefined_forms[];
extern const uint32_t leak_hvc, leak_hvc_1, leak_smc, leak_smc_1;

static struct leak_regs in, out;

/* EL2 uses one of them itself, with a value of its own. */
#define KEY_PATTERN UINT64_C(0x1234567890abcdef)
static uint64_t keys_changed;

static void fill_keys(void)
{
    uint64_t pattern = KEY_PATTERN;

#define X(name) write_sysreg(pattern++, name);
    LEAK_KEYS(X)
#undef X
}

static void compare_keys(void)
{
    uint64_t pattern = KEY_PATTERN;

#define X(name) keys_changed |= read_sysreg(name) ^ pattern++;
    LEAK_KEYS(X)
#undef X
}

static void fill_in(uint64_t seed)
{
    for (unsigned i = 0; i < 31; i++)
        in.x[i] = (seed + i) * UINT64_C(0x9e3779b97f4a7c15);
    for (unsigned i = 0; i < 64; i++)
        in.v[i] = (seed + 100 + i) * UINT64_C(0xc2b2ae3d27d4eb4f);
    in.nzcv = seed * UINT64_C(0x10000000) & NZCV_ALL;
    in.fpcr = FPCR_RZ;
    in.fpsr = FPSR_ALL;
}

/* Put the instruction in its place, run it among the registers of `in`, see what it leaves. */
static struct fault run(uint32_t insn)
{
    uintptr_t slot = (uintptr_t)leak_slot;
    bool has_keys = (read_sysreg(id_aa64isar1_el1) & ISAR1_APA_API) != 0;
    struct fault fault;

    *(volatile uint32_t *)slot = insn;
    __asm__ volatile("dc cvau, %0\n dsb ish\n ic ivau, %0\n dsb ish\n isb"
                     :
                     : "r"(slot)
                     : "memory");
    write_sysreg(read_sysreg(cpacr_el1) | CPACR_FPEN, cpacr_el1);
    /* Vector registers may be used from here on. */
    isb();
    if (has_keys)
        fill_keys();
    fault_arm();
    leak_around(&in, &out);
    fault = fault_disarm();
    if (has_keys)
        compare_keys();
    return fault;
}

static void expect_kept(const char *name, uint32_t changed)
{
    for (unsigned i = 0; i < 31; i++)
        CHECK((changed >> i & 1) || out.x[i] == in.x[i], "%s: x%u was %lx, is %lx", name, i,
              in.x[i], out.x[i]);
    CHECK(out.nzcv == in.nzcv, "%s: NZCV was %lx, is %lx", name, in.nzcv, out.nzcv);
    for (unsigned i = 0; i < 64; i++)
        CHECK(out.v[i] == in.v[i], "%s: v%u was %lx, is %lx", name, i / 2, in.v[i], out.v[i]);
    CHECK(keys_changed == 0, "%s: a key of pointer authentication changed", name);
    CHECK(out.fpcr == in.fpcr && out.fpsr == in.fpsr, "%s: FPCR %lx, FPSR %lx", name, out.fpcr,
          out.fpsr);
}

static void expect_result(const struct leak_form *form)
{
    uint32_t changed = form->result | 1U << ADDRESS;

    for (unsigned i = 0; i < 31; i++)
        CHECK(!(form->result >> i & 1) || form->expected == ANY || out.x[i] == form->expected,
              "%s: x%u is %lx, not %lx", form->name, i, out.x[i], form->expected);
    CHECK(out.x[ADDRESS] == in.x[ADDRESS] + (uint64_t)form->step, "%s: the address was %lx, is %lx",
          form->name, in.x[ADDRESS], out.x[ADDRESS]);
    expect_kept(form->name, changed);
}

static void run_forms(const struct leak_form *forms, uint64_t address)
{
    for (uint64_t seed = 1; forms->name[0]; forms++, seed++) {
        struct fault fault;

        fill_in(seed);
        in.x[ADDRESS] = address;
        in.x[DATA] = in.x[DATA + 1] = in.x[DATA] << 32 | WORD;
        fault = run(forms->insn);
        CHECK(!fault.taken, "%s: faults, ESR %lx", forms->name, fault.esr);
        expect_result(forms);
    }
}

static void run_faults(const struct leak_form *forms, uint64_t address)
{
    for (uint64_t seed = 1; forms->name[0]; forms++, seed++) {
        struct fault fault;

        fill_in(seed);
        in.x[ADDRESS] = address;
        fault = run(forms->insn);
        CHECK(fault.taken, "%s: does not fault", forms->name);
        expect_kept(forms->name, 0);
    }
}

static uint64_t priorities(void)
{
    return platform.gicd.address + GICD_IPRIORITYR + SPI;
}

/* Words on both sides as well: some forms read the next one, or go back to it. */
static void device_words(void)
{
    for (unsigned word = 0; word < 4; word++)
        gicd_write(GICD_IPRIORITYR + SPI + 4 * word, (uint32_t)WORD);
    run_forms(leak_word_forms, priorities());
}

static void device_doublewords(void)
{
    gicd_write(GICD_IROUTER + 8 * SPI, 0);
    gicd_write(GICD_IROUTER + 8 * SPI + 4, 0);
    run_forms(leak_double_forms, platform.gicd.address + GICD_IROUTER + 8 * SPI);
}

static void device_faults(void)
{
    run_faults(leak_fault_forms, priorities());
}

static void holes(void)
{
    run_faults(leak_hole_forms, platform_ram_end() + HOLE_ABOVE);
}

static void undefined(void)
{
    run_faults(leak_undefined_forms, priorities());
}

/* WFI ends by the timer: an interrupt that EL2 takes, and hands on though it is masked here. */
static void registers_and_waits(void)
{
    gic_enable(TIMER_PPI_VIRTUAL);
    write_sysreg(timer_deadline_us(1000), cntv_cval_el0);
    write_sysreg(TIMER_CTL_ENABLE, cntv_ctl_el0);
    run_forms(leak_other_forms, priorities());
    write_sysreg(0, cntv_ctl_el0);
    gic_disable(TIMER_PPI_VIRTUAL);
}

/* ---- Calls ---- */

static const struct call {
    const char *name;
    uint32_t function;
    uint32_t result; /* registers that have a result */
    int64_t answer;  /* in x0; other arguments are patterns */
    uint64_t x1;     /* 0: a pattern */
} calls[] = {
    {"PSCI_VERSION", PSCI_VERSION, X0, 0x10001, 0},
    {"PSCI_FEATURES", PSCI_FEATURES, X0, PSCI_NOT_SUPPORTED, 0},
    {"PSCI_FEATURES of CPU_ON", PSCI_FEATURES, X0, 0, PSCI_CPU_ON64},
    {"CPU_ON", PSCI_CPU_ON64, X0, PSCI_INVALID_PARAMETERS, 0},
    {"CPU_ON of 32 bits", PSCI_CPU_ON32, X0, PSCI_INVALID_PARAMETERS, 0},
    {"CPU_SUSPEND", PSCI_CPU_SUSPEND64, X0, PSCI_INVALID_PARAMETERS, 0},
    {"AFFINITY_INFO", PSCI_AFFINITY_INFO64, X0, PSCI_INVALID_PARAMETERS, 0},
    {"MIGRATE_INFO_TYPE", PSCI_MIGRATE_INFO_TYPE, X0, 2, 0},
    {"SYSTEM_SUSPEND", 0xc400000e, X0, PSCI_NOT_SUPPORTED, 0},
    {"SMCCC_VERSION", SMCCC_VERSION, X0, 0x10001, 0},
    {"SMCCC_ARCH_FEATURES", SMCCC_ARCH_FEATURES, X0, PSCI_NOT_SUPPORTED, 0},
    {"a vendor's", 0xc6000000, X0, PSCI_NOT_SUPPORTED, 0},
    {"an unknown owner's", 0xff00ffff, X0, PSCI_NOT_SUPPORTED, 0},
};

/* x0 in full, or as PSCI has it, an int32. */
static bool is_answer(uint64_t x0, int64_t answer)
{
    return x0 == (uint64_t)answer || x0 == (uint32_t)answer;
}

static void call(const struct call *c, uint32_t insn, int64_t answer)
{
    struct fault fault;

    fill_in(c->function);
    in.x[0] = (in.x[0] & ~UINT64_C(0xffffffff)) | c->function;
    if (c->x1)
        in.x[1] = c->x1;
    fault = run(insn);
    CHECK(!fault.taken, "%s: faults, ESR %lx", c->name, fault.esr);
    CHECK(is_answer(out.x[0], answer), "%s: x0 is %lx", c->name, out.x[0]);
    expect_kept(c->name, c->result);
}

static void run_calls(uint32_t insn, bool known)
{
    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        call(&calls[i], insn, known ? calls[i].answer : PSCI_NOT_SUPPORTED);
}

static void hvc(void)
{
    run_calls(leak_hvc, true);
    run_calls(leak_hvc_1, false);
}

static void smc(void)
{
    run_calls(leak_smc, true);
    run_calls(leak_smc_1, false);
}

const struct test_case leak_trap_cases[] = {
    {"device-words", device_words},
    {"device-doublewords", device_doublewords},
    {"device-faults", device_faults},
    {"holes", holes},
    {"undefined", undefined},
    {"registers-and-waits", registers_and_waits},
    {"hvc", hvc},
    {"smc", smc},
    {NULL, NULL},
};
