/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of a VM, wired. See vm_fault.h. A device with rules gets a struct virtio_fault before
 * its backend; a region of the bus with rules gets access() before its own function; one alarm
 * rings for all that waits.
 */
#include "vm/vm_fault.h"

#include <linux/virtio_ids.h>
#include <stddef.h>

#include "cpu.h"
#include "dev/fault_rule.h"
#include "dev/virtio_fault.h"
#include "drv/alarm.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/phys.h"
#include "vm/power.h"
#include "vm/vm.h"

/* Rules that come due at once, after which the guest gets its turn. */
#define TURN_RULES 8

/* Before a device on the bus. */
struct fault_region {
    struct vm_fault *all;
    ipa_t base;
    mmio_access_fn access_fn; /* its own */
    void *dev;
    const struct virtio_fault *device; /* NULL: none that can be unplugged */
};

struct vm_fault {
    struct vm *vm;
    struct fault_rules rules;
    struct alarm alarm;
    spinlock_t alarm_lock; /* setting it: the last one to do so has seen all that is due */
    unsigned nr_devices;
    unsigned nr_regions;
    struct virtio_fault device[]; /* the regions come behind them */
};

static struct fault_region *regions(struct vm_fault *all)
{
    return (struct fault_region *)&all->device[all->nr_devices];
}

static void arm_alarm(void *ctx)
{
    struct vm_fault *all = ctx;
    uint64_t next;

    spin_lock(&all->alarm_lock);
    next = fault_next_due(&all->rules);
    for (unsigned i = 0; i < all->nr_devices; i++) {
        uint64_t due = virtio_fault_next_due(&all->device[i]);

        next = due < next ? due : next;
    }
    alarm_set(&all->alarm, next);
    spin_unlock(&all->alarm_lock);
}

static void cut(void *ctx)
{
    power_request_stop(((struct vm_fault *)ctx)->vm, VM_STOPPED,
                       "a rule of --inject cut its power");
}

static struct virtio_fault *find_device(struct vm_fault *all, uint64_t where)
{
    for (unsigned i = 0; i < all->nr_devices; i++) {
        if (all->device[i].where == where)
            return &all->device[i];
    }
    return NULL;
}

static void pulse(struct vm_fault *all, uint64_t intid)
{
    vgic_set_line(&all->vm->vgic, (uint32_t)intid, true);
    vgic_set_line(&all->vm->vgic, (uint32_t)intid, false);
}

static void apply(struct vm_fault *all, const struct fault_rule *rule)
{
    const struct fault_event event = {.kind = FAULT_TIME, .now = alarm_now()};

    if (rule->done == 1 || rule->action != FAULT_PULSE)
        fault_log(&all->rules, rule, &event);
    if (rule->action == FAULT_PULSE)
        pulse(all, rule->first);
    else
        virtio_fault_now(find_device(all, rule->first), rule);
}

/* On whichever CPU. */
static void act_on_time(void *ctx)
{
    struct vm_fault *all = ctx;
    const struct fault_rule *rule;

    for (unsigned n = 0; n < TURN_RULES; n++) {
        rule = fault_take_due(&all->rules, alarm_now());
        if (rule == NULL)
            break;
        apply(all, rule);
    }
    for (unsigned i = 0; i < all->nr_devices; i++)
        virtio_fault_ring(&all->device[i]);
    arm_alarm(all);
}

static void spend(const struct vm_fault *all, uint64_t ns)
{
    uint64_t until = alarm_now() + fault_ticks(&all->rules, ns);

    while (alarm_now() < until)
        cpu_relax();
}

/* An access that goes wrong as the rule says. */
static enum mmio_result spoil(const struct fault_region *region, const struct fault_rule *rule,
                              struct mmio_access *access)
{
    enum mmio_result result;

    if (rule->action == FAULT_ABORT)
        return MMIO_ABORT;
    if (rule->action == FAULT_DELAY)
        spend(region->all, rule->arg[0]);
    if (access->write && rule->action == FAULT_FLIP)
        access->value ^= rule->arg[0];
    if (access->write && rule->action == FAULT_VALUE)
        access->value = rule->arg[0];
    if (access->write && rule->action == FAULT_DROP)
        return MMIO_OK;
    result = region->access_fn(region->dev, access);
    if (!access->write && rule->action == FAULT_FLIP)
        access->value ^= rule->arg[0];
    if (!access->write && rule->action == FAULT_VALUE)
        access->value = rule->arg[0];
    return result;
}

/* The mmio_access_fn of a region with rules. */
static enum mmio_result access_region(void *dev, struct mmio_access *access)
{
    const struct fault_region *region = dev;
    struct fault_rules *rules = &region->all->rules;
    const struct fault_event event = {.kind = FAULT_ACCESS,
                                      .where = region->base.v + access->offset,
                                      .type = access->write,
                                      .now = alarm_now()};
    const struct fault_rule *rule;

    if (region->device != NULL && virtio_fault_is_gone(region->device)) {
        access->value = UINT64_MAX;
        return MMIO_OK;
    }
    rule = fault_match(rules, &event);
    if (rule == NULL)
        return region->access_fn(region->dev, access);
    fault_log(rules, rule, &event);
    return spoil(region, rule, access);
}

