/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AArch32 at EL0, where the CPU has it: loads and stores at devices in A32 and T32, conditions and
 * IT blocks across an emulated access, coprocessor registers, and instructions made at random.
 */
#include "barrier.h"
#include "console.h"
#include "gic.h"
#include "guest.h"
#include "hostile.h"
#include "mmu.h"
#include "platform.h"
#include "sysreg.h"
#include "timer.h"

#define SVC_A32        0xef000000U
#define SVC_T32        0xdf00df00U /* twice */
#define FLAG_Z         (UINT64_C(1) << 30)
#define NOWHERE        UINT64_C(0x0b000000)
#define DEVICE         HOSTILE_EL0_DEVICE            /* the UART */
#define NOTHING        (HOSTILE_EL0_DEVICE + 0x1000) /* no device */
#define SLOT           (HOSTILE_EL0_DEVICE + 0x2000) /* virtio */
#define UNTOUCHED      UINT64_C(0x5a5a5a5a)
#define RANDOM_TRIES   15000
#define LOOP_US        500
#define PSTATE_I       UINT64_C(0x80)
#define MRC_ENCODINGS  (1U << 14)
#define MRRC_ENCODINGS (1U << 8)

static struct hostile_state state;

/* Up to three words at EL0 with r1 as given, and SVCs to the page's end. */
static void run(uint64_t pstate, uint32_t first, uint32_t second, uint64_t r1)
{
    static uint32_t code[HOSTILE_CODE_WORDS - 1];
    uint32_t svc = pstate & 0x20 ? SVC_T32 : SVC_A32;

    code[0] = first;
    code[1] = second;
    for (unsigned i = 2; i < 16; i++)
        code[i] = svc;
    hostile_put(code, 16);
    for (unsigned i = 0; i < 15; i++)
        state.x[i] = UNTOUCHED;
    state.x[1] = r1;
    state.pc = HOSTILE_EL0_CODE;
    state.pstate = pstate;
    hostile_enter(&state);
}

static void run_a32(uint32_t insn, uint64_t r1)
{
    run(HOSTILE_A32, insn, SVC_A32, r1);
}

static bool ended(void)
{
    return ESR_EC(state.esr) == ESR_EC_SVC32;
}

/* It loads the UART's first ID byte into r0, or it aborts and leaves r0 alone. */
static void loads_or_aborts(const char *what, uint32_t insn, bool must_load)
{
    run_a32(insn, DEVICE + UARTPERIPHID0);
    if (ended()) {
        CHECK((uint32_t)state.x[0] == 0x11, "%s: r0 is %lx", what, state.x[0]);
    } else {
        CHECK(!must_load && ESR_EC(state.esr) == ESR_EC_DABT_LOW, "%s: ESR %lx", what, state.esr);
        CHECK(state.pc == HOSTILE_EL0_CODE && state.x[0] == UNTOUCHED, "%s: ELR %lx, r0 %lx", what,
              state.pc, state.x[0]);
    }
}

static void loads(void)
{
    loads_or_aborts("ldr", 0xe5910000, true);
    loads_or_aborts("ldrb", 0xe5d10000, true);
    loads_or_aborts("ldrh", 0xe1d100b0, true);
    loads_or_aborts("ldrsb", 0xe1d100d0, true);
    loads_or_aborts("ldr, post-index", 0xe4910004, false);
    loads_or_aborts("ldm", 0xe8910005, false);
    loads_or_aborts("ldrd", 0xe1c100d0, false);
    loads_or_aborts("ldrex", 0xe1910f9f, false);
    run_a32(0xe5810000, NOTHING); /* str r0, [r1] */
    CHECK(ESR_EC(state.esr) == ESR_EC_DABT_LOW && ESR_FSC(state.esr) == FSC_EXTERNAL &&
              state.far == NOTHING,
          "str to nothing: ESR %lx, FAR %lx", state.esr, state.far);
}

/* A load that is not executed, and one that is: ldreq r0, [r1]. */
static void conditions(void)
{
    run(HOSTILE_A32, 0x05910000, SVC_A32, DEVICE + UARTPERIPHID0);
    CHECK(ended() && state.x[0] == UNTOUCHED, "ldreq, Z clear: ESR %lx, r0 %lx", state.esr,
          state.x[0]);
    run(HOSTILE_A32 | FLAG_Z, 0x05910000, SVC_A32, DEVICE + UARTPERIPHID0);
    CHECK(ended() && state.x[0] == 0x11, "ldreq, Z set: ESR %lx, r0 %lx", state.esr, state.x[0]);
}

static void thumb(void)
{
    run(HOSTILE_T32, 0xdf006808, SVC_T32, DEVICE + UARTPERIPHID0); /* ldr r0, [r1]; svc */
    CHECK(ended() && state.x[0] == 0x11, "ldr: ESR %lx, r0 %lx", state.esr, state.x[0]);
    CHECK(state.pc == HOSTILE_EL0_CODE + 4, "16 bits are skipped as %lx", state.pc);
    run(HOSTILE_T32, 0x0000f8d1, SVC_T32, DEVICE + UARTPERIPHID0); /* ldr.w r0, [r1] */
    CHECK(ended() && state.x[0] == 0x11, "ldr.w: ESR %lx, r0 %lx", state.esr, state.x[0]);
    CHECK(state.pc == HOSTILE_EL0_CODE + 6, "32 bits are skipped as %lx", state.pc);
}

