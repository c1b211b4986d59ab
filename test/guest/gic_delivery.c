/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of interrupts once they are pending: who takes them, when, in what order,
 * and how often (Arm IHI 0069, "Physical interrupt handling and prioritization").
 */
#include "barrier.h"
#include "console.h"
#include "gic_common.h"
#include "smp.h"
#include "sysreg.h"
#include "timer.h"
#include "worker.h"

#define MANY           20
#define SGI            3
#define PPI            20 /* no device has it */
#define STORM          500
#define PRIORITY_STEP  8
#define PMR_ALL        0xff
#define SPURIOUS_FIRST 1020 /* and up: no interrupt */

static void pend(uint32_t intid)
{
    gic_set_bit(GICD_ISPENDR, intid);
}

static void set_pmr(uint32_t value)
{
    write_sysreg_enc(value, icc_pmr_el1);
    /* The mask holds for what is unmasked after it. */
    isb();
}

static uint32_t acknowledge(void)
{
    uint32_t intid = (uint32_t)read_sysreg_enc(icc_iar1_el1);

    dsb(sy);
    return intid;
}

static void end(uint32_t intid)
{
    write_sysreg_enc(intid, icc_eoir1_el1);
    isb();
}

/* What acknowledging answers now, giving the interrupt time to come. */
static uint32_t acknowledge_soon(void)
{
    uint32_t intid = GIC_SPURIOUS;

    timer_wait_until((intid = acknowledge()) < SPURIOUS_FIRST, SETTLE_US);
    return intid;
}

/* The same for what must come, from another CPU perhaps. */
static uint32_t acknowledge_surely(void)
{
    uint32_t intid = GIC_SPURIOUS;

    timer_wait_until((intid = acknowledge()) < SPURIOUS_FIRST, WAIT_US);
    return intid;
}

static void enable_everywhere_here(void *arg)
{
    gic_enable((uint32_t)(uintptr_t)arg);
}

static void enable_everywhere(uint32_t intid)
{
    for (unsigned i = 0; i < platform.nr_cpus; i++)
        if (i == smp_this_cpu()->index)
            gic_enable(intid);
        else
            worker_run(i, enable_everywhere_here, (void *)(uintptr_t)intid);
}

static void sgi_self(void)
{
    gic_log_start();
    for (uint32_t intid = 0; intid < 16; intid++) {
        gic_enable(intid);
        gic_send_sgi(intid, smp_this_cpu()->index);
        gic_take_pending();
        CHECK(gic_taken[smp_this_cpu()->index][intid] == 1, "SGI %u was taken %u times", intid,
              gic_taken[smp_this_cpu()->index][intid]);
    }
}

static void sgi_each_cpu(void)
{
    gic_log_start();
    enable_everywhere(SGI);
    for (unsigned i = 1; i < platform.nr_cpus; i++) {
        gic_send_sgi(SGI, i);
        CHECK(gic_wait_taken(i, SGI, 1), "CPU %u takes no SGI", i);
    }
    CHECK(gic_taken_anywhere(SGI) == platform.nr_cpus - 1, "%u SGIs taken",
          gic_taken_anywhere(SGI));
}

/* One write reaches every CPU of a list, the sender's among them. */
static void sgi_list(void)
{
    unsigned self = smp_this_cpu()->index;
    uint64_t list = 0;

    gic_log_start();
    enable_everywhere(SGI);
    for (unsigned i = 0; i < platform.nr_cpus; i++)
        list |= UINT64_C(1) << (platform.mpidr[i] & 0xf);
    write_sysreg_enc(list | (uint64_t)SGI << 24, icc_sgi1r_el1);
    gic_take_pending();
    for (unsigned i = 0; i < platform.nr_cpus; i++)
        CHECK(gic_wait_taken(i, SGI, 1), "CPU %u takes no SGI", i);
    CHECK(gic_taken[self][SGI] == 1, "taken %u times here", gic_taken[self][SGI]);
}

