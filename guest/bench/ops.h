/* SPDX-License-Identifier: Apache-2.0 */
/* The timed pieces of the benchmark, in assembly so that every instruction counts: see ops.S. */
#ifndef BENCH_OPS_H
#define BENCH_OPS_H

#include <stdint.h>

/* A counter tick may be several instructions: rounds are spread over this many offsets from a tick.
 */
#define OPS_SLED 16

/* TPIDR_EL0 points at the running CPU's; ops.S knows the layout. */
struct ops_mailbox {
    uint64_t delay;          /* instructions before the handler reads the counter, below OPS_SLED */
    volatile uint64_t stamp; /* the counter when the handler had acknowledged, 0 before */
    volatile uint64_t intid;
    volatile uint64_t *reply; /* where the handler stores 1, or 0: nowhere */
};

extern char ops_vectors[];

/* Each runs its operation so many times in a loop whose own cost ops_empty measures; counter ticks.
 */
uint64_t ops_empty(uint64_t rounds, uint64_t arg);
uint64_t ops_hvc(uint64_t rounds, uint64_t function);
uint64_t ops_id_register(uint64_t rounds, uint64_t arg);
uint64_t ops_read32(uint64_t rounds, uint64_t address);
/* One page further each round. */
uint64_t ops_touch(uint64_t rounds, uint64_t address);

/* Counter at the moment of sending, `delay` instructions after a tick; returns once it was handled.
 */
uint64_t ops_sgi_self(uint64_t delay, uint64_t sgi1r);

/* Set the virtual timer to `compare` and return once it was handled; `wfi`: wait asleep. */
void ops_timer_spin(uint64_t compare);
void ops_timer_wfi(uint64_t compare);

/* Send, and return how many ticks it took until *reply was set. */
uint64_t ops_ipi(uint64_t delay, uint64_t sgi1r, volatile uint64_t *reply);

/* Sleep and answer interrupts for ever. */
void ops_idle(void) __attribute__((noreturn));

#endif
