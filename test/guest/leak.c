/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing of EL2, and nothing of an earlier life, is in the registers that a guest gets: at its
 * first instruction, after a SYSTEM_RESET with all registers filled, on each CPU started by
 * CPU_ON (arm64 boot protocol; PSCI, "CPU_ON", initial state). leak_traps.c looks at what comes
 * back from traps. The guest lives three times; what it saw waits in RAM that no image covers.
 */
#include "leak.h"

#include "barrier.h"
#include "console.h"
#include "exception.h"
#include "guest.h"
#include "platform.h"
#include "psci.h"
#include "smp.h"
#include "string.h"
#include "testcase.h"
#include "timer.h"

#define LIVES           3
#define AGAIN           LIVES /* CPUs once more in the last life, after CPU_OFF */
#define KEPT_MAGIC      UINT64_C(0x4b4550544b455054)
#define LINE            64
#define PSTATE_D_F      UINT64_C(0x3c0) /* DAIF: all masked */
#define EL1             UINT64_C(4)
#define OSLSR_OSLK      UINT64_C(2) /* locked */
#define CLAIM_ALL       UINT64_C(0xff)
#define DBGCLAIMCLR_EL1 "S2_0_C7_C9_6"
#define TIMER_BITS      UINT64_C(3) /* CNTx_CTL_EL0, but ISTATUS, unknown while it is off */

static const struct {
    const char *name;
    uint64_t entry;
} sysregs[] = {
#define X(name, entry, fill) {#name, entry},
    LEAK_SYSREGS(X)
#undef X
};

#define NR_SYSREGS (sizeof(sysregs) / sizeof(sysregs[0]))

static const char *const pmu_regs[] = {
#define X(name, entry, fill) #name,
    LEAK_PMU_REGS(X)
#undef X
};

#define NR_PMU_REGS (sizeof(pmu_regs) / sizeof(pmu_regs[0]))
#define FIRST_PMU   ((LEAK_PMU - LEAK_SYSREG) / sizeof(uint64_t))

_Static_assert(NR_SYSREGS <= FIRST_PMU && FIRST_PMU + NR_PMU_REGS <= 64, "struct leak_state");

struct kept {
    uint64_t magic;
    uint64_t life;
    uint64_t claim[LIVES]; /* what was set in DBGCLAIMCLR_EL1, where there is one */
    struct leak_state boot[LIVES];
    struct leak_state cpu[LIVES + 1][PLATFORM_MAX_CPUS];
};

static struct kept *kept;
static uint64_t pristine = KEPT_MAGIC; /* .data, loaded anew each time */

/* CPUs with their caches off write and read behind our back. */
static void out_of_caches(const void *from, size_t size)
{
    uintptr_t at = (uintptr_t)from & ~(uintptr_t)(LINE - 1);

    for (; at < (uintptr_t)from + size; at += LINE)
        __asm__ volatile("dc civac, %0" : : "r"(at) : "memory");
    dsb(sy);
}

