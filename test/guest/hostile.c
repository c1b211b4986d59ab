/* SPDX-License-Identifier: Apache-2.0 */
/* What the hostile guests share: see hostile.h. */
#include "hostile.h"

#include "barrier.h"
#include "gic.h"
#include "platform.h"
#include "psci.h"
#include "timer.h"
#include "worker.h"

#define BRK         0xd4200000U
#define PSCI_1_1    0x10001
#define WAIT_US     5000000
#define ENOUGH      3 /* beats after a case */
#define CACHE_LINE  16
#define RANDOM_SEED UINT64_C(0x9e3779b97f4a7c15)

uint32_t hostile_code[HOSTILE_CODE_WORDS] __attribute__((aligned(4096)));
static volatile uint32_t beats;
static uint64_t random_state[PLATFORM_MAX_CPUS];

void hostile_put(const uint32_t *words, unsigned count)
{
    uintptr_t at = (uintptr_t)hostile_code, end = (uintptr_t)&hostile_code[count + 1];

    for (unsigned i = 0; i < count; i++)
        hostile_code[i] = words[i];
    hostile_code[count] = BRK;
    for (uintptr_t line = at; line < end; line += CACHE_LINE)
        __asm__ volatile("dc cvau, %0" : : "r"(line) : "memory");
    /* The words are where instructions are fetched from before old copies go. */
    dsb(ish);
    for (uintptr_t line = at; line < end; line += CACHE_LINE)
        __asm__ volatile("ic ivau, %0" : : "r"(line) : "memory");
    /* Old copies are gone before the next fetch. */
    dsb(ish);
    isb();
}

void hostile_run(struct hostile_state *state, uint32_t insn)
{
    hostile_put(&insn, 1);
    state->pc = (uintptr_t)hostile_code;
    state->pstate = HOSTILE_EL1;
    hostile_enter(state);
}

/* What shows life: its own steps, a device's register, a call. */
static void beat(void *arg)
{
    (void)arg;
    for (;;) {
        if (gicd_read(GICD_TYPER) != 0 && psci_call(PSCI_VERSION, 0, 0, 0) == PSCI_1_1)
            beats++;
        timer_delay_us(100);
    }
}

uint32_t hostile_beats(void)
{
    return beats;
}

void hostile_check_alive(void)
{
    uint32_t before = beats;

    if (platform.nr_cpus > 1 && !timer_wait_until(beats - before >= ENOUGH, WAIT_US))
        test_fail("the last CPU's heart has stopped");
    if (psci_call(PSCI_VERSION, 0, 0, 0) != PSCI_1_1)
        test_fail("PSCI_VERSION is %x", psci_call(PSCI_VERSION, 0, 0, 0));
}

bool hostile_start(void)
{
    if (!worker_start_all())
        return false;
    for (unsigned i = 0; i < platform.nr_cpus; i++)
        random_state[i] = RANDOM_SEED * (i + 1);
    if (platform.nr_cpus > 1)
        worker_begin(platform.nr_cpus - 1, beat, NULL);
    test_set_after(hostile_check_alive);
    return true;
}

unsigned hostile_cpus(void)
{
    return platform.nr_cpus > 1 ? platform.nr_cpus - 1 : 1;
}

/* Marsaglia's xorshift with shifts 13, 7 and 17. */
uint64_t hostile_random(unsigned cpu)
{
    uint64_t state = random_state[cpu];

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return random_state[cpu] = state;
}
