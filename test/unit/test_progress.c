/* SPDX-License-Identifier: Apache-2.0 */
/* When a vCPU gets nowhere, and when a guest is dead: each condition alone is not enough. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "regs.h"
#include "vm/progress.h"

#define VBAR   UINT64_C(0xffff800008011000)
#define KERNEL UINT64_C(0xffff800008100000)

static const struct progress_sample masked = {.pc = KERNEL,
                                              .pstate = PSR_M_EL1h | PSR_I | PSR_F,
                                              .vbar = VBAR,
                                              .elr = KERNEL,
                                              .spsr = PSR_M_EL1h,
                                              .work = 7,
                                              .on = true,
                                              .pending = true};
static const struct progress_sample loop = {.pc = VBAR + 0x200,
                                            .pstate = PSR_M_EL1h | PSR_DAIF,
                                            .vbar = VBAR,
                                            .elr = VBAR + 0x204,
                                            .work = 7,
                                            .on = true};
static const struct progress_sample user = {.pstate = PSR_M_EL0t, .vbar = VBAR, .on = true};
static const struct progress_sample idle = {.pc = KERNEL,
                                            .pstate = PSR_M_EL1h | PSR_I | PSR_F,
                                            .vbar = VBAR,
                                            .spsr = PSR_M_EL1h,
                                            .on = true,
                                            .idle = true};

static void is_fine(const struct progress_sample *last, struct progress_sample sample)
{
    assert_int_equal(progress_trouble(last, &sample), PROGRESS_FINE);
}

static void masked_with_one_pending(void **state)
{
    struct progress_sample sample = masked;

    (void)state;
    assert_int_equal(progress_trouble(&masked, &masked), PROGRESS_MASKED);
    sample.pending = false;
    is_fine(&masked, sample); /* it computes */
    sample = masked;
    sample.pstate &= ~PSR_I;
    is_fine(&masked, sample); /* it is about to take it */
    sample = masked;
    sample.work++;
    is_fine(&masked, sample); /* it uses a device */
    sample = masked;
    sample.on = false;
    is_fine(&masked, sample);
    is_fine(&sample, masked);
}

static void exception_loop(void **state)
{
    struct progress_sample sample = loop;

    (void)state;
    assert_int_equal(progress_trouble(&loop, &loop), PROGRESS_LOOP);
    sample.elr = KERNEL;
    is_fine(&loop, sample); /* the first exception */
    sample = loop;
    sample.pc = KERNEL;
    is_fine(&loop, sample);
    sample = loop;
    sample.pc = VBAR + 0x800;
    is_fine(&loop, sample);
    sample = loop;
    sample.pc = VBAR - 4;
    is_fine(&loop, sample);
    sample = loop;
    sample.work++;
    is_fine(&loop, sample);
}

static void programs_are_fine(void **state)
{
    struct progress_sample sample = masked;

    (void)state;
    sample.pstate = PSR_M_EL0t | PSR_I;
    is_fine(&masked, sample);
}

static void counted_in_a_row(void **state)
{
    struct progress progress = {0};

    (void)state;
    progress_take(&progress, &masked); /* nothing is known of what was before */
    assert_int_equal(progress.stuck, 0);
    for (unsigned i = 1; i <= 5; i++) {
        progress_take(&progress, i % 2 != 0 ? &masked : &loop);
        assert_int_equal(progress.stuck, i);
    }
    progress_take(&progress, &user);
    assert_int_equal(progress.stuck, 0);
}

static void shows(enum progress_sign sign, struct progress_sample sample)
{
    assert_int_equal(progress_sign(&sample), sign);
}

static void signs_of_life(void **state)
{
    struct progress_sample sample = idle;

    (void)state;
    shows(PROGRESS_LIVES, user);
    shows(PROGRESS_LIVES, idle);
    sample.pending = true;
    shows(PROGRESS_STOPPED, sample); /* it would go on if it could */
    sample = idle;
    sample.pstate |= PSR_DAIF;
    shows(PROGRESS_STOPPED, sample); /* for good */
    sample = idle;
    sample.idle = false;
    shows(PROGRESS_SPINS, sample);
    sample.on = false;
    shows(PROGRESS_STOPPED, sample);
    sample = user;
    sample.on = false;
    shows(PROGRESS_STOPPED, sample);
    shows(PROGRESS_STOPPED, masked);
}

/* A program that is in a system call ran before; a kernel that has come from one to panic, with
 * interrupts masked, may stay so. */
static void a_program_was_there(void **state)
{
    struct progress_sample sample = masked;

    (void)state;
    sample.pending = false;
    sample.spsr = PSR_M_EL0t;
    shows(PROGRESS_SPINS, sample);
    sample.pstate &= ~PSR_I;
    shows(PROGRESS_LIVES, sample);
    sample.spsr = PSR_M_EL1h;
    shows(PROGRESS_SPINS, sample);
}

static void an_aarch32_program_lives(void **state)
{
    struct progress_sample sample = user;

    (void)state;
    sample.pstate = PSR_M_nRW | PSR_T32;
    shows(PROGRESS_LIVES, sample);
}

static void dead_in_a_row(void **state)
{
    struct progress progress = {0};

    (void)state;
    progress_take(&progress, &masked);
    progress_take(&progress, &masked);
    assert_int_equal(progress.dead, 2);
    progress_take(&progress, &idle);
    assert_int_equal(progress.dead, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masked_with_one_pending), cmocka_unit_test(exception_loop),
        cmocka_unit_test(programs_are_fine),       cmocka_unit_test(counted_in_a_row),
        cmocka_unit_test(signs_of_life),           cmocka_unit_test(an_aarch32_program_lives),
        cmocka_unit_test(a_program_was_there),     cmocka_unit_test(dead_in_a_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
