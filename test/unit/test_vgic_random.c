/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtual GIC beside a plain model of an interrupt's life ("Interrupt handling states",
 * GICv3), through steps at random: after each, the registers show what the model says, and a CPU
 * takes an interrupt exactly when the model has one for it, the most urgent. One that is 1 of N
 * may go to any. random_sequence.h has the seeds, and makes a failure small.
 */
#include "random_sequence.h"
#include "vgic_fixture.h"

#define CPUS   3
#define SGIS   4
#define SPI    32
#define SPIS   8
#define MODELS (CPUS * SGIS + SPIS)
#define STEPS  250
#define ROUNDS 8

struct model {
    uint32_t intid;
    unsigned cpu; /* who may take it */
    bool any;     /* 1 of N */
    bool edge, enabled, group1, latch, line, active;
    uint8_t priority;
};

struct guest_cpu {
    unsigned depth;
    struct model *taken[64];
};

static struct model model[MODELS];
static struct guest_cpu guest[CPUS];
static bool group_on[2];

static unsigned choose(unsigned below)
{
    return (unsigned)random_below(below);
}

static bool is_pending(const struct model *m)
{
    return m->latch || (!m->edge && m->line);
}

static uint32_t running(unsigned cpu)
{
    const struct guest_cpu *g = &guest[cpu];

    return g->depth == 0 ? 0xff : fake_guest[cpu].running[g->depth - 1];
}

static bool is_for(const struct model *m, unsigned cpu)
{
    return (m->any || m->cpu == cpu) && m->enabled && group_on[m->group1] && is_pending(m) &&
           !m->active;
}

/* The most urgent priority of what `cpu` alone can take; 0xff: none. */
static uint32_t most_urgent(unsigned cpu)
{
    uint32_t best = 0xff;

    for (unsigned i = 0; i < MODELS; i++) {
        if (!model[i].any && is_for(&model[i], cpu) && model[i].priority < best)
            best = model[i].priority;
    }
    return best < running(cpu) ? best : 0xff;
}

static struct model *find(unsigned cpu, uint32_t intid)
{
    return intid < SPI ? &model[cpu * SGIS + intid] : &model[CPUS * SGIS + intid - SPI];
}

static void step_take(unsigned cpu)
{
    uint32_t best = most_urgent(cpu);
    uint32_t intid = ack(cpu);
    struct model *m;

    if (intid == FAKE_SPURIOUS) {
        assert_int_equal(best, 0xff);
        return;
    }
    m = find(cpu, intid);
    assert_true(is_for(m, cpu));
    assert_true(m->any ? m->priority <= best : m->priority == best);
    m->active = true;
    m->latch = false;
    guest[cpu].taken[guest[cpu].depth++] = m;
}

static void step_end(unsigned cpu)
{
    struct guest_cpu *g = &guest[cpu];

    if (g->depth == 0)
        return;
    g->depth--;
    g->taken[g->depth]->active = false;
    eoi(cpu, g->taken[g->depth]->intid);
}

static void step_raise(struct model *m)
{
    if (m->intid < SPI) {
        m->latch = true; /* ICC_SGI1R_EL1 makes SGIs of both groups */
        send_sgi(m->intid, (uint16_t)(1 << m->cpu));
        return;
    }
    m->line = !m->line;
    m->latch = m->latch || (m->edge && m->line);
    set_line(m->intid, m->line);
}

static void step_route(struct model *m)
{
    if (m->intid < SPI)
        return;
    m->any = choose(4) == 0;
    m->cpu = choose(CPUS);
    irq_route(m->intid, m->any ? GICD_IROUTER_IRM : m->cpu);
}

/* One of the registers with a bit for each interrupt. */
static void step_bits(struct model *m)
{
    static const uint64_t reg[] = {GICD_ISENABLER, GICD_ICENABLER, GICD_ISPENDR, GICD_ICPENDR};
    unsigned which = choose(5);

    switch (which) {
    case 0:
    case 1:
        m->enabled = which == 0;
        break;
    case 2:
    case 3:
        m->latch = which == 2;
        break;
    default:
        m->group1 = !m->group1;
        bits_write(m->cpu, GICD_IGROUPR, m->intid,
                   bits_read(m->cpu, GICD_IGROUPR, m->intid) ^ UINT32_C(1) << m->intid % 32);
        return;
    }
    irq_write(m->cpu, reg[which], m->intid);
}

