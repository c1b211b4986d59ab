/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine around vm/monitor*.c, for its unit tests and its fuzzer: the console's device is
 * fake_virtio_device.c, the test plays the vCPUs' CPUs and the clock. What monitor_cpu.c does needs
 * hardware, and is played as well.
 */
#ifndef TEST_MONITOR_FIXTURE_H
#define TEST_MONITOR_FIXTURE_H

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <string.h>

#include "cpu.h"
#include "drv/alarm.h"
#include "fake_virtio_device.h"
#include "fdt/host_fdt.h"
#include "gic/gic.h"
#include "gich.h"
#include "lib/bits.h"
#include "sysreg.h"
#include "tlb.h"
#include "trap/irq.h"
#include "vm/monitor.h"
#include "vm/monitor_call.h"
#include "vm/power.h"
#include "vm/vm_virtio.h"

#define RECEIVE   0
#define TRANSMIT  1
#define SLOT_IRQ  71
#define VCPUS     2
#define RAM_IPA   UINT64_C(0x48000000)
#define RAM_PAGES 1024U
#define RAM_BYTES (RAM_PAGES * PAGE_SIZE)
#define POOL      16
#define ALL       (STAGE2_READ | STAGE2_WRITE | STAGE2_EXEC)

struct fake_tlb fake_tlb;
_Thread_local struct fake_sysreg fake_sysreg;

static const struct host_virtio slot = {{{FAKE_VIRTIO_BASE}, FAKE_VIRTIO_SIZE}, SLOT_IRQ, true};
static struct vm vm;
static uint8_t ram[RAM_BYTES] __attribute__((aligned(2 << 20)));
static uint8_t pool_memory[POOL * PAGE_SIZE] __attribute__((aligned(65536)));
static struct page_pool pool;
static struct {
    irq_fn channel, sgi;
    struct alarm *alarm;
    uint64_t now;
    unsigned sgis, enabled, kicks, waits;
    unsigned sgi_to;
    void (*wait_fn)(struct vcpu *vcpu); /* an interrupt came while a vCPU waited */
} machine;
static struct {
    struct monitor_message message, event;
    char data[MONITOR_DATA_MAX + 1];
    unsigned count, events;
} got;

int irq_register(uint32_t intid, enum irq_trigger trigger, enum exit_reason reason, irq_fn fn,
                 void *ctx)
{
    (void)trigger;
    (void)reason;
    (void)ctx;
    if (intid == SLOT_IRQ)
        machine.channel = fn;
    else if (intid == GIC_SGI_MONITOR)
        machine.sgi = fn;
    return 0;
}

void irq_handle(struct vcpu *vcpu)
{
    machine.waits++;
    machine.wait_fn(vcpu);
}

void power_kick(struct vcpu *target)
{
    (void)target;
    machine.kicks++;
}

void gic_send_sgi(unsigned cpu, uint32_t intid)
{
    (void)intid;
    machine.sgis++;
    machine.sgi_to = cpu;
}

void gic_ppi_set_enabled(unsigned cpu, uint32_t intid, bool enabled)
{
    (void)cpu;
    (void)intid;
    machine.enabled += enabled;
}

uint64_t alarm_now(void)
{
    return machine.now;
}

uint64_t alarm_frequency(void)
{
    return 1000;
}

void alarm_add(struct alarm *alarm, void (*fn)(void *ctx), void *ctx)
{
    *alarm = (struct alarm){.fn = fn, .ctx = ctx, .due = ALARM_NEVER};
    machine.alarm = alarm;
}

void alarm_set(struct alarm *alarm, uint64_t due)
{
    alarm->due = due;
}

const struct host_virtio *vm_virtio_take(pa_t base)
{
    return base.v == FAKE_VIRTIO_BASE ? &slot : NULL;
}

const char *vm_exit_name(enum exit_reason reason, char *buf, size_t size)
{
    snprintf(buf, size, "reason %u", reason);
    return buf;
}

void log_print(enum log_kind kind, const char *fmt, ...)
{
    (void)kind;
    (void)fmt;
}

enum mmio_result virtio_mmio_access(void *dev, struct mmio_access *access)
{
    (void)dev;
    (void)access;
    return MMIO_OK;
}

enum mmio_result vgic_dist_access(void *dev, struct mmio_access *access)
{
    ((struct vgic *)dev)->spi_hot = (uint32_t)access->offset;
    return MMIO_OK;
}

int monitor_regs(struct monitor_call *call)
{
    monitor_say(call, "pc=0x%lx", call->vcpu->regs.pc);
    return 0;
}

int monitor_trace(struct monitor_call *call)
{
    (void)call;
    return -ERR_NOENT;
}

int monitor_at(struct monitor_call *call)
{
    call->message->value = call->message->address + 1;
    return 0;
}

static void take(unsigned queue)
{
    struct fake_virtio_chain chain;
    struct monitor_message message;

    if (queue != TRANSMIT || !fake_virtio_take(TRANSMIT, &chain))
        return;
    memcpy(&message, (void *)(uintptr_t)chain.desc[0].addr, sizeof(message));
    if (message.tag == 0) {
        got.event = message;
        got.events++;
    } else {
        memset(got.data, 0, sizeof(got.data));
        got.message = message;
        memcpy(got.data, (uint8_t *)(uintptr_t)chain.desc[0].addr + sizeof(message),
               chain.desc[0].len - sizeof(message));
        got.count++;
    }
    fake_virtio_use(TRANSMIT, chain.head, 0);
}

static void say_bytes(const void *bytes, size_t len)
{
    struct fake_virtio_chain chain;

    if (!fake_virtio_take(RECEIVE, &chain) || len > chain.desc[0].len)
        return;
    memcpy((void *)(uintptr_t)chain.desc[0].addr, bytes, len);
    fake_virtio_use(RECEIVE, chain.head, (uint32_t)len);
    if (machine.channel != NULL)
        machine.channel(NULL, NULL);
}

/* A guest of two vCPUs and 4 MiB, whose map is stage2.c's. */
static void make_vm(void)
{
    fake_virtio_init(VIRTIO_ID_CONSOLE, BIT(VIRTIO_F_VERSION_1), 2, 128);
    fake_virtio.notified_fn = take;
    vm.config.monitor = pa(FAKE_VIRTIO_BASE);
    vm.nr_vcpus = VCPUS;
    for (unsigned i = 0; i < VCPUS; i++) {
        vm.vcpu[i] = (struct vcpu){.index = i, .vm = &vm, .regs.pc = 0x1000 + i};
        vm.vgic.vcpu[i].cpu = 5 + i;
    }
    vm.mem.count = 1;
    vm.mem.region[0] = (struct ram_region){ipa(RAM_IPA), ptr_to_pa(ram), sizeof(ram)};
    page_pool_init(&pool, pool_memory, POOL);
    if (stage2_init(&vm.stage2, &pool, 1, 0x1125, 0) != 0 ||
        stage2_map(&vm.stage2, ipa(RAM_IPA), ptr_to_pa(ram), sizeof(ram), ALL) != 0)
        abort();
}

static void ask(struct monitor_message message)
{
    got.count = 0;
    message.tag = 7;
    say_bytes(&message, sizeof(message));
}

#endif
