/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hardware below the virtual GIC, for its tests: per CPU the list registers with the guest's
 * side of them (GICv3, "Virtual interrupt handling and prioritization"), and of the machine's GIC
 * the kicks and the PPIs behind the guest's timers.
 *
 * A thread plays the CPU that its `fake_cpu_index` says. What breaks a rule of the hardware ends
 * the test at once.
 */
#ifndef FAKE_GICH_H
#define FAKE_GICH_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu.h"
#include "gic/gic_regs.h"
#include "gich.h"

#define FAKE_SPURIOUS 1023

/* The guest's side of a CPU, touched by the thread that plays it. */
struct fake_guest {
    bool eoi_mode; /* ICC_CTLR_EL1.EOImode: an EOI does not deactivate */
    bool cbpr;     /* ICC_CTLR_EL1.CBPR */
    uint8_t pmr;   /* ICC_PMR_EL1 */
    unsigned depth;
    uint8_t running[64]; /* priorities of what is acknowledged and not ended, `depth` of them */
    unsigned lr_writes;
};

/* A CPU's PPIs in the machine's GIC: a bit for each. */
struct fake_ppi {
    uint32_t enabled;
    uint32_t latch;
    uint32_t line;
    uint32_t active;
};

extern struct fake_guest fake_guest[16];
extern struct fake_ppi fake_ppi[16];

/* All CPUs as after a reset, each with `nr_lrs` list registers. */
void fake_gich_init(unsigned nr_lrs);

/* The guest on this CPU acknowledges its most urgent interrupt, or gets FAKE_SPURIOUS. */
uint32_t fake_guest_ack(void);
/* The guest ends the interrupt it acknowledged last, by a write of `intid` to ICC_EOIR1_EL1. */
void fake_guest_eoi(uint32_t intid);

/* Does this CPU's virtual interface assert the maintenance interrupt? */
bool fake_maintenance(void);

/* Kicks that `cpu` has been sent; fake_take_kick() also acknowledges them. */
bool fake_kicked(unsigned cpu);
bool fake_take_kick(unsigned cpu);

/* Drive the line of a PPI. */
void fake_ppi_line(unsigned cpu, uint32_t intid, bool level);
/* The machine signals one of its PPIs to `cpu`: acknowledge it. 0: none. */
uint32_t fake_ppi_ack(unsigned cpu);

/* How many LRs of `cpu` hold `intid`, pending or active; and the last such LR's value. */
unsigned fake_lr_count(unsigned cpu, uint32_t intid);
uint64_t fake_lr_of(unsigned cpu, uint32_t intid);
/* How many of its LRs are in `state` exactly. */
unsigned fake_lrs_in(unsigned cpu, uint64_t state);

/* Like assert(), from any thread. */
#define fake_require(condition) ((condition) ? (void)0 : fake_fail(#condition, __FILE__, __LINE__))
void fake_fail(const char *what, const char *file, int line);

#endif
