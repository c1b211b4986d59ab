/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Physical interrupts. The guest's timers are passed on through linked list registers; the
 * others are Traproom's own. Neighbours: exit.c and vm/power.c call; vgic.c takes what is the
 * guest's; the vPL011 takes the console's input.
 */
#include "trap/irq.h"

#include "gic/gic.h"
#include "gic/gic_regs.h"
#include "gicc.h"
#include "vm/vm.h"
#include "vm/vm_console.h"

#define INTID_VTIMER 27
#define INTID_PTIMER 30

static uint32_t maintenance_intid;
static uint32_t console_intid;

void irq_init(uint32_t maintenance, uint32_t console)
{
    maintenance_intid = maintenance;
    console_intid = console;
}

/* The rarer ones: all of them end here and now. */
static void handle_own(struct vcpu *vcpu, uint32_t intid)
{
    if (intid == GIC_SGI_KICK) {
        vcpu->exits[EXIT_IRQ_KICK]++;
        gicc_eoi(intid);
        gicc_deactivate(intid);
        vgic_sync(&vcpu->vm->vgic, vcpu->index);
        return;
    }
    if (intid == maintenance_intid) {
        vcpu->exits[EXIT_IRQ_MAINTENANCE]++;
        vgic_sync(&vcpu->vm->vgic, vcpu->index);
    } else if (intid == console_intid) {
        vcpu->exits[EXIT_IRQ_UART]++;
        vm_console_input(vcpu->vm);
    } else {
        vcpu->exits[EXIT_IRQ_OTHER]++;
    }
    gicc_eoi(intid);
    gicc_deactivate(intid);
}

void irq_handle(struct vcpu *vcpu)
{
    uint32_t intid = gicc_acknowledge() & GIC_INTID_MASK;

    if (intid == INTID_VTIMER || intid == INTID_PTIMER) {
        vcpu->exits[EXIT_IRQ_TIMER]++;
        vgic_hw_ppi_fired(&vcpu->vm->vgic, vcpu->index, intid);
        gicc_eoi(intid);
    } else if (intid < GIC_INTID_SPECIAL) {
        handle_own(vcpu, intid);
    } else {
        vcpu->exits[EXIT_IRQ_OTHER]++;
    }
}
