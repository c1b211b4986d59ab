/* SPDX-License-Identifier: Apache-2.0 */
/* Interrupts of a CPU that runs, changed by another CPU's writes to the distributor. */
#include "barrier.h"
#include "gic_common.h"
#include "sysreg.h"
#include "timer.h"
#include "worker.h"

#define SPURIOUS_FIRST 1020 /* and up: no interrupt */

/* What acknowledging answers once there is something. */
static uint32_t acknowledge_surely(void)
{
    uint32_t intid = GIC_SPURIOUS;

    timer_wait_until((intid = gic_acknowledge()) < SPURIOUS_FIRST, WAIT_US);
    return intid;
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
    gic_pend(SPI);
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
    gic_pend(SPI);
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
    write_sysreg(ICC_CTLR_EOIMODE, icc_ctlr_el1);
    isb();
    stage = 1;
    remote_first = acknowledge_surely();
    gic_end(remote_first);
    stage = 2;
    while (stage != 3)
        timer_relax();
    remote_second = acknowledge_surely();
    gic_end(remote_second);
    write_sysreg(remote_second, icc_dir_el1);
    write_sysreg(0, icc_ctlr_el1);
    isb();
    irq_enable();
}

static void clear_by_register(void)
{
    gic_set_bit(GICD_ICACTIVER, SPI);
}

static void clear_by_deactivation(void)
{
    write_sysreg(ICC_CTLR_EOIMODE, icc_ctlr_el1);
    isb();
    write_sysreg(SPI, icc_dir_el1);
    write_sysreg(0, icc_ctlr_el1);
    isb();
}

/* What one CPU has acknowledged is made inactive by another. */
static void make_inactive(void (*clear)(void))
{
    unsigned last = platform.nr_cpus - 1;

    stage = 0;
    gic_prepare(SPI, 0x80, last);
    worker_begin(last, acknowledge_and_drop, NULL);
    CHECK(timer_wait_until(stage == 1, WAIT_US), "the other CPU does not come");
    gic_pend(SPI);
    CHECK(timer_wait_until(stage == 2, WAIT_US), "the other CPU does not acknowledge");
    CHECK(remote_first == SPI, "the other CPU acknowledged %u", remote_first);
    bool was_active = gic_get_bit(GICD_ISACTIVER, SPI);
    clear();
    bool is_active = gic_get_bit(GICD_ISACTIVER, SPI);
    gic_pend(SPI);
    stage = 3;
    CHECK(worker_wait(last), "the other CPU hangs");
    CHECK(was_active && !is_active, "active before %d, after %d", was_active, is_active);
    CHECK(remote_second == SPI, "not taken again: %u", remote_second);
    CHECK(!gic_get_bit(GICD_ISACTIVER, SPI), "active at the end");
}

static void clear_remote_active(void)
{
    make_inactive(clear_by_register);
}

static void deactivate_remote(void)
{
    make_inactive(clear_by_deactivation);
}

const struct test_case gic_remote_cases[] = {
    {"clear-remote-pending", clear_remote_pending},
    {"disable-remote", disable_remote},
    {"clear-remote-active", clear_remote_active},
    {"deactivate-remote", deactivate_remote},
    {NULL, NULL},
};
