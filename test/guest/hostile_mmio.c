/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads, stores and maintenance of every form at devices and at places where nothing is:
 * each is carried out or ends in an abort of EL1's own, and no register changes that the
 * instruction does not name. hostile_forms.c makes the instructions.
 */
#include "hostile_forms.h"

#include "barrier.h"
#include "console.h"
#include "gic.h"
#include "guest.h"
#include "mmu.h"
#include "platform.h"
#include "smp.h"
#include "sysreg.h"
#include "timer.h"
#include "worker.h"

#define WINDOW(n)   (MMU_WINDOW_BASE + UINT64_C(0x40000000) * (n))
#define WINDOW_SIZE 0x10000
#define NOWHERE     UINT64_C(0x0b000000) /* no device there on QEMU's virt */
#define FAR_OUT     UINT64_C(0x8000000000)
#define TRIES       6000
#define UART_MIDDLE 0x800 /* far enough from UARTDR, whose writes are seen */
#define VIRTIO_ROOM 0x1000

static void tries(uint64_t base, uint32_t first, uint32_t room)
{
    struct form_tally tally = {0};

    for (unsigned i = 0; i < TRIES; i++)
        form_try_random(base + first, room, &tally);
    printf("at %lx: %u done, %u aborted, %u undefined\n", base, tally.done, tally.aborted,
           tally.undefined);
    CHECK(tally.done + tally.aborted > TRIES / 3, "hardly an access was made");
}

static void try_window(unsigned n, uint64_t pa, enum mmu_type type, uint32_t first, uint32_t room)
{
    mmu_map(WINDOW(n), pa, WINDOW_SIZE, type);
    tries(WINDOW(n), first, room);
}

static void gic_again(void)
{
    gic_init();
    gic_init_cpu();
    gic_wake_cpu();
}

static void uart(void)
{
    tries(platform.uart.regs.address, UART_MIDDLE, 0x100);
    mmu_map(WINDOW(0), platform.uart.regs.address, 0x1000, MMU_NORMAL_NC);
    tries(WINDOW(0), UART_MIDDLE, 0x100);
    console_init();
    CHECK(uart_read(UARTPERIPHID0) == 0x11, "the UART is no longer one");
}

static void distributor(void)
{
    tries(platform.gicd.address, 0x4000, WINDOW_SIZE);
    try_window(1, platform.gicd.address, MMU_NORMAL_NC, 0x4000, WINDOW_SIZE);
    gic_again();
}

static void redistributor(void)
{
    tries(smp_this_cpu()->gicr + GICR_SGI_BASE, 0x400, WINDOW_SIZE / 2);
    try_window(2, smp_this_cpu()->gicr + GICR_SGI_BASE, MMU_NORMAL_NC, 0x400, WINDOW_SIZE / 2);
    gic_again();
}

static void virtio(void)
{
    uint64_t page = platform.virtio[0].regs.address & ~UINT64_C(0xfff);

    tries(page, 0, VIRTIO_ROOM);
    mmu_map(WINDOW(3), page, VIRTIO_ROOM, MMU_NORMAL);
    tries(WINDOW(3), 0, VIRTIO_ROOM);
}

static void nowhere(void)
{
    tries(NOWHERE, 0x8000, WINDOW_SIZE);
    try_window(4, NOWHERE, MMU_NORMAL, 0x8000, WINDOW_SIZE);
    try_window(5, platform_ram_end(), MMU_NORMAL, 0x8000, WINDOW_SIZE);
    try_window(6, FAR_OUT, MMU_NORMAL, 0x8000, WINDOW_SIZE);
    try_window(7, FAR_OUT, MMU_DEVICE, 0x8000, WINDOW_SIZE);
}

/* From RAM into nothing, and from nothing into RAM: half of an access may fault. */
static void edges(void)
{
    mmu_map(WINDOW(8), platform_ram_end(), WINDOW_SIZE, MMU_NORMAL);
    tries(WINDOW(8), 0, 0x40);
    mmu_map(WINDOW(9), platform.uart.regs.address + 0x1000 - 0x1000, 0x1000, MMU_NORMAL_NC);
    tries(WINDOW(9), 0x1000 - 8, 0x10);
}

/* Every DC, IC, AT and TLBI with the addresses of devices, of nothing, and of no mapping. */
static void maintenance(void)
{
    uint64_t places[] = {platform.gicd.address,
                         platform.uart.regs.address,
                         NOWHERE,
                         WINDOW(5),
                         WINDOW(6),
                         UINT64_C(0x7fc0000000),
                         ~UINT64_C(0)};

    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        form_try_maintenance(places[i]);
    gic_again();
    console_init();
}

/* Fetches from devices and from nowhere, at every offset of a page that a jump can have. */
static void fetches(void)
{
    static const uint64_t places[] = {NOWHERE, FAR_OUT};
    static struct hostile_state state;

    mmu_map(WINDOW(10), platform.uart.regs.address, 0x1000, MMU_DEVICE_EXEC);
    mmu_map(WINDOW(11), platform.gicd.address, WINDOW_SIZE, MMU_DEVICE_EXEC);
    mmu_map(WINDOW(12), platform_ram_end(), WINDOW_SIZE, MMU_NORMAL);
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        mmu_map(WINDOW(13 + i), places[i], 0x1000, MMU_DEVICE_EXEC);
    for (unsigned window = 10; window < 15; window++)
        for (uint64_t offset = 0; offset < 0x1000; offset += 4) {
            state.pc = WINDOW(window) + offset;
            state.pstate = HOSTILE_EL1;
            hostile_enter(&state);
            CHECK(ESR_EC(state.esr) == ESR_EC_IABT_CUR && ESR_FSC(state.esr) == FSC_EXTERNAL,
                  "at %lx: ESR %lx", WINDOW(window) + offset, state.esr);
            CHECK(state.far == WINDOW(window) + offset && state.pc == state.far, "FAR %lx ELR %lx",
                  state.far, state.pc);
        }
}

static void lose_itself(void *arg)
{
    /* Its next exception finds no vectors, and so on for ever. */
    write_sysreg(arg, vbar_el1);
    isb();
    (void)*(volatile uint32_t *)NOWHERE;
}

static void lose_tables(void *arg)
{
    write_sysreg(arg, ttbr0_el1);
    __asm__ volatile("tlbi vmalle1\n dsb nsh\n isb" : : : "memory");
}

/* CPUs that are lost to endless exceptions of their own; the others don't mind. */
static void lost_cpus(void)
{
    uint32_t before = hostile_beats();

    if (hostile_cpus() < 3) {
        test_skip("needs four CPUs");
        return;
    }
    worker_begin(1, lose_itself, (void *)WINDOW(10));
    worker_begin(2, lose_tables, (void *)platform.gicd.address);
    for (unsigned i = 0; i < 1000; i++)
        CHECK(uart_read(UARTPERIPHID0) == 0x11, "the UART is no longer one");
    CHECK(hostile_beats() != before || timer_wait_until(hostile_beats() != before, WAIT_US),
          "no heartbeat");
}

static const struct test_case cases[] = {
    {"uart", uart},
    {"distributor", distributor},
    {"redistributor", redistributor},
    {"virtio", virtio},
    {"nowhere", nowhere},
    {"edges", edges},
    {"maintenance", maintenance},
    {"fetches", fetches},
    {"lost-cpus", lost_cpus},
    {NULL, NULL},
};

void guest_main(void)
{
    if (!hostile_start())
        printf("a CPU did not start\n");
    form_init();
    TEST_RUN(cases);
}
