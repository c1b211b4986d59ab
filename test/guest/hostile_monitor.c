/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest for a monitor to be asked about (monitor_storm.py): its CPUs put anything into the tables
 * of stage 1 and the registers that lead there, turn the MMU, each other and themselves on and off,
 * touch memory that the monitor may have taken away, and start the machine again. Whatever comes of
 * it, a CPU begins again (hostile_monitor_entry.S), at the latest after the next reset. It needs
 * nothing of the library but start.S's header.
 */
#include <stdbool.h>
#include <stdint.h>

#include "barrier.h"
#include "psci.h"
#include "sysreg.h"

#define ARENA        UINT64_C(0x49000000) /* monitor_storm.py knows it, and struct arena */
#define ARENA_BYTES  UINT64_C(0x10000000)
#define NR_CPUS      4
#define NR_TABLES    16
#define ENTRIES      512
#define CACHE_LINE   64
#define END          UINT64_C(0x646e65206568742e) /* the host wants no more */
#define GOLDEN       UINT64_C(0x9e3779b97f4a7c15)
#define SCTLR_RES1   UINT64_C(0x30d00800)
#define SCTLR_M      UINT64_C(1)
#define SCTLR_SOME   UINT64_C(0x101e)    /* A, C, SA, SA0, I */
#define SCTLR_BIG    (UINT64_C(3) << 24) /* E0E, EE */
#define MAIR         UINT64_C(0xff04)    /* device, normal */
#define TCR_T0       UINT64_C(0x3519)    /* 39 bits, shareable, cached, 4 KiB */
#define TCR_HALF1    UINT64_C(0xffff0000)
#define TCR_HD       (UINT64_C(3) << 39) /* the hardware updates descriptors */
#define TCR_IPS      (UINT64_C(5) << 32) /* 48 bits */
#define BLOCK_DEVICE UINT64_C(0x60000000000401)
#define BLOCK_NORMAL UINT64_C(0x00000040000705)
#define RESET_ONE_IN 512
#define LOSE_ONE_IN  256

/* Go there, with that in all registers: what runs there shall not know where the image is. */
void hostile_jump(uint64_t va) __attribute__((noreturn));

/* RAM behind the image, which keeps its content over a reset. The monitor writes here, too. */
struct arena {
    struct {
        volatile uint64_t beats;
        uint64_t rest[CACHE_LINE / 8 - 1];
    } cpu[NR_CPUS];
    volatile uint64_t seed;
    volatile uint64_t end;
    uint8_t rest[4096 - (NR_CPUS * CACHE_LINE + 16)];
    volatile uint64_t table[NR_TABLES][ENTRIES];
};

static struct arena *const arena = (struct arena *)ARENA;
/* The identity, for all below 2 GiB: in a page of the image. */
static const uint64_t identity[ENTRIES]
    __attribute__((aligned(4096))) = {BLOCK_DEVICE, BLOCK_NORMAL};

/* Marsaglia's xorshift, in a register that no exception loses. */
static uint64_t random_number(void)
{
    uint64_t state = read_sysreg(tpidr_el0);

    if (state == 0)
        state = (++arena->seed * NR_CPUS + read_sysreg(mpidr_el1)) * GOLDEN | 1;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    write_sysreg(state, tpidr_el0);
    return state >> 8;
}

static void call(uint32_t function, uint64_t target, uint64_t entry)
{
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = target;
    register uint64_t x2 __asm__("x2") = entry;
    register uint64_t x3 __asm__("x3") = 0;

    __asm__ volatile("hvc #0"
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
                     :
                     : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15",
                       "x16", "x17", "memory");
}

/* Anywhere: tables, RAM, devices, the machine's, beyond all memory. */
static uint64_t somewhere(void)
{
    static const uint64_t places[] = {0,          0x08000000, 0x09000000,        0x40000000,
                                      0x40200000, 0x47fff000, 0x68000000,        0x7ffff000,
                                      0x80000000, 1ULL << 36, 0xfffffffff000ULL, ~0ULL << 12};
    uint64_t random = random_number();

    if (random & 1)
        return (uintptr_t)arena->table[random >> 1 & (NR_TABLES - 1)];
    if (random & 2)
        return ARENA + (random >> 2 & (ARENA_BYTES - 1));
    return places[(random >> 2) % (sizeof(places) / sizeof(places[0]))] | (random >> 8 & 0xff8);
}

