/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's requests, out of a stream of bytes and to whoever answers them. See monitor.h. */
#include "vm/monitor.h"

#include <stddef.h>

#include "cpu.h"
#include "drv/alarm.h"
#include "drv/host_channel.h"
#include "gic/gic.h"
#include "lib/string.h"
#include "mm/phys.h"
#include "trap/irq.h"
#include "vm/monitor_call.h"
#include "vm/vm_virtio.h"

#define PATIENCE   2 /* seconds for a vCPU to come */
#define SHOWN_MAX  4
#define LINE_MAX   160
#define REASON_MAX 40

/* How far the one request is. */
enum state {
    IDLE,
    POSTED,    /* for a vCPU to take, or for the alarm */
    ANSWERING, /* somebody has it: the end is near */
};

static struct vm *vm; /* NULL: there is no monitor */
static const char *version;
static struct host_channel channel;
_Static_assert(sizeof(struct monitor_message) == HOST_CHANNEL_HEAD &&
                   MONITOR_DATA_MAX <= HOST_CHANNEL_DATA_MAX,
               "any message can be sent");
static struct alarm alarm;
static struct pa_range shown[SHOWN_MAX];
static unsigned nr_shown;

static enum state state; /* atomic; who has the request has these two: */
static struct monitor_message request;
static uint8_t data[MONITOR_DATA_MAX];

/* Of the stream, on the CPU that has the interrupt: what has come of a message, and of its data. */
static struct {
    struct monitor_message message;
    uint8_t data[MONITOR_DATA_MAX];
    size_t have;
    size_t data_have;
} incoming;

void monitor_show(struct pa_range range)
{
    if (nr_shown < SHOWN_MAX)
        shown[nr_shown++] = range;
}

void monitor_say(struct monitor_call *call, const char *fmt, ...)
{
    char line[LINE_MAX];
    va_list ap;
    size_t len;

    va_start(ap, fmt);
    len = (size_t)fmt_vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    if (len >= sizeof(line) || len + 1 > MONITOR_DATA_MAX - call->used)
        return;
    line[len++] = '\n';
    memcpy(call->data + call->used, line, len);
    call->used += (uint32_t)len;
}

/* ---- What needs no vCPU ---- */

static int hello(struct monitor_call *call)
{
    const struct vm_config *config = &call->vm->config;

    monitor_say(call, "version=%s", version);
    monitor_say(call, "vcpus=%u", call->vm->nr_vcpus);
    monitor_say(call, "frequency=%lu", alarm_frequency());
    monitor_say(call, "vttbr=0x%lx", stage2_vttbr(&call->vm->stage2));
    monitor_say(call, "vtcr=0x%lx", call->vm->stage2.vtcr);
    monitor_say(call, "ipa_bits=%u", call->vm->stage2.ipa_bits);
    for (unsigned i = 0; i < call->vm->mem.count; i++) {
        const struct ram_region *ram = &call->vm->mem.region[i];

        monitor_say(call, "ram%u=0x%lx 0x%lx 0x%lx", i, ram->ipa.v, ram->size, ram->pa.v);
    }
    monitor_say(call, "kernel=0x%lx 0x%lx", config->guest_kernel.v, config->kernel.size);
    monitor_say(call, "initrd=0x%lx 0x%lx", config->guest_initrd.base.v, config->guest_initrd.size);
    monitor_say(call, "dtb=0x%lx", config->guest_dtb.v);
    return 0;
}

static bool may_be_read(const struct vm *of, uint64_t address, uint64_t size)
{
    for (unsigned i = 0; i < of->mem.count; i++) {
        if (range_contains(of->mem.region[i].pa.v, of->mem.region[i].size, address, size))
            return true;
    }
    for (unsigned i = 0; i < nr_shown; i++) {
        if (range_contains(shown[i].base.v, shown[i].size, address, size))
            return true;
    }
    return false;
}

static int show_memory(struct monitor_call *call)
{
    const struct monitor_message *message = call->message;

    if (message->value == 0 || message->value > MONITOR_DATA_MAX ||
        !may_be_read(call->vm, message->address, message->value))
        return -ERR_RANGE;
    call->used = (uint32_t)message->value;
    memcpy(call->data, pa_to_ptr(pa(message->address)), call->used);
    return 0;
}