/* While it is active its running priority is what it was: a change is for the next time. */
static void step_priority(struct model *m)
{
    if (m->active)
        return;
    m->priority = (uint8_t)(choose(31) * 8);
    irq_set_priority(m->cpu, m->intid, m->priority);
}

static void step_groups(void)
{
    group_on[0] = choose(4) != 0;
    group_on[1] = choose(4) != 0;
    dist_write(GICD_CTLR, (group_on[0] ? 1U : 0) | (group_on[1] ? 2U : 0));
}

static void check_registers(void)
{
    for (unsigned i = 0; i < MODELS; i++) {
        const struct model *m = &model[i];
        uint32_t bit = UINT32_C(1) << m->intid % 32;
        bool first = m->intid % SPI == 0;
        static uint32_t pending;
        static uint32_t active;

        if (first) {
            pending = bits_read(m->cpu, GICD_ISPENDR, m->intid);
            active = bits_read(m->cpu, GICD_ISACTIVER, m->intid);
        }
        assert_int_equal((pending & bit) != 0, is_pending(m));
        assert_int_equal((active & bit) != 0, m->active);
    }
}

static void step_some(struct model *m, unsigned cpu)
{
    switch (choose(16)) {
    case 0:
        random_tell("route %u", m->intid);
        step_route(m);
        break;
    case 1:
    case 2:
        random_tell("a bit of %u", m->intid);
        step_bits(m);
        break;
    case 3:
        random_tell("priority of %u", m->intid);
        step_priority(m);
        break;
    case 4:
        random_tell("groups");
        if (choose(4) == 0)
            step_groups();
        break;
    case 5:
    case 6:
    case 7:
        random_tell("CPU %u ends", cpu);
        step_end(cpu);
        break;
    case 8:
    case 9:
    case 10:
        random_tell("CPU %u takes", cpu);
        step_take(cpu);
        break;
    default:
        random_tell("raise %u", m->intid);
        step_raise(m);
        break;
    }
}

static void step(uint32_t number)
{
    struct model *m = &model[choose(MODELS)];
    unsigned cpu = choose(CPUS);

    (void)number;
    fake_cpu_index = choose(CPUS);
    step_some(m, cpu);
    check_registers();
}

static void make(unsigned nr_lrs)
{
    vgic_start_ready(CPUS, nr_lrs);
    memset(guest, 0, sizeof(guest));
    group_on[0] = group_on[1] = true;
    for (unsigned i = 0; i < MODELS; i++) {
        bool sgi = i < CPUS * SGIS;
        uint32_t intid = sgi ? i % SGIS : SPI + i - CPUS * SGIS;

        model[i] = (struct model){.intid = intid,
                                  .cpu = sgi ? i / SGIS : 0,
                                  .group1 = true,
                                  .enabled = true,
                                  .edge = sgi || intid % 2 == 0};
        irq_write(model[i].cpu, GICD_ISENABLER, intid);
        if (!sgi)
            irq_set_edge(0, intid, model[i].edge);
    }
}

/* In the end everything that can be taken is, by whomever. */
static void drain(void)
{
    for (unsigned i = CPUS * SGIS; i < MODELS; i++) {
        model[i].line = false;
        set_line(model[i].intid, false);
    }
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        while (guest[cpu].depth > 0)
            step_end(cpu);
    }
    for (unsigned n = 0; n < CPUS * MODELS; n++) {
        step_take(n % CPUS);
        step_end(n % CPUS);
    }
    for (unsigned i = 0; i < MODELS; i++)
        assert_false(is_for(&model[i], model[i].cpu));
    check_registers();
}

static void beside_the_model(void **state)
{
    static const struct random_test test = {make, step, drain};
    static const unsigned lrs[] = {1, 2, 4, 16};
    unsigned seed = random_setting("TRAPROOM_SEED", 100);

    (void)state;
    if (random_replay(&test))
        return;
    for (unsigned i = 0; i < random_setting("TRAPROOM_ROUNDS", ROUNDS); i++)
        random_run(&test, lrs[i % ARRAY_SIZE(lrs)], seed + i, STEPS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(beside_the_model)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
