/* SPDX-License-Identifier: Apache-2.0 */
/* What goes on in the guest when it resets: see hostile_reset.h. */
#include "hostile_reset.h"

#include "barrier.h"
#include "console.h"
#include "gic.h"
#include "platform.h"
#include "psci.h"
#include "smp.h"
#include "sysreg.h"
#include "timer.h"

#define BUSY_US   300
#define GICD_SIZE UINT64_C(0x10000)
#define DATA_SIZE (64U << 10)
#define NOWHERE   UINT64_C(0x0b000000)
#define SPI_FIRST 64
#define SPI_END   128

static volatile bool go;
static uint8_t data[DATA_SIZE] __attribute__((aligned(4096)));

static void reset(void)
{
    psci_call(PSCI_SYSTEM_RESET, 0, 0, 0);
}

static void start_all(smp_fn fn)
{
    for (unsigned cpu = 1; cpu < platform.nr_cpus; cpu++)
        smp_start_and_wait(cpu, fn, NULL);
}

/* Registers of all devices, and SGIs to all. */
static void be_busy(void *arg)
{
    (void)arg;
    irq_enable();
    for (uint64_t offset = 0;; offset = (offset + 4) % GICD_SIZE) {
        gicd_read((uint32_t)offset);
        gic_send_sgi((uint32_t)offset / 4 % 16, (unsigned)(offset / 64) % platform.nr_cpus);
        virtio_status(&reset_disk);
        uart_read(UARTFR);
    }
}

static void busy(void)
{
    start_all(be_busy);
    timer_delay_us(BUSY_US);
    reset();
}

static void reset_at_once(void *arg)
{
    (void)arg;
    while (!go)
        timer_relax();
    reset();
}

static void all_reset(void)
{
    start_all(reset_at_once);
    go = true;
    reset();
}

static void sleep_for_ever(void *arg)
{
    (void)arg;
    for (;;)
        __asm__ volatile("wfi");
}

static void asleep(void)
{
    start_all(sleep_for_ever);
    timer_delay_us(BUSY_US);
    reset();
}

static void suspend_for_ever(void *arg)
{
    (void)arg;
    for (;;)
        psci_call(PSCI_CPU_SUSPEND64, 0, 0, 0);
}

static void suspended(void)
{
    start_all(suspend_for_ever);
    timer_delay_us(BUSY_US);
    reset();
}

static void come_and_go(void *arg)
{
    (void)arg;
}

static void on_and_off_until_reset(void *arg)
{
    uint64_t deadline = timer_deadline_us(BUSY_US);

    (void)arg;
    while (!timer_passed(deadline)) {
        smp_start(1, come_and_go, NULL);
        smp_start(3, come_and_go, NULL);
    }
    reset();
}

static void on_and_off(void)
{
    smp_start(2, on_and_off_until_reset, NULL);
    for (;;)
        smp_start(1, come_and_go, NULL);
}

static void lose_vectors(void *arg)
{
    (void)arg;
    write_sysreg(NOWHERE, vbar_el1);
    isb();
    (void)*(volatile uint32_t *)NOWHERE;
}

static void lose_tables(void *arg)
{
    (void)arg;
    write_sysreg(platform.gicd.address, ttbr0_el1);
    __asm__ volatile("tlbi vmalle1\n dsb nsh\n isb" : : : "memory");
}

/* One has no vectors, one no tables, one begins in the middle of data. */
static void lost(void)
{
    smp_start(1, lose_vectors, NULL);
    smp_start(2, lose_tables, NULL);
    psci_call(PSCI_CPU_ON64, platform.mpidr[3], (uintptr_t)data, 0);
    timer_delay_us(BUSY_US);
    reset();
}

static void go_off_at_once(void *arg)
{
    (void)arg;
    while (!go)
        timer_relax();
}

static void off_against_reset(void)
{
    start_all(go_off_at_once);
    go = true;
    reset();
}

static void ask_the_disk(void *arg)
{
    (void)arg;
    virtio_blk_start(&reset_disk, 0);
    for (;;)
        virtio_blk_request(&reset_disk, VIRTIO_BLK_T_IN, 8, data, DATA_SIZE);
}

static void disk_at_work(void)
{
    smp_start_and_wait(1, ask_the_disk, NULL);
    timer_delay_us(BUSY_US);
    reset();
}

/* CPUs that were just turned on have not come yet when the guest resets. */
static void turn_on_and_reset(void *arg)
{
    (void)arg;
    smp_start(1, sleep_for_ever, NULL);
    smp_start(2, sleep_for_ever, NULL);
    reset();
}

static void on_pending(void)
{
    smp_start(3, turn_on_and_reset, NULL);
    for (;;)
        timer_relax();
}

static void reset_when_alone(void *arg)
{
    (void)arg;
    smp_wait_off(0);
    /* It comes back, and turns others on, while the guest resets. */
    psci_call(PSCI_CPU_ON64, platform.mpidr[0], (uintptr_t)data, 0);
    reset();
}

static void boot_cpu_off(void)
{
    smp_start(3, reset_when_alone, NULL);
    psci_call(PSCI_CPU_OFF, 0, 0, 0);
}

/* Interrupts of all kinds pending and active, none of them ever ended. */
static void interrupts_left(void)
{
    gic_init();
    write_sysreg(0, cntv_cval_el0);
    write_sysreg(TIMER_CTL_ENABLE, cntv_ctl_el0);
    gic_enable(TIMER_PPI_VIRTUAL);
    for (uint32_t intid = SPI_FIRST; intid < SPI_END; intid++) {
        gic_enable(intid);
        gic_set_bit(GICD_ISPENDR, intid);
        gic_set_bit(GICD_ISACTIVER, intid - 32 * (intid & 1));
    }
    for (unsigned i = 0; i < 4; i++)
        (void)read_sysreg(icc_iar1_el1);
    start_all(be_busy);
    timer_delay_us(BUSY_US);
    reset();
}

static void be_immediate(void)
{
    reset();
}

void reset_by(unsigned kind)
{
    static void (*const kinds[RESET_NR_KINDS])(void) = {
        busy,
        all_reset,
        asleep,
        suspended,
        on_and_off,
        lost,
        off_against_reset,
        disk_at_work,
        on_pending,
        boot_cpu_off,
        interrupts_left,
        be_immediate,
    };

    kinds[kind]();
    printf("SYSTEM_RESET returns\n");
    psci_system_off();
}

static void off_at_once(void *arg)
{
    (void)arg;
    while (!go)
        timer_relax();
    psci_system_off();
}

/* Each time another CPU has another part. */
void reset_against_off(uint32_t round)
{
    static const smp_fn parts[] = {reset_at_once, go_off_at_once, reset_at_once, off_at_once};

    for (unsigned cpu = 1; cpu < platform.nr_cpus; cpu++)
        smp_start_and_wait(cpu, parts[(cpu + round) % 4], NULL);
    go = true;
    parts[round % 4](NULL);
    psci_call(PSCI_CPU_OFF, 0, 0, 0);
    printf("CPU_OFF returns\n");
    psci_system_off();
}
