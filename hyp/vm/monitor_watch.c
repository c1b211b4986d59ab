/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who touches a page: rights are taken from it at stage 2, and whoever then faults is told of.
 *
 * A page that is watched is given back for one instruction of the vCPU that faulted, and taken
 * again: what other vCPUs do with it in that moment is not seen. A page of the log is given back
 * for good, until the log is read. Devices of the machine's reach memory with no stage 2 between,
 * so neither sees what they write.
 *
 * Neighbour: monitor_run.c steps.
 */
#include <stddef.h>

#include "lib/string.h"
#include "spinlock.h"
#include "vm/monitor_call.h"

#define WATCHES    8
#define OPEN_MAX   4    /* pages that one instruction may touch */
#define LOG_BYTES  4096 /* a bit for each unit of the log */
#define ALL_RIGHTS (STAGE2_READ | STAGE2_WRITE | STAGE2_EXEC)

/* Memory from which rights are taken. */
struct watched {
    struct ipa_range range; /* size 0: none */
    unsigned taken;         /* of STAGE2_* */
};

static spinlock_t lock; /* protects all of this; stage2's nests inside */
static unsigned active; /* atomic: of what follows, what is there */
static struct watched watches[WATCHES];
static struct {
    struct watched of;
    uint64_t unit; /* bytes for each bit */
    uint8_t touched[LOG_BYTES];
} page_log;
static struct {
    unsigned count;
    ipa_t page[OPEN_MAX];
} opened[MAX_VCPUS];

static bool contains(const struct watched *watch, ipa_t where)
{
    return where.v - watch->range.base.v < watch->range.size;
}

static bool meets(const struct watched *watch, struct ipa_range range)
{
    return range.base.v < watch->range.base.v + watch->range.size &&
           watch->range.base.v < range.base.v + range.size;
}

static struct watched *watch_of(ipa_t where)
{
    for (unsigned i = 0; i < WATCHES; i++) {
        if (contains(&watches[i], where))
            return &watches[i];
    }
    return NULL;
}

bool monitor_is_watched(struct ipa_range range)
{
    bool found;

    spin_lock(&lock);
    found = meets(&page_log.of, range);
    for (unsigned i = 0; i < WATCHES; i++)
        found |= meets(&watches[i], range);
    spin_unlock(&lock);
    return found;
}

static int set_rights(struct vm *vm, struct ipa_range range, unsigned taken)
{
    return stage2_protect(&vm->stage2, range.base, range.size, ALL_RIGHTS & ~taken);
}

/* What a request asks for: what can't be read can't be executed either. */
static int read_request(struct monitor_call *call, struct watched *watch)
{
    unsigned taken = (unsigned)(call->message->extra & ALL_RIGHTS);

    *watch = (struct watched){monitor_range(call), taken};
    if ((taken & STAGE2_READ) != 0)
        watch->taken |= STAGE2_EXEC;
    if (taken == 0 || watch->range.size == 0)
        return -ERR_INVAL;
    return monitor_is_watched(watch->range) ? -ERR_EXIST : 0;
}

/*
 * It is active before the first right is gone: who faults then waits for the lock, and finds whose
 * doing it was. Stage 2's lock orders the two for him, since he has looked there first.
 */
static int take(struct vm *vm, struct watched *place, const struct watched *watch)
{
    int err;

    spin_lock(&lock);
    __atomic_fetch_add(&active, 1, __ATOMIC_RELEASE);
    err = set_rights(vm, watch->range, watch->taken);
    if (err == 0)
        *place = *watch;
    else
        __atomic_fetch_sub(&active, 1, __ATOMIC_RELEASE);
    spin_unlock(&lock);
    return err;
}

static int stop_watching(struct vm *vm, struct watched *watch)
{
    int err;

    spin_lock(&lock);
    err = set_rights(vm, watch->range, 0);
    *watch = (struct watched){0};
    __atomic_fetch_sub(&active, 1, __ATOMIC_RELEASE);
    spin_unlock(&lock);
    return err;
}

int monitor_watch(struct monitor_call *call)
{
    struct watched watch;
    int err = read_request(call, &watch);

    for (unsigned i = 0; err == 0 && i < WATCHES; i++) {
        if (watches[i].range.size == 0)
            return take(call->vm, &watches[i], &watch);
    }
    return err != 0 ? err : -ERR_NOMEM;
}

int monitor_unwatch(struct monitor_call *call)
{
    struct watched *watch = watch_of(ipa(call->message->address));

    return watch == NULL ? -ERR_NOENT : stop_watching(call->vm, watch);
}

