/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What EL2 and a monitor on the host say to each other: messages of 40 bytes, little-endian, some
 * with data behind them. docs/monitor.md has it in words; tools/launcher/monitor_wire.py is the
 * other end.
 */
#ifndef VM_MONITOR_WIRE_H
#define VM_MONITOR_WIRE_H

#include <stdint.h>

#define MONITOR_DATA_MAX 2048 /* bytes behind a message, at most */

/*
 * Events are EL2's own messages, of tag 0. That of MONITOR_WATCH: `status` is the access that was
 * refused (STAGE2_*), `address` its IPA, `value` the PC, `extra` the VA.
 */

/* What is asked. "Of the vCPU": on its own CPU, by posting. */
enum monitor_type {
    MONITOR_HELLO = 1, /* what the VM is, as text */
    MONITOR_READ,      /* `value` bytes of the machine's memory at `address` */
    MONITOR_REGS,      /* of the vCPU: the registers of group `value`, as text */
    MONITOR_AT,        /* of the vCPU: `address` translated as `value` says; answers PAR_EL1 */
    MONITOR_EXITS,     /* counts of the vCPU's exits by reason, as text */
    MONITOR_WRITE,     /* the data, into the guest's RAM at `address` */
    MONITOR_STOP,      /* all vCPUs wait in EL2 from their next exit on, which comes at once */
    MONITOR_GO,        /* and go on */
    MONITOR_STEP, /* of the vCPU, which is stopped: one instruction. Event: it is at `address` */
    MONITOR_IRQ,  /* bank `address` of the virtual GIC, 0 of the vCPU, as text */
    MONITOR_PEND, /* the SPI `address` becomes pending */
    MONITOR_DEV,  /* device number `address`, as text */
    MONITOR_S2_LOOKUP, /* `address` by stage 2: `value` is the PA, `extra` rights and level << 8 */
    MONITOR_S2_MAP,    /* of `value` bytes from `address` on; `extra`: rights. The steps, as text */
    MONITOR_S2_UNMAP,
    MONITOR_S2_PROTECT,
    MONITOR_S2_SPLIT,
    MONITOR_WATCH, /* rights `extra` are taken from `value` bytes at `address`. Event: an access */
    MONITOR_UNWATCH,
    MONITOR_LOG,      /* the same, for a log of units of `extra` bytes; `value` 0: it ends */
    MONITOR_LOG_READ, /* which units from number `address` on were touched, a bit for each */
    MONITOR_TRACE,    /* of the vCPU: its exits are traced from now on if `value` is 1, else not.
                         Answers where the memory is, `address` and `extra` bytes (trap/trace.h) */
    MONITOR_TYPES
};

/* `value` of MONITOR_REGS. */
enum monitor_regs_group {
    MONITOR_REGS_GENERAL,
    MONITOR_REGS_EL1,
    MONITOR_REGS_CPU, /* ID registers, EL2's, list registers */
    MONITOR_REGS_GROUPS
};

/* `value` of MONITOR_AT, by the instruction's name. */
enum monitor_at {
    MONITOR_AT_S1E1R,
    MONITOR_AT_S1E1W,
    MONITOR_AT_S1E0R,
    MONITOR_AT_S1E0W,
    MONITOR_AT_S12E1R,
    MONITOR_AT_S12E1W,
    MONITOR_AT_S12E0R,
    MONITOR_AT_S12E0W,
    MONITOR_AT_KINDS
};

struct monitor_message {
    uint16_t type;
    uint16_t vcpu;
    uint32_t tag;   /* of a request; its answer repeats it */
    uint32_t size;  /* bytes behind the message */
    int32_t status; /* of an answer: 0 or -ERR_* */
    uint64_t address;
    uint64_t value;
    uint64_t extra;
};

_Static_assert(sizeof(struct monitor_message) == 40, "it goes out as it is");

#endif
