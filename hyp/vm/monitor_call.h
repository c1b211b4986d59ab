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

/* The whole pages of the guest's RAM that a request names; of size 0 if it does not. */
struct ipa_range monitor_range(const struct monitor_call *call);

/* An event: its tag is 0. From any CPU. */
void monitor_tell(const struct monitor_message *event);

/* monitor_cpu.c, monitor_state.c */
int monitor_regs(struct monitor_call *call);
int monitor_at(struct monitor_call *call);
int monitor_trace(struct monitor_call *call);
int monitor_write(struct monitor_call *call);
int monitor_irq(struct monitor_call *call);
int monitor_pend(struct monitor_call *call);
int monitor_dev(struct monitor_call *call);

/* monitor_run.c */
int monitor_stop(struct monitor_call *call);
int monitor_go(struct monitor_call *call);
int monitor_step(struct monitor_call *call);
/* Wait here as long as the guest is stopped; on the CPU of `vcpu`, with no lock held. */
void monitor_hold(struct vcpu *vcpu);
/* The vCPU's next instruction ends in monitor_stepped(). `why`: of STEP_*. */
#define STEP_ASKED 1U /* the host wants it */
#define STEP_WATCH 2U /* so that monitor_watch_close() is called */
void monitor_step_begin(struct vcpu *vcpu, unsigned why);
bool monitor_stepped(struct vcpu *vcpu, uint64_t esr);
/* None is under way any more. */
void monitor_step_forget(struct vcpu *vcpu);

/* monitor_s2.c */
int monitor_s2_lookup(struct monitor_call *call);
int monitor_s2_change(struct monitor_call *call);
void monitor_s2_init(const struct vm *vm);
/* No vCPU runs: the map is what vm.c has made of it, if it may have been changed. */
void monitor_s2_reset(struct vm *vm, bool watched);

/* monitor_watch.c */
int monitor_watch(struct monitor_call *call);
int monitor_unwatch(struct monitor_call *call);
int monitor_log(struct monitor_call *call);
int monitor_log_read(struct monitor_call *call);
/* Are rights taken from some of it? */
bool monitor_is_watched(struct ipa_range range);
bool monitor_touched(struct vcpu *vcpu, ipa_t where, uint64_t va, unsigned access);
/* What the vCPU's step was to touch is touched: `again`, rights are taken again. */
void monitor_watch_close(struct vcpu *vcpu, bool again);
/* Nothing is watched any more; the map is somebody else's to mend. Says whether anything was. */
bool monitor_watch_reset(void);

#endif
