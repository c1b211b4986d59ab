// SPDX-License-Identifier: Apache-2.0
/*
 * The virtual GIC under several CPUs that do what they like. Each CPU is a coroutine, which the
 * input switches wherever one waits for another one, so that CPUs hold each other's list registers
 * crosswise. The hardware below is the unit tests' (fake_gich.c), which knows its own rules; at
 * the end no CPU may wait any more, and no interrupt may be lost.
 */
#include <stdbool.h>
#include <string.h>
#include <ucontext.h>

#include "fake_gich.h"
#include "fuzz.h"
#include "gic/gic.h"
#include "gic/vgic.h"
#include "gic/vgic_internal.h"

#define NR_CPUS    4
#define MAX_STEPS  300
#define SETTLE_MAX 100 /* exits in a row with no progress of the guest: it would never run */
#define DRAIN_MAX  1000
#define STACK_SIZE 65536

struct coroutine {
    ucontext_t context;
    uint8_t *stack;
    bool busy; /* in the middle of an action, which waits for another CPU */
    bool act;  /* the action comes from the input; else only waiting exits are taken */
    bool off;
    unsigned nr_taken; /* acknowledged, not yet ended */
    uint32_t taken[64];
    unsigned nr_dropped; /* ended, not yet deactivated (EOImode 1) */
    uint32_t dropped[64];
};

static struct vgic vgic;
static struct vgic_redist_region redists = {.vgic = &vgic};
static struct coroutine cpus[NR_CPUS];
static ucontext_t scheduler;
static bool in_coroutine;
static struct fuzz_input in;

int __real_sched_yield(void);
int __wrap_sched_yield(void);

static struct coroutine *self(void)
{
    return &cpus[fake_cpu_index];
}

/* cpu_relax(): this CPU waits for another one. */
int __wrap_sched_yield(void)
{
    if (in_coroutine) {
        fuzz_require(vgic.lock.locked == 0);
        swapcontext(&self()->context, &scheduler);
    }
    return 0;
}

/* Take the exits that wait for this CPU. */
static void settle(void)
{
    unsigned cpu = fake_cpu_index;
    uint32_t ppi;

    for (unsigned i = 0;; i++) {
        fuzz_require(i < SETTLE_MAX);
        if (fake_take_kick(cpu) || fake_maintenance())
            vgic_sync(&vgic, cpu);
        else if (!self()->off && (ppi = fake_ppi_ack(cpu)) != 0)
            vgic_hw_ppi_fired(&vgic, cpu, ppi);
        else
            return;
    }
}

static void do_access(bool redist, uint64_t offset, unsigned size, bool write, uint64_t value)
{
    struct mmio_access access = {.offset = offset,
                                 .size = (uint8_t)size,
                                 .write = write,
                                 .value = value,
                                 .vcpu = (uint8_t)fake_cpu_index};

    fuzz_require((redist ? vgic_redist_access(&redists, &access)
                         : vgic_dist_access(&vgic, &access)) == MMIO_OK);
}

/* The registers whose writes do most, twice as often as any other offset. */
static uint64_t some_offset(bool redist)
{
    static const uint16_t banked[] = {GICD_IGROUPR,   GICD_ISENABLER,  GICD_ICENABLER,
                                      GICD_ISPENDR,   GICD_ICPENDR,    GICD_ISACTIVER,
                                      GICD_ICACTIVER, GICD_IPRIORITYR, GICD_ICFGR};
    unsigned kind = fuzz_below(&in, 16);

    if (kind < ARRAY_SIZE(banked))
        return banked[kind] + (redist ? GICR_SGI_BASE + (fuzz_take(&in, 1) & 0x1c)
                                      : 4 + (fuzz_take(&in, 1) & (kind > 6 ? 0x3c : 4)));
    if (kind < 11)
        return redist ? GICR_WAKER : GICD_IROUTER + 8 * (32 + fuzz_below(&in, 40));
    if (kind < 12)
        return redist ? GICR_TYPER : GICD_CTLR;
    return fuzz_take(&in, 2) + (redist && kind < 14 ? GICR_SGI_BASE : 0);
}

static void access_register(bool redist)
{
    uint64_t offset = some_offset(redist);
    uint8_t how = (uint8_t)fuzz_take(&in, 1);
    unsigned size = (how & 3) == 3 ? 8 : (how & 0x70) == 0x70 ? 1U << (how & 3) : 4;
    bool write = (how & 4) != 0;
    uint64_t value = write ? fuzz_value(&in) : 0;
    uint64_t region = redist ? GICR_SIZE : GICD_SIZE;

    if ((how & 8) != 0)
        value = !redist && offset >= GICD_IROUTER ? fuzz_below(&in, NR_CPUS) : UINT32_MAX;
    if (size < 8)
        value &= (UINT64_C(1) << 8 * size) - 1;
    offset %= region - size + 1;
    do_access(redist, redist ? offset + fuzz_below(&in, vgic.nr_vcpus) * GICR_SIZE : offset, size,
              write, value);
}

