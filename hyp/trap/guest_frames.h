/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who called whom in the guest: its chain of frame records (AAPCS64, "The Frame Pointer"), read
 * through its own stage 1. Neighbours: mm/s1_walk.c translates; vm/report.c shows.
 */
#ifndef TRAP_GUEST_FRAMES_H
#define TRAP_GUEST_FRAMES_H

#include <stdint.h>

#include "mm/s1_walk.h"

#define GUEST_FRAMES_MAX 48

enum guest_frames_end {
    FRAMES_WHOLE,  /* the last record's frame pointer is 0 */
    FRAMES_BROKEN, /* `stopped_at` is no address of a record in RAM */
    FRAMES_LOOP,   /* `stopped_at` has been there before */
    FRAMES_MORE,   /* there are more than fit */
};

struct guest_frames {
    unsigned count;
    uint64_t pc[GUEST_FRAMES_MAX]; /* return addresses, the innermost first, without signatures */
    enum guest_frames_end end;
    uint64_t stopped_at;
};

/*
 * Follow the chain from the frame pointer `fp`. Whatever the guest has there, no more than
 * GUEST_FRAMES_MAX records are read, and none outside its RAM.
 */
void guest_frames_read(const struct s1_regime *regime, const struct guest_mem *mem, uint64_t fp,
                       struct guest_frames *frames);

#endif
