/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device that a program on the host plays, test/guest/model.py: accesses of all forms, from
 * several CPUs, its interrupt, DMA to where it may and may not go, a reset while a CPU waits for
 * it. After each case stands what time it is: with --icount that is the same in each run, however
 * long the model takes.
 */
#include "console.h"
#include "exception.h"
#include "gic.h"
#include "guest.h"
#include "platform.h"
#include "psci.h"
#include "smp.h"
#include "string.h"
#include "testcase.h"
#include "timer.h"
#include "worker.h"

/* Where the launcher puts the first model that the tree has no node for. */
#define MODEL UINT64_C(0x0c000000)
#define INTID 144

/* Its registers: model.py. */
#define SLOW     0x40
#define READ_AT  0x48
#define SUM      0x50
#define WRITE_AT 0x58
#define REFUSED  0x60
#define LEVEL    0x68
#define LATER    0x70
#define ABORTS   0x78
#define RESETS   0x80

#define DMA_SIZE 64
#define ONES     (~UINT64_C(0))
#define ROUNDS   50
#define SETTLE   2000

static volatile uint32_t taken;
static volatile bool begun, over;
static uint8_t buffer[3 * DMA_SIZE] __attribute__((aligned(DMA_SIZE)));

static uint64_t rd(uint64_t offset)
{
    return *(volatile uint64_t *)(MODEL + offset);
}

static void wr(uint64_t offset, uint64_t value)
{
    *(volatile uint64_t *)(MODEL + offset) = value;
}

#define LOAD(text, offset)                                                                         \
    ({                                                                                             \
        uint64_t value_ = 0x5a5a;                                                                  \
        __asm__ volatile(text : "+r"(value_) : "r"(MODEL + (offset)) : "memory");                  \
        value_;                                                                                    \
    })
#define STORE(text, offset, value)                                                                 \
    __asm__ volatile(text : : "r"((uint64_t)(value)), "r"(MODEL + (offset)) : "memory")

static void sizes(void)
{
    uint64_t value;

    STORE("str %0, [%1]", 0, 0x8877665544332211);
    value = LOAD("ldrsb %0, [%1]", 7);
    CHECK(value == 0xffffffffffffff88, "ldrsb gives %lx", value);
    value = LOAD("ldrb %w0, [%1]", 3);
    CHECK(value == 0x44, "ldrb gives %lx", value);
    value = LOAD("ldrh %w0, [%1]", 2);
    CHECK(value == 0x4433, "ldrh gives %lx", value);
    value = LOAD("ldar %w0, [%1]", 4);
    CHECK(value == 0x88776655, "ldar gives %lx", value);
    STORE("strb %w0, [%1]", 1, 0xff);
    STORE("strh %w0, [%1]", 2, 0xeeee);
    STORE("stlr %w0, [%1]", 4, 0x12345678);
    value = LOAD("ldr %0, [%1]", 0);
    CHECK(value == 0x12345678eeeeff11, "ldr gives %lx", value);
}

/* Two accesses of one instruction: the vCPU waits twice. */
static void pairs(void)
{
    uint64_t first = 1, second = 2, base = MODEL + 16;

    __asm__ volatile("stp %0, %1, [%2]" : : "r"(first), "r"(second), "r"(base) : "memory");
    __asm__ volatile("ldp %0, %1, [%2], #16"
                     : "=&r"(second), "=&r"(first), "+r"(base)
                     :
                     : "memory");
    CHECK(second == 1 && first == 2, "ldp gives %lx and %lx", second, first);
    CHECK(base == MODEL + 32, "the base is %lx", base);
}

static void aborts(void)
{
    uint64_t value = 0;
    struct fault fault = FAULT_OF("ldr %0, [%1]" : "+r"(value) : "r"(MODEL + ABORTS) : "memory");

    CHECK(fault_is_external_abort(&fault), "a read does not");
    fault = FAULT_OF("str %0, [%1]" : : "r"(value), "r"(MODEL + ABORTS) : "memory");
    CHECK(fault_is_external_abort(&fault), "a write does not");
    fault = FAULT_OF("ldr %0, [%1]" : "+r"(value) : "r"(MODEL + 4) : "memory");
    CHECK(fault.taken, "an access that is not aligned does not");
}

static void on_irq(uint32_t intid)
{
    if (intid != INTID)
        return;
    wr(LEVEL, 0);
    taken++;
}

static void prepare(void)
{
    taken = 0;
    gic_set_handler(on_irq);
    gic_enable(INTID);
    irq_enable();
}

static void interrupt(void)
{
    prepare();
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        wr(LEVEL, 1);
        CHECK(timer_wait_until(taken == i, WAIT_US), "interrupt %u does not come", i);
    }
    timer_delay_us(SETTLE);
    CHECK(taken == ROUNDS, "%u come, not %u", taken, ROUNDS);
    irq_disable();
}

