/* SPDX-License-Identifier: Apache-2.0 */
/* For tests that link the devices but have no machine: what fake_machine.c has, and has seen. */
#ifndef TEST_FAKE_MACHINE_H
#define TEST_FAKE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

struct alarm;

/* The latest call of vgic_set_line(), and how often the level rose. */
extern struct fake_line {
    uint32_t intid;
    bool level;
    unsigned rises;
} fake_line;

/* The latest call of irq_register(), and of gic_set_pending(). */
struct vcpu;
extern struct fake_irq {
    uint32_t intid;
    bool edge;
    void (*fn)(void *ctx, struct vcpu *vcpu);
    void *ctx;
} fake_irq;
extern uint32_t fake_pending;

/* The latest that power_kick() was called for; and what power_sleep() does. */
extern struct vcpu *fake_kicked;
extern bool (*fake_sleep)(struct vcpu *vcpu);

/* The latest range that stage2_map() or stage2_unmap() got, which is mapped if `perms` is not 0. */
extern struct fake_map {
    uint64_t ipa, pa, size;
    unsigned perms;
} fake_map;
extern int fake_map_error; /* what both return */

extern uint64_t fake_now, fake_frequency;
extern struct alarm *fake_alarm; /* the latest that was added */
extern unsigned fake_panics;     /* calls of watch_panicked() */
extern uint8_t fake_printed;     /* the latest byte */

#endif
