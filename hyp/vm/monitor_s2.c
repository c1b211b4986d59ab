/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's stage 2, looked up and changed while it runs, for a monitor. A change is told step by
 * step: the leaf before it, each moment at which TLBs are made to forget, the leaf after it. See
 * monitor_call.h; docs/stage2.md says what the steps are for.
 *
 * What is changed is the guest's RAM and nothing else: devices, and flash, have others who map
 * them. EL2 itself, and the machine's devices, reach that RAM as before. A guest that starts again
 * has its map as it was.
 */
#include <stddef.h>

#include "vm/monitor_call.h"

#define ALL_RIGHTS (STAGE2_READ | STAGE2_WRITE | STAGE2_EXEC)

static bool changed;                       /* since the guest has started */
static struct monitor_call *told;          /* of the change under way; NULL: none of ours */
static const struct pgtable_tlb_ops *real; /* what the map's TLB operations are */

struct ipa_range monitor_range(const struct monitor_call *call)
{
    struct ipa_range range = {ipa(call->message->address), call->message->value};

    if (range.base.v % PAGE_SIZE != 0 || range.size % PAGE_SIZE != 0 || range.size == 0 ||
        guest_mem_ptr(&call->vm->mem, range.base, range.size) == NULL)
        range.size = 0;
    return range;
}

int monitor_s2_lookup(struct monitor_call *call)
{
    unsigned perms, level;
    pa_t pa;
    int err = stage2_lookup(&call->vm->stage2, ipa(call->message->address), &pa, &perms, &level);

    if (err == 0) {
        call->message->value = pa.v;
        call->message->extra = (uint64_t)level << 8 | perms;
    }
    return err;
}

/* WHEN IPA LEVEL DESCRIPTOR; with the map's lock held. */
static void say_leaf(struct monitor_call *call, const char *when, uint64_t ia)
{
    struct pgtable_leaf leaf;

    if (pgtable_lookup(&call->vm->stage2.table, ia, &leaf) == 0)
        monitor_say(call, "%s 0x%lx %u 0x%lx", when, ia, leaf.level, leaf.desc);
    else
        monitor_say(call, "%s 0x%lx - 0x0", when, ia);
}

static void flush(const struct pgtable *pt, const uint64_t ia[], unsigned count)
{
    struct monitor_call *call = __atomic_load_n(&told, __ATOMIC_ACQUIRE);

    for (unsigned i = 0; call != NULL && i < count; i++)
        say_leaf(call, "now", ia[i]);
    if (call != NULL)
        monitor_say(call, "tlbi 0x%lx %u", ia[0], count);
    real->flush_fn(pt, ia, count);
}

static void flush_all(const struct pgtable *pt)
{
    struct monitor_call *call = __atomic_load_n(&told, __ATOMIC_ACQUIRE);

    if (call != NULL)
        monitor_say(call, "tlbi all");
    real->flush_all_fn(pt);
}

static const struct pgtable_tlb_ops telling = {flush, flush_all};

static void say_now(struct monitor_call *call, const char *when)
{
    struct stage2 *s2 = &call->vm->stage2;

    spin_lock(&s2->lock);
    say_leaf(call, when, call->message->address);
    spin_unlock(&s2->lock);
}

static int map_again(struct monitor_call *call, struct ipa_range range)
{
    pa_t to = ptr_to_pa(guest_mem_ptr(&call->vm->mem, range.base, range.size));

    return stage2_map(&call->vm->stage2, range.base, to, range.size,
                      (unsigned)call->message->extra);
}

static int unmap(struct monitor_call *call, struct ipa_range range)
{
    return stage2_unmap(&call->vm->stage2, range.base, range.size);
}

static int protect(struct monitor_call *call, struct ipa_range range)
{
    return stage2_protect(&call->vm->stage2, range.base, range.size,
                          (unsigned)call->message->extra);
}

/* The same rights for a part of a leaf leave it in pieces. */
static int split(struct monitor_call *call, struct ipa_range range)
{
    unsigned perms;
    int err = stage2_lookup(&call->vm->stage2, range.base, NULL, &perms, NULL);

    return err != 0 ? err : stage2_protect(&call->vm->stage2, range.base, range.size, perms);
}

int monitor_s2_change(struct monitor_call *call)
{
    static int (*const change[])(struct monitor_call *, struct ipa_range) = {map_again, unmap,
                                                                             protect, split};
    struct ipa_range range = monitor_range(call);
    int err;

    if (range.size == 0)
        return -ERR_RANGE;
    if (monitor_is_watched(range))
        return -ERR_EXIST;
    say_now(call, "before");
    __atomic_store_n(&told, call, __ATOMIC_RELEASE);
    call->vm->stage2.table.tlb = &telling;
    err = change[call->message->type - MONITOR_S2_MAP](call, range);
    call->vm->stage2.table.tlb = real;
    __atomic_store_n(&told, NULL, __ATOMIC_RELEASE);
    changed |= err == 0;
    say_now(call, "after");
    return err;
}

void monitor_s2_init(const struct vm *vm)
{
    real = vm->stage2.table.tlb;
}

void monitor_s2_reset(struct vm *vm, bool watched)
{
    for (unsigned i = 0; (changed || watched) && i < vm->mem.count; i++) {
        const struct ram_region *ram = &vm->mem.region[i];
        int err = stage2_unmap(&vm->stage2, ram->ipa, ram->size);

        if (err == 0)
            err = stage2_map(&vm->stage2, ram->ipa, ram->pa, ram->size, ALL_RIGHTS);
        if (err != 0)
            log_error("the guest's RAM at 0x%lx can't be mapped as before: error %d", ram->ipa.v,
                      err);
    }
    changed = false;
}