static void interrupt_later(void)
{
    uint64_t start, ticks, wanted = read_sysreg(cntfrq_el0) / 100;

    prepare();
    start = timer_count();
    wr(LATER, 10000000);
    while (taken == 0)
        __asm__ volatile("wfi" : : : "memory");
    ticks = timer_count() - start;
    CHECK(ticks >= wanted, "it comes after %lu ticks, not %lu", ticks, wanted);
    irq_disable();
}

static uint64_t sum_at(uint64_t address)
{
    wr(READ_AT, address);
    return rd(SUM);
}

static void dma(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < sizeof(buffer); i++)
        buffer[i] = (uint8_t)(i * 7);
    for (unsigned i = 0; i < DMA_SIZE; i++)
        sum += buffer[i];
    CHECK(sum_at((uintptr_t)buffer) == sum, "the sum is %lu, not %lu", rd(SUM), sum);
    wr(WRITE_AT, (uintptr_t)buffer + DMA_SIZE);
    CHECK(rd(REFUSED) == 0, "a write of RAM is refused");
    for (unsigned i = 0; i < sizeof(buffer); i++) {
        bool within = i / DMA_SIZE == 1;

        CHECK(buffer[i] == (within ? 0xab : (uint8_t)(i * 7)), "byte %u is %x", i, buffer[i]);
    }
}

/* Nowhere, the machine's memory where EL2 is, devices, and half of it RAM. */
static void dma_elsewhere(void)
{
    const uint64_t end = platform_ram_end();
    const uint64_t where[] = {0,   0x40000000, 0x40200000, MODEL,      platform.gicd.address,
                              end, end - 32,   ONES - 31,  ONES << 32, end + 0x10000000};

    for (unsigned i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
        CHECK(sum_at(where[i]) == ONES, "it can read %lx", where[i]);
        wr(WRITE_AT, where[i]);
        CHECK(rd(REFUSED) == 1, "it can write %lx", where[i]);
    }
}

static void hammer(void *arg)
{
    unsigned self = smp_this_cpu()->index;
    volatile bool *good = arg;

    good[self] = true;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        wr(8 * self, i << 8 | self);
        if (rd(8 * self) != (i << 8 | self))
            good[self] = false;
    }
}

static void all_at_once(void)
{
    static bool good[PLATFORM_MAX_CPUS];

    for (unsigned cpu = 1; cpu < platform.nr_cpus; cpu++)
        worker_begin(cpu, hammer, good);
    hammer(good);
    for (unsigned cpu = 1; cpu < platform.nr_cpus; cpu++)
        CHECK(worker_wait(cpu), "CPU %u does not come back", cpu);
    for (unsigned cpu = 0; cpu < platform.nr_cpus && cpu < 8; cpu++)
        CHECK(good[cpu], "CPU %u reads what it has not written", cpu);
}

static void wait_long(void *unused)
{
    (void)unused;
    begun = true;
    (void)rd(SLOW);
    over = true;
}

/* It can be asked for the state of its interrupts, which only it has. */
static void others_go_on(void)
{
    unsigned rounds = 0;

    begun = over = false;
    worker_begin(1, wait_long, NULL);
    CHECK(timer_wait_until(begun, WAIT_US), "CPU 1 does not begin");
    while (!over) {
        (void)gicr_read(1, GICR_SGI_BASE + GICD_ISPENDR);
        (void)gicd_read(GICD_ISACTIVER + 4);
        rounds++;
    }
    CHECK(worker_wait(1), "CPU 1 does not come back");
    if (rounds == 0)
        test_skip("the machine stops meanwhile");
}

static const struct test_case cases[] = {
    {"sizes", sizes},
    {"pairs", pairs},
    {"aborts", aborts},
    {"interrupt", interrupt},
    {"interrupt-later", interrupt_later},
    {"dma", dma},
    {"dma-elsewhere", dma_elsewhere},
    {"all-at-once", all_at_once},
    {"others-go-on", others_go_on},
    {NULL, NULL},
};

static void print_time(void)
{
    printf("time %lu\n", timer_count());
}

/* In its first life the guest resets itself while another CPU waits for the model. */
static void reset_once(void)
{
    if (rd(RESETS) != 1)
        return;
    worker_begin(1, wait_long, NULL);
    (void)timer_wait_until(begun, WAIT_US);
    timer_delay_us(SETTLE);
    wr(LEVEL, 1);
    (void)psci_call(PSCI_SYSTEM_RESET, 0, 0, 0);
}

void guest_main(void)
{
    if (!worker_start_all()) {
        printf("not all CPUs start\n");
        return;
    }
    reset_once();
    test_set_after(print_time);
    TEST_RUN(cases);
}
