/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of dev/virtio_fault.c share: two rules, and a clock whose tick is a ns. Included
 * after a fixture that has `slot`.
 */
#ifndef VIRTIO_FAULT_FIXTURE_H
#define VIRTIO_FAULT_FIXTURE_H

#include "dev/virtio_fault.h"
#include "lib/log.h"

#define WHERE UINT64_C(0xa000000)
#define MS    UINT64_C(1000000)

static struct virtio_fault fault;
static struct fault_rules rules;
static struct fault_rule rule[2];
static uint64_t now;
static unsigned alarms, cuts, said;

void log_print(enum log_kind kind, const char *fmt, ...)
{
    (void)fmt;
    assert_int_equal(kind, LOG_INFO);
    said++;
}

static inline uint64_t get_now(void)
{
    return now;
}

static inline void count_alarm(void *ctx)
{
    assert_ptr_equal(ctx, &rules);
    alarms++;
}

static inline void count_cut(void *ctx)
{
    assert_ptr_equal(ctx, &rules);
    cuts++;
}

/* A rule that any request fits. */
static inline struct fault_rule any(enum fault_action action, uint64_t arg0, uint64_t arg1)
{
    return (struct fault_rule){.kind = FAULT_REQUEST,
                               .action = action,
                               .first = WHERE,
                               .last = WHERE,
                               .queues = UINT32_MAX,
                               .types = UINT32_MAX,
                               .last_sector = UINT64_MAX,
                               .until = UINT64_MAX,
                               .arg = {arg0, arg1}};
}

/* From now on `count` of the two rules are there, as if the guest had started anew. */
static inline void use_rules(unsigned count)
{
    fault_rules_init(&rules, rule, count, UINT64_C(1000000000));
    fault_rules_start(&rules, now);
    said = 0;
}

/* Before the backend of `slot`, which nobody uses yet. */
static inline void wire(void)
{
    const struct virtio_fault_ops with = {get_now, count_alarm, count_cut, &rules};

    memset(&fault, 0, sizeof(fault));
    now = 77 * MS;
    alarms = cuts = 0;
    use_rules(0);
    virtio_fault_init(&fault, &slot, WHERE, &rules, &with);
}

#endif