static void sgi_all_but_self(void)
{
    unsigned self = smp_this_cpu()->index;

    gic_log_start();
    enable_everywhere(SGI);
    write_sysreg_enc(SGI1R_IRM | (uint64_t)SGI << 24, icc_sgi1r_el1);
    gic_take_pending();
    for (unsigned i = 0; i < platform.nr_cpus; i++)
        if (i != self)
            CHECK(gic_wait_taken(i, SGI, 1), "CPU %u takes no SGI", i);
    CHECK(gic_taken[self][SGI] == 0, "the sender took it");
}

/* Affinities that no CPU has: nothing happens. */
static void sgi_nobody(void)
{
    static const uint64_t targets[] = {
        UINT64_C(0x8000),                     /* Aff0 15 */
        UINT64_C(0x000f) | UINT64_C(5) << 16, /* Aff1 5 */
        UINT64_C(0x000f) | UINT64_C(7) << 32, /* Aff2 7 */
        UINT64_C(0x000f) | UINT64_C(9) << 48, /* Aff3 9 */
        UINT64_C(0),                          /* an empty list */
        UINT64_C(0xffff) | UINT64_C(0xff) << 16 | UINT64_C(0xff) << 48,
    };

    gic_log_start();
    enable_everywhere(SGI);
    for (unsigned i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        write_sysreg_enc(targets[i] | (uint64_t)SGI << 24, icc_sgi1r_el1);
        gic_take_pending();
        CHECK(gic_taken_anywhere(SGI) == 0, "%lx reached somebody", targets[i]);
    }
}

/* The register write of any CPU makes an SGI or PPI pending on another. */
static void pend_remote_private(void)
{
    unsigned last = platform.nr_cpus - 1;

    gic_log_start();
    enable_everywhere(SGI);
    enable_everywhere(PPI);
    gicr_write(last, GICR_SGI_BASE + GICD_ISPENDR, 1U << SGI);
    CHECK(gic_wait_taken(last, SGI, 1), "SGI by GICR_ISPENDR0 is not taken");
    gicr_write(last, GICR_SGI_BASE + GICD_ISPENDR, 1U << PPI);
    CHECK(gic_wait_taken(last, PPI, 1), "PPI by GICR_ISPENDR0 is not taken");
    CHECK(gic_taken_anywhere(PPI) == 1 && gic_taken_anywhere(SGI) == 1, "taken elsewhere too");
}

static void spi_routing(void)
{
    gic_log_start();
    for (unsigned i = 1; i < platform.nr_cpus; i++) {
        gic_prepare(SPI, PRIORITY_LOW, i);
        pend(SPI);
        CHECK(gic_wait_taken(i, SPI, 1), "CPU %u takes no SPI", i);
    }
    gic_prepare(SPI, PRIORITY_LOW, smp_this_cpu()->index);
    pend(SPI);
    gic_take_pending();
    CHECK(gic_taken[smp_this_cpu()->index][SPI] == 1, "not taken here");
    CHECK(gic_taken_anywhere(SPI) == platform.nr_cpus, "%u taken in all", gic_taken_anywhere(SPI));
    CHECK(!gic_get_bit(GICD_ISPENDR, SPI) && !gic_get_bit(GICD_ISACTIVER, SPI),
          "state is left over");
}

static void one_of_n(void)
{
    volatile uint64_t *router =
        (volatile uint64_t *)(platform.gicd.address + GICD_IROUTER + UINT64_C(8) * SPI);

    gic_prepare(SPI, PRIORITY_LOW, 0);
    *router = IROUTER_IRM;
    for (uint32_t round = 1; round <= 8; round++) {
        gic_log_start();
        pend(SPI);
        irq_enable();
        CHECK(timer_wait_until(gic_taken_anywhere(SPI) == 1, WAIT_US), "round %u: nobody took it",
              round);
        timer_delay_us(SETTLE_US);
        irq_disable();
        CHECK(gic_taken_anywhere(SPI) == 1, "taken %u times", gic_taken_anywhere(SPI));
    }
}

/* Retargeted while pending and disabled: the new CPU takes it. */
static void reroute_pending(void)
{
    unsigned last = platform.nr_cpus - 1;

    gic_log_start();
    gic_prepare(SPI, PRIORITY_LOW, smp_this_cpu()->index);
    pend(SPI);
    gic_route(SPI, last);
    CHECK(gic_wait_taken(last, SPI, 1), "the new target does not take it");
    gic_take_pending();
    CHECK(gic_taken_anywhere(SPI) == 1, "taken %u times", gic_taken_anywhere(SPI));
}

