/* SPDX-License-Identifier: Apache-2.0 */
/* Random loads and stores, and what may come of them: see hostile_forms.h. */
#include "hostile_forms.h"

#include "barrier.h"
#include "sysreg.h"

/* "Loads and stores" (Arm ARM, "Top-level encodings for A64"): op0 is x1x0, in bits 28 to 25. */
#define LOADS_SET      (1U << 27)
#define LOADS_CLEAR    (1U << 25)
#define LITERAL_MASK   0x3b000000U
#define LITERAL        0x18000000U /* relative to pc: it has no base to point anywhere */
#define FIELD_RN(insn) ((insn) >> 5 & 31)
#define FIELD_RT(insn) ((insn)&31)
#define FIELD_R2(insn) ((insn) >> 10 & 31)
#define FIELD_RS(insn) ((insn) >> 16 & 31)
#define SP             31
#define INDEX_MASK     0xff /* of what other registers have, so that sums stay near the base */
/* GCSSTR and GCSSTTR: a CPU that has a guarded control stack reports them, used or not, so. */
#define GCS_STORE_MASK 0xffffec00U
#define GCS_STORE      0xd91f0c00U
#define CPACR_FPEN     (UINT64_C(3) << 20)
#define SYS_X0         0xd5080000U
#define SYS_ENCODINGS  (1U << 14)

void form_init(void)
{
    write_sysreg(read_sysreg(cpacr_el1) | CPACR_FPEN, cpacr_el1);
    /* FP instructions are allowed from here on. */
    isb();
}

static uint32_t random_insn(void)
{
    uint32_t insn;

    do
        insn = ((uint32_t)hostile_random(0) | LOADS_SET) & ~LOADS_CLEAR;
    while ((insn & LITERAL_MASK) == LITERAL);
    return insn;
}

/* Register n may change: it is the base, or one of the up to three that are named. LD64B and its
 * like name eight by the first. */
static bool is_named(uint32_t insn, unsigned n)
{
    return n == FIELD_RN(insn) || n == FIELD_RT(insn) || n == FIELD_R2(insn) ||
           n == FIELD_RS(insn) || n == ((FIELD_RT(insn) + 1) & 31) ||
           n == ((FIELD_RS(insn) + 1) & 31);
}

/* The classes of what a CPU does not have, does not allow now, or finds wrong before the access. */
static bool is_undefined(uint32_t insn, uint64_t ec)
{
    switch (ec) {
    case ESR_EC_UNKNOWN:
    case ESR_EC_FP:
    case ESR_EC_OTHER:
    case ESR_EC_SVE:
    case ESR_EC_FPAC:
    case ESR_EC_SP_ALIGN:
        return true;
    case ESR_EC_GCS:
        return (insn & GCS_STORE_MASK) == GCS_STORE;
    default:
        return false;
    }
}

static void judge(uint32_t insn, const struct hostile_state *before,
                  const struct hostile_state *after, struct form_tally *tally)
{
    uint64_t ec = ESR_EC(after->esr), fsc = ESR_FSC(after->esr);

    if (hostile_completed(after)) {
        tally->done++;
    } else if (ec == ESR_EC_DABT_CUR) {
        tally->aborted++;
        /* EL1's own faults, or that nothing is there or can do it. */
        CHECK(fsc == FSC_EXTERNAL || fsc == FSC_ALIGNMENT || fsc < 0x10 || fsc == 0x35,
              "%x: ESR %lx", insn, after->esr);
        CHECK(after->pc == before->pc, "%x: ELR %lx", insn, after->pc);
    } else {
        CHECK(is_undefined(insn, ec), "%x: ESR %lx", insn, after->esr);
        tally->undefined++;
    }
    for (unsigned i = 0; i < 31; i++)
        CHECK(after->x[i] == before->x[i] || is_named(insn, i), "%x changes x%u from %lx to %lx",
              insn, i, before->x[i], after->x[i]);
    CHECK(after->sp == before->sp || FIELD_RN(insn) == SP, "%x changes sp from %lx to %lx", insn,
          before->sp, after->sp);
    CHECK(hostile_completed(after) || FIELD_RN(insn) == SP ||
              after->x[FIELD_RN(insn)] == before->x[FIELD_RN(insn)],
          "%x: the base changes, though it aborts", insn);
}

void form_try_random(uint64_t base, uint32_t room, struct form_tally *tally)
{
    static struct hostile_state before, after;
    uint32_t insn = random_insn();
    uint64_t at = base + hostile_random(0) % room;

    /* Most accesses are aligned. */
    if (hostile_random(0) & 7)
        at &= ~UINT64_C(15);
    for (unsigned i = 0; i < 31; i++)
        before.x[i] = hostile_random(0) & INDEX_MASK;
    before.sp = at;
    if (FIELD_RN(insn) != SP)
        before.x[FIELD_RN(insn)] = at;
    before.pc = (uintptr_t)hostile_code;
    after = before;
    hostile_run(&after, insn);
    judge(insn, &before, &after, tally);
}

void form_try_maintenance(uint64_t va)
{
    static struct hostile_state state;

    for (uint32_t low = 0; low < SYS_ENCODINGS; low++) {
        state.x[0] = va;
        hostile_run(&state, SYS_X0 | low << 5);
        CHECK(hostile_completed(&state) || ESR_EC(state.esr) == ESR_EC_UNKNOWN ||
                  ESR_EC(state.esr) == ESR_EC_SYSREG || ESR_EC(state.esr) == ESR_EC_DABT_CUR ||
                  ESR_EC(state.esr) == ESR_EC_IABT_CUR,
              "%x at %lx: ESR %lx", SYS_X0 | low << 5, va, state.esr);
    }
}