static void acknowledge(void)
{
    uint32_t intid;

    if (self()->nr_taken == ARRAY_SIZE(self()->taken) ||
        self()->nr_dropped == ARRAY_SIZE(self()->dropped))
        return;
    intid = fake_guest_ack();
    if (intid != FAKE_SPURIOUS)
        self()->taken[self()->nr_taken++] = intid;
}

static void end(void)
{
    struct coroutine *c = self();

    if (c->nr_taken == 0)
        return;
    if (fake_guest[fake_cpu_index].eoi_mode)
        c->dropped[c->nr_dropped++ % ARRAY_SIZE(c->dropped)] = c->taken[c->nr_taken - 1];
    fake_guest_eoi(c->taken[--c->nr_taken]);
}

/* A handler that takes some interrupts, one after the other. */
static void handle_some(void)
{
    for (unsigned n = fuzz_below(&in, 8); n > 0; n--) {
        acknowledge();
        settle();
        end();
        settle();
    }
}

/* ICC_DIR_EL1, of what this CPU has taken or of any interrupt. */
static void deactivate(void)
{
    struct coroutine *c = self();

    if ((fuzz_take(&in, 1) & 1) != 0)
        vgic_deactivate(&vgic, fake_cpu_index, fuzz_take(&in, 2));
    else if (c->nr_dropped > 0)
        vgic_deactivate(&vgic, fake_cpu_index, c->dropped[--c->nr_dropped]);
}

static void turn_on(void)
{
    self()->nr_taken = 0;
    self()->nr_dropped = 0;
    self()->off = false;
    vgic_cpu_on(&vgic, fake_cpu_index);
}

static void set_guest_mode(void)
{
    struct fake_guest *guest = &fake_guest[fake_cpu_index];
    uint8_t how = (uint8_t)fuzz_take(&in, 1);

    guest->pmr = how & 0xf8;
    if (self()->nr_taken == 0 && self()->nr_dropped == 0)
        guest->eoi_mode = (how & 1) != 0;
}

static void access_dist(void)
{
    access_register(false);
}

static void access_redist(void)
{
    access_register(true);
}

static void send_sgi(void)
{
    vgic_send_sgi(&vgic, fake_cpu_index, fuzz_take(&in, 1) << 24 | fuzz_below(&in, 16),
                  fuzz_below(&in, 8) != 0);
}

static void send_any_sgi(void)
{
    vgic_send_sgi(&vgic, fake_cpu_index, fuzz_value(&in), true);
}

static void move_line(void)
{
    vgic_set_line(&vgic, VGIC_FIRST_SPI + fuzz_below(&in, 40), (fuzz_take(&in, 1) & 1) != 0);
}

static void move_timer(void)
{
    unsigned kind = fuzz_below(&in, 4);

    fake_ppi_line(fake_cpu_index, kind < 2 ? 27 : 30, (kind & 1) != 0);
}

/* Or, more often, a kick for nothing. */
static void turn_off(void)
{
    if ((fuzz_take(&in, 1) & 3) != 0) {
        vgic_sync(&vgic, fake_cpu_index);
        return;
    }
    vgic_cpu_off(&vgic, fake_cpu_index);
    self()->off = true;
}

static void act(void)
{
    static void (*const actions[16])(void) = {
        access_dist,  access_dist, access_dist,    access_redist, access_redist, send_sgi,
        send_any_sgi, move_line,   move_line,      move_timer,    handle_some,   acknowledge,
        end,          deactivate,  set_guest_mode, turn_off,
    };
    unsigned kind = fuzz_below(&in, ARRAY_SIZE(actions));

    if (!self()->off)
        actions[kind]();
    else if ((kind & 1) != 0)
        turn_on();
}

static void body(void)
{
    for (;;) {
        if (self()->act)
            act();
        settle();
        self()->busy = false;
        swapcontext(&self()->context, &scheduler);
    }
}

/* Let `cpu` go on to where it waits or is done. */
static void run(unsigned cpu, bool with_action)
{
    struct coroutine *c = &cpus[cpu];

    if (!c->busy)
        c->act = with_action;
    c->busy = true;
    fake_cpu_index = cpu;
    in_coroutine = true;
    swapcontext(&scheduler, &c->context);
    in_coroutine = false;
    fuzz_require(vgic.lock.locked == 0);
}

static void make_coroutine(struct coroutine *c)
{
    uint8_t *stack = c->stack != NULL ? c->stack : malloc(STACK_SIZE);

    *c = (struct coroutine){.stack = stack};
    getcontext(&c->context);
    c->context.uc_stack.ss_sp = stack;
    c->context.uc_stack.ss_size = STACK_SIZE;
    c->context.uc_link = NULL;
    makecontext(&c->context, body, 0);
}

