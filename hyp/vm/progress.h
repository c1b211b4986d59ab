/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a vCPU get on? Judged from samples that are taken of it now and then, each telling what it
 * did in that moment. Neighbours: watch.c takes the samples and acts on the judgement.
 */
#ifndef VM_PROGRESS_H
#define VM_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress_sample {
    uint64_t pc;
    uint64_t pstate;
    uint64_t vbar; /* VBAR_EL1, and ELR_EL1: where the latest exception at EL1 came from */
    uint64_t elr;
    uint64_t spsr; /* SPSR_EL1: in which state it was then */
    uint64_t work; /* a count that rises when it traps for something that it wants */
    bool on;       /* it runs in the guest, and is not parked in EL2 */
    bool pending;  /* an interrupt waits to be taken */
    bool idle;     /* it waits for an interrupt */
};

struct progress {
    struct progress_sample last;
    unsigned stuck; /* samples in a row in which it could not get on */
    unsigned dead;  /* samples in a row in which it showed no life */
};

/* Why a vCPU is stuck. */
enum progress_trouble {
    PROGRESS_FINE,
    PROGRESS_MASKED, /* an interrupt is pending, which it does not take */
    PROGRESS_LOOP,   /* it takes one exception after the other, for its own vectors */
};

/*
 * What `sample` shows of a vCPU whose latest one was `last`. One that computes with interrupts
 * masked and none pending is fine; so is one that traps for a device.
 */
enum progress_trouble progress_trouble(const struct progress_sample *last,
                                       const struct progress_sample *sample);

/* What a sample says of an operating system that may have died. */
enum progress_sign {
    PROGRESS_STOPPED, /* it is off, masks all exceptions, or takes no interrupt that is pending */
    PROGRESS_SPINS,   /* it runs at EL1 */
    PROGRESS_LIVES,   /* a program runs or has run just now, or it is idle and can be woken */
};

/*
 * A Linux that has panicked stops all its CPUs for good, but for one that spins. None shows that it
 * lives, ever again.
 */
enum progress_sign progress_sign(const struct progress_sample *sample);

/* The next sample of a vCPU. */
void progress_take(struct progress *progress, const struct progress_sample *sample);

#endif
