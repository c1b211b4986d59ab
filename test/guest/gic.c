/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The GICv3's registers as a guest reads and writes them (Arm IHI 0069, "The GIC
 * register descriptions"). gic_delivery.c has what the interrupts then do.
 */
#include "barrier.h"
#include "console.h"
#include "gic_common.h"
#include "guest.h"
#include "smp.h"
#include "sysreg.h"
#include "timer.h"
#include "worker.h"

#define PRIORITY_MINIMUM     0xf0 /* the bits that at least 16 levels of priority need */
#define ICFGR_SGIS           0xaaaaaaaaU
#define TYPER_LINES(typer)   (32 * (((typer)&0x1f) + 1))
#define TYPER_ID_BITS(typer) ((((typer) >> 19) & 0x1f) + 1)

volatile uint32_t gic_taken[PLATFORM_MAX_CPUS][NR_INTIDS];
volatile uint32_t gic_order[64], gic_order_count;

static void count_interrupt(uint32_t intid)
{
    uint32_t place = __atomic_fetch_add(&gic_order_count, 1, __ATOMIC_RELAXED);

    if (place < 64)
        gic_order[place] = intid;
    if (intid < NR_INTIDS)
        gic_taken[smp_this_cpu()->index][intid]++;
}

void gic_log_start(void)
{
    for (unsigned i = 0; i < PLATFORM_MAX_CPUS; i++)
        for (unsigned j = 0; j < NR_INTIDS; j++)
            gic_taken[i][j] = 0;
    gic_order_count = 0;
    gic_set_handler(count_interrupt);
}

uint32_t gic_taken_anywhere(uint32_t intid)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < platform.nr_cpus; i++)
        sum += gic_taken[i][intid];
    return sum;
}

bool gic_wait_taken(unsigned cpu, uint32_t intid, uint32_t count)
{
    return timer_wait_until(gic_taken[cpu][intid] >= count, WAIT_US);
}

void gic_take_pending(void)
{
    irq_enable();
    timer_delay_us(SETTLE_US);
    irq_disable();
}

void gic_prepare(uint32_t intid, uint8_t priority, unsigned cpu)
{
    gic_disable(intid);
    gic_set_bit(GICD_ICPENDR, intid);
    gic_set_bit(GICD_ICACTIVER, intid);
    gic_set_edge(intid, true);
    gic_enable(intid);
    gic_set_priority(intid, priority);
    if (intid >= GIC_SPI_BASE)
        gic_route(intid, cpu);
}

void gic_pend(uint32_t intid)
{
    gic_set_bit(GICD_ISPENDR, intid);
}

static void enable_everywhere_here(void *arg)
{
    gic_enable((uint32_t)(uintptr_t)arg);
}

void gic_enable_everywhere(uint32_t intid)
{
    for (unsigned i = 0; i < platform.nr_cpus; i++)
        if (i == smp_this_cpu()->index)
            gic_enable(intid);
        else
            worker_run(i, enable_everywhere_here, (void *)(uintptr_t)intid);
}

uint32_t gic_acknowledge(void)
{
    uint32_t intid = (uint32_t)read_sysreg(icc_iar1_el1);

    dsb(sy);
    return intid;
}

void gic_end(uint32_t intid)
{
    write_sysreg(intid, icc_eoir1_el1);
    isb();
}

static void identification(void)
{
    uint32_t typer = gicd_read(GICD_TYPER);
    uint32_t number_seen = 0;

    CHECK(GIC_PIDR2_ARCH(gicd_read(GIC_PIDR2)) == 3, "GICD_PIDR2 is %x", gicd_read(GIC_PIDR2));
    CHECK(TYPER_LINES(typer) > SPI + 31, "GICD_TYPER has %u lines", TYPER_LINES(typer));
    CHECK(TYPER_ID_BITS(typer) >= 9 && TYPER_ID_BITS(typer) <= 16, "GICD_TYPER.IDbits: %x", typer);
    for (unsigned i = 0; i < platform.nr_cpus; i++) {
        uint32_t low = gicr_read(i, GICR_TYPER), high = gicr_read(i, GICR_TYPER + 4);

        CHECK(smp_cpus[i].gicr, "CPU %u has no redistributor", i);
        CHECK(GIC_PIDR2_ARCH(gicr_read(i, GIC_PIDR2)) == 3, "GICR_PIDR2 of CPU %u", i);
        CHECK(high == (uint32_t)(platform.mpidr[i] & 0xffffff), "GICR_TYPER of CPU %u: %x", i,
              high);
        number_seen |= 1U << (low >> 8 & 0x1f);
    }
    CHECK(number_seen == (1U << platform.nr_cpus) - 1, "Processor_Numbers are %x", number_seen);
}