static void flush(void)
{
    isb();
    __asm__ volatile("tlbi vmalle1is" : : : "memory");
    /* No CPU has the old ones any more. */
    dsb(ish);
    isb();
}

static void rewrite_tables(void)
{
    uint64_t random = random_number();
    volatile uint64_t *table = arena->table[random & (NR_TABLES - 1)];

    for (unsigned n = 0; n < ENTRIES; n++)
        table[n] = random & 16 ? (uintptr_t)table | 3 : somewhere() | (random_number() & 0xfff);
}

/* One access in the upper half, by any tables: most end in an exception. */
static void look_around(unsigned cpu)
{
    uint64_t random = random_number();
    uint64_t va = ~UINT64_C(0) << (12 + (random & 31)) | (random_number() & 0xfffffff8);

    write_sysreg(MAIR, mair_el1);
    write_sysreg((uintptr_t)identity, ttbr0_el1);
    write_sysreg(TCR_T0 | TCR_IPS | (random & TCR_HALF1) | (random & TCR_HD), tcr_el1);
    write_sysreg(somewhere(), ttbr1_el1);
    flush();
    write_sysreg(SCTLR_RES1 | SCTLR_M | (random >> 20 & SCTLR_SOME), sctlr_el1);
    isb();
    switch (random >> 40 & 7) {
    case 0:
        if (cpu != 0)
            hostile_jump(va);
        break;
    case 1:
        __asm__ volatile("at s1e1w, %0" : : "r"(va) : "memory");
        break;
    case 2:
        __asm__ volatile("dc civac, %0" : : "r"(va) : "memory");
        break;
    default:
        (void)*(volatile uint64_t *)va;
        break;
    }
    write_sysreg(SCTLR_RES1, sctlr_el1);
    isb();
}

/* Memory that may have been taken away; what is behind the tables may be written, too. */
static void touch(void)
{
    uint64_t random = random_number();
    volatile uint64_t *at =
        (volatile uint64_t *)(ARENA + sizeof(*arena) + (random & (ARENA_BYTES / 2 - 1) & ~7UL));

    if (random >> 40 & 1)
        *at = random;
    else
        (void)*at;
}

/* Registers of anything: from here on this CPU may be anywhere, until it faults or is reset. */
static void get_lost(void)
{
    uint64_t random = random_number();

    write_sysreg(random_number() & 0xffffffffffff, tcr_el1);
    write_sysreg(somewhere(), ttbr0_el1);
    write_sysreg(somewhere(), ttbr1_el1);
    write_sysreg(random_number(), mair_el1);
    flush();
    write_sysreg(SCTLR_RES1 | SCTLR_M | (random & (SCTLR_SOME | SCTLR_BIG)), sctlr_el1);
    isb();
}

static void switch_power(unsigned cpu, uint64_t entry)
{
    uint64_t random = random_number();
    unsigned other = 1 + (unsigned)(random >> 8) % (NR_CPUS - 1);

    call(PSCI_CPU_ON64, random & 1 ? other : random, entry);
    if (cpu == 0 && (random >> 16) % RESET_ONE_IN == 0)
        call(PSCI_SYSTEM_RESET, 0, 0);
    if (cpu != 0 && (random & 14) == 0)
        call(PSCI_CPU_OFF, 0, 0);
}

/* Called at `entry` in hostile_monitor_entry.S with the MMU off, whatever was before. */
void hostile_main(unsigned cpu, uint64_t entry);
void hostile_main(unsigned cpu, uint64_t entry)
{
    for (;;) {
        uint64_t random = random_number();

        arena->cpu[cpu].beats++;
        if (cpu == 0 && arena->end == END)
            call(PSCI_SYSTEM_OFF, 0, 0);
        if (cpu > 1 && random / 8 % LOSE_ONE_IN == 0)
            get_lost();
        switch (random & 7) {
        case 0:
            switch_power(cpu, entry);
            break;
        case 1:
            rewrite_tables();
            break;
        case 2:
        case 3:
        case 4:
            touch();
            break;
        default:
            look_around(cpu);
            break;
        }
    }
}

/* start.S has ways to these, which nobody goes. */
void boot_main(void);
void smp_secondary_main(void);
void boot_main(void)
{
}
void smp_secondary_main(void)
{
}