/* The virtio device whose registers are at `where`; NULL: there is none. */
static struct virtio_mmio *virtio_at(const struct vm *vm, uint64_t where)
{
    for (unsigned i = 0; i < vm->config.nr_devices; i++) {
        const struct vm_device_config *config = &vm->config.device[i];
        struct virtio_mmio *slot = vm->device[i];

        if (config->kind->access_fn == virtio_mmio_access && config->regs.base.v == where)
            return slot->backend != NULL ? slot : NULL;
    }
    return NULL;
}

static bool is_of_device(const struct fault_rule *rule)
{
    return rule->kind != FAULT_ACCESS && rule->action != FAULT_PULSE;
}

/* Is rule number `n` the first one of a virtio device? */
static bool is_first_of_device(const struct vm_config *config, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (is_of_device(&config->fault[i]) && config->fault[i].first == config->fault[n].first)
            return false;
    }
    return is_of_device(&config->fault[n]);
}

static int check_rule(const struct vm *vm, const struct fault_rule *rule)
{
    const char *why = NULL;

    if (is_of_device(rule) && virtio_at(vm, rule->first) == NULL)
        why = "no virtio device has its registers there";
    else if (rule->kind == FAULT_ACCESS && mmio_bus_find(&vm->bus, ipa(rule->first)) == NULL)
        why = "no device has its registers there";
    else if (rule->action == FAULT_PULSE &&
             (rule->first < VGIC_FIRST_SPI || rule->first >= VGIC_NR_IRQS))
        why = "it is no SPI of the guest";
    if (why == NULL)
        return 0;
    log_error("/chosen: rule %u of \"traproom,inject\" names 0x%lx: %s", rule->number, rule->first,
              why);
    return -ERR_INVAL;
}

static int check_rules(const struct vm *vm, unsigned *devices)
{
    int err = 0;

    *devices = 0;
    for (unsigned i = 0; i < vm->config.nr_faults && err == 0; i++) {
        err = check_rule(vm, &vm->config.fault[i]);
        *devices += is_first_of_device(&vm->config, i);
    }
    return err;
}

static void wire_devices(struct vm_fault *all)
{
    const struct virtio_fault_ops ops = {alarm_now, arm_alarm, cut, all};
    struct vm *vm = all->vm;

    for (unsigned i = 0; i < vm->config.nr_faults; i++) {
        uint64_t where = vm->config.fault[i].first;

        if (is_first_of_device(&vm->config, i))
            virtio_fault_init(&all->device[all->nr_devices++], virtio_at(vm, where), where,
                              &all->rules, &ops);
    }
}

static bool has_rule(const struct vm *vm, const struct mmio_region *region)
{
    for (unsigned i = 0; i < vm->config.nr_faults; i++) {
        const struct fault_rule *rule = &vm->config.fault[i];

        if (rule->kind == FAULT_ACCESS && rule->first <= range_last(region->range) &&
            region->range.base.v <= rule->last)
            return true;
    }
    return false;
}

static void wire_regions(struct vm_fault *all)
{
    struct mmio_bus *bus = &all->vm->bus;

    for (unsigned i = 0; i < bus->count; i++) {
        struct mmio_region *at = &bus->region[i];
        struct virtio_fault *device = find_device(all, at->range.base.v);
        struct fault_region *region = &regions(all)[all->nr_regions];

        if (device == NULL && !has_rule(all->vm, at))
            continue;
        *region = (struct fault_region){all, at->range.base, at->access_fn, at->dev, device};
        at->access_fn = access_region;
        at->dev = region;
        all->nr_regions++;
    }
}

int vm_fault_init(struct vm *vm, struct phys_map *phys)
{
    struct vm_fault *all;
    unsigned devices;
    uint64_t room;
    pa_t found;
    int err = check_rules(vm, &devices);

    if (err != 0 || vm->config.nr_faults == 0)
        return err;
    room = align_up(sizeof(*all) + devices * sizeof(struct virtio_fault) +
                        vm->bus.count * sizeof(struct fault_region),
                    PAGE_SIZE);
    if (phys_map_place(phys, pa(0), room, PAGE_SIZE, "the guest's faults", &found) != 0) {
        log_error("no room for what --inject asks, 0x%lx bytes: give QEMU more (-m)", room);
        return -ERR_NOMEM;
    }
    all = pa_to_ptr(found);
    memset(all, 0, room);
    all->vm = vm;
    fault_rules_init(&all->rules, vm->config.fault, vm->config.nr_faults, alarm_frequency());
    alarm_add(&all->alarm, act_on_time, all);
    wire_devices(all);
    wire_regions(all);
    vm->fault = all;
    return 0;
}

void vm_fault_start(struct vm *vm)
{
    struct vm_fault *all = vm->fault;

    if (all == NULL || all->rules.start != 0)
        return;
    fault_rules_start(&all->rules, alarm_now());
    arm_alarm(all);
}