/* GICR_TYPER.Last ends a region: walking by it finds each CPU's frame once. */
static void last_frames(void)
{
    unsigned frames = 0;

    for (unsigned i = 0; i < platform.nr_gicr; i++) {
        uint64_t frame = platform.gicr[i].address;
        uint32_t typer = 0;

        for (; frame < platform.gicr[i].address + platform.gicr[i].size; frame += 0x20000) {
            typer = *(volatile uint32_t *)(frame + GICR_TYPER);
            frames++;
            if (typer & GICR_TYPER_LAST)
                break;
        }
        CHECK(typer & GICR_TYPER_LAST, "region %u ends without Last", i);
        if (frames >= platform.nr_cpus)
            break;
    }
    CHECK(frames == platform.nr_cpus, "%u frames for %u CPUs", frames, platform.nr_cpus);
}

static void control(void)
{
    uint32_t ctlr = gicd_read(GICD_CTLR);

    CHECK(ctlr & GICD_CTLR_ARE, "ARE is clear: %x", ctlr);
    CHECK(ctlr & GICD_CTLR_ENABLE_G1A, "group 1 is disabled: %x", ctlr);
    gicd_write(GICD_CTLR, GICD_CTLR_ARE);
    CHECK(!(gicd_read(GICD_CTLR) & GICD_CTLR_ENABLE_G1A), "group 1 stays enabled");
    gicd_write(GICD_CTLR, ctlr);
    CHECK(timer_wait_until(!(gicd_read(GICD_CTLR) & GICD_CTLR_RWP), WAIT_US), "RWP stays set");
    gicd_write(GICD_TYPER, 0);
    CHECK(TYPER_LINES(gicd_read(GICD_TYPER)) > SPI, "GICD_TYPER can be written");
}

static void set_and_clear(const char *name, uint32_t set, uint32_t clear, uint32_t intid)
{
    gic_set_bit(clear, intid);
    CHECK(!gic_get_bit(set, intid), "%s of %u stays set", name, intid);
    gic_set_bit(set, intid);
    CHECK(gic_get_bit(set, intid) && gic_get_bit(clear, intid), "%s of %u is not set", name, intid);
    CHECK(!gic_get_bit(set, intid + 1), "%s of %u sets its neighbour's", name, intid);
    gic_set_bit(clear, intid + 1);
    CHECK(gic_get_bit(set, intid), "clearing %s of a neighbour cleared %u's", name, intid);
    gic_set_bit(clear, intid);
    CHECK(!gic_get_bit(set, intid) && !gic_get_bit(clear, intid), "%s of %u stays", name, intid);
}

static void set_clear_registers(void)
{
    static const uint32_t intids[] = {SPI, SPI + 30, 8, 20};

    for (unsigned i = 0; i < sizeof(intids) / sizeof(intids[0]); i++) {
        gic_disable(intids[i]);
        set_and_clear("enable", GICD_ISENABLER, GICD_ICENABLER, intids[i]);
        set_and_clear("pending", GICD_ISPENDR, GICD_ICPENDR, intids[i]);
        set_and_clear("active", GICD_ISACTIVER, GICD_ICACTIVER, intids[i]);
    }
}

