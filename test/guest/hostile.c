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

uint64_t hostile_address(unsigned n)
{
    const struct fdt_reg *ram = &platform.ram[0];
    const uint64_t addresses[HOSTILE_NR_ADDRESSES] = {
        0,
        0x08000000, /* GIC */
        0x09000000, /* UART */
        0x0a000000, /* virtio */
        0x40000000, /* the machine's: its tree, Traproom, the guest's tree, images, the disk */
        0x40200000,
        0x40400000,
        0x68000000,
        0x6c000000,
        ram->address - 16,
        ram->address - 4096,
        platform_ram_end() - 4096,
        platform_ram_end() - 16,
        platform_ram_end() - 1,
        platform_ram_end(),
        platform_ram_end() + 4096,
        platform.dtb.address + 4096 - 16,
        UINT64_C(1) << 32 | ram->address,
        UINT64_C(1) << 40,
        UINT64_C(1) << 52,
        UINT64_C(1) << 63 | ram->address,
        ~UINT64_C(0) - 4095,
        ~UINT64_C(0) - 15,
        ~UINT64_C(0),
    };

    return addresses[n % HOSTILE_NR_ADDRESSES];
}

bool hostile_is_ram(uint64_t address, uint64_t length)
{
    uint64_t tree = platform.dtb.address & ~UINT64_C(0xfff);

    if (!length)
        return false;
    for (unsigned i = 0; i < platform.nr_ram; i++)
        if (address - platform.ram[i].address < platform.ram[i].size)
            return length <= platform.ram[i].size - (address - platform.ram[i].address);
    return address - tree < 4096 && length <= 4096 - (address - tree);
}
