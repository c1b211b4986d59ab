/* SPDX-License-Identifier: Apache-2.0 */
/* A console, a clock, a vGIC and a map that remember. See fake_machine.h. */
#include "fake_machine.h"

#include "cpu.h"
#include "drv/alarm.h"
#include "drv/console.h"
#include "gic/gic.h"
#include "gic/vgic.h"
#include "mm/stage2.h"
#include "trap/irq.h"
#include "vm/power.h"

struct fake_line fake_line;
uint64_t fake_now, fake_frequency = 1;
struct alarm *fake_alarm;
unsigned fake_panics;
uint8_t fake_printed;
struct fake_irq fake_irq;
uint32_t fake_pending;
struct vcpu *fake_kicked;
bool (*fake_sleep)(struct vcpu *vcpu);
_Thread_local unsigned fake_cpu_index;
struct fake_map fake_map;
int fake_map_error;

uint64_t alarm_now(void)
{
    return fake_now;
}

uint64_t alarm_frequency(void)
{
    return fake_frequency;
}

void alarm_add(struct alarm *alarm, void (*fn)(void *ctx), void *ctx)
{
    *alarm = (struct alarm){.fn = fn, .ctx = ctx};
    fake_alarm = alarm;
}

void watch_panicked(void)
{
    fake_panics++;
}

void alarm_set(struct alarm *alarm, uint64_t due)
{
    alarm->due = due;
}

void console_set_input(console_take_fn take, void *ctx)
{
    (void)take;
    (void)ctx;
}

void console_input(void)
{
}

void console_guest_put(uint8_t byte)
{
    fake_printed = byte;
}

void vgic_set_line(void *ctx, uint32_t intid, bool level)
{
    (void)ctx;
    fake_line.rises += level && !fake_line.level;
    fake_line.intid = intid;
    fake_line.level = level;
}

int irq_register(uint32_t intid, enum irq_trigger trigger, enum exit_reason reason, irq_fn fn,
                 void *ctx)
{
    (void)reason;
    fake_irq = (struct fake_irq){intid, trigger == IRQ_EDGE, fn, ctx};
    return 0;
}

void gic_set_pending(uint32_t intid)
{
    fake_pending = intid;
}

void power_kick(struct vcpu *target)
{
    fake_kicked = target;
}

bool power_sleep(struct vcpu *vcpu)
{
    return fake_sleep(vcpu);
}

int stage2_map(struct stage2 *s2, ipa_t ipa, pa_t pa, uint64_t size, unsigned perms)
{
    (void)s2;
    fake_map = (struct fake_map){ipa.v, pa.v, size, perms};
    return fake_map_error;
}

int stage2_unmap(struct stage2 *s2, ipa_t ipa, uint64_t size)
{
    (void)s2;
    fake_map = (struct fake_map){.ipa = ipa.v, .size = size};
    return fake_map_error;
}
