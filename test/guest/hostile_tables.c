/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage 1 as no kernel builds it: tables on devices, out of RAM, of random descriptors, pointing
 * at themselves, changed while they are walked, and every TCR_EL1 for the upper half of the
 * addresses; stacks and vectors where there is no memory. Each access ends in a fault of EL1's own
 * or is carried out. The lower half, from which this runs, is left alone but by CPUs to be lost.
 */
#include "barrier.h"
#include "console.h"
#include "guest.h"
#include "hostile.h"
#include "mmu.h"
#include "platform.h"
#include "sysreg.h"
#include "timer.h"
#include "worker.h"

#define TCR_HALF1    UINT64_C(0xffff0000)
#define TCR_HA       (UINT64_C(1) << 39)
#define TCR_SHARED1  (UINT64_C(0x35) << 24) /* inner shareable, write-back */
#define TCR_4K       (UINT64_C(2) << 30)
#define NR_ROOTS     12000
#define NR_RANDOM    6000
#define NR_ALIASES   4000
#define NR_PAGES     16
#define ENTRIES      512
#define PXN_RO       (UINT64_C(1) << 53 | UINT64_C(1) << 7) /* of any leaf: RAM stays as it is */
#define LEAF         UINT64_C(0x703) /* valid, page, inner shareable, accessed */
#define READ_ONLY    (UINT64_C(1) << 7)
#define DESC_ADDRESS UINT64_C(0xfffffffff000)
#define NORMAL       (UINT64_C(1) << 2) /* mmu.c's second kind of memory */
#define UPPER        (~UINT64_C(0) << 39)
#define NOWHERE      UINT64_C(0x0b000000)
#define BR_X1        0xd61f0020
#define LDR_POST     0xb8404420 /* ldr w0, [x1], #4 */
#define COUNT(list)  (sizeof(list) / sizeof((list)[0]))

static uint64_t pages[NR_PAGES][ENTRIES] __attribute__((aligned(0x10000)));
static struct hostile_state state;
static uint64_t tcr;
static volatile bool over;

static void set_upper_half(uint64_t fields, uint64_t root)
{
    write_sysreg((tcr & ~TCR_HALF1) | fields, tcr_el1);
    write_sysreg(root, ttbr1_el1);
    /* The registers before the end of what was translated by others. */
    isb();
    __asm__ volatile("tlbi vmalle1" : : : "memory");
    /* Nothing of it is used from here on. */
    dsb(nsh);
    isb();
}

static uint32_t random_access(void)
{
    static const uint32_t insns[] = {
        0xf9400020,             /* ldr x0, [x1] */
        LDR_POST,   0xa9400820, /* ldp x0, x2, [x1] */
        0xc85f7c20,             /* ldxr x0, [x1] */
        0xf9000020,             /* str x0, [x1] */
        0xd50b7a21,             /* dc cvac, x1 */
        0xd5087621,             /* dc ivac, x1 */
        0xd50b7421,             /* dc zva, x1 */
        0xd50b7521,             /* ic ivau, x1 */
        0xd5087801,             /* at s1e1r, x1 */
        0xd5087861,             /* at s1e0w, x1 */
        BR_X1,
    };

    return insns[hostile_random(0) % COUNT(insns)];
}

/* Faults of stage 1, at any level, and what stands for stage 2's: external aborts. */
static bool is_own_fault(uint64_t esr)
{
    uint64_t fsc = ESR_FSC(esr);

    return fsc <= FSC_EXTERNAL || (fsc >= 0x13 && fsc <= 0x17) || fsc == FSC_ALIGNMENT ||
           fsc == 0x29 || fsc == 0x2b || fsc == 0x35;
}

/* A jump to where no instruction can begin: a CPU may say so before it looks at the tables. */
static bool is_misaligned_jump(uint32_t insn, uint64_t va)
{
    return insn == BR_X1 && (va & 3) != 0 && ESR_EC(state.esr) == ESR_EC_PC_ALIGN;
}

