/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What common operations cost, in nanoseconds, which under QEMU's `-icount shift=0` are
 * instructions of guest and hypervisor together. tools/bench runs this under Traproom
 * and on the bare machine and reads the lines `bench NAME VALUE`. ops.S has the timed code.
 */
#include "barrier.h"
#include "console.h"
#include "gic.h"
#include "guest.h"
#include "ops.h"
#include "platform.h"
#include "psci.h"
#include "smp.h"
#include "timer.h"

#define ROUNDS        1024
#define SHOTS         64   /* a multiple of OPS_SLED */
#define PAGES         1024 /* as many as ROUNDS: one empty loop serves both */
#define PAGE_SIZE     4096
#define WORK_ROUNDS   UINT64_C(25000000) /* of two instructions each */
#define TIMER_LEAD_US 20
#define BENCH_SGI     1
#define NS_PER_S      UINT64_C(1000000000)
#define VIRTIO_MAGIC  0x000

static struct ops_mailbox mailbox[PLATFORM_MAX_CPUS];
static volatile uint64_t reply;

/* Print `ticks` for `count` operations, less `less_tenths` of a nanosecond each. */
static void report(const char *name, uint64_t ticks, uint64_t count, uint64_t less_tenths)
{
    uint64_t ns_tenths = ticks * (NS_PER_S / read_sysreg(cntfrq_el0)) * 10;
    uint64_t tenths = (ns_tenths + count / 2) / count;

    tenths = tenths > less_tenths ? tenths - less_tenths : 0;
    printf("bench %s %lu.%lu\n", name, tenths / 10, tenths % 10);
}

/*
 * What delays of 0 to OPS_SLED - 1 instructions add to a mean of stamps that started at a
 * tick: rounding down to ticks takes away as much as they add when a tick is OPS_SLED.
 */
static uint64_t sled_tenths(void)
{
    uint64_t tick = NS_PER_S / read_sysreg(cntfrq_el0);

    return tick < OPS_SLED ? (OPS_SLED - tick) * 5 : 0;
}

static void bench_loops(void)
{
    uint64_t empty = ops_empty(ROUNDS, 0);
    uint64_t pages = (uintptr_t)platform_alloc(PAGES * PAGE_SIZE);

    report("hvc", ops_hvc(ROUNDS, PSCI_VERSION) - empty, ROUNDS, 0);
    report("id_register", ops_id_register(ROUNDS, 0) - empty, ROUNDS, 0);
    report("gicd_typer", ops_read32(ROUNDS, platform.gicd.address + GICD_TYPER) - empty, ROUNDS, 0);
    report("gicd_ctlr", ops_read32(ROUNDS, platform.gicd.address + GICD_CTLR) - empty, ROUNDS, 0);
    report("uart_fr", ops_read32(ROUNDS, platform.uart.regs.address + UARTFR) - empty, ROUNDS, 0);
    if (platform.nr_virtio)
        report("virtio_magic",
               ops_read32(ROUNDS, platform.virtio[0].regs.address + VIRTIO_MAGIC) - empty, ROUNDS,
               0);
    report("first_touch", ops_touch(PAGES, pages) - empty, PAGES, 0);
    report("work_50m", ops_empty(WORK_ROUNDS, 0), 1, 0);
}

static uint64_t sgi1r(unsigned cpu)
{
    uint64_t mpidr = platform.mpidr[cpu];

    return UINT64_C(1) << mpidr % 16 | (mpidr >> 8 & 0xff) << 16 | (uint64_t)BENCH_SGI << 24 |
           (mpidr >> 16 & 0xff) << 32;
}

static void bench_sgi_self(struct ops_mailbox *box)
{
    unsigned self = smp_this_cpu()->index;
    uint64_t ticks = 0;

    box->delay = 0;
    for (unsigned i = 0; i < SHOTS; i++) {
        box->stamp = 0;
        uint64_t start = ops_sgi_self(i % OPS_SLED, sgi1r(self));

        ticks += box->stamp - start;
    }
    report("sgi_self", ticks, SHOTS, 0);
}

static void bench_timer(struct ops_mailbox *box, const char *name, void (*wait_fn)(uint64_t))
{
    uint64_t ticks = 0;

    for (unsigned i = 0; i < SHOTS; i++) {
        uint64_t compare = timer_deadline_us(TIMER_LEAD_US);

        box->delay = i % OPS_SLED;
        box->stamp = 0;
        wait_fn(compare);
        ticks += box->stamp - compare;
    }
    report(name, ticks, SHOTS, sled_tenths());
}

static void take_interrupts(void)
{
    unsigned self = smp_this_cpu()->index;

    gic_enable(BENCH_SGI);
    gic_enable(TIMER_PPI_VIRTUAL);
    write_sysreg((uintptr_t)&mailbox[self], tpidr_el0);
    write_sysreg((uintptr_t)ops_vectors, vbar_el1);
    /* The vectors are in place before interrupts are let in. */
    isb();
    irq_enable();
}

static void idle_cpu(void *arg)
{
    (void)arg;
    take_interrupts();
    ops_idle();
}

static void bench_ipi(void)
{
    unsigned self = smp_this_cpu()->index, other = self ? 0 : 1;
    uint64_t ticks = 0;

    if (platform.nr_cpus < 2)
        return;
    mailbox[other].reply = &reply;
    if (!smp_start_and_wait(other, idle_cpu, NULL))
        return;
    for (unsigned i = 0; i < SHOTS; i++) {
        timer_delay_us(TIMER_LEAD_US);
        reply = 0;
        ticks += ops_ipi(i % OPS_SLED, sgi1r(other), &reply);
    }
    report("ipi", ticks, SHOTS, 0);
}

void guest_main(void)
{
    struct ops_mailbox *box = &mailbox[smp_this_cpu()->index];

    bench_loops();
    take_interrupts();
    bench_sgi_self(box);
    bench_timer(box, "timer_spin", ops_timer_spin);
    bench_timer(box, "timer_wfi", ops_timer_wfi);
    bench_ipi();
    printf("bench end\n");
}