/* ite eq; ldreq r0, [r1]; movne r2, #5: the block goes on behind the emulated load. */
static void it_block(void)
{
    run(HOSTILE_T32 | FLAG_Z, 0x6808bf0c, 0xdf002205, DEVICE + UARTPERIPHID0);
    CHECK(ended() && state.x[0] == 0x11 && state.x[2] == UNTOUCHED,
          "Z set: ESR %lx, r0 %lx, r2 %lx", state.esr, state.x[0], state.x[2]);
    CHECK(!(state.pstate & UINT64_C(0x0600fc00)), "IT is left: SPSR %lx", state.pstate);
    run(HOSTILE_T32, 0x6808bf0c, 0xdf002205, DEVICE + UARTPERIPHID0);
    CHECK(ended() && state.x[0] == UNTOUCHED && state.x[2] == 5, "Z clear: ESR %lx, r0 %lx, r2 %lx",
          state.esr, state.x[0], state.x[2]);
}

static void calls(void)
{
    run_a32(0xe1400070, 0); /* hvc #0 */
    CHECK(ESR_EC(state.esr) == ESR_EC_UNKNOWN, "hvc: ESR %lx", state.esr);
    run_a32(0xe1600070, 0); /* smc #0 */
    CHECK(ESR_EC(state.esr) == ESR_EC_UNKNOWN, "smc: ESR %lx", state.esr);
    run_a32(0xe160006e, 0); /* eret */
    CHECK(ESR_EC(state.esr) == ESR_EC_UNKNOWN, "eret: ESR %lx", state.esr);
}

static bool is_own_trap(void)
{
    switch (ESR_EC(state.esr)) {
    case ESR_EC_UNKNOWN:
    case 0x03: /* CP15 */
    case 0x04:
    case 0x05: /* CP14 */
    case 0x06:
    case 0x07: /* FP */
    case 0x08:
    case 0x0c: /* MRRC of CP14 */
    case ESR_EC_SVC32:
        return true;
    default:
        return false;
    }
}

/* mrc and mcr of coprocessor 14 or 15, any register of them. */
static void try_registers(uint32_t coprocessor)
{
    for (uint32_t i = 0; i < MRC_ENCODINGS; i++) {
        uint32_t insn = 0xee000010 | (i >> 11) << 21 | (i >> 7 & 15) << 16 | coprocessor << 8 |
                        (i >> 4 & 7) << 5 | (i & 15);

        run_a32(insn, 0);
        CHECK(is_own_trap(), "mcr %x: ESR %lx", insn, state.esr);
        run_a32(insn | 1U << 20, 0);
        CHECK(is_own_trap(), "mrc %x: ESR %lx", insn, state.esr);
    }
    for (uint32_t i = 0; i < MRRC_ENCODINGS; i++) {
        run_a32(0xec400000 | 2U << 16 | coprocessor << 8 | i, 0);
        CHECK(is_own_trap(), "mcrr %x: ESR %lx", i, state.esr);
        run_a32(0xec500000 | 2U << 16 | coprocessor << 8 | i, 0);
        CHECK(is_own_trap(), "mrrc %x: ESR %lx", i, state.esr);
    }
}

static void coprocessors(void)
{
    try_registers(14);
    try_registers(15);
}

/* Code that may be an endless loop: the timer's interrupt ends it, and is taken afterwards. */
static void run_for_a_while(uint64_t pstate, uint32_t first, uint32_t second, uint64_t r1)
{
    write_sysreg(timer_deadline_us(LOOP_US), cntv_cval_el0);
    write_sysreg(TIMER_CTL_ENABLE, cntv_ctl_el0);
    run(pstate & ~PSTATE_I, first, second, r1);
    write_sysreg(0, cntv_ctl_el0);
    irq_enable();
    isb();
    irq_disable();
}

/* Anything, with r1 and others at a device, at nothing, or small. Only the end counts. */
static void random_code(uint64_t pstate)
{
    static const uint64_t bases[] = {SLOT, NOTHING, SLOT + 0xffc, DEVICE + 0x800};

    gic_enable(TIMER_PPI_VIRTUAL);
    for (unsigned i = 0; i < RANDOM_TRIES; i++) {
        uint64_t random = hostile_random(0);

        run_for_a_while(pstate | (random & HOSTILE_FLAGS), (uint32_t)(random >> 32),
                        pstate & 0x20 ? SVC_T32 : SVC_A32, bases[i & 3]);
        CHECK(state.pc < UINT64_C(1) << 32, "ELR %lx", state.pc);
        CHECK(!(state.pstate & 0xf), "SPSR %lx is not EL0's", state.pstate);
    }
    gic_disable(TIMER_PPI_VIRTUAL);
}

static void random_a32(void)
{
    random_code(HOSTILE_A32);
}

static void random_t32(void)
{
    random_code(HOSTILE_T32);
}

static const struct test_case cases[] = {
    {"loads", loads},           {"conditions", conditions}, {"thumb", thumb},
    {"it-block", it_block},     {"calls", calls},           {"coprocessors", coprocessors},
    {"random-a32", random_a32}, {"random-t32", random_t32}, {NULL, NULL},
};

static void none(void)
{
    test_skip("the CPU has no AArch32 at EL0");
}

static const struct test_case no_cases[] = {{"aarch32", none}, {NULL, NULL}};

void guest_main(void)
{
    if (!hostile_start())
        printf("a CPU did not start\n");
    if ((read_sysreg(id_aa64pfr0_el1) & 0xf) != 2) {
        TEST_RUN(no_cases);
        return;
    }
    mmu_map(HOSTILE_EL0_CODE, (uintptr_t)hostile_code, 4096, MMU_USER);
    mmu_map(DEVICE, platform.uart.regs.address, 4096, MMU_USER_DEVICE);
    mmu_map(NOTHING, NOWHERE, 4096, MMU_USER_DEVICE);
    mmu_map(SLOT, platform.virtio[0].regs.address & ~UINT64_C(0xfff), 4096, MMU_USER_DEVICE);
    TEST_RUN(cases);
}