/* One access in the upper half; whether it was carried out. */
static bool try_access(uint32_t insn, uint64_t va)
{
    state.x[1] = va;
    hostile_run(&state, insn);
    if (hostile_completed(&state))
        return true;
    if (((ESR_EC(state.esr) != ESR_EC_DABT_CUR && ESR_EC(state.esr) != ESR_EC_IABT_CUR) ||
         !is_own_fault(state.esr)) &&
        !is_misaligned_jump(insn, va))
        test_fail("%x at %lx, TCR %lx, TTBR1 %lx: ESR %lx", insn, va, read_sysreg(tcr_el1),
                  read_sysreg(ttbr1_el1), state.esr);
    return false;
}

static bool is_memory_access(uint32_t insn)
{
    return insn >> 24 != 0xd5;
}

/* Roots where no table can be, under every TCR_EL1. */
static void roots(void)
{
    for (unsigned i = 0; i < NR_ROOTS; i++) {
        uint64_t random = hostile_random(0), address = hostile_address((unsigned)(random >> 32));
        uint32_t insn = random_access();

        if (hostile_is_ram(address & DESC_ADDRESS, 8))
            continue;
        set_upper_half((random & (TCR_HALF1 & ~(UINT64_C(1) << 23))) | (random & TCR_HA),
                       address | (random & UINT64_C(0xffff000000000001)));
        if (try_access(insn, ~UINT64_C(0) << (random >> 56 & 63) | (random >> 8 & 0xfffff8)) &&
            is_memory_access(insn))
            test_fail("%x with a root at %lx completes", insn, address);
    }
}

/* A page's address, as a descriptor has it, where there is no RAM. */
static uint64_t random_place(unsigned cpu)
{
    uint64_t place = hostile_address((unsigned)hostile_random(cpu) & 0xff) & DESC_ADDRESS;

    return hostile_is_ram(place, 8) ? NOWHERE : place;
}

/* What leads to RAM may neither be written nor executed, nor is it changed by the walk. */
static uint64_t random_descriptor(unsigned cpu)
{
    uint64_t random = hostile_random(cpu);
    uint64_t page = (uintptr_t)pages[random >> 16 & (NR_PAGES - 1)];

    return (random & 0x30 ? page : random_place(cpu)) | PXN_RO | (random & 0x70f);
}

static void fill_pages(unsigned cpu)
{
    for (unsigned i = 0; i < NR_PAGES; i++)
        for (unsigned n = 0; n < ENTRIES; n++)
            *(volatile uint64_t *)&pages[i][n] = random_descriptor(cpu);
}

static void try_random(unsigned count)
{
    uint32_t done = 0;

    for (unsigned i = 0; i < count; i++) {
        uint64_t random = hostile_random(0);
        uint32_t insn = random_access();

        set_upper_half((random & (TCR_HALF1 & ~(UINT64_C(1) << 23))) | (random & TCR_HA),
                       (uintptr_t)pages[random >> 32 & (NR_PAGES - 1)]);
        done +=
            try_access(insn, ~UINT64_C(0) << (random >> 56 & 63) | (hostile_random(0) >> 8 & ~7UL));
    }
    CHECK(done, "nothing was ever mapped");
}

static void random_tables(void)
{
    fill_pages(0);
    try_random(NR_RANDOM);
}

/* Every entry of the root leads to the root. */
static void loops(void)
{
    for (unsigned n = 0; n < ENTRIES; n++)
        pages[0][n] = (uintptr_t)pages[0] | PXN_RO | LEAF;
    for (unsigned i = 0; i < NR_RANDOM; i++) {
        uint64_t random = hostile_random(0);

        set_upper_half(random & (TCR_HALF1 & ~(UINT64_C(1) << 23)), (uintptr_t)pages[0]);
        try_access(random_access(), ~UINT64_C(0) << 36 | (random >> 24 & ~UINT64_C(7)));
    }
}