/* Writes of zero to set and clear registers change nothing. */
static void zero_writes(void)
{
    static const uint32_t regs[] = {GICD_ISENABLER, GICD_ICENABLER, GICD_ISPENDR,
                                    GICD_ICPENDR,   GICD_ISACTIVER, GICD_ICACTIVER};

    gic_disable(SPI);
    gic_set_bit(GICD_ISPENDR, SPI);
    gic_set_bit(GICD_ISACTIVER, SPI + 1);
    for (unsigned i = 0; i < sizeof(regs) / sizeof(regs[0]); i++)
        gicd_write(regs[i] + SPI / 8, 0);
    CHECK(gicd_read(GICD_ISPENDR + SPI / 8) == 1, "pending changed");
    CHECK(gicd_read(GICD_ISACTIVER + SPI / 8) == 2, "active changed");
    gicd_write(GICD_ICPENDR + SPI / 8, ~0U);
    gicd_write(GICD_ICACTIVER + SPI / 8, ~0U);
    CHECK(!gicd_read(GICD_ISPENDR + SPI / 8) && !gicd_read(GICD_ISACTIVER + SPI / 8),
          "a write of all ones does not clear all");
}

static void priorities(void)
{
    uint32_t reg = GICD_IPRIORITYR + SPI;
    uint8_t bits;

    gic_set_priority(SPI, 0xff);
    bits = gic_get_priority(SPI);
    CHECK((bits & PRIORITY_MINIMUM) == PRIORITY_MINIMUM, "only bits %x of a priority", bits);
    gicd_write(reg, 0x20406080);
    CHECK(gicd_read(reg) == 0x20406080, "word is %x", gicd_read(reg));
    gic_set_priority(SPI + 2, 0xa0);
    CHECK(gicd_read(reg) == 0x20a06080, "word after a byte store is %x", gicd_read(reg));
    CHECK(gic_get_priority(SPI + 3) == 0x20, "byte 3 is %x", gic_get_priority(SPI + 3));
    gic_set_priority(5, 0x30);
    gic_set_priority(6, 0x50);
    CHECK(gic_get_priority(5) == 0x30 && gic_get_priority(6) == 0x50, "bytes of SGIs");
    CHECK(gicr_read(smp_this_cpu()->index, GICR_SGI_BASE + GICD_IPRIORITYR + 4) >> 8 << 8 ==
              (gicr_read(smp_this_cpu()->index, GICR_SGI_BASE + GICD_IPRIORITYR + 4) & ~0xffU),
          "word of SGIs");
}

static void groups_and_config(void)
{
    unsigned self = smp_this_cpu()->index;

    gicd_write(GICD_IGROUPR + SPI / 8, 0x0f0f0f0f);
    CHECK(gicd_read(GICD_IGROUPR + SPI / 8) == 0x0f0f0f0f, "IGROUPR is %x",
          gicd_read(GICD_IGROUPR + SPI / 8));
    gicd_write(GICD_IGROUPR + SPI / 8, ~0U);
    gicd_write(GICD_ICFGR + SPI / 4, ~0U);
    CHECK((gicd_read(GICD_ICFGR + SPI / 4) & ICFGR_SGIS) == ICFGR_SGIS, "SPIs are not all edge");
    gicd_write(GICD_ICFGR + SPI / 4, 0);
    CHECK(!(gicd_read(GICD_ICFGR + SPI / 4) & ICFGR_SGIS), "SPIs are not all level");
    gicr_write(self, GICR_SGI_BASE + GICD_ICFGR, 0);
    CHECK((gicr_read(self, GICR_SGI_BASE + GICD_ICFGR) & ICFGR_SGIS) == ICFGR_SGIS,
          "SGIs are not edge: %x", gicr_read(self, GICR_SGI_BASE + GICD_ICFGR));
}

static void routers(void)
{
    volatile uint64_t *router =
        (volatile uint64_t *)(platform.gicd.address + GICD_IROUTER + UINT64_C(8) * SPI);
    volatile uint32_t *halves = (volatile uint32_t *)router;

    for (unsigned i = 0; i < platform.nr_cpus; i++) {
        *router = platform.mpidr[i];
        CHECK(*router == platform.mpidr[i], "IROUTER is %lx", *router);
    }
    *router = ~UINT64_C(0);
    CHECK(gic_is_qemus() || !(*router & ~(UINT64_C(0xff00ffffff) | IROUTER_IRM)),
          "reserved bits: %lx", *router);
    CHECK(*router & IROUTER_IRM, "IRM can't be set");
    halves[1] = 0;
    CHECK(!(*router >> 32), "upper half is %lx", *router >> 32);
    halves[0] = (uint32_t)platform.mpidr[0];
    CHECK(*router == platform.mpidr[0] && halves[0] == (uint32_t)platform.mpidr[0],
          "IROUTER by halves is %lx", *router);
}