/* Begin a log, or with a size of 0 end it. */
int monitor_log(struct monitor_call *call)
{
    uint64_t unit = call->message->extra & ~(PAGE_SIZE - 1);
    struct watched watch;
    int err;

    if (call->message->value == 0)
        return page_log.of.range.size == 0 ? -ERR_NOENT : stop_watching(call->vm, &page_log.of);
    err = read_request(call, &watch);
    if (err != 0)
        return err;
    if (page_log.of.range.size != 0)
        return -ERR_EXIST;
    if ((unit != PAGE_SIZE && unit != SIZE_2M) || watch.range.base.v % unit != 0 ||
        watch.range.size % unit != 0 || watch.range.size / unit > 8 * LOG_BYTES)
        return -ERR_INVAL;
    page_log.unit = unit;
    memset(page_log.touched, 0, sizeof(page_log.touched));
    return take(call->vm, &page_log.of, &watch);
}

/*
 * What was touched since the last time, a bit for each unit from number `address` on: a piece of
 * the log, whose rights are then taken again.
 */
int monitor_log_read(struct monitor_call *call)
{
    uint64_t units = page_log.of.range.size / (page_log.unit != 0 ? page_log.unit : PAGE_SIZE);
    uint64_t first = call->message->address;
    uint64_t count;
    struct ipa_range range;
    int err;

    if (first >= units || first % 8 != 0)
        return -ERR_RANGE;
    count = units - first < 8 * MONITOR_DATA_MAX ? units - first : 8 * MONITOR_DATA_MAX;
    range = (struct ipa_range){ipa(page_log.of.range.base.v + first * page_log.unit),
                               count * page_log.unit};
    call->used = (uint32_t)((count + 7) / 8);
    spin_lock(&lock);
    err = set_rights(call->vm, range, page_log.of.taken);
    memcpy(call->data, page_log.touched + first / 8, call->used);
    memset(page_log.touched + first / 8, 0, call->used);
    spin_unlock(&lock);
    return err;
}

static bool log_touch(struct vm *vm, ipa_t where)
{
    uint64_t unit = (where.v - page_log.of.range.base.v) / page_log.unit;
    struct ipa_range range = {ipa(page_log.of.range.base.v + unit * page_log.unit), page_log.unit};

    page_log.touched[unit / 8] |= (uint8_t)(1U << unit % 8);
    return set_rights(vm, range, 0) == 0;
}

/* One that has no room for the page leaves it open. */
static bool open_page(struct vcpu *vcpu, ipa_t where)
{
    struct ipa_range page = {ipa(align_down(where.v, PAGE_SIZE)), PAGE_SIZE};

    if (opened[vcpu->index].count < OPEN_MAX)
        opened[vcpu->index].page[opened[vcpu->index].count++] = page.base;
    return set_rights(vcpu->vm, page, 0) == 0;
}

bool monitor_touched(struct vcpu *vcpu, ipa_t where, uint64_t va, unsigned access)
{
    bool is_logged, is_watched = false;

    if (__atomic_load_n(&active, __ATOMIC_ACQUIRE) == 0)
        return false;
    spin_lock(&lock);
    is_logged = contains(&page_log.of, where) && log_touch(vcpu->vm, where);
    if (!is_logged && watch_of(where) != NULL)
        is_watched = open_page(vcpu, where);
    spin_unlock(&lock);
    if (is_watched) {
        monitor_step_begin(vcpu, STEP_WATCH);
        monitor_tell(&(struct monitor_message){.type = MONITOR_WATCH,
                                               .vcpu = (uint16_t)vcpu->index,
                                               .status = (int32_t)access,
                                               .address = where.v,
                                               .value = vcpu->regs.pc,
                                               .extra = va});
    }
    return is_logged || is_watched;
}

static bool is_open_elsewhere(struct vcpu *vcpu, ipa_t page)
{
    for (unsigned i = 0; i < MAX_VCPUS; i++) {
        for (unsigned j = 0; i != vcpu->index && j < opened[i].count; j++) {
            if (opened[i].page[j].v == page.v)
                return true;
        }
    }
    return false;
}

void monitor_watch_close(struct vcpu *vcpu, bool again)
{
    unsigned count;

    spin_lock(&lock);
    count = opened[vcpu->index].count;
    opened[vcpu->index].count = 0;
    for (unsigned i = 0; again && i < count; i++) {
        ipa_t page = opened[vcpu->index].page[i];
        const struct watched *watch = watch_of(page);

        if (watch != NULL && !is_open_elsewhere(vcpu, page) &&
            set_rights(vcpu->vm, (struct ipa_range){page, PAGE_SIZE}, watch->taken) != 0)
            log_error("a page that was watched is not any more");
    }
    spin_unlock(&lock);
}

bool monitor_watch_reset(void)
{
    bool were = __atomic_exchange_n(&active, 0, __ATOMIC_ACQ_REL) != 0;

    memset(watches, 0, sizeof(watches));
    memset(&page_log, 0, sizeof(page_log));
    memset(opened, 0, sizeof(opened));
    return were;
}