/* More at once than any CPU interface has list registers, by priority. */
static void many_pending(void)
{
    unsigned self = smp_this_cpu()->index;

    gic_log_start();
    for (uint32_t i = 0; i < MANY; i++)
        gic_prepare(SPI + i, (uint8_t)(0xf0 - PRIORITY_STEP * i), self);
    gicd_write(GICD_ISPENDR + SPI / 8, (1U << MANY) - 1);
    irq_enable();
    timer_wait_until(gic_order_count >= MANY, WAIT_US);
    irq_disable();
    CHECK(gic_order_count == MANY, "%u taken", gic_order_count);
    for (uint32_t i = 0; i < MANY; i++)
        CHECK(gic_order[i] == SPI + MANY - 1 - i, "place %u is %u", i, gic_order[i]);
    CHECK(!gicd_read(GICD_ISPENDR + SPI / 8) && !gicd_read(GICD_ISACTIVER + SPI / 8),
          "state is left over");
}

/* Urgent ones that come when every list register is full still go first. */
static void urgent_come_late(void)
{
    unsigned self = smp_this_cpu()->index;

    gic_log_start();
    for (uint32_t i = 0; i < MANY; i++)
        gic_prepare(SPI + i, i < MANY / 2 ? PRIORITY_LOW : PRIORITY_HIGH, self);
    for (uint32_t i = 0; i < MANY; i++)
        pend(SPI + i);
    irq_enable();
    timer_wait_until(gic_order_count >= MANY, WAIT_US);
    irq_disable();
    CHECK(gic_order_count == MANY, "%u taken", gic_order_count);
    for (uint32_t i = 0; i < MANY / 2; i++)
        CHECK(gic_order[i] >= SPI + MANY / 2, "place %u is %u, of low priority", i, gic_order[i]);
}

static void priority_mask(void)
{
    unsigned self = smp_this_cpu()->index;

    gic_log_start();
    gic_prepare(SPI, 0x80, self);
    set_pmr(0x40);
    pend(SPI);
    gic_take_pending();
    CHECK(gic_taken_anywhere(SPI) == 0, "taken below the mask");
    set_pmr(0x80);
    gic_take_pending();
    CHECK(gic_taken_anywhere(SPI) == 0, "taken at the mask");
    set_pmr(0x90);
    gic_take_pending();
    set_pmr(PMR_ALL);
    CHECK(gic_taken_anywhere(SPI) == 1, "not taken above the mask");
}

static void highest_pending(void)
{
    unsigned self = smp_this_cpu()->index;
    uint32_t seen;

    gic_log_start();
    gic_prepare(SPI, PRIORITY_LOW, self);
    gic_prepare(SPI + 1, PRIORITY_HIGH, self);
    pend(SPI);
    pend(SPI + 1);
    timer_wait_until(read_sysreg_enc(icc_hppir1_el1) == SPI + 1, SETTLE_US);
    seen = (uint32_t)read_sysreg_enc(icc_hppir1_el1);
    gic_take_pending();
    CHECK(seen == SPI + 1, "ICC_HPPIR1_EL1 was %u", seen);
    CHECK(gic_order_count == 2 && gic_order[0] == SPI + 1, "first taken: %u", gic_order[0]);
}

static volatile bool nest;
static volatile uint32_t depth, deepest;

static void nesting_handler(uint32_t intid)
{
    depth++;
    if (depth > deepest)
        deepest = depth;
    if (intid == SPI && nest) {
        uint64_t elr = read_sysreg(elr_el1), spsr = read_sysreg(spsr_el1);

        nest = false;
        pend(SPI + 1);
        gic_take_pending();
        write_sysreg(elr, elr_el1);
        write_sysreg(spsr, spsr_el1);
    }
    depth--;
}

