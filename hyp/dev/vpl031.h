/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An emulated PL031 real-time clock (Arm DDI 0224, "PrimeCell Real Time Clock (PL031) Technical
 * Reference Manual"): seconds since 1970, and one alarm. It runs from the start, as one with a
 * battery does. Trapped accesses come from trap/abort.c. The time comes by the vpl031_ops, as does
 * a call when the alarm is due; vm/vm_device.c has them.
 */
#ifndef DEV_VPL031_H
#define DEV_VPL031_H

#include <stdbool.h>
#include <stdint.h>

#include "dev/irq_line.h"
#include "dev/mmio.h"
#include "spinlock.h"

#define VPL031_NEVER (~UINT64_C(0))

/* Where a clock's time comes from, in ticks of a counter. */
struct vpl031_ops {
    uint64_t (*now_fn)(void);
    /* Call vpl031_alarm() once the counter has reached `due`; VPL031_NEVER: not any more. It may be
     * called without need. The clock's lock is held. */
    void (*alarm_fn)(void *ctx, uint64_t due);
    void *ctx;
};

struct vpl031 {
    spinlock_t lock; /* protects all below but line, ops and frequency, which are constant */
    struct irq_line line;
    struct vpl031_ops ops;
    uint64_t frequency; /* ticks a second */

    uint32_t epoch; /* RTCDR when the counter was 0 */
    uint32_t match; /* RTCMR */
    uint32_t load;  /* RTCLR */
    bool raw;       /* RTCRIS */
    bool enabled;   /* RTCIMSC */
    uint64_t due;   /* the tick at which RTCDR will be RTCMR; VPL031_NEVER: no alarm is set */
    bool line_level;
};

/* Make `rtc` a clock that showed `epoch` when the counter was 0. The line is taken to be low. */
void vpl031_init(struct vpl031 *rtc, const struct irq_line *line, const struct vpl031_ops *ops,
                 uint64_t frequency, uint32_t epoch);

/* The guest starts again: no alarm, line low; the time goes on. Takes the lock. `dev` is the
 * struct vpl031. */
void vpl031_reset(void *dev);

/* Has the alarm's time come? For whoever alarm_fn has told. Takes the lock. */
void vpl031_alarm(struct vpl031 *rtc);

/* The mmio_access_fn; `dev` is the struct vpl031. MMIO_ABORT for 8-byte and unaligned accesses. */
enum mmio_result vpl031_access(void *dev, struct mmio_access *access);

#endif
