/* SPDX-License-Identifier: Apache-2.0 */
/* Models on the host: reading their nodes, and what lies between device and host. See vm_model.h.
 */
#include "vm/vm_model.h"

#include <stddef.h>

#include "cpu.h"
#include "drv/host_channel.h"
#include "drv/host_pause.h"
#include "fdt/dt_prop.h"
#include "lib/log.h"
#include "lib/scale.h"
#include "mm/phys.h"
#include "trap/irq.h"
#include "vm/power.h"
#include "vm/vm.h"
#include "vm/vm_virtio.h"

#define NS_PER_S UINT64_C(1000000000)

/* The machine's one channel, and who talks by it. */
static struct host_channel channel;
_Static_assert(sizeof(struct vmodel_message) == HOST_CHANNEL_HEAD &&
                   VMODEL_DATA_MAX <= HOST_CHANNEL_DATA_MAX,
               "any message can be sent");
static struct vmodel_link models;

/* Of a machine that stops for the models. */
static struct {
    spinlock_t lock; /* protects what follows, and models while it receives */
    struct host_pause pause;
    unsigned owner; /* atomic: which vCPU has the lock, counted from 1; 0: nobody */
} stopping;
static struct host_pause_page page;

static void send_by_channel(void *ctx, const struct vmodel_message *message, const void *data)
{
    (void)ctx;
    if (host_channel_send(&channel, message, data, data != NULL ? message->size : 0) != 0)
        log_error("the host does not take what is said to a model");
}

/*
 * Send, and stop until the host has said all that follows from it. While that is taken there may be
 * more to send, which the next stop is for.
 */
static void send_and_stop(void *ctx, const struct vmodel_message *message, const void *data)
{
    unsigned self;

    send_by_channel(ctx, message, data);
    if (message->type == VMODEL_NAME)
        return; /* nothing follows from it, and at boot no vCPU is there */
    self = cpu_current_vcpu() + 1;
    if (__atomic_load_n(&stopping.owner, __ATOMIC_RELAXED) == self)
        return;
    spin_lock(&stopping.lock);
    __atomic_store_n(&stopping.owner, self, __ATOMIC_RELAXED);
    do {
        host_pause(&stopping.pause);
        vmodel_receive(&models, page.bytes,
                       page.len < HOST_PAUSE_ROOM ? page.len : HOST_PAUSE_ROOM);
    } while (page.len != 0);
    __atomic_store_n(&stopping.owner, 0, __ATOMIC_RELAXED);
    spin_unlock(&stopping.lock);
}

static bool wait(void *ctx, unsigned vcpu)
{
    struct vm *vm = ctx;

    return power_sleep(&vm->vcpu[vcpu]);
}

/* Our own CPU looks by itself. */
static void wake(void *ctx, unsigned vcpu)
{
    struct vm *vm = ctx;

    if (vcpu != cpu_current_vcpu())
        power_kick(&vm->vcpu[vcpu]);
}

static uint64_t now(void)
{
    return scale(alarm_now(), alarm_frequency(), NS_PER_S);
}

static void set_model_due(struct vm_model *device, uint64_t due)
{
    spin_lock(&device->lock);
    device->due = due;
    alarm_set(&device->alarm, due);
    spin_unlock(&device->lock);
}

/* The first tick that is not before it. */
static void set_model_timer(struct vmodel *model, uint64_t when)
{
    struct vm_model *device = (struct vm_model *)model;

    set_model_due(device, when == 0 ? ALARM_NEVER : scale(when, NS_PER_S, alarm_frequency()) + 1);
}

static void timer_is_due(void *ctx)
{
    struct vm_model *device = ctx;
    bool is_due;

    spin_lock(&device->lock);
    is_due = device->due <= alarm_now();
    if (is_due) {
        device->due = ALARM_NEVER;
        alarm_set(&device->alarm, ALARM_NEVER);
    }
    spin_unlock(&device->lock);
    if (is_due)
        vmodel_timer(&device->model);
}

static const struct vmodel_ops going_on = {send_by_channel, wait, wake, now, set_model_timer};
static const struct vmodel_ops while_stopped = {send_and_stop, wait, wake, now, set_model_timer};

static void take_bytes(void *ctx, const void *bytes, size_t len)
{
    (void)ctx;
    vmodel_receive(&models, bytes, len);
}

static void handle_host_irq(void *ctx, struct vcpu *vcpu)
{
    (void)ctx;
    (void)vcpu;
    host_channel_interrupt(&channel);
}

static int open_pause(struct vm *vm)
{
    const struct host_virtio *slot = vm_virtio_take(vm->config.pause);
    struct vmodel_message message = {.type = VMODEL_PAGE, .address = ptr_to_pa(&page).v};

    if (slot == NULL || host_pause_open(&stopping.pause, slot->regs) != 0) {
        log_error("the machine's virtio slot at 0x%lx has no free disk by which it stops for the "
                  "models (/chosen traproom,pause)",
                  vm->config.pause.v);
        return -ERR_NOENT;
    }
    send_by_channel(NULL, &message, NULL);
    return 0;
}

/* Before the first of them. */
static int open_channel(struct vm *vm)
{
    const struct host_virtio *slot = vm_virtio_take(vm->config.channel);
    bool stops = vm->config.pause.v != 0;
    int err = slot != NULL ? host_channel_open(&channel, slot->regs, take_bytes, NULL) : -ERR_NOENT;

    if (err != 0) {
        log_error("the machine's virtio slot at 0x%lx has no free console that leads to the models "
                  "(/chosen traproom,channel)",
                  vm->config.channel.v);
        return err;
    }
    models.ctx = vm;
    models.mem = &vm->mem;
    if (stops)
        err = open_pause(vm);
    if (err == 0)
        err = irq_register(slot->intid, slot->edge ? IRQ_EDGE : IRQ_LEVEL, EXIT_IRQ_HOST,
                           handle_host_irq, NULL);
    if (err == 0)
        models.ops = stops ? &while_stopped : &going_on;
    return err;
}

int vm_model_read(const struct dt_walk *at, int gic, struct vm_device_config *config)
{
    (void)gic;
    config->model = dt_prop_string(at->fdt, dt_walk_node(at), "traproom,model");
    if (config->model == NULL || config->model[0] == '\0')
        return dt_walk_error(at, -ERR_INVAL, "its \"traproom,model\" must be a name");
    return 0;
}

int vm_model_make(struct vm *vm, void *state, const struct vm_device_config *config)
{
    struct vm_model *device = state;
    struct irq_line line = {vgic_set_line, &vm->vgic, config->intid};
    int err = models.ops == NULL ? open_channel(vm) : 0;

    if (err != 0)
        return err;
    if (alarm_frequency() == 0) {
        log_error("the machine's firmware has left CNTFRQ_EL0 at 0: a model can't tell the time");
        return -ERR_UNSUPPORTED;
    }
    if (config->intid == 0)
        line.set_fn = NULL;
    device->due = ALARM_NEVER;
    alarm_add(&device->alarm, timer_is_due, device);
    err = vmodel_init(&device->model, &models, &line, config->model);
    if (err != 0)
        log_error("there are more than %u models", VMODEL_MAX);
    return err;
}
