/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HVC and SMC with every immediate and functions of every owner, from EL1 and from EL0: what
 * is no call of the convention has no effect, and no register changes but the four of a result.
 */
#include "console.h"
#include "gic.h"
#include "guest.h"
#include "hostile.h"
#include "mmu.h"
#include "platform.h"
#include "psci.h"
#include "string.h"

#define HVC(imm)      (0xd4000002U | (uint32_t)(imm) << 5)
#define SMC(imm)      (0xd4000003U | (uint32_t)(imm) << 5)
#define SVC(imm)      (0xd4000001U | (uint32_t)(imm) << 5)
#define IMMEDIATES    0x10000U
#define PATTERN(n)    (UINT64_C(0x0101010101010101) * (n))
#define NOT_SUPPORTED UINT64_C(0xffffffffffffffff)
#define NR_OWNERS     64
#define NR_NUMBERS    0x120
#define FAST          (1U << 31)
#define SMC64         (1U << 30)
#define OWNER(n)      ((uint32_t)(n) << 24)
#define EL0_DATA      (HOSTILE_EL0_CODE + 0x1000)
#define RANDOM_CALLS  20000

static struct hostile_state state;
static uint32_t user_data[1024] __attribute__((aligned(4096)));

static void fill(uint64_t function)
{
    for (unsigned i = 0; i < 31; i++)
        state.x[i] = PATTERN(i);
    state.x[0] = function;
    state.sp = PATTERN(32) & ~UINT64_C(15);
}

static void check_kept(const char *what, uint64_t function, unsigned first)
{
    for (unsigned i = first; i < 31; i++)
        CHECK(state.x[i] == PATTERN(i), "%s %lx changes x%u to %lx", what, function, i, state.x[i]);
    CHECK(state.sp == (PATTERN(32) & ~UINT64_C(15)), "%s %lx changes sp", what, function);
}

/* SYSTEM_OFF in x0 with another immediate than 0 is no call of the convention. */
static void try_immediate(const char *what, uint32_t insn)
{
    fill(PSCI_SYSTEM_OFF);
    hostile_run(&state, insn);
    CHECK(hostile_completed(&state) || ESR_EC(state.esr) == ESR_EC_UNKNOWN, "%s %x: ESR %lx", what,
          insn, state.esr);
    if (hostile_completed(&state))
        CHECK(state.x[0] == NOT_SUPPORTED, "%s %x answers %lx", what, insn, state.x[0]);
    check_kept(what, insn, 4);
}

static void immediates(void)
{
    for (uint32_t imm = 1; imm < IMMEDIATES; imm++) {
        try_immediate("hvc", HVC(imm));
        try_immediate("smc", SMC(imm));
    }
}

/* These do what they say, or wait. */
static bool is_spared(uint32_t function)
{
    switch (function & ~SMC64) {
    case PSCI_CPU_SUSPEND32:
    case PSCI_CPU_OFF:
    case PSCI_SYSTEM_OFF:
    case PSCI_SYSTEM_RESET:
        return true;
    default:
        return false;
    }
}

static void try_function(uint32_t function, uint32_t insn)
{
    if (is_spared(function))
        return;
    fill(function);
    hostile_enter(&state);
    CHECK(hostile_completed(&state), "%x of %x: ESR %lx", insn, function, state.esr);
    check_kept("function", function, 4);
    state.pc = (uintptr_t)hostile_code;
    state.pstate = HOSTILE_EL1;
}

static void functions_by(uint32_t insn)
{
    hostile_put(&insn, 1);
    state.pc = (uintptr_t)hostile_code;
    state.pstate = HOSTILE_EL1;
    for (uint32_t owner = 0; owner < NR_OWNERS; owner++)
        for (uint32_t number = 0; number < NR_NUMBERS; number++) {
            try_function(OWNER(owner) | number, insn);
            try_function(OWNER(owner) | number | SMC64, insn);
            try_function(OWNER(owner) | number | FAST, insn);
            try_function(OWNER(owner) | number | FAST | SMC64, insn);
        }
}

static void functions(void)
{
    functions_by(HVC(0));
    functions_by(SMC(0));
}

static uint64_t odd_argument(void)
{
    static const uint64_t odd[] = {0,
                                   1,
                                   3,
                                   ~UINT64_C(0),
                                   0x80000000,
                                   UINT64_C(0xff00000000),
                                   0x40200000,
                                   0x09000000,
                                   UINT64_C(0x8000000000000000)};
    uint64_t random = hostile_random(0);

    return random & 1 ? odd[(random >> 8) % (sizeof(odd) / sizeof(odd[0]))] : random;
}