static uint32_t nested_depth(uint8_t second_priority)
{
    unsigned self = smp_this_cpu()->index;

    gic_prepare(SPI, 0x80, self);
    gic_prepare(SPI + 1, second_priority, self);
    deepest = depth = 0;
    nest = true;
    gic_set_handler(nesting_handler);
    pend(SPI);
    gic_take_pending();
    gic_log_start();
    return deepest;
}

static void preemption(void)
{
    CHECK(nested_depth(PRIORITY_HIGH) == 2, "a higher priority does not preempt");
    CHECK(nested_depth(0x80) == 1, "an equal priority preempts");
    CHECK(nested_depth(PRIORITY_LOW) == 1, "a lower priority preempts");
    CHECK(read_sysreg_enc(icc_rpr_el1) == 0xff, "running priority is left at %lx",
          read_sysreg_enc(icc_rpr_el1));
}

/* Acknowledge, drop and deactivate by hand, interrupts masked. */
static void eoi_mode(void)
{
    unsigned self = smp_this_cpu()->index;
    uint32_t first, second, third;

    gic_prepare(SPI, 0x80, self);
    write_sysreg_enc(ICC_CTLR_EOIMODE, icc_ctlr_el1);
    isb();
    pend(SPI);
    first = acknowledge_soon();
    pend(SPI);
    end(SPI);
    second = acknowledge_soon();
    write_sysreg_enc(SPI, icc_dir_el1);
    isb();
    third = acknowledge_soon();
    end(SPI);
    write_sysreg_enc(SPI, icc_dir_el1);
    write_sysreg_enc(0, icc_ctlr_el1);
    isb();
    CHECK(first == SPI, "acknowledged %u", first);
    CHECK(second == GIC_SPURIOUS, "taken again before DIR: %u", second);
    CHECK(third == SPI, "not taken again after DIR: %u", third);
    CHECK(!gic_get_bit(GICD_ISACTIVER, SPI), "still active");
}

static void pending_while_active(void)
{
    unsigned self = smp_this_cpu()->index;
    uint32_t first, second;

    gic_prepare(SPI, 0x80, self);
    pend(SPI);
    first = acknowledge_soon();
    CHECK(first == SPI, "acknowledged %u", first);
    CHECK(gic_get_bit(GICD_ISACTIVER, SPI), "not active");
    CHECK(!gic_get_bit(GICD_ISPENDR, SPI), "still pending");
    pend(SPI);
    CHECK(gic_get_bit(GICD_ISPENDR, SPI) && gic_get_bit(GICD_ISACTIVER, SPI),
          "not active and pending");
    end(SPI);
    second = acknowledge_soon();
    CHECK(second == SPI, "not taken a second time: %u", second);
    end(SPI);
    CHECK(acknowledge_soon() == GIC_SPURIOUS, "taken a third time");
}

/* An interrupt made active by a write is held back until that ends. */
static void active_by_write(void)
{
    gic_log_start();
    gic_prepare(SPI, 0x80, smp_this_cpu()->index);
    gic_set_bit(GICD_ISACTIVER, SPI);
    pend(SPI);
    gic_take_pending();
    CHECK(gic_taken_anywhere(SPI) == 0, "taken though active");
    gic_set_bit(GICD_ICACTIVER, SPI);
    gic_take_pending();
    CHECK(gic_taken_anywhere(SPI) == 1, "not taken when no longer active");
}

static volatile uint32_t stage;

/* Other CPU: interrupts masked until stage 2, so that the interrupt waits in its list register. */
static void hold_masked(void *arg)
{
    (void)arg;
    irq_disable();
    stage = 1;
    while (stage != 2)
        timer_relax();
    irq_enable();
    timer_delay_us(SETTLE_US);
}

static void clear_remote_pending(void)
{
    unsigned last = platform.nr_cpus - 1;

    gic_log_start();
    stage = 0;
    gic_prepare(SPI, 0x80, last);
    worker_begin(last, hold_masked, NULL);
    CHECK(timer_wait_until(stage == 1, WAIT_US), "the other CPU does not come");
    pend(SPI);
    timer_delay_us(SETTLE_US);
    bool was_pending = gic_get_bit(GICD_ISPENDR, SPI);
    gic_set_bit(GICD_ICPENDR, SPI);
    bool is_pending = gic_get_bit(GICD_ISPENDR, SPI);
    stage = 2;
    CHECK(worker_wait(last), "the other CPU hangs");
    CHECK(was_pending && !is_pending, "pending before %d, after %d", was_pending, is_pending);
    CHECK(gic_taken_anywhere(SPI) == 0, "taken though no longer pending");
}

