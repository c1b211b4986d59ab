/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The oracle: a program at EL2 of the bare machine that looks addresses up by the hardware. It
 * finds cases in memory, each a set of registers, tables to write and questions; a question is an
 * AT instruction, or a load, store or fetch at EL1 or EL0. Answers go behind one another to another
 * place. hardware.py, which shares the memory, writes the cases and reads the answers.
 */
#include <stdint.h>

#include "barrier.h"
#include "sysreg.h"

#define CASES   UINT64_C(0x41000000)
#define ANSWERS UINT64_C(0x46000000)
#define REPORT  UINT64_C(0x40f00000) /* ID registers, and how many cases are done */
#define TARGETS UINT64_C(0x4e000000) /* tables are below */

#define CHANGES 16 /* words of tables that an access changes, at most */

enum ask {
    ASK_S1E1R,
    ASK_S1E1W,
    ASK_S1E0R,
    ASK_S1E0W,
    ASK_S12E1R,
    ASK_S12E1W,
    ASK_S12E0R,
    ASK_S12E0W,
    ASK_ENTER = 16,
};

struct question {
    uint64_t ask;
    uint64_t va;
    uint64_t pc, pstate; /* of ASK_ENTER */
    uint64_t stored;     /* in x0 on the way in */
    uint64_t look;       /* physical address to read afterwards; 0: none */
};

/* Behind it `writes` pairs of address and value, then `questions`. */
struct one_case {
    uint64_t writes, questions; /* no questions: the end */
    uint64_t sctlr, tcr, ttbr0, ttbr1, mair, hcr, vtcr, vttbr, vbar;
};

struct answer {
    uint64_t par; /* after AT */
    uint64_t esr_el2, far_el2, hpfar_el2;
    uint64_t esr_el1, far_el1;
    uint64_t x0, seen;
    uint64_t changes; /* descriptors that the hardware has written */
    uint64_t changed[2 * CHANGES];
};

uint64_t enter(uint64_t x0, uint64_t x1, uint64_t pc, uint64_t pstate);
void oracle_main(void);
extern volatile uint64_t caught; /* ESR_EL2 of an exception that an AT took; 0: none */

static volatile uint64_t *at(uint64_t address)
{
    return (volatile uint64_t *)address;
}

static void load_registers(const struct one_case *c)
{
    write_sysreg(c->sctlr, sctlr_el1);
    write_sysreg(c->tcr, tcr_el1);
    write_sysreg(c->ttbr0, ttbr0_el1);
    write_sysreg(c->ttbr1, ttbr1_el1);
    write_sysreg(c->mair, mair_el1);
    write_sysreg(c->hcr, hcr_el2);
    write_sysreg(c->vtcr, vtcr_el2);
    write_sysreg(c->vttbr, vttbr_el2);
    write_sysreg(c->vbar, vbar_el1);
    isb();
}

static void translate(uint64_t ask, uint64_t va)
{
#define AT(ASK, name)                                                                              \
    case ASK:                                                                                      \
        __asm__ volatile("at " #name ", %0" ::"r"(va) : "memory");                                 \
        break;
    switch (ask) {
        AT(ASK_S1E1R, s1e1r)
        AT(ASK_S1E1W, s1e1w)
        AT(ASK_S1E0R, s1e0r)
        AT(ASK_S1E0W, s1e0w)
        AT(ASK_S12E1R, s12e1r)
        AT(ASK_S12E1W, s12e1w)
        AT(ASK_S12E0R, s12e0r)
        AT(ASK_S12E0W, s12e0w)
    default:
        break;
    }
#undef AT
    isb();
}

static void answer(const struct question *q, struct answer *a)
{
    a->par = a->esr_el2 = a->far_el2 = a->hpfar_el2 = 0;
    a->esr_el1 = a->far_el1 = a->x0 = a->seen = 0;
    if (q->ask != ASK_ENTER) {
        caught = 0;
        translate(q->ask, q->va);
        a->par = read_sysreg(par_el1);
        a->esr_el2 = caught;
        return;
    }
    write_sysreg(0, esr_el1);
    a->x0 = enter(q->stored, q->va, q->pc, q->pstate);
    a->esr_el2 = read_sysreg(esr_el2);
    a->far_el2 = read_sysreg(far_el2);
    a->hpfar_el2 = read_sysreg(hpfar_el2);
    a->esr_el1 = read_sysreg(esr_el1);
    a->far_el1 = read_sysreg(far_el1);
    if (q->look)
        a->seen = *at(q->look);
}

/* Which of the tables' words are no longer as they were written? */
static void find_changes(const uint64_t *pairs, uint64_t count, struct answer *a)
{
    a->changes = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t address = pairs[2 * i], now = *at(address);

        if (address >= TARGETS || now == pairs[2 * i + 1])
            continue;
        if (a->changes < CHANGES) {
            a->changed[2 * a->changes] = address;
            a->changed[2 * a->changes + 1] = now;
        }
        a->changes++;
    }
}

static void write_tables(const uint64_t *pairs, uint64_t count, uint64_t keep)
{
    for (uint64_t i = 0; i < count; i++)
        *at(pairs[2 * i]) = pairs[2 * i + 1] & keep;
    dsb(sy);
    __asm__ volatile("tlbi alle1" ::: "memory");
    dsb(sy);
    isb();
}

void oracle_main(void)
{
    const struct one_case *c = (const struct one_case *)CASES;
    struct answer *a = (struct answer *)ANSWERS;
    volatile uint64_t *report = at(REPORT);

    report[1] = read_sysreg(id_aa64mmfr0_el1);
    report[2] = read_sysreg(id_aa64mmfr1_el1);
    report[3] = read_sysreg(id_aa64mmfr2_el1);
    report[4] = read_sysreg(id_aa64isar1_el1);
    while (c->questions) {
        const uint64_t *pairs = (const uint64_t *)(c + 1);
        const struct question *q = (const struct question *)(pairs + 2 * c->writes);

        load_registers(c);
        for (uint64_t i = 0; i < c->questions; i++) {
            write_tables(pairs, c->writes, ~UINT64_C(0)); /* what the last one has changed, too */
            answer(&q[i], a);
            find_changes(pairs, c->writes, a++);
        }
        write_tables(pairs, c->writes, 0);
        report[0]++;
        c = (const struct one_case *)(q + c->questions);
    }
}
