/* SPDX-License-Identifier: Apache-2.0 */
/* Exits into rings of events. See trace.h. */
#include "trap/trace.h"

#include "barrier.h"
#include "cpu.h"
#include "gic/gic_regs.h"
#include "gicc.h"
#include "gich.h"
#include "lib/log.h"
#include "lib/string.h"
#include "regs.h"
#include "sysreg.h"
#include "trap/esr.h"
#include "trap/exit.h"
#include "vectors.h"
#include "vm/vm.h"

#define PATIENCE 10 /* seconds for the host to make room */

_Static_assert(sizeof(struct trace_event) == 48, "the host's end has the same");
_Static_assert(sizeof(struct trace_ring) == 64, "and this");
_Static_assert(sizeof(struct trace_head) == 32 + 24 * GUEST_MEM_MAX_REGIONS, "and this");

/* Of one ring what EL2 goes by, whatever the host writes into it. */
struct writer {
    struct trace_ring *ring;
    struct trace_event *event;
    uint64_t mask;              /* the ring's size less 1 */
    uint64_t next;              /* event to be written */
    uint64_t changes;           /* of the guest's map, behind it */
    uint64_t limit;             /* the first for which there may be no room */
} __attribute__((aligned(64))); /* a cache line */

static struct trace_head *head; /* NULL: there is no memory for a trace */
static struct writer writers[MAX_VCPUS];
static const struct vm *vm;

/* The largest power of 2 of events that leave room in `bytes` for a ring's state; 0: none does. */
static uint64_t ring_size(uint64_t bytes)
{
    uint64_t fit = bytes < sizeof(struct trace_ring)
                       ? 0
                       : (bytes - sizeof(struct trace_ring)) / sizeof(struct trace_event);

    return fit == 0 ? 0 : BIT(63 - __builtin_clzll(fit));
}

static void make_head(const struct vm *of, uint64_t size)
{
    *head = (struct trace_head){.magic = TRACE_MAGIC,
                                .frequency = read_sysreg(cntfrq_el0),
                                .nr_rings = of->nr_vcpus,
                                .events = (uint32_t)size,
                                .lossless = of->config.trace_lossless,
                                .nr_ram = of->mem.count};
    memcpy(head->ram, of->mem.region, sizeof(head->ram));
}

/* Is there none, if the host reads what it is given? Else the oldest events go. */
static bool is_full(struct writer *writer, uint64_t number)
{
    uint64_t oldest = __atomic_load_n(&head->lossless, __ATOMIC_RELAXED)
                          ? __atomic_load_n(&writer->ring->taken, __ATOMIC_ACQUIRE)
                          : number;

    writer->limit = oldest + writer->mask + 1;
    return number == writer->limit;
}

/* If nobody makes room, the trace is no longer lossless, and the guest goes on. */
static void make_room(struct writer *writer, uint64_t number)
{
    uint64_t since = cpu_counter();

    writer->ring->waited += is_full(writer, number);
    while (is_full(writer, number)) {
        if (cpu_counter() - since > PATIENCE * head->frequency)
            __atomic_store_n(&head->lossless, 0, __ATOMIC_RELAXED);
        cpu_relax();
    }
}

/*
 * Published with the exit that it is part of. One that began before its CPU was traced publishes
 * nothing.
 */
static void note_change(enum stage2_change change, ipa_t ipa, uint64_t size, unsigned perms)
{
    const struct vcpu *vcpu = &vm->vcpu[cpu_current_vcpu()];
    struct writer *writer = &writers[vcpu->index];
    uint64_t number = writer->next + 1 + writer->changes;
    uint64_t now = cpu_counter();

    if (writer->changes == writer->mask)
        return; /* a ring full of one exit */
    if (number == writer->limit)
        make_room(writer, number);
    writer->event[number & writer->mask] = (struct trace_event){
        .entered = now,
        .left = now,
        .pc = vcpu->regs.pc,
        .address = ipa.v,
        .value = size,
        .what = (uint32_t)(FIELD_PREP(TRACE_CHANGE, change) | FIELD_PREP(TRACE_PERMS, perms)),
        .given = TRACE_NOTHING,
        .vcpu = (uint8_t)vcpu->index,
        .kind = TRACE_STAGE2,
    };
    writer->changes++;
}