static void disable_remote(void)
{
    unsigned last = platform.nr_cpus - 1;

    gic_log_start();
    stage = 0;
    gic_prepare(SPI, 0x80, last);
    worker_begin(last, hold_masked, NULL);
    CHECK(timer_wait_until(stage == 1, WAIT_US), "the other CPU does not come");
    pend(SPI);
    timer_delay_us(SETTLE_US);
    gic_disable(SPI);
    stage = 2;
    CHECK(worker_wait(last), "the other CPU hangs");
    CHECK(gic_taken_anywhere(SPI) == 0, "taken though disabled");
    CHECK(gic_get_bit(GICD_ISPENDR, SPI), "no longer pending");
    gic_set_bit(GICD_ISENABLER, SPI);
    CHECK(gic_wait_taken(last, SPI, 1), "not taken when enabled again");
}

static volatile uint32_t remote_first, remote_second;

/* Other CPU, EOImode 1: acknowledge and drop, never deactivate. */
static void acknowledge_and_drop(void *arg)
{
    (void)arg;
    irq_disable();
    write_sysreg_enc(ICC_CTLR_EOIMODE, icc_ctlr_el1);
    isb();
    stage = 1;
    remote_first = acknowledge_surely();
    end(remote_first);
    stage = 2;
    while (stage != 3)
        timer_relax();
    remote_second = acknowledge_surely();
    end(remote_second);
    write_sysreg_enc(remote_second, icc_dir_el1);
    write_sysreg_enc(0, icc_ctlr_el1);
    isb();
    irq_enable();
}

static void clear_remote_active(void)
{
    unsigned last = platform.nr_cpus - 1;

    stage = 0;
    gic_prepare(SPI, 0x80, last);
    worker_begin(last, acknowledge_and_drop, NULL);
    CHECK(timer_wait_until(stage == 1, WAIT_US), "the other CPU does not come");
    pend(SPI);
    CHECK(timer_wait_until(stage == 2, 2 * WAIT_US), "the other CPU does not acknowledge");
    CHECK(remote_first == SPI, "the other CPU acknowledged %u", remote_first);
    bool was_active = gic_get_bit(GICD_ISACTIVER, SPI);
    gic_set_bit(GICD_ICACTIVER, SPI);
    bool is_active = gic_get_bit(GICD_ISACTIVER, SPI);
    pend(SPI);
    stage = 3;
    CHECK(worker_wait(last), "the other CPU hangs");
    CHECK(was_active && !is_active, "active before %d, after %d", was_active, is_active);
    CHECK(remote_second == SPI, "not taken again: %u", remote_second);
    CHECK(!gic_get_bit(GICD_ISACTIVER, SPI), "active at the end");
}

static void group0_is_no_irq(void)
{
    uint32_t group = gicd_read(GICD_IGROUPR + SPI / 8);

    gic_log_start();
    gic_prepare(SPI, 0x80, smp_this_cpu()->index);
    gicd_write(GICD_IGROUPR + SPI / 8, group & ~1U);
    pend(SPI);
    gic_take_pending();
    CHECK(gic_taken_anywhere(SPI) == 0, "a group 0 interrupt came as group 1");
    gicd_write(GICD_IGROUPR + SPI / 8, group | 1U);
    gic_take_pending();
    CHECK(gic_taken_anywhere(SPI) == 1, "not taken once in group 1");
}

static void distributor_off(void)
{
    uint32_t ctlr = gicd_read(GICD_CTLR);

    gic_log_start();
    gic_prepare(SPI, 0x80, smp_this_cpu()->index);
    gicd_write(GICD_CTLR, ctlr & ~GICD_CTLR_ENABLE_G1A);
    pend(SPI);
    gic_take_pending();
    uint32_t while_off = gic_taken_anywhere(SPI);
    gicd_write(GICD_CTLR, ctlr);
    gic_take_pending();
    CHECK(while_off == 0, "taken with group 1 disabled");
    CHECK(gic_taken_anywhere(SPI) == 1, "not taken once enabled");
}

