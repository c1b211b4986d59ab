/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exits written down as they happen, for the host to read while the guest runs: a ring of events
 * for each vCPU, in memory that the guest's tree names (/chosen traproom,trace). Off, it costs
 * nothing: exits come here only while vectors.S's third table is in use.
 *
 *   +------------+------------------------------+------------------------------+----
 *   | trace_head | trace_ring, events of vCPU 0 | trace_ring, events of vCPU 1 | ...
 *   +------------+------------------------------+------------------------------+----
 *
 * The other end is tools/launcher/trace_ring.py.
 * Neighbours: main.c and vm/monitor_cpu.c call, vectors.S has each exit come this way, exit.c
 * handles it.
 */
#ifndef TRAP_TRACE_H
#define TRAP_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "mm/guest_mem.h"

struct vcpu;
struct vm;

#define TRACE_MAGIC   UINT64_C(0x3145434152545254) /* "TRTRACE1" in memory */
#define TRACE_NOTHING UINT16_C(0xffff)
#define TRACE_CHANGE  UINT32_C(0x00ff) /* enum stage2_change */
#define TRACE_PERMS   UINT32_C(0xff00) /* STAGE2_* that are left */

enum trace_kind {
    TRACE_SYNC,
    TRACE_IRQ,
    TRACE_SERROR,
    TRACE_STAGE2, /* no exit: a change of the guest's map, made by the one before it */
};

/* One exit. What its reason does not have is 0. */
struct trace_event {
    uint64_t entered; /* the counter, CNTPCT_EL0 */
    uint64_t left;    /* the same on the way back; 0: it is still going on */
    uint64_t pc;      /* of the guest */
    uint64_t address; /* of an abort, a change: the IPA; else of an instruction: x1 */
    uint64_t value;   /* what was read or written; of a change: its size; of others: x0 */
    uint32_t what;    /* ESR_EL2's lower half; an INTID; TRACE_CHANGE, TRACE_PERMS */
    uint16_t given;   /* the virtual interrupt that it left in a list register, or TRACE_NOTHING */
    uint8_t vcpu;
    uint8_t kind; /* enum trace_kind */
};

/*
 * A ring's state. Event n is at n modulo the size. A reader copies, and then looks at `published`
 * again: what is a whole ring behind that may have been written over meanwhile.
 */
struct trace_ring {
    uint64_t published; /* events so far */
    uint64_t taken;     /* the host's: so many it has read. Lossless, EL2 waits for that */
    uint64_t waited;    /* how often it had to */
    uint64_t unused[5]; /* of a cache line */
};

struct trace_head {
    uint64_t magic;
    uint64_t frequency; /* of the counter */
    uint32_t nr_rings;
    uint32_t events;   /* in each ring, a power of 2 */
    uint32_t lossless; /* 1: EL2 waits for room. It gives up, and writes 0, if nobody reads */
    uint32_t nr_ram;
    struct ram_region ram[GUEST_MEM_MAX_REGIONS]; /* so that a reader finds names for addresses */
};

/* Make the rings as vm->config asks; without that, nothing. -ERR_RANGE: the memory is too small. */
int must_check trace_init(struct vm *of);

/* The calling CPU runs `vcpu`, whose exits are traced if that is how it begins. */
void trace_init_cpu(const struct vcpu *vcpu);

/* From the next exit of the calling CPU on. trace_init() has found memory. */
void trace_switch(bool on);

/* As exit.h has them, and an event for each. */
void trace_exit_sync(struct vcpu *vcpu);
void trace_exit_irq(struct vcpu *vcpu);
void trace_exit_serror(struct vcpu *vcpu);

#endif