int trace_init(struct vm *of)
{
    struct pa_range room = of->config.trace;
    uint8_t *at = pa_to_ptr(room.base);
    uint64_t size;

    if (room.size == 0)
        return 0;
    size = room.size > PAGE_SIZE ? ring_size((room.size - PAGE_SIZE) / of->nr_vcpus) : 0;
    if (size == 0 || size > UINT32_MAX || room.base.v % PAGE_SIZE != 0) {
        log_error(
            "/chosen: \"traproom,trace\", 0x%lx bytes at 0x%lx, must begin at a page and have "
            "room for %u rings",
            room.size, room.base.v, of->nr_vcpus);
        return -ERR_RANGE;
    }
    head = (void *)at;
    at += PAGE_SIZE;
    for (unsigned i = 0; i < of->nr_vcpus; i++) {
        writers[i] = (struct writer){.ring = (void *)at,
                                     .event = (void *)(at + sizeof(struct trace_ring)),
                                     .mask = size - 1,
                                     .limit = size};
        *writers[i].ring = (struct trace_ring){0};
        at += sizeof(struct trace_ring) + size * sizeof(struct trace_event);
    }
    make_head(of, size);
    vm = of;
    of->stage2.changed_fn = note_change;
    return 0;
}

void trace_init_cpu(const struct vcpu *vcpu)
{
    if (head != NULL && !vcpu->vm->config.trace_later)
        vectors_use(true);
}

void trace_switch(bool on)
{
    vectors_use(on);
}

/* What is known of an exit before it is handled. */
struct start {
    struct writer *writer;
    struct trace_event *event;
    uint32_t free_lrs;
};

static inline struct start begin(const struct vcpu *vcpu, enum trace_kind kind)
{
    uint64_t entered = read_sysreg(cntpct_el0); /* not read ahead of the exit */
    struct writer *writer = &writers[vcpu->index];
    struct trace_event *event = &writer->event[writer->next & writer->mask];

    if (writer->next == writer->limit)
        make_room(writer, writer->next);
    writer->changes = 0;
    event->entered = entered;
    event->left = 0;
    event->pc = vcpu->regs.pc;
    event->address = 0;
    event->value = 0;
    event->vcpu = (uint8_t)vcpu->index;
    event->kind = (uint8_t)kind;
    return (struct start){writer, event, gich_read_free()};
}

/* The first of those that are in list registers now and were not before. */
static inline uint16_t given_since(uint32_t free_before, const struct vcpu *vcpu)
{
    uint32_t filled = free_before & ~gich_read_free();

    if (filled == 0)
        return TRACE_NOTHING;
    return (uint16_t)FIELD_GET(ICH_LR_vINTID,
                               vcpu->vm->vgic.vcpu[vcpu->index].lr_value[__builtin_ctz(filled)]);
}

static inline void end(struct start start, const struct vcpu *vcpu)
{
    start.event->given = given_since(start.free_lrs, vcpu);
    start.event->left = cpu_counter();
    start.writer->next += 1 + start.writer->changes;
    __atomic_store_n(&start.writer->ring->published, start.writer->next, __ATOMIC_RELEASE);
}

static inline ipa_t faulting_ipa(void)
{
    return ipa(FIELD_GET(HPFAR_EL2_FIPA, read_sysreg(hpfar_el2)) * PAGE_SIZE |
               (read_sysreg(far_el2) & (PAGE_SIZE - 1)));
}

/* What was read is in its register afterwards, and what was written still is. */
void trace_exit_sync(struct vcpu *vcpu)
{
    uint64_t esr = read_sysreg(esr_el2);
    struct start start = begin(vcpu, TRACE_SYNC);

    start.event->what = (uint32_t)esr;
    switch (esr_ec(esr)) {
    case ESR_EC_DABT_LOW:
        start.event->address = faulting_ipa().v;
        exit_sync(vcpu);
        if ((esr & ISS_ABORT_ISV) != 0)
            start.event->value = guest_reg(&vcpu->regs, (unsigned)FIELD_GET(ISS_ABORT_SRT, esr));
        break;
    case ESR_EC_SYS64:
        exit_sync(vcpu);
        start.event->value = guest_reg(&vcpu->regs, (unsigned)FIELD_GET(ISS_SYS64_Rt, esr));
        break;
    case ESR_EC_IABT_LOW:
        start.event->address = faulting_ipa().v;
        exit_sync(vcpu);
        break;
    default: /* of a call, what its registers say */
        start.event->value = vcpu->regs.x[0];
        start.event->address = vcpu->regs.x[1];
        exit_sync(vcpu);
        break;
    }
    end(start, vcpu);
}

void trace_exit_irq(struct vcpu *vcpu)
{
    struct start start = begin(vcpu, TRACE_IRQ);

    start.event->what = gicc_pending() & GIC_INTID_MASK;
    exit_irq(vcpu);
    end(start, vcpu);
}

void trace_exit_serror(struct vcpu *vcpu)
{
    struct start start = begin(vcpu, TRACE_SERROR);

    start.event->what = (uint32_t)read_sysreg(esr_el2);
    exit_serror(vcpu);
    end(start, vcpu);
}
