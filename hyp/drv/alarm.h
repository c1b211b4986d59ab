/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls at a given time, by EL2's own timer (CNTHP_EL2; Arm ARM, "The Generic Timer in AArch64
 * state"). The timer of the CPU that sets an alarm is set for the earliest of all, and fires
 * whatever the guest does, idle or off. With no alarm set it is off. Neighbours: vm/vm_device.c has
 * alarms; main.c registers alarm_irq() for the timer's interrupt.
 */
#ifndef DRV_ALARM_H
#define DRV_ALARM_H

#include <stdint.h>

#define ALARM_INTID 26 /* the PPI of CNTHP (Arm BSA, "PPI assignments") */
#define ALARM_NEVER (~UINT64_C(0))

struct alarm {
    /* Called when it is due, on any CPU, perhaps on several at once and perhaps early: it looks at
     * the time itself and sets the alarm anew, if only to ALARM_NEVER. */
    void (*fn)(void *ctx);
    void *ctx;
    uint64_t due; /* atomic: the counter's tick */
    struct alarm *next;
};

/* The counter that says what time it is, and its ticks a second. */
uint64_t alarm_now(void);
uint64_t alarm_frequency(void);

/* Make it known, due never. Before any guest runs; it is for good. */
void alarm_add(struct alarm *alarm, void (*fn)(void *ctx), void *ctx);

/* From any CPU, with whatever lock held. */
void alarm_set(struct alarm *alarm, uint64_t due);

/* The calling CPU's timer has fired. No lock may be held that a `fn` takes. */
void alarm_fired(void);

#endif