static void fill_on(void *arg)
{
    unsigned cpu = (unsigned)(uintptr_t)arg;

    while (!over)
        fill_pages(cpu);
}

static void changing_tables(void)
{
    over = false;
    worker_begin(1, fill_on, (void *)UINT64_C(1));
    try_random(NR_RANDOM);
    over = true;
    CHECK(worker_wait(1), "CPU 1 hangs");
}

/* What the page of code that CPU 0 runs leads to: mostly code. */
static void flip_on(void *arg)
{
    (void)arg;
    while (!over) {
        uint64_t random = hostile_random(1);
        uint64_t way = random & 3 ? (uintptr_t)hostile_code : random_place(1);

        *(volatile uint64_t *)&pages[2][0] = random & 12 ? way | LEAF | READ_ONLY | NORMAL : 0;
        /* The entry is written before old copies of it go. */
        dsb(ishst);
        __asm__ volatile("tlbi vmalle1is" : : : "memory");
        /* They are gone. */
        dsb(ish);
    }
}

/* The hypervisor looks for an instruction that has just been mapped away. */
static void changing_code(void)
{
    static const uint32_t code[] = {LDR_POST, LDR_POST, LDR_POST, LDR_POST};
    uint64_t uart = platform.uart.regs.address + UARTPERIPHID0, deadline;
    uint32_t done = 0, faults = 0;

    pages[0][0] = (uintptr_t)pages[1] | 3;
    pages[1][0] = (uintptr_t)pages[2] | 3;
    hostile_put(code, COUNT(code));
    set_upper_half((64 - 39) << 16 | TCR_SHARED1 | TCR_4K, (uintptr_t)pages[0]);
    over = false;
    worker_begin(1, flip_on, NULL);
    deadline = timer_deadline_us(WAIT_US);
    while ((done < NR_ALIASES || faults < NR_ALIASES / 16) && !timer_passed(deadline)) {
        state.x[0] = 0;
        state.x[1] = uart;
        state.pc = UPPER;
        state.pstate = HOSTILE_EL1;
        hostile_enter(&state);
        if (hostile_completed(&state)) {
            CHECK(state.x[1] == uart + 16, "x1 moved to %lx", state.x[1]);
            done++;
        } else {
            CHECK((ESR_EC(state.esr) == ESR_EC_DABT_CUR || ESR_EC(state.esr) == ESR_EC_IABT_CUR) &&
                      is_own_fault(state.esr),
                  "ESR %lx, ELR %lx", state.esr, state.pc);
            faults++;
        }
    }
    over = true;
    CHECK(worker_wait(1), "CPU 1 hangs");
    CHECK(done && faults, "%u done, %u faults", done, faults);
}

/* Its stack is where nothing is: the vectors fault on their own first store. */
static void lose_stack(void *arg)
{
    __asm__ volatile("mov sp, %0\n ldr x0, [sp]" : : "r"(arg) : "x0", "memory");
}

static void lose_vectors(void *arg)
{
    write_sysreg(arg, vbar_el1);
    isb();
    __asm__ volatile("brk #0");
}

/* CPUs 1 and 2 fault for ever; the others and the end of the guest don't mind. */
static void lost_cpus(void)
{
    uint32_t before = hostile_beats();

    worker_begin(1, lose_stack, (void *)NOWHERE);
    worker_begin(2, lose_vectors, (void *)platform_ram_end());
    CHECK(timer_wait_until(hostile_beats() - before > 50, WAIT_US), "no heartbeat");
}

static const struct test_case cases[] = {
    {"roots", roots},
    {"random-tables", random_tables},
    {"loops", loops},
    {"changing-tables", changing_tables},
    {"changing-code", changing_code},
    {"lost-cpus", lost_cpus},
    {NULL, NULL},
};

void guest_main(void)
{
    if (!hostile_start() || platform.nr_cpus < 4)
        printf("four CPUs do not start\n");
    tcr = read_sysreg(tcr_el1) & ~(UINT64_C(1) << 23);
    TEST_RUN(cases);
}
