/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every encoding of the system register and system instruction space, read and written: what
 * is not there is UNDEFINED, what belongs to EL2 and EL3 too, and nothing else goes wrong.
 */
#include "barrier.h"
#include "console.h"
#include "gic.h"
#include "guest.h"
#include "hostile.h"
#include "platform.h"
#include "smp.h"
#include "sysreg.h"
#include "worker.h"

#define MRS_X0 0xd5200000U /* the fields op0 to op2 and Rt are 0 */
#define MSR_X0 0xd5000000U
#define ENCODE(op0, op1, crn, crm, op2)                                                            \
    ((uint32_t)(op0) << 19 | (uint32_t)(op1) << 16 | (uint32_t)(crn) << 12 |                       \
     (uint32_t)(crm) << 8 | (uint32_t)(op2) << 5)
#define OP1(encoding) ((encoding) >> 16 & 7)
#define ONE_LEVEL     (1U << 16) /* encodings of one op0 */
#define LOW_BITS      5
#define PATTERN       UINT64_C(0x5a5a5a5a5a5a5a5a)

struct tally {
    unsigned done, undefined, other;
};

static uint8_t scratch[4096] __attribute__((aligned(4096)));

/* What a guest needs to go on: not written with anything but its own value. */
static const uint32_t vital[] = {
    ENCODE(2, 0, 0, 2, 2),  /* MDSCR_EL1 */
    ENCODE(3, 0, 1, 0, 0),  /* SCTLR_EL1 */
    ENCODE(3, 0, 2, 0, 0),  /* TTBR0_EL1 */
    ENCODE(3, 0, 2, 0, 2),  /* TCR_EL1 */
    ENCODE(3, 0, 4, 0, 0),  /* SPSR_EL1 */
    ENCODE(3, 0, 4, 2, 0),  /* SPSel */
    ENCODE(3, 0, 10, 2, 0), /* MAIR_EL1 */
    ENCODE(3, 0, 12, 0, 0), /* VBAR_EL1 */
    ENCODE(3, 0, 13, 0, 4), /* TPIDR_EL1 */
    ENCODE(3, 3, 4, 2, 1),  /* DAIF */
};

static bool is_vital(uint32_t encoding)
{
    for (unsigned i = 0; i < sizeof(vital) / sizeof(vital[0]); i++)
        if (vital[i] == encoding)
            return true;
    return false;
}

/* One instruction with `value` in x0; what x0 is afterwards. */
static uint64_t execute(uint32_t insn, uint64_t value, struct hostile_state *state)
{
    for (unsigned i = 1; i < 31; i++)
        state->x[i] = PATTERN;
    state->x[0] = value;
    state->sp = (uintptr_t)scratch;
    hostile_run(state, insn);
    return state->x[0];
}

/* EL1's own: FP, SVE and SME that are off, and the ID space that FEAT_IDST reports in full. */
static bool is_own_trap(uint64_t ec)
{
    return ec == 0x07 || ec == ESR_EC_SYSREG || ec == 0x19 || ec == 0x1d;
}

/* Only x0 may have changed, and only an undefined instruction may stop it. */
static void count(struct tally *tally, uint32_t encoding, const struct hostile_state *state)
{
    for (unsigned i = 1; i < 31; i++)
        CHECK(state->x[i] == PATTERN, "encoding %x changes x%u to %lx", encoding, i, state->x[i]);
    if (hostile_completed(state)) {
        tally->done++;
    } else if (ESR_EC(state->esr) == ESR_EC_UNKNOWN) {
        tally->undefined++;
    } else {
        CHECK(is_own_trap(ESR_EC(state->esr)), "encoding %x: ESR %lx", encoding, state->esr);
        tally->other++;
    }
}

static void sweep_one(uint32_t encoding, struct tally *reads, struct tally *writes)
{
    static struct hostile_state state;
    uint64_t value = execute(MRS_X0 | encoding, 0, &state);
    bool readable = hostile_completed(&state);

    count(reads, encoding, &state);
    if (!readable && is_vital(encoding))
        return;
    execute(MSR_X0 | encoding, readable ? value : hostile_random(0), &state);
    count(writes, encoding, &state);
    CHECK(OP1(encoding) < 4 || OP1(encoding) > 6 ||
              (!readable && ESR_EC(state.esr) == ESR_EC_UNKNOWN),
          "EL2's or EL3's register %x is there", encoding);
    if (!readable || is_vital(encoding))
        return;
    execute(MSR_X0 | encoding, hostile_random(0), &state);
    execute(MSR_X0 | encoding, ~UINT64_C(0), &state);
    execute(MSR_X0 | encoding, value, &state);
}

