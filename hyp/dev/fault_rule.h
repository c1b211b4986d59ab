/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults that the user wants: when one is due. A rule says which events it is about and what shall
 * happen to some of them; this file counts, draws lots and looks at the clock. Neighbours:
 * fdt/vm_fdt_fault.c reads the rules; virtio_fault.c does what they say to requests, vm/vm_fault.c
 * to accesses and at given times. Without rules none of this is reached.
 */
#ifndef DEV_FAULT_RULE_H
#define DEV_FAULT_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "spinlock.h"

#define FAULT_MAX_RULES 64

/* The numbers are those of "traproom,inject", docs/devices.md; tools/launcher/inject.py has them.
 */
enum fault_kind {
    FAULT_REQUEST, /* a virtio device takes a request */
    FAULT_ACCESS,  /* the guest accesses a device's register */
    FAULT_TIME,    /* the clock */
    FAULT_KINDS,
};

enum fault_action {
    FAULT_FAIL,        /* a disk's request ends with status arg[0] */
    FAULT_DROP,        /* it ends well, and nothing was done */
    FAULT_LOSE,        /* it never ends */
    FAULT_DELAY,       /* it waits for arg[0] ns */
    FAULT_HOLD,        /* it waits for FAULT_RELEASE */
    FAULT_REORDER,     /* it waits until arg[0] others have been served, a second at most */
    FAULT_RELEASE,     /* those that wait go on */
    FAULT_TWICE,       /* its chain is in the used ring twice */
    FAULT_ID,          /* with the name arg[0] */
    FAULT_LEN,         /* with the length arg[0] */
    FAULT_SHORT,       /* with at most the length arg[0] */
    FAULT_CORRUPT,     /* byte arg[0] of its data is changed by the bits arg[1] */
    FAULT_LOSE_IRQ,    /* the device's next interrupt does not come */
    FAULT_ADD_IRQ,     /* one comes for nothing */
    FAULT_NEEDS_RESET, /* the device says so */
    FAULT_CONFIG,      /* arg[0]: offset, and bytes in bits 63:32; those become arg[1] */
    FAULT_UNPLUG,      /* the device is gone: its registers read as ones */
    FAULT_CUT,         /* the machine goes off once arg[0] sectors of the request are written */
    FAULT_ABORT,       /* the access aborts */
    FAULT_FLIP,        /* the bits arg[0] of its value are changed */
    FAULT_VALUE,       /* its value is arg[0] */
    FAULT_PULSE,       /* interrupt `first` rises and falls */
    FAULT_ACTIONS,
};

struct fault_rule {
    uint32_t number; /* the user's line */
    enum fault_kind kind;
    enum fault_action action;
    uint64_t first;        /* the address of the device's registers; the first register's; INTID */
    uint64_t last;         /* the last register's */
    uint32_t queues;       /* a bit for each; the last one for all above */
    uint32_t types;        /* of a disk's requests, a bit for each, as above; 1: reads, 2: writes */
    uint64_t first_sector; /* a request that has one of these */
    uint64_t last_sector;
    uint32_t nth;    /* of the events that fit, only this one; 0: any */
    uint32_t every;  /* only each so-manieth; 0: any */
    uint32_t count;  /* no more than so many; 0: any number */
    uint32_t chance; /* of 2^32; 0: always */
    uint64_t seed;
    uint64_t from, until; /* ns; FAULT_TIME: when, in ticks once fault_rules_init() was called */
    uint64_t period;      /* of FAULT_TIME, the same; 0: once */
    uint64_t arg[2];

    uint32_t seen; /* protected by the lock of the rules */
    uint32_t done;
    uint64_t random;
};

struct fault_rules {
    struct fault_rule *rule;
    unsigned count;
    uint64_t frequency; /* of the clock, ticks a second */
    uint64_t start;     /* its tick when the guest started */
    spinlock_t lock;
};

struct fault_event {
    enum fault_kind kind;
    uint64_t where; /* as fault_rule.first */
    unsigned queue;
    unsigned type;
    uint64_t first_sector, last_sector;
    uint64_t now; /* the clock's tick */
};

/* `count` rules, just read, whose times become ticks of a clock of that frequency, not 0. */
void fault_rules_init(struct fault_rules *rules, struct fault_rule *rule, unsigned count,
                      uint64_t frequency);

/* The clock starts: its tick is `now`. */
void fault_rules_start(struct fault_rules *rules, uint64_t now);

/* The rule that makes the event go wrong, NULL: none. All that it fits count it. Any CPU. */
const struct fault_rule *fault_match(struct fault_rules *rules, const struct fault_event *event);

/* A FAULT_TIME rule whose time has come, NULL: none. */
const struct fault_rule *fault_take_due(struct fault_rules *rules, uint64_t now);

/* The tick of the next one, UINT64_MAX: none. */
uint64_t fault_next_due(struct fault_rules *rules);

/* In ticks, or ns since the guest's start. */
uint64_t fault_ticks(const struct fault_rules *rules, uint64_t ns);
uint64_t fault_ns(const struct fault_rules *rules, uint64_t now);

/* Say on the console that the rule is being applied. */
void fault_log(const struct fault_rules *rules, const struct fault_rule *rule,
               const struct fault_event *event);

#endif