static int exits(struct monitor_call *call)
{
    const struct vcpu *vcpu = &call->vm->vcpu[call->message->vcpu];
    char name[REASON_MAX];

    for (unsigned r = 0; r < EXIT_REASON_COUNT; r++) {
        if (vcpu->exits[r] != 0)
            monitor_say(call, "%lu %s", vcpu->exits[r],
                        vm_exit_name((enum exit_reason)r, name, sizeof(name)));
    }
    return 0;
}

/* ---- From a request to its answer ---- */

static const struct handler {
    monitor_fn fn;
    bool on_vcpu;
} handlers[MONITOR_TYPES] = {
    [MONITOR_HELLO] = {hello, false},
    [MONITOR_READ] = {show_memory, false},
    [MONITOR_REGS] = {monitor_regs, true},
    [MONITOR_AT] = {monitor_at, true},
    [MONITOR_EXITS] = {exits, false},
    [MONITOR_WRITE] = {monitor_write, false},
    [MONITOR_STOP] = {monitor_stop, false},
    [MONITOR_GO] = {monitor_go, false},
    [MONITOR_STEP] = {monitor_step, true},
    [MONITOR_IRQ] = {monitor_irq, false},
    [MONITOR_PEND] = {monitor_pend, true},
    [MONITOR_DEV] = {monitor_dev, false},
    [MONITOR_S2_LOOKUP] = {monitor_s2_lookup, false},
    [MONITOR_S2_MAP] = {monitor_s2_change, false},
    [MONITOR_S2_UNMAP] = {monitor_s2_change, false},
    [MONITOR_S2_PROTECT] = {monitor_s2_change, false},
    [MONITOR_S2_SPLIT] = {monitor_s2_change, false},
    [MONITOR_WATCH] = {monitor_watch, false},
    [MONITOR_UNWATCH] = {monitor_unwatch, false},
    [MONITOR_LOG] = {monitor_log, false},
    [MONITOR_LOG_READ] = {monitor_log_read, false},
    [MONITOR_TRACE] = {monitor_trace, true},
};

static void send_answer(const struct monitor_message *message, const void *bytes)
{
    if (host_channel_send(&channel, message, bytes, message->size) != 0)
        log_error("the monitor does not take what it is told");
}

void monitor_tell(const struct monitor_message *event)
{
    send_answer(event, NULL);
}

static void turn_down(const struct monitor_message *message, int err)
{
    struct monitor_message refusal = *message;

    refusal.size = 0;
    refusal.status = err;
    send_answer(&refusal, NULL);
}