static void sweep(uint32_t op0)
{
    struct tally reads = {0}, writes = {0};
    uint64_t mpidr = read_sysreg(mpidr_el1), midr = read_sysreg(midr_el1);

    for (uint32_t low = 0; low < ONE_LEVEL >> 2; low++)
        sweep_one(op0 << 19 | low << LOW_BITS, &reads, &writes);
    printf("op0 %u: %u can be read, %u not; %u can be written, %u not; %u other exceptions\n", op0,
           reads.done, reads.undefined, writes.done, writes.undefined, reads.other + writes.other);
    CHECK(reads.done > 20 && reads.undefined > 10000, "the sweep is not one");
    CHECK(read_sysreg(mpidr_el1) == mpidr && read_sysreg(midr_el1) == midr,
          "what the CPU is has changed");
    gic_init();
    gic_init_cpu();
}

static void debug_space(void)
{
    sweep(2);
}

static void register_space(void)
{
    sweep(3);
}

/* AT, DC, IC, TLBI and all that may be beside them, with an address of RAM. */
static void instruction_space(void)
{
    static struct hostile_state state;
    struct tally tally = {0};

    for (uint32_t low = 0; low < ONE_LEVEL >> 2; low++) {
        uint32_t encoding = 1U << 19 | low << LOW_BITS;

        execute(MSR_X0 | encoding, (uintptr_t)scratch, &state);
        count(&tally, encoding, &state);
        CHECK(OP1(encoding) < 4 || OP1(encoding) > 6 || ESR_EC(state.esr) == ESR_EC_UNKNOWN,
              "EL2's or EL3's instruction %x is there: ESR %lx", encoding, state.esr);
        execute(MRS_X0 | encoding, 0, &state);
    }
    printf("op0 1: %u done, %u undefined, %u other exceptions\n", tally.done, tally.undefined,
           tally.other);
}

/* Returns to whatever a PSTATE can say: what is no state of EL1 or EL0 is an illegal one. */
static void illegal_returns(void)
{
    for (uint64_t mode = 0; mode < 32; mode++) {
        struct fault fault;

        if (mode == 0 || mode == 4 || mode == 5 || mode == 16)
            continue;
        fault = FAULT_OF("adr x0, 1f\n msr elr_el1, x0\n msr spsr_el1, %0\n isb\n eret\n"
                         "1: nop\n nop"
                         :
                         : "r"(HOSTILE_EL0 | mode)
                         : "x0", "memory");
        CHECK(fault.taken && ESR_EC(fault.esr) == ESR_EC_ILLEGAL, "mode %lx: taken %d, ESR %lx",
              mode, fault.taken, fault.esr);
    }
}

static volatile uint32_t storms_end;

static void storm(void *arg)
{
    (void)arg;
    while (!storms_end)
        (void)read_sysreg(id_aa64mmfr0_el1);
}

/* The sweep again while the others make exits of their own. */
static void beside_others(void)
{
    struct tally reads = {0}, writes = {0};

    storms_end = 0;
    for (unsigned cpu = 1; cpu < hostile_cpus(); cpu++)
        worker_begin(cpu, storm, NULL);
    for (uint32_t low = 0; low < ONE_LEVEL >> 2; low += 3)
        sweep_one(3U << 19 | low << LOW_BITS, &reads, &writes);
    storms_end = 1;
    for (unsigned cpu = 1; cpu < hostile_cpus(); cpu++)
        CHECK(worker_wait(cpu), "CPU %u hangs", cpu);
    gic_init();
    gic_init_cpu();
}

static const struct test_case cases[] = {
    {"debug-space", debug_space},
    {"register-space", register_space},
    {"instruction-space", instruction_space},
    {"illegal-returns", illegal_returns},
    {"beside-others", beside_others},
    {NULL, NULL},
};

void guest_main(void)
{
    if (!hostile_start())
        printf("a CPU did not start\n");
    TEST_RUN(cases);
}
