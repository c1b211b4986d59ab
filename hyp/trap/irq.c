/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Physical interrupts. The guest's timers and PMU are passed on through linked list registers; the
 * others are Traproom's own. Neighbours: vectors.S and vm/power.c call; vgic.c takes what is the
 * guest's; main.c registers the machine's devices.
 */
#include "trap/irq.h"

#include <stdbool.h>
#include <stddef.h>

#include "barrier.h"
#include "check/sabotage.h"
#include "cpu.h"
#include "gic/gic.h"
#include "gic/gic_regs.h"
#include "gicc.h"
#include "trap/exit.h"
#include "vm/power.h"
#include "vm/vm.h"

#define INTID_VTIMER 27
#define INTID_PTIMER 30
#define FIRST_SPI    32

struct irq_action {
    irq_fn fn; /* NULL: nobody's */
    void *ctx;
    enum irq_trigger trigger;
    enum exit_reason reason;
};

static struct irq_action table[GIC_INTID_SPECIAL]; /* by INTID; constant once a guest runs */

static inline bool is_timer(uint32_t intid)
{
    return intid == INTID_VTIMER || intid == INTID_PTIMER;
}

int irq_register(uint32_t intid, enum irq_trigger trigger, enum exit_reason reason, irq_fn fn,
                 void *ctx)
{
    if (intid >= GIC_INTID_SPECIAL)
        return -ERR_RANGE;
    if (is_timer(intid) || intid == GIC_SGI_KICK || table[intid].fn != NULL)
        return -ERR_EXIST;
    table[intid] = (struct irq_action){fn, ctx, trigger, reason};
    if (intid >= FIRST_SPI)
        gic_enable_spi(intid, trigger == IRQ_EDGE, cpu_mpidr());
    return 0;
}

static void sync_vgic(void *ctx, struct vcpu *vcpu)
{
    (void)ctx;
    vgic_sync(&vcpu->vm->vgic, vcpu->index);
}

int irq_init(uint32_t maintenance)
{
    return irq_register(maintenance, IRQ_LEVEL, EXIT_IRQ_MAINTENANCE, sync_vgic, NULL);
}

static inline void end_irq(uint32_t intid)
{
    gicc_eoi(intid);
    gicc_deactivate(intid);
}

static enum exit_reason handle_own(struct vcpu *vcpu, uint32_t intid)
{
    const struct irq_action *action = &table[intid];

    if (action->fn == NULL) {
        end_irq(intid);
        return EXIT_IRQ_OTHER;
    }
    if (action->trigger == IRQ_EDGE) {
        end_irq(intid);
        action->fn(action->ctx, vcpu);
    } else {
        action->fn(action->ctx, vcpu);
        /* What lowers the line has reached the device before the interrupt may come again. */
        dsb(sy);
        isb();
        end_irq(intid);
    }
    return action->reason;
}

/* A linked one: the guest ends it, and with it the machine's. */
static inline void pass_on(struct vcpu *vcpu, uint32_t intid)
{
    vgic_hw_ppi_fired(&vcpu->vm->vgic, vcpu->index, intid);
    gicc_eoi(intid);
}

/* Handle what is there, and say what it was. Timers and kicks are nearly all of it. */
static inline enum exit_reason handle(struct vcpu *vcpu)
{
    uint32_t intid = gicc_acknowledge() & GIC_INTID_MASK;

    if (is_timer(intid)) {
        pass_on(vcpu, intid);
        return EXIT_IRQ_TIMER;
    }
    if (intid == GIC_SGI_KICK) {
        end_irq(intid); /* first: whoever kicks from now on is to be heard */
        vgic_sync(&vcpu->vm->vgic, vcpu->index);
        return EXIT_IRQ_KICK;
    }
    if (intid < VGIC_FIRST_SPI &&
        (vcpu->vm->vgic.vcpu[vcpu->index].bank.linked >> intid & 1) != 0) {
        pass_on(vcpu, intid);
        return EXIT_IRQ_PMU;
    }
    return intid < GIC_INTID_SPECIAL ? handle_own(vcpu, intid) : EXIT_IRQ_OTHER;
}

void irq_handle(struct vcpu *vcpu)
{
    handle(vcpu);
}

void exit_irq(struct vcpu *vcpu)
{
    sabotage_exit(vcpu->vm, false);
    vcpu->exits[handle(vcpu)]++;
    if (__atomic_load_n(&vcpu->vm->run_state, __ATOMIC_ACQUIRE) != VM_RUNNING) /* see power.c */
        power_join_stop(vcpu);
}
