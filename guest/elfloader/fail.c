/* SPDX-License-Identifier: Apache-2.0 */
/* Ends of the loader. Contract in fail.h; vectors.S, of guest/lib, comes here. */
#include "fail.h"

#include <stdarg.h>

#include "barrier.h"
#include "console.h"
#include "exception.h"
#include "psci.h"
#include "sysreg.h"

extern char exception_vectors[];

void fail_with(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    printf("elfloader: error: ");
    vprintf(format, args);
    printf("\n");
    va_end(args);
    psci_call(PSCI_CPU_OFF, 0, 0, 0);
    for (;;)
        __asm__ volatile("wfi");
}

void fail_on_exceptions(void)
{
    write_sysreg((uintptr_t)exception_vectors, vbar_el1);
    /* The next exception uses the new vectors. */
    isb();
}

void exception_fatal(struct exception_frame *frame)
{
    fail_with("unexpected exception: ESR %lx ELR %lx FAR %lx", frame->esr, frame->elr, frame->far);
}

void exception_sync(struct exception_frame *frame)
{
    exception_fatal(frame);
}

void exception_irq(struct exception_frame *frame)
{
    exception_fatal(frame);
}

void exception_serror(struct exception_frame *frame)
{
    exception_fatal(frame);
}
