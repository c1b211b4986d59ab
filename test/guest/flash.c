/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parallel NOR flash (dev/vpflash.c), two banks: queried, erased, programmed, read and run in
 * place, while other CPUs read it; and written to at random, which must hurt nobody but its
 * content.
 */
#include "barrier.h"
#include "console.h"
#include "mmu.h"
#include "platform.h"
#include "smp.h"
#include "testcase.h"
#include "timer.h"
#include "worker.h"

#define BLOCK  UINT64_C(0x40000)
#define WINDOW UINT64_C(0x200000)
#define CACHED (MMU_WINDOW_BASE + UINT64_C(0x40000000)) /* the banks once more, executable */

#define READY     0x00800080u
#define PATTERN   0x12345678u
#define ROUNDS    60
#define TRIES     2500
#define MOV_W0_42 0x52800540u
#define RET       0xd65f03c0u

static volatile uint64_t readers_stop, reads, strange;

static uint64_t bank(unsigned n)
{
    return platform.flash[n].address;
}

static uint32_t rd(uint64_t at)
{
    return *(volatile uint32_t *)at;
}

static void wr(uint64_t at, uint32_t value)
{
    *(volatile uint32_t *)at = value;
}

/* The same command to both chips. */
static void command(uint64_t at, uint32_t value)
{
    wr(at, value | value << 16);
}

static void erase(uint64_t at)
{
    command(at, 0x20);
    command(at, 0xd0);
}

static void program(uint64_t at, uint32_t value)
{
    command(at, 0x40);
    wr(at, value);
}

static void show(uint64_t at)
{
    command(at, 0xff);
}

static void is_queried(void)
{
    for (unsigned i = 0; i < 2; i++) {
        command(bank(i) + 0x55 * 4, 0x98);
        CHECK(rd(bank(i) + 0x40) == 0x00510051, "%x for Q", rd(bank(i) + 0x40));
        CHECK(rd(bank(i) + 0x44) == 0x00520052, "%x for R", rd(bank(i) + 0x44));
        CHECK(*(volatile uint16_t *)(bank(i) + 0x4a) == 'Y', "no Y");
        command(bank(i), 0x90);
        CHECK(rd(bank(i)) == 0x00890089, "%x made it", rd(bank(i)));
        show(bank(i));
    }
}

static void is_programmed(void)
{
    uint64_t at = bank(0) + BLOCK;

    erase(at);
    CHECK(rd(at) == READY, "status %x", rd(at));
    show(at);
    CHECK(rd(at) == ~0u && rd(at + BLOCK - 4) == ~0u, "%x after an erase", rd(at));
    program(at + 8, PATTERN);
    CHECK(rd(at) == READY, "status %x", rd(at));
    program(at + 8, 0xffff0000);
    show(at);
    CHECK(rd(at + 8) == (PATTERN & 0xffff0000), "%x programmed", rd(at + 8));
    CHECK(rd(at + 4) == ~0u && rd(at + 12) == ~0u, "so are its neighbours");
}

static void is_programmed_by_buffer(void)
{
    uint64_t at = bank(1) + BLOCK;

    erase(at);
    command(at, 0xe8);
    command(at, 1023);
    for (uint32_t i = 0; i < 1024; i++)
        wr(at + 4 * i, i * PATTERN);
    CHECK(rd(at) == READY, "status %x", rd(at));
    command(at, 0xd0);
    show(at);
    for (uint32_t i = 0; i < 1024; i++)
        CHECK(rd(at + 4 * i) == i * PATTERN, "word %u is %x", i, rd(at + 4 * i));
    CHECK(rd(at + 4096) == ~0u, "what follows is %x", rd(at + 4096));
}

/* A write with write-back has no syndrome: EL2 reads the instruction. */
static void takes_all_stores(void)
{
    uint64_t at = bank(0) + BLOCK, end = at;

    erase(at);
    show(at);
    command(at, 0x40);
    __asm__ volatile("str %w1, [%0], #8" : "+r"(end) : "r"(PATTERN) : "memory");
    CHECK(end == at + 8, "the base moved by %lu", end - at);
    __asm__ volatile("str %w1, [%0, #-8]!" : "+r"(end) : "r"(0x00ff00ff) : "memory");
    show(at);
    CHECK(rd(at) == PATTERN, "%x programmed", rd(at));
}

static void runs(void)
{
    uint64_t at = bank(0) + BLOCK, code = CACHED + BLOCK;
    uint64_t result = 0;
    struct fault fault;

    erase(at);
    program(at, MOV_W0_42);
    program(at + 4, RET);
    fault = FAULT_OF("blr %0" : : "r"(code) : "x30", "x0", "memory");
    CHECK(fault.taken && ESR_EC(fault.esr) == ESR_EC_IABT_CUR,
          "it runs while it is hidden: ESR %lx", fault.esr);
    show(at);
    __asm__ volatile("dsb ish; ic iallu; dsb ish; isb" : : : "memory");
    __asm__ volatile("blr %1; mov %0, x0" : "=r"(result) : "r"(code) : "x30", "x0", "memory");
    CHECK(result == 42, "its result is %lu", result);
    CHECK(rd(CACHED + BLOCK) == MOV_W0_42, "by way of the cache it is %x", rd(CACHED + BLOCK));
}