static bool is_zero(const void *from, size_t size)
{
    const uint8_t *bytes = from;

    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* Start a CPU; it stores its registers, fills them, and stays or goes off. */
static bool run_cpu(unsigned cpu, struct leak_state *state, bool stay)
{
    uint64_t deadline = timer_deadline_us(WAIT_US);

    memset(state, 0, sizeof(*state));
    state->stay = stay;
    out_of_caches(state, sizeof(*state));
    if (psci_call(PSCI_CPU_ON64, platform.mpidr[cpu], (uintptr_t)leak_cpu_entry,
                  (uintptr_t)state) != PSCI_SUCCESS)
        return false;
    while (!state->done) {
        if (timer_passed(deadline))
            return false;
        out_of_caches(state, sizeof(*state));
    }
    out_of_caches(state, sizeof(*state));
    return stay || smp_wait_off(cpu);
}

static void run_cpus(unsigned life, bool stay)
{
    for (unsigned cpu = 0; cpu < platform.nr_cpus; cpu++)
        if (cpu != smp_this_cpu()->index)
            (void)run_cpu(cpu, &kept->cpu[life][cpu], stay);
}

/* ---- Judging ---- */

static void expect_general(const char *who, const struct leak_state *state, uint64_t x0)
{
    CHECK(state->done, "%s was not seen", who);
    CHECK(state->x[0] == x0, "%s: x0 is %lx, not %lx", who, state->x[0], x0);
    for (unsigned i = 1; i < 31; i++)
        CHECK(state->x[i] == 0, "%s: x%u is %lx", who, i, state->x[i]);
    CHECK(state->sp == 0, "%s: SP_EL1 is %lx", who, state->sp);
    CHECK(state->option[LEAK_OPTION_DAIF] == PSTATE_D_F, "%s: DAIF is %lx", who,
          state->option[LEAK_OPTION_DAIF]);
    CHECK(state->option[LEAK_OPTION_EL] == EL1 && state->option[LEAK_OPTION_SP] == 1,
          "%s: not at EL1 with its own SP", who);
}

static void expect_system(const char *who, const struct leak_state *state)
{
    for (unsigned i = 0; i < NR_SYSREGS; i++) {
        bool timer = strcmp(sysregs[i].name, "cntv_ctl_el0") == 0 ||
                     strcmp(sysregs[i].name, "cntp_ctl_el0") == 0;
        uint64_t value = timer ? state->sysreg[i] & TIMER_BITS : state->sysreg[i];

        CHECK(value == sysregs[i].entry, "%s: %s is %lx, not %lx", who, sysregs[i].name, value,
              sysregs[i].entry);
    }
    for (unsigned i = 0; i < NR_PMU_REGS; i++) {
        uint64_t value = state->sysreg[FIRST_PMU + i];

        if (i == NR_PMU_REGS - 1)
            value &= LEAK_PMCR_STATE;
        CHECK(value == 0, "%s: %s is %lx", who, pmu_regs[i], value);
    }
    for (unsigned i = 0; i <= LEAK_OPTION_ZCR; i++)
        CHECK(state->option[i] == 0, "%s: key or ZCR_EL1, number %u, is %lx", who, i,
              state->option[i]);
    CHECK(state->option[LEAK_OPTION_LOCK] & OSLSR_OSLK, "%s: OSLSR_EL1 is %lx", who,
          state->option[LEAK_OPTION_LOCK]);
    CHECK(state->option[LEAK_OPTION_DISR] == 0, "%s: DISR_EL1 is %lx", who,
          state->option[LEAK_OPTION_DISR]);
}

static void expect_vectors(const char *who, const struct leak_state *state)
{
    CHECK(state->fpcr == 0 && state->fpsr == 0, "%s: FPCR %lx, FPSR %lx", who, state->fpcr,
          state->fpsr);
    for (unsigned i = 0; i < 64; i++)
        CHECK(state->v[i] == 0, "%s: v%u has %lx", who, i / 2, state->v[i]);
    for (unsigned i = 0; i < 32; i++)
        CHECK(is_zero(state->z + i * state->vl, state->vl), "%s: z%u is not zero", who, i);
    for (unsigned i = 0; i < 16; i++)
        CHECK(is_zero(state->p + i * state->vl / 8, state->vl / 8), "%s: p%u is not zero", who, i);
    CHECK(is_zero(state->ffr, state->vl / 8), "%s: FFR is not zero", who);
}

static void expect_clean(const char *who, const struct leak_state *state, uint64_t x0)
{
    expect_general(who, state, x0);
    expect_system(who, state);
    expect_vectors(who, state);
}

static void expect_cpus_clean(const char *who, unsigned life)
{
    for (unsigned cpu = 0; cpu < platform.nr_cpus; cpu++)
        if (cpu != smp_this_cpu()->index)
            expect_clean(who, &kept->cpu[life][cpu], (uintptr_t)&kept->cpu[life][cpu]);
}

/* ---- Cases ---- */

static void boot_cpu(void)
{
    expect_clean("the boot CPU", &kept->boot[0], platform.dtb.address);
}

static void boot_cpu_after_reset(void)
{
    expect_clean("the boot CPU after a reset", &kept->boot[1], platform.dtb.address);
    expect_clean("the boot CPU after two resets", &kept->boot[2], platform.dtb.address);
}

static void alike_each_time(void)
{
    for (unsigned life = 1; life < LIVES; life++)
        CHECK(memcmp(&kept->boot[0], &kept->boot[life], sizeof(kept->boot[0])) == 0,
              "life %u began with other registers than the first", life);
}

static void cpu_on(void)
{
    expect_cpus_clean("a CPU just on", 0);
}

static void cpu_on_after_reset(void)
{
    expect_cpus_clean("a CPU on after a reset", 1);
    expect_cpus_clean("a CPU on after two resets", 2);
}

static void cpu_on_after_off(void)
{
    run_cpus(AGAIN, false);
    expect_cpus_clean("a CPU on again", AGAIN);
}

/* The debug claim tags; QEMU before 8.0 has none, and then there is nothing to see. */
static void debug_claim_tags(void)
{
    for (unsigned life = 0; life < LIVES; life++)
        CHECK(kept->claim[life] == 0, "life %u began with the claim tags %lx", life,
              kept->claim[life]);
}

/* The tags that are set; then all of them are. */
static uint64_t take_claim_tags(void)
{
    uint64_t tags = 0;

    fault_arm();
    __asm__ volatile("mrs %0, " DBGCLAIMCLR_EL1 : "+r"(tags));
    if (fault_disarm().taken)
        return 0;
    write_sysreg(CLAIM_ALL, S2_0_C7_C8_6); /* DBGCLAIMSET_EL1 */
    return tags;
}

/* A reset loads the images anew and leaves the rest of the guest's RAM, its own, as it is. */
static void ram(void)
{
    CHECK(pristine == KEPT_MAGIC, "the image is not as it was loaded first");
    CHECK(kept->life == LIVES - 1, "life %lu", kept->life);
}

static const struct test_case entry_cases[] = {
    {"boot-cpu", boot_cpu},
    {"boot-cpu-after-reset", boot_cpu_after_reset},
    {"alike-each-time", alike_each_time},
    {"cpu-on", cpu_on},
    {"cpu-on-after-reset", cpu_on_after_reset},
    {"cpu-on-after-off", cpu_on_after_off},
    {"debug-claim-tags", debug_claim_tags},
    {"ram", ram},
    {NULL, NULL},
};

void guest_main(void)
{
    kept = platform_alloc(sizeof(*kept));
    if (kept->magic != KEPT_MAGIC) {
        kept->magic = KEPT_MAGIC;
        kept->life = 0;
    }
    kept->boot[kept->life] = leak_boot;
    kept->claim[kept->life] = take_claim_tags();
    run_cpus((unsigned)kept->life, kept->life + 1 < LIVES);
    if (kept->life + 1 < LIVES) {
        kept->life++;
        pristine = 0;
        out_of_caches(kept, sizeof(*kept));
        out_of_caches(&pristine, sizeof(pristine));
        leak_fill_and_call(PSCI_SYSTEM_RESET);
    }
    TEST_RUN(entry_cases, leak_trap_cases);
}
