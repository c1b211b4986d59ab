/* SPDX-License-Identifier: Apache-2.0 */
/* What the GIC's two files of cases share: a log of interrupts taken, and waiting for them. */
#ifndef TEST_GUEST_GIC_COMMON_H
#define TEST_GUEST_GIC_COMMON_H

#include <stdbool.h>
#include <stdint.h>

#include "gic.h"
#include "platform.h"
#include "testcase.h"

#define SPI           96 /* no device has it or the 31 after it */
#define NR_INTIDS     288
#define SETTLE_US     2000 /* what should not come is given this long */
#define PRIORITY_LOW  0xc0
#define PRIORITY_HIGH 0x40

extern volatile uint32_t gic_taken[PLATFORM_MAX_CPUS][NR_INTIDS];
extern volatile uint32_t gic_order[64], gic_order_count;

/* Forget what was taken, and count interrupts from here on. */
void gic_log_start(void);

/* Interrupt `intid` so far, on all CPUs. */
uint32_t gic_taken_anywhere(uint32_t intid);

/* Whether CPU `cpu` takes `intid` `count` times in all; waits for it. */
bool gic_wait_taken(unsigned cpu, uint32_t intid, uint32_t count);

/* Take what is pending on this CPU now. */
void gic_take_pending(void);

/* An edge-triggered group 1 interrupt of this priority, for CPU `cpu`, idle and enabled. */
void gic_prepare(uint32_t intid, uint8_t priority, unsigned cpu);

/* In gic.c, made for the files of cases: */
void gic_pend(uint32_t intid);
/* Enable `intid` on every CPU, as far as it is a CPU's own. */
void gic_enable_everywhere(uint32_t intid);

/* Read ICC_IAR1_EL1, write ICC_EOIR1_EL1. */
uint32_t gic_acknowledge(void);
void gic_end(uint32_t intid);

/* Cases on who takes interrupts: gic_targets.c; in what order, when and how often: gic_delivery.c.
 */
extern const struct test_case gic_target_cases[];
extern const struct test_case gic_delivery_cases[];
/* On interrupts that another CPU changes: gic_remote.c. */
extern const struct test_case gic_remote_cases[];

#endif