/* No plain write, so no command: each is an abort, and the content is as it was. */
static void refuses_atomics(void)
{
    uint64_t at = CACHED + BLOCK, old;
    uint32_t failed;
    struct fault fault;

    show(bank(0));
    old = rd(at);
    fault = FAULT_OF("dc zva, %0" : : "r"(at) : "memory");
    CHECK(fault_is_external_abort(&fault), "DC ZVA: taken %d, ESR %lx", fault.taken, fault.esr);
    fault_arm();
    __asm__ volatile("ldxr %w0, [%1]; stxr %w0, wzr, [%1]" : "=&r"(failed) : "r"(at) : "memory");
    fault = fault_disarm();
    CHECK(fault_is_external_abort(&fault), "STXR: taken %d, ESR %lx", fault.taken, fault.esr);
    CHECK(rd(at) == old, "the content has changed");
    __asm__ volatile("dc cvac, %0; dc civac, %0; dsb ish" : : "r"(at) : "memory");
}

/* What a reader finds is the content or an answer, whole; it never gets an abort. */
static void read_on(void *unused)
{
    uint64_t at = bank(0), pair[2];

    (void)unused;
    while (readers_stop == 0) {
        uint32_t value = rd(at);

        if (value != PATTERN && value != READY)
            strange = value;
        __asm__ volatile("ldp %0, %1, [%2]" : "=r"(pair[0]), "=r"(pair[1]) : "r"(at) : "memory");
        __atomic_fetch_add(&reads, 1, __ATOMIC_RELAXED);
    }
}

static void is_read_meanwhile(void)
{
    uint64_t at = bank(0) + BLOCK;

    erase(bank(0));
    program(bank(0), PATTERN);
    show(bank(0));
    readers_stop = reads = strange = 0;
    for (unsigned i = 1; i < platform.nr_cpus; i++)
        worker_begin(i, read_on, NULL);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        erase(at);
        program(at + 4 * (i % 64), i);
        show(at);
        CHECK(rd(at + 4 * (i % 64)) == i, "round %u: %x", i, rd(at));
        CHECK(timer_wait_until(reads > i, WAIT_US), "nobody reads");
    }
    readers_stop = 1;
    for (unsigned i = 1; i < platform.nr_cpus; i++)
        CHECK(worker_wait(i), "CPU %u does not come back", i);
    CHECK(strange == 0, "a reader has found %lx", strange);
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return *state >> 20;
}

static void access(uint64_t at, unsigned size, uint64_t random)
{
    if ((random & 1) == 0)
        (void)*(volatile uint8_t *)at;
    else if (size == 1)
        *(volatile uint8_t *)at = (uint8_t)(random >> 8);
    else if (size == 2)
        *(volatile uint16_t *)(at & ~UINT64_C(1)) = (uint16_t)(random >> 8);
    else if (size == 4)
        wr(at & ~UINT64_C(3), (uint32_t)(random >> 8));
    else
        *(volatile uint64_t *)(at & ~UINT64_C(7)) = random >> 8;
}

/* Half of the values are commands. */
static void try_all(void *seed)
{
    static const uint8_t commands[] = {0x01, 0x10, 0x20, 0x40, 0x50, 0x60,
                                       0x70, 0x90, 0x98, 0xd0, 0xe8, 0xff};
    uint64_t state = (uintptr_t)seed;

    for (unsigned i = 0; i < TRIES; i++) {
        uint64_t random = next_random(&state);
        uint64_t at = bank(random & 1) + (random >> 1) % (2 * BLOCK);

        if (next_random(&state) % 2 == 0)
            command(at & ~UINT64_C(3), commands[next_random(&state) % sizeof(commands)]);
        else
            access(at, 1u << (random >> 40) % 4, next_random(&state));
    }
}

static void anything_goes(void)
{
    for (unsigned i = 1; i < platform.nr_cpus; i++)
        worker_begin(i, try_all, (void *)(uintptr_t)(i + 1));
    try_all((void *)1);
    for (unsigned i = 1; i < platform.nr_cpus; i++)
        CHECK(worker_wait(i), "CPU %u does not come back", i);
    for (unsigned i = 0; i < 2; i++) {
        /* Ends a command that waits for data, a buffer's too: that is given up where two places
         * differ. */
        show(bank(i));
        show(bank(i) + BLOCK);
        command(bank(i), 0x50);
    }
    is_queried();
}

static const struct test_case cases[] = {
    {"is-queried", is_queried},
    {"is-programmed", is_programmed},
    {"is-programmed-by-buffer", is_programmed_by_buffer},
    {"takes-all-stores", takes_all_stores},
    {"runs", runs},
    {"refuses-atomics", refuses_atomics},
    {"is-read-meanwhile", is_read_meanwhile},
    {"anything-goes", anything_goes},
    {NULL, NULL},
};

void guest_main(void)
{
    mmu_map(CACHED, bank(0), WINDOW, MMU_NORMAL);
    if (!worker_start_all())
        printf("a worker does not start\n");
    TEST_RUN(cases);
}