/* As a guest makes it: CPUs awake, all interrupts in group 1 and many enabled. */
static void set_up_guest(void)
{
    for (uint64_t word = 4; word < 12; word += 4) {
        do_access(false, GICD_IGROUPR + word, 4, true, UINT32_MAX);
        do_access(false, GICD_ISENABLER + word, 4, true, UINT32_MAX);
    }
    do_access(false, GICD_CTLR, 4, true, GICD_CTLR_EnableGrp0 | GICD_CTLR_EnableGrp1);
    for (unsigned i = 0; i < vgic.nr_vcpus; i++) {
        uint64_t base = i * GICR_SIZE;

        fake_cpu_index = i;
        vgic_cpu_on(&vgic, i);
        do_access(true, base + GICR_SGI_BASE + GICD_IGROUPR, 4, true, UINT32_MAX);
        do_access(true, base + GICR_SGI_BASE + GICD_ISENABLER, 4, true, UINT32_MAX);
    }
}

static void set_up(void)
{
    static const uint64_t mpidr[NR_CPUS] = {0, 1, 2, 3};
    uint8_t shape = (uint8_t)fuzz_take(&in, 1);
    unsigned nr_cpus = 1 + (shape & 3);
    unsigned nr_lrs = 1 + (shape >> 2 & 3);

    fake_gich_init(nr_lrs);
    memset(&vgic, 0, sizeof(vgic));
    vgic_init(&vgic, nr_cpus, mpidr, nr_lrs, 5);
    redists.count = nr_cpus;
    fake_cpu_index = 0;
    for (unsigned i = 0; i < nr_cpus; i++)
        make_coroutine(&cpus[i]);
    if ((shape & 0x10) == 0) {
        set_up_guest();
        return;
    }
    for (fake_cpu_index = 0; fake_cpu_index < nr_cpus; fake_cpu_index++)
        vgic_cpu_on(&vgic, fake_cpu_index);
}

/* Until no CPU waits and none has an exit to take: they all get there. */
static void drain(void)
{
    bool moving = true;

    for (unsigned i = 0; moving; i++) {
        fuzz_require(i < DRAIN_MAX);
        moving = false;
        for (unsigned cpu = 0; cpu < vgic.nr_vcpus; cpu++) {
            run(cpu, false);
            moving |= cpus[cpu].busy;
        }
        for (unsigned cpu = 0; cpu < vgic.nr_vcpus; cpu++)
            moving |= fake_kicked(cpu);
    }
}

/* An LR that holds something is known to be held by this CPU, and by it alone. */
static void check_lrs(unsigned cpu)
{
    for (unsigned i = 0; i < 16; i++) {
        uint64_t lr = fake_gich[cpu].lr[i];
        uint32_t intid = (uint32_t)FIELD_GET(ICH_LR_vINTID, lr);
        const struct vgic_bank *bank;

        if ((lr & ICH_LR_State) == 0)
            continue;
        fuzz_require(intid < VGIC_NR_IRQS);
        bank = vgic_bank_of(&vgic, cpu, intid);
        fuzz_require((bank->in_lr >> intid % 32 & 1) != 0);
        fuzz_require(bank->owner[intid % 32] == cpu && bank->lr[intid % 32] == i);
    }
}

/* What this CPU could take is in an LR, or there is no LR free. */
static void check_nothing_lost(unsigned cpu)
{
    uint32_t waiting =
        vgic_bank_deliverable(&vgic, &vgic.vcpu[cpu].bank) & ~vgic.vcpu[cpu].bank.linked;

    if (cpus[cpu].off || vgic.vcpu[cpu].asleep || (vgic.all_lrs & ~vgic.vcpu[cpu].lr_used) == 0)
        return;
    fuzz_require(waiting == 0);
    for (unsigned i = 0; i < VGIC_SPI_BANKS; i++) {
        waiting = vgic_bank_deliverable(&vgic, &vgic.spi[i]);
        for (; waiting != 0; waiting &= waiting - 1)
            fuzz_require(vgic.spi[i].target[__builtin_ctz(waiting)] != cpu);
    }
}

static void check(void)
{
    for (unsigned cpu = 0; cpu < vgic.nr_vcpus; cpu++) {
        fuzz_require(vgic.vcpu[cpu].holds == 0);
        fuzz_require(vgic.vcpu[cpu].folded == cpus[cpu].off);
        fuzz_require(cpus[cpu].off || vgic.vcpu[cpu].incoming == 0);
        check_lrs(cpu);
        check_nothing_lost(cpu);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    in = (struct fuzz_input){data, size};
    set_up();
    for (unsigned i = 0; i < MAX_STEPS && in.left > 0; i++)
        run(fuzz_below(&in, vgic.nr_vcpus), true);
    in.left = 0;
    drain();
    check();
    return 0;
}