static bool move_on(enum state from, enum state to)
{
    return __atomic_compare_exchange_n(&state, &from, to, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

/* The caller has the request. */
static void answer_request(struct vcpu *vcpu, monitor_fn fn)
{
    struct monitor_call call = {vm, vcpu, &request, data, 0};

    request.status = fn(&call);
    request.size = request.status == 0 ? call.used : 0;
    send_answer(&request, data);
    __atomic_store_n(&state, IDLE, __ATOMIC_RELEASE);
}

static void answer_on_sgi(void *ctx, struct vcpu *vcpu)
{
    (void)ctx;
    if (__atomic_load_n(&state, __ATOMIC_ACQUIRE) == POSTED && request.vcpu == vcpu->index &&
        move_on(POSTED, ANSWERING))
        answer_request(vcpu, handlers[request.type].fn);
    monitor_hold(vcpu);
}

static int did_not_come(struct monitor_call *call)
{
    (void)call;
    return -ERR_NOENT;
}

static void time_out(void *ctx)
{
    (void)ctx;
    if (alarm_now() < __atomic_load_n(&alarm.due, __ATOMIC_RELAXED))
        return; /* the request that it was set for has had its answer, and another is posted */
    alarm_set(&alarm, ALARM_NEVER);
    if (move_on(POSTED, ANSWERING))
        answer_request(NULL, did_not_come);
}

static void post(unsigned vcpu)
{
    alarm_set(&alarm, alarm_now() + PATIENCE * alarm_frequency());
    __atomic_store_n(&state, POSTED, __ATOMIC_RELEASE);
    gic_send_sgi(vm->vgic.vcpu[vcpu].cpu, GIC_SGI_MONITOR);
}

static void take_request(void)
{
    const struct monitor_message *message = &incoming.message;

    /* Its sender has seen that answer already: that CPU is about to be done. */
    while (__atomic_load_n(&state, __ATOMIC_ACQUIRE) == ANSWERING)
        cpu_relax();
    if (message->type >= MONITOR_TYPES || handlers[message->type].fn == NULL) {
        turn_down(message, -ERR_UNSUPPORTED);
    } else if (message->vcpu >= vm->nr_vcpus || message->size > MONITOR_DATA_MAX) {
        turn_down(message, -ERR_RANGE);
    } else if (!move_on(IDLE, ANSWERING)) {
        turn_down(message, -ERR_EXIST);
    } else {
        request = *message;
        memcpy(data, incoming.data, message->size);
        if (handlers[message->type].on_vcpu)
            post(message->vcpu);
        else
            answer_request(NULL, handlers[message->type].fn);
    }
}

/* Take what belongs to the message under way; data beyond what there is room for is dropped. */
static size_t take_piece(const uint8_t *bytes, size_t len)
{
    size_t left = sizeof(incoming.message) - incoming.have;
    size_t room = incoming.data_have < MONITOR_DATA_MAX ? MONITOR_DATA_MAX - incoming.data_have : 0;

    if (left > 0) {
        len = len < left ? len : left;
        memcpy((uint8_t *)&incoming.message + incoming.have, bytes, len);
        incoming.have += len;
    } else {
        left = incoming.message.size - incoming.data_have;
        len = len < left ? len : left;
        if (room > 0)
            memcpy(incoming.data + incoming.data_have, bytes, len < room ? len : room);
        incoming.data_have += len;
    }
    return len;
}

static void hear(void *ctx, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    size_t part;

    (void)ctx;
    for (; len > 0; len -= part, at += part) {
        part = take_piece(at, len);
        if (incoming.have == sizeof(incoming.message) &&
            incoming.data_have == incoming.message.size) {
            take_request();
            incoming.have = incoming.data_have = 0;
        }
    }
}

/* ---- What a monitor has to do with the VM's life ---- */

static void turned_off(struct vcpu *vcpu)
{
    monitor_step_forget(vcpu);
    monitor_watch_close(vcpu, true);
}

static void starts(struct vm *of)
{
    __atomic_store_n(&of->held, false, __ATOMIC_RELEASE);
    monitor_s2_reset(of, monitor_watch_reset());
}

static const struct vm_watcher watcher = {monitor_touched, monitor_stepped, turned_off, starts};

static void handle_channel_irq(void *ctx, struct vcpu *vcpu)
{
    (void)ctx;
    (void)vcpu;
    host_channel_interrupt(&channel);
}

int monitor_init(struct vm *of, const char *text)
{
    const struct host_virtio *slot;
    int err;

    if (of->config.monitor.v == 0)
        return 0;
    slot = vm_virtio_take(of->config.monitor);
    err = slot != NULL ? host_channel_open(&channel, slot->regs, hear, NULL) : -ERR_NOENT;
    if (err != 0) {
        log_error("the machine's virtio slot at 0x%lx has no free console that leads to a monitor "
                  "(/chosen traproom,monitor)",
                  of->config.monitor.v);
        return err;
    }
    vm = of;
    vm->watcher = &watcher;
    version = text;
    monitor_s2_init(vm);
    alarm_add(&alarm, time_out, NULL);
    err = irq_register(GIC_SGI_MONITOR, IRQ_EDGE, EXIT_IRQ_MONITOR, answer_on_sgi, NULL);
    if (err == 0)
        err = irq_register(slot->intid, slot->edge ? IRQ_EDGE : IRQ_LEVEL, EXIT_IRQ_HOST,
                           handle_channel_irq, NULL);
    if (err == 0)
        host_channel_interrupt(&channel); /* what has come by now may have made no edge */
    return err;
}

void monitor_init_cpu(unsigned cpu)
{
    if (vm != NULL)
        gic_ppi_set_enabled(cpu, GIC_SGI_MONITOR, true);
}
