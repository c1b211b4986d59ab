/* SPDX-License-Identifier: Apache-2.0 */
/* Reports what EL2 could not go on from. See panic.h; vectors.S and main.c call. */
#include "trap/panic.h"

#include "boot.h"
#include "drv/console.h"
#include "drv/host_psci.h"
#include "lib/addr.h"
#include "lib/bits.h"
#include "lib/stack_protector.h"
#include "mm/hyp_map.h"
#include "sysreg.h"
#include "trap/esr.h"

#define BACKTRACE_MAX 16
#define TEXT_MAX      160

static void power_off(const char *reason)
{
    char text[TEXT_MAX];

    fmt_snprintf(text, sizeof(text), "hypervisor failed: %s", reason);
    console_exit_line(text);
    host_psci_system_off();
}

void panic(const char *fmt, ...)
{
    char reason[TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    fmt_vsnprintf(reason, sizeof(reason), fmt, ap);
    va_end(ap);
    power_off(reason);
    __builtin_unreachable();
}

/* A return address without its signature (pauth.h). */
static uint64_t plain(uint64_t address)
{
    return address & GENMASK(HYP_VA_BITS - 1, 0);
}

/* Frames are pairs of the caller's frame pointer and return address (AAPCS64, "The Frame Pointer").
 */
static void backtrace(uint64_t fp, uint64_t sp)
{
    uint64_t top = align_up(sp + 1, STACK_STRIDE);

    for (unsigned i = 0; i < BACKTRACE_MAX && fp >= sp && fp + 16 <= top && is_aligned(fp, 16);
         i++) {
        const uint64_t *frame = (const uint64_t *)fp; /* NOLINT(performance-no-int-to-ptr) */

        log_error("  called from 0x%016lx", plain(frame[1]));
        fp = frame[0];
    }
}

void panic_exception(uint64_t vector, uint64_t sp, uint64_t fp, uint64_t lr)
{
    uint64_t esr = read_sysreg(esr_el2);

    console_seize();
    log_error("exception at EL2, vector %lu: %s", vector, esr_ec_name((unsigned)esr_ec(esr)));
    log_error("  pc 0x%016lx lr 0x%016lx sp 0x%016lx", read_sysreg(elr_el2), plain(lr), sp);
    log_error("  esr 0x%08lx far 0x%016lx", esr, read_sysreg(far_el2));
    backtrace(fp, sp);
    power_off("an exception at EL2");
    __builtin_unreachable();
}

void panic_again(void)
{
    console_seize();
    power_off("an exception at EL2, and another while it was reported");
    __builtin_unreachable();
}

/* The backtrace ends where the frame was overrun, or a little later: it keeps to the stack. */
void __stack_chk_fail(void)
{
    uint64_t fp = (uint64_t)(uintptr_t)__builtin_frame_address(0);

    backtrace(fp, fp);
    panic("a stack frame was overrun");
}