static void interface_off(void)
{
    gic_log_start();
    gic_prepare(SPI, 0x80, smp_this_cpu()->index);
    write_sysreg_enc(0, icc_igrpen1_el1);
    isb();
    pend(SPI);
    gic_take_pending();
    uint32_t while_off = gic_taken_anywhere(SPI);
    write_sysreg_enc(1, icc_igrpen1_el1);
    isb();
    gic_take_pending();
    CHECK(while_off == 0, "taken with ICC_IGRPEN1_EL1 clear");
    CHECK(gic_taken_anywhere(SPI) == 1, "not taken once set");
}

static volatile uint32_t level_rounds;

/* Leaves the UART's line up the first two times. */
static void level_handler(uint32_t intid)
{
    if (intid == platform.uart.intid && ++level_rounds == 3)
        uart_write(UARTIMSC, 0);
}

static void level_line(void)
{
    uint32_t intid = platform.uart.intid;

    gic_disable(intid);
    gic_set_edge(intid, false);
    uart_write(UARTIMSC, 0);
    printf("level\n");
    uart_write(UARTIMSC, UART_INT_TX);
    CHECK(timer_wait_until(gic_get_bit(GICD_ISPENDR, intid), WAIT_US), "line up is not pending");
    gic_set_bit(GICD_ICPENDR, intid);
    CHECK(gic_get_bit(GICD_ISPENDR, intid), "a write cleared what the line holds");
    uart_write(UARTIMSC, 0);
    CHECK(!gic_get_bit(GICD_ISPENDR, intid), "line down is pending");
    level_rounds = 0;
    gic_set_handler(level_handler);
    gic_enable(intid);
    uart_write(UARTIMSC, UART_INT_TX);
    gic_take_pending();
    gic_disable(intid);
    uart_write(UARTIMSC, 0);
    gic_log_start();
    CHECK(level_rounds == 3, "taken %u times, not 3", level_rounds);
}

/* Each SGI waits for the one before it: none is lost, none comes twice. */
static void storm(void)
{
    gic_log_start();
    enable_everywhere(SGI);
    for (uint32_t round = 1; round <= STORM; round++)
        for (unsigned i = 1; i < platform.nr_cpus; i++) {
            gic_send_sgi(SGI, i);
            CHECK(gic_wait_taken(i, SGI, round), "round %u: CPU %u took %u", round, i,
                  gic_taken[i][SGI]);
        }
    CHECK(gic_taken_anywhere(SGI) == STORM * (platform.nr_cpus - 1), "%u taken in all",
          gic_taken_anywhere(SGI));
}

const struct test_case gic_delivery_cases[] = {
    {"sgi-self", sgi_self},
    {"sgi-each-cpu", sgi_each_cpu},
    {"sgi-list", sgi_list},
    {"sgi-all-but-self", sgi_all_but_self},
    {"sgi-nobody", sgi_nobody},
    {"pend-remote-private", pend_remote_private},
    {"spi-routing", spi_routing},
    {"one-of-n", one_of_n},
    {"reroute-pending", reroute_pending},
    {"many-pending", many_pending},
    {"urgent-come-late", urgent_come_late},
    {"priority-mask", priority_mask},
    {"highest-pending", highest_pending},
    {"preemption", preemption},
    {"eoi-mode", eoi_mode},
    {"pending-while-active", pending_while_active},
    {"active-by-write", active_by_write},
    {"clear-remote-pending", clear_remote_pending},
    {"disable-remote", disable_remote},
    {"clear-remote-active", clear_remote_active},
    {"group0-is-no-irq", group0_is_no_irq},
    {"distributor-off", distributor_off},
    {"interface-off", interface_off},
    {"level-line", level_line},
    {"storm", storm},
};
const unsigned gic_delivery_count = sizeof(gic_delivery_cases) / sizeof(gic_delivery_cases[0]);
