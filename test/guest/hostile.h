/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the hostile guests share: code made on the fly and run with any registers at any
 * level, a CPU whose heartbeat shows after each case that the others are alive, and random
 * numbers that are the same in each run.
 */
#ifndef TEST_GUEST_HOSTILE_H
#define TEST_GUEST_HOSTILE_H

#include <stdbool.h>
#include <stdint.h>

#include "exception.h"
#include "testcase.h"

/* Of PSTATE, for hostile_run. All exceptions that can be masked are. */
#define HOSTILE_EL0   UINT64_C(0x3c0)
#define HOSTILE_EL1   UINT64_C(0x3c5)
#define HOSTILE_A32   UINT64_C(0x1d0)
#define HOSTILE_T32   UINT64_C(0x1f0)
#define HOSTILE_FLAGS UINT64_C(0xf0000000)

#define ESR_EC_FP       0x07
#define ESR_EC_OTHER    0x0a /* among others LD64B and its like */
#define ESR_EC_SVC32    0x11
#define ESR_EC_SVC64    0x15
#define ESR_EC_SVE      0x19
#define ESR_EC_FPAC     0x1c
#define ESR_EC_IABT_LOW 0x20
#define ESR_EC_DABT_LOW 0x24
#define ESR_EC_SP_ALIGN 0x26
#define ESR_EC_GCS      0x2d
#define ESR_EC_BRK64    0x3c

/* A CPU before and after a piece of code; hostile_enter.S knows its layout. */
struct hostile_state {
    uint64_t x[31];
    uint64_t sp;
    uint64_t pc;
    uint64_t pstate;
    uint64_t esr; /* of the exception that ended it */
    uint64_t far;
    uint64_t saved[5]; /* what the caller goes on with */
};

/* Run from `state` until an exception comes to EL1, and keep there what it found. */
void hostile_enter(struct hostile_state *state);

/* A page for code at its own address at EL1; where EL0 finds it; and room for EL0's data. */
#define HOSTILE_CODE_WORDS 1024
#define HOSTILE_EL0_CODE   UINT64_C(0xc0000000) /* below 4 GiB, above the RAM of these guests */
#define HOSTILE_EL0_DEVICE UINT64_C(0xc0200000)
extern uint32_t hostile_code[HOSTILE_CODE_WORDS];

/* Put `count` words on the page and a BRK after them, to be fetched from now on. */
void hostile_put(const uint32_t *words, unsigned count);

/* Run one A64 instruction at EL1 with the state's registers; pc and pstate are set here. */
void hostile_run(struct hostile_state *state, uint32_t insn);

/* Whether the code came to its BRK. */
static inline bool hostile_completed(const struct hostile_state *state)
{
    return ESR_EC(state->esr) == ESR_EC_BRK64;
}

/* Start the other CPUs as workers, the last of them as the heartbeat; check it after each case. */
bool hostile_start(void);

/* That check: the running case fails where the heart has stopped. */
void hostile_check_alive(void);

/* CPUs that cases may use: all but the heartbeat. */
unsigned hostile_cpus(void);

/* The heartbeat CPU's beats so far. */
uint32_t hostile_beats(void);

/* Addresses at which there is no RAM, or only half of what is wanted: `n` is any number. */
#define HOSTILE_NR_ADDRESSES 24
uint64_t hostile_address(unsigned n);

/* Whether a piece of guest-physical memory is RAM, all of it. */
bool hostile_is_ram(uint64_t address, uint64_t length);

/* The next random number of CPU `cpu`. */
uint64_t hostile_random(unsigned cpu);

#endif