/* Nearly right calls with odd arguments. CPU_ON finds no CPU that is off. */
static void odd_arguments(void)
{
    static const uint32_t calls[] = {PSCI_CPU_ON32,        PSCI_CPU_ON64, PSCI_AFFINITY_INFO32,
                                     PSCI_AFFINITY_INFO64, PSCI_FEATURES, SMCCC_ARCH_FEATURES,
                                     TRNG_FEATURES,        TRNG_RND64};

    for (unsigned i = 0; i < RANDOM_CALLS; i++) {
        uint32_t function = calls[hostile_random(0) % (sizeof(calls) / sizeof(calls[0]))];
        struct smccc_result result =
            smccc_hvc(function, odd_argument(), odd_argument(), odd_argument());

        CHECK(function != PSCI_CPU_ON64 || (int32_t)result.x[0] < 0, "CPU_ON answers %lx",
              result.x[0]);
    }
}

static void map_user(void)
{
    static bool done;

    if (!done) {
        mmu_map(HOSTILE_EL0_CODE, (uintptr_t)hostile_code, 4096, MMU_USER);
        mmu_map(EL0_DATA, (uintptr_t)user_data, 4096, MMU_USER);
        mmu_map(HOSTILE_EL0_DEVICE, platform.uart.regs.address, 4096, MMU_USER_DEVICE);
    }
    done = true;
}

/* One instruction at EL0, an SVC after it. */
static void at_el0(uint32_t insn)
{
    uint32_t code[] = {insn, SVC(0)};

    map_user();
    hostile_put(code, 2);
    state.pc = HOSTILE_EL0_CODE;
    state.pstate = HOSTILE_EL0;
    hostile_enter(&state);
}

static void undefined_at_el0(const char *what, uint32_t insn)
{
    fill(PSCI_SYSTEM_OFF);
    at_el0(insn);
    CHECK(ESR_EC(state.esr) == ESR_EC_UNKNOWN && state.pc == HOSTILE_EL0_CODE,
          "%s at EL0: ESR %lx, ELR %lx", what, state.esr, state.pc);
    check_kept(what, insn, 1);
}

/* There they are UNDEFINED, whatever the immediate. */
static void from_el0(void)
{
    for (uint32_t imm = 0; imm < IMMEDIATES; imm += 251) {
        undefined_at_el0("hvc", HVC(imm));
        undefined_at_el0("smc", SMC(imm));
    }
    fill(0);
    at_el0(SVC(7));
    CHECK(ESR_EC(state.esr) == ESR_EC_SVC64 && (state.esr & 0xffff) == 7, "SVC: ESR %lx",
          state.esr);
    undefined_at_el0("eret", 0xd69f03e0);
    undefined_at_el0("mrs hcr_el2", 0xd53c1101);
    undefined_at_el0("msr vttbr_el2", 0xd51c2101);
}

/* Devices that EL1 gives to EL0: emulated for it, too, or an abort that EL1 takes. */
static void devices_at_el0(void)
{
    fill(0);
    state.x[1] = HOSTILE_EL0_DEVICE + UARTPERIPHID0;
    at_el0(0xb9400020); /* ldr w0, [x1] */
    CHECK(ESR_EC(state.esr) == ESR_EC_SVC64 && state.x[0] == 0x11, "ldr: ESR %lx, x0 %lx",
          state.esr, state.x[0]);
    fill(0);
    state.x[1] = HOSTILE_EL0_DEVICE + UARTPERIPHID0;
    at_el0(0xb8404420); /* ldr w0, [x1], #4 */
    CHECK(ESR_EC(state.esr) == ESR_EC_SVC64 && state.x[0] == 0x11 &&
              state.x[1] == HOSTILE_EL0_DEVICE + UARTPERIPHID0 + 4,
          "ldr, post-index: ESR %lx, x0 %lx, x1 %lx", state.esr, state.x[0], state.x[1]);
    fill(0);
    state.x[1] = HOSTILE_EL0_DEVICE + UARTPERIPHID0;
    at_el0(0x885f7c20); /* ldxr w0, [x1] */
    CHECK(ESR_EC(state.esr) == ESR_EC_SVC64 || ESR_EC(state.esr) == ESR_EC_DABT_LOW,
          "ldxr: ESR %lx", state.esr);
    mmu_map(HOSTILE_EL0_DEVICE + 0x1000, 0x0b000000, 4096, MMU_USER_DEVICE);
    fill(0);
    state.x[1] = HOSTILE_EL0_DEVICE + 0x1000;
    at_el0(0xb9000020); /* str w0, [x1] */
    CHECK(ESR_EC(state.esr) == ESR_EC_DABT_LOW && ESR_FSC(state.esr) == FSC_EXTERNAL &&
              state.far == HOSTILE_EL0_DEVICE + 0x1000,
          "str to nothing: ESR %lx, FAR %lx", state.esr, state.far);
}

static const struct test_case cases[] = {
    {"immediates", immediates},         {"functions", functions},
    {"odd-arguments", odd_arguments},   {"from-el0", from_el0},
    {"devices-at-el0", devices_at_el0}, {NULL, NULL},
};

void guest_main(void)
{
    if (!hostile_start())
        printf("a CPU did not start\n");
    TEST_RUN(cases);
}