/* With affinity routing, the distributor has nothing for SGIs and PPIs, nor the old target
 * registers. */
static void legacy_is_reserved(void)
{
    static const uint32_t regs[] = {GICD_ISENABLER,  GICD_ISPENDR,        GICD_ISACTIVER,
                                    GICD_IPRIORITYR, GICD_ITARGETSR + 32, 0xf00};

    for (unsigned i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
        gicd_write(regs[i], ~0U);
        CHECK(gicd_read(regs[i]) == 0, "offset %x reads %x", regs[i], gicd_read(regs[i]));
    }
}

static void beyond_the_last(void)
{
    uint32_t lines = TYPER_LINES(gicd_read(GICD_TYPER));

    if (lines >= 1020 || gic_is_qemus()) {
        test_skip("every INTID is there, or this GIC miscounts them");
        return;
    }
    gicd_write(GICD_ISENABLER + lines / 8, ~0U);
    CHECK(gicd_read(GICD_ISENABLER + lines / 8) == 0, "INTID %u can be enabled", lines);
    gicd_write(GICD_IPRIORITYR + lines, ~0U);
    CHECK(gicd_read(GICD_IPRIORITYR + lines) == 0, "INTID %u has a priority", lines);
}

static void waker(void)
{
    unsigned self = smp_this_cpu()->index;

    gicr_write(self, GICR_WAKER, GICR_WAKER_SLEEP);
    CHECK(timer_wait_until(gicr_read(self, GICR_WAKER) & GICR_WAKER_ASLEEP, WAIT_US),
          "does not fall asleep: %x", gicr_read(self, GICR_WAKER));
    gicr_write(self, GICR_WAKER, 0);
    CHECK(timer_wait_until(!(gicr_read(self, GICR_WAKER) & GICR_WAKER_ASLEEP), WAIT_US),
          "does not wake: %x", gicr_read(self, GICR_WAKER));
}

static void banks_are_apart(void)
{
    unsigned last = platform.nr_cpus - 1;

    CHECK(last, "needs two CPUs");
    gicr_write(last, GICR_SGI_BASE + GICD_ICENABLER, 1U << 20);
    gicr_write(0, GICR_SGI_BASE + GICD_ISENABLER, 1U << 20);
    CHECK(!(gicr_read(last, GICR_SGI_BASE + GICD_ISENABLER) & 1U << 20), "enable is shared");
    gicr_write(last, GICR_SGI_BASE + GICD_ISENABLER, 1U << 20);
    CHECK(gicr_read(last, GICR_SGI_BASE + GICD_ISENABLER) & 1U << 20,
          "another CPU's enable can't be written");
    gicr_write(0, GICR_SGI_BASE + GICD_ICENABLER, 1U << 20);
    gicr_write(last, GICR_SGI_BASE + GICD_ICENABLER, 1U << 20);
}

static const struct test_case register_cases[] = {
    {"identification", identification},
    {"last-frames", last_frames},
    {"control", control},
    {"set-clear", set_clear_registers},
    {"zero-writes", zero_writes},
    {"priorities", priorities},
    {"groups-config", groups_and_config},
    {"routers", routers},
    {"legacy-reserved", legacy_is_reserved},
    {"beyond-the-last", beyond_the_last},
    {"waker", waker},
    {"banks", banks_are_apart},
    {NULL, NULL},
};

void guest_main(void)
{
    if (!worker_start_all())
        printf("a CPU did not start\n");
    TEST_RUN(register_cases, gic_target_cases, gic_delivery_cases, gic_remote_cases);
}
