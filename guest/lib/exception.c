/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions at EL1: see exception.h; vectors.S calls in here. */
#include "exception.h"

#include "barrier.h"
#include "console.h"
#include "gic.h"
#include "psci.h"
#include "regs.h"
#include "smp.h"
#include "sysreg.h"

#define INSTRUCTION_SIZE 4

extern char exception_vectors[];

void exception_init(void)
{
    write_sysreg((uintptr_t)exception_vectors, vbar_el1);
    /* The next exception uses the new vectors. */
    isb();
}

void fault_arm(void)
{
    struct cpu *cpu = smp_this_cpu();

    cpu->fault = (struct fault){.taken = false};
    cpu->fault_armed = true;
    compiler_barrier();
}

struct fault fault_disarm(void)
{
    struct cpu *cpu = smp_this_cpu();

    compiler_barrier();
    cpu->fault_armed = false;
    return cpu->fault;
}

void exception_sync(struct exception_frame *frame)
{
    struct cpu *cpu = smp_this_cpu();

    if (!cpu->fault_armed || cpu->fault.taken)
        exception_fatal(frame);
    cpu->fault =
        (struct fault){.taken = true, .esr = frame->esr, .far = frame->far, .elr = frame->elr};
    /* Illegal state came from a return that the test made; what follows is legal again. */
    frame->spsr &= ~PSR_IL;
    if (ESR_EC(frame->esr) == ESR_EC_IABT_CUR)
        frame->elr = frame->x[30];
    else
        frame->elr += INSTRUCTION_SIZE;
}

void exception_irq(struct exception_frame *frame)
{
    (void)frame;
    gic_handle_irq();
}

void exception_serror(struct exception_frame *frame)
{
    struct cpu *cpu = smp_this_cpu();

    if (!cpu->serror_expected)
        exception_fatal(frame);
    cpu->serrors++;
}

void exception_fatal(struct exception_frame *frame)
{
    printf("\nunexpected exception on CPU %u: ESR %lx ELR %lx FAR %lx SPSR %lx\n",
           smp_this_cpu()->index, frame->esr, frame->elr, frame->far, frame->spsr);
    psci_system_off();
}
