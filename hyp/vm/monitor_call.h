/* SPDX-License-Identifier: Apache-2.0 */
/* One request of the monitor's, and who answers which. Used by monitor.c and its parts alone. */
#ifndef VM_MONITOR_CALL_H
#define VM_MONITOR_CALL_H

#include "lib/err.h"
#include "lib/log.h"
#include "vm/monitor_wire.h"
#include "vm/vm.h"

struct monitor_call {
    struct vm *vm;
    /* Of a request of a vCPU's: this is its CPU, and its registers are in the hardware, unless it
     * is parked. */
    struct vcpu *vcpu;
    /* The request, which becomes the answer: `value` and `extra` are the ones that come back. */
    struct monitor_message *message;
    /* What came behind it; then what goes back, of which there is `used` so far. */
    uint8_t *data;
    uint32_t used;
};

/* A line of text more in the answer; one that has no room is left out. */
void monitor_say(struct monitor_call *call, const char *fmt, ...) printf_like(2, 3);

/* A request, checked by whoever answers it: 0, or what becomes of the answer's status. */
typedef int (*monitor_fn)(struct monitor_call *call);

/* monitor_cpu.c */
int monitor_regs(struct monitor_call *call);
int monitor_at(struct monitor_call *call);

#endif
