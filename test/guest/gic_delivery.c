/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of interrupts once they are pending: when, in what order and how often
 * they are taken (Arm IHI 0069, "Physical interrupt handling and prioritization").
 */
#include "barrier.h"
#include "console.h"
#include "gic_common.h"
#include "smp.h"
#include "sysreg.h"
#include "timer.h"

#define MANY           20
#define PRIORITY_STEP  8
#define PMR_ALL        0xff
#define SPURIOUS_FIRST 1020 /* and up: no interrupt */

static void set_pmr(uint32_t value)
{
    write_sysreg(value, icc_pmr_el1);
    /* The mask holds for what is unmasked after it. */
    isb();
}

/* What acknowledging answers now, giving the interrupt time to come. */
static uint32_t acknowledge_soon(void)
{
    uint32_t intid = GIC_SPURIOUS;

    timer_wait_until((intid = gic_acknowledge()) < SPURIOUS_FIRST, SETTLE_US);
    return intid;
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
        gic_pend(SPI + i);
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
    gic_pend(SPI);
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
    gic_pend(SPI);
    gic_pend(SPI + 1);
    timer_wait_until(read_sysreg(icc_hppir1_el1) == SPI + 1, SETTLE_US);
    seen = (uint32_t)read_sysreg(icc_hppir1_el1);
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
        gic_pend(SPI + 1);
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
    gic_pend(SPI);
    gic_take_pending();
    gic_log_start();
    return deepest;
}

static void preemption(void)
{
    CHECK(nested_depth(PRIORITY_HIGH) == 2, "a higher priority does not preempt");
    CHECK(nested_depth(0x80) == 1, "an equal priority preempts");
    CHECK(nested_depth(PRIORITY_LOW) == 1, "a lower priority preempts");
    CHECK(read_sysreg(icc_rpr_el1) == 0xff, "running priority is left at %lx",
          read_sysreg(icc_rpr_el1));
}

/* Acknowledge, drop and deactivate by hand, interrupts masked. */
static void eoi_mode(void)
{
    unsigned self = smp_this_cpu()->index;
    uint32_t first, second, third;

    gic_prepare(SPI, 0x80, self);
    write_sysreg(ICC_CTLR_EOIMODE, icc_ctlr_el1);
    isb();
    gic_pend(SPI);
    first = acknowledge_soon();
    gic_pend(SPI);
    gic_end(SPI);
    second = acknowledge_soon();
    write_sysreg(SPI, icc_dir_el1);
    isb();
    third = acknowledge_soon();
    gic_end(SPI);
    write_sysreg(SPI, icc_dir_el1);
    write_sysreg(0, icc_ctlr_el1);
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
    gic_pend(SPI);
    first = acknowledge_soon();
    CHECK(first == SPI, "acknowledged %u", first);
    CHECK(gic_get_bit(GICD_ISACTIVER, SPI), "not active");
    CHECK(!gic_get_bit(GICD_ISPENDR, SPI), "still pending");
    gic_pend(SPI);
    CHECK(gic_get_bit(GICD_ISPENDR, SPI) && gic_get_bit(GICD_ISACTIVER, SPI),
          "not active and pending");
    gic_end(SPI);
    second = acknowledge_soon();
    CHECK(second == SPI, "not taken a second time: %u", second);
    gic_end(SPI);
    CHECK(acknowledge_soon() == GIC_SPURIOUS, "taken a third time");
}

/* An interrupt made active by a write is held back until that ends. */
static void active_by_write(void)
{
    gic_log_start();
    gic_prepare(SPI, 0x80, smp_this_cpu()->index);
    gic_set_bit(GICD_ISACTIVER, SPI);
    gic_pend(SPI);
    gic_take_pending();
    CHECK(gic_taken_anywhere(SPI) == 0, "taken though active");
    gic_set_bit(GICD_ICACTIVER, SPI);
    gic_take_pending();
    CHECK(gic_taken_anywhere(SPI) == 1, "not taken when no longer active");
}

static void group0_is_no_irq(void)
{
    uint32_t group = gicd_read(GICD_IGROUPR + SPI / 8);

    gic_log_start();
    gic_prepare(SPI, 0x80, smp_this_cpu()->index);
    gicd_write(GICD_IGROUPR + SPI / 8, group & ~1U);
    gic_pend(SPI);
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
    gic_pend(SPI);
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
    write_sysreg(0, icc_igrpen1_el1);
    isb();
    gic_pend(SPI);
    gic_take_pending();
    uint32_t while_off = gic_taken_anywhere(SPI);
    write_sysreg(1, icc_igrpen1_el1);
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

const struct test_case gic_delivery_cases[] = {
    {"many-pending", many_pending},
    {"urgent-come-late", urgent_come_late},
    {"priority-mask", priority_mask},
    {"highest-pending", highest_pending},
    {"preemption", preemption},
    {"eoi-mode", eoi_mode},
    {"pending-while-active", pending_while_active},
    {"active-by-write", active_by_write},
    {"group0-is-no-irq", group0_is_no_irq},
    {"distributor-off", distributor_off},
    {"interface-off", interface_off},
    {"level-line", level_line},
    {NULL, NULL},
};
