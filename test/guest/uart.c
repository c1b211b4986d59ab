/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PL011 as its manual has it: identification, flags, interrupts, and input, which
 * the runner types when a line `type: WORD` asks for WORD.
 */
#include "console.h"
#include "gic.h"
#include "guest.h"
#include "platform.h"
#include "smp.h"
#include "string.h"
#include "testcase.h"
#include "timer.h"

#define SETTLE_US    300000
#define UART_INT_ALL 0x7ff
#define WORD         "trap-under-the-stage-0123456789-abcdefghijklmnopqrstuvwxyz"
#define SHORT_WORD   "knock"

static char received[128];
static volatile uint32_t received_count;
static volatile uint32_t interrupts;

static void identification(void)
{
    static const uint8_t cell[] = {0x0d, 0xf0, 0x05, 0xb1};

    CHECK(uart_read(UARTPERIPHID0) == 0x11, "PeriphID0 %x", uart_read(UARTPERIPHID0));
    CHECK((uart_read(UARTPERIPHID0 + 4) & 0xf) == 0, "PeriphID1 %x", uart_read(UARTPERIPHID0 + 4));
    CHECK((uart_read(UARTPERIPHID0 + 8) & 0xf) == 4, "PeriphID2 %x", uart_read(UARTPERIPHID0 + 8));
    CHECK(uart_read(UARTPERIPHID0 + 12) == 0, "PeriphID3 %x", uart_read(UARTPERIPHID0 + 12));
    for (uint32_t i = 0; i < sizeof(cell); i++)
        CHECK(uart_read(UARTPCELLID0 + 4 * i) == cell[i], "PCellID%u %x", i,
              uart_read(UARTPCELLID0 + 4 * i));
    uart_write(UARTPERIPHID0, 0xff);
    CHECK(uart_read(UARTPERIPHID0) == 0x11, "PeriphID0 can be written");
}

static void keeps(const char *name, uint32_t offset, uint32_t value)
{
    uint32_t before = uart_read(offset), got;

    uart_write(offset, value);
    got = uart_read(offset);
    uart_write(offset, before);
    CHECK(got == value, "%s is %x, not %x", name, got, value);
}

static void registers(void)
{
    keeps("UARTIBRD", UARTIBRD, 0x1234);
    keeps("UARTFBRD", UARTFBRD, 0x2a);
    keeps("UARTLCR_H", UARTLCR_H, UARTLCR_H_8BIT | UARTLCR_H_FEN);
    keeps("UARTIFLS", UARTIFLS, 0x12);
    keeps("UARTIMSC", UARTIMSC, UART_INT_RX | UART_INT_RT);
    keeps("UARTCR", UARTCR, UARTCR_UARTEN | UARTCR_TXE | UARTCR_RXE);
}

static void idle_flags(void)
{
    uint32_t flags;

    CHECK(timer_wait_until(uart_read(UARTFR) & UARTFR_TXFE, WAIT_US), "TXFE stays clear: %x",
          uart_read(UARTFR));
    flags = uart_read(UARTFR);
    CHECK(flags & UARTFR_RXFE, "RXFE is clear: %x", flags);
    CHECK(!(flags & (UARTFR_RXFF | UARTFR_TXFF)), "a FIFO is full: %x", flags);
}

static void raw_and_masked(void)
{
    uart_write(UARTIMSC, 0);
    uart_write(UARTICR, UART_INT_ALL);
    CHECK(!(uart_read(UARTRIS) & UART_INT_RX), "RX is raised with nothing received");
    printf("transmit\n");
    CHECK(timer_wait_until(uart_read(UARTRIS) & UART_INT_TX, WAIT_US), "TX is not raised");
    CHECK(uart_read(UARTMIS) == 0, "masked status is %x", uart_read(UARTMIS));
    uart_write(UARTIMSC, UART_INT_TX);
    CHECK(uart_read(UARTMIS) == UART_INT_TX, "unmasked status is %x", uart_read(UARTMIS));
    uart_write(UARTICR, UART_INT_TX);
    CHECK(!(uart_read(UARTMIS) & UART_INT_TX), "UARTICR has no effect");
    uart_write(UARTIMSC, 0);
}

static void drain(void)
{
    while (!(uart_read(UARTFR) & UARTFR_RXFE) && received_count < sizeof(received) - 1)
        received[received_count++] = (char)uart_read(UARTDR);
}

static void on_input(uint32_t intid)
{
    if (intid != platform.uart.intid)
        return;
    interrupts++;
    /* Cleared first: what comes while the FIFO is drained raises it again. */
    uart_write(UARTICR, UART_INT_RX | UART_INT_RT);
    drain();
}

static void start_input(void)
{
    memset(received, 0, sizeof(received));
    received_count = 0;
    interrupts = 0;
}

static void by_interrupt(void)
{
    start_input();
    gic_set_handler(on_input);
    gic_set_edge(platform.uart.intid, false);
    gic_enable(platform.uart.intid);
    uart_write(UARTICR, UART_INT_ALL);
    uart_write(UARTIMSC, UART_INT_RX | UART_INT_RT);
    irq_enable();
    printf("type: %s\n", WORD);
    timer_wait_until(received_count >= sizeof(WORD) - 1, WAIT_US);
    irq_disable();
    uart_write(UARTIMSC, 0);
    gic_disable(platform.uart.intid);
    gic_set_handler(NULL);
    CHECK(strcmp(received, WORD) == 0, "received '%s'", received);
    CHECK(interrupts, "no interrupt");
}

static void by_polling(void)
{
    start_input();
    printf("type: %s\n", SHORT_WORD);
    timer_wait_until((drain(), received_count >= sizeof(SHORT_WORD) - 1), WAIT_US);
    CHECK(strcmp(received, SHORT_WORD) == 0, "received '%s'", received);
    CHECK(uart_read(UARTFR) & UARTFR_RXFE, "RXFE is clear");
    CHECK(!(uart_read(UARTRIS) & UART_INT_RX), "RX stays raised");
}

/* Asleep until a key comes. */
static void wakes(void)
{
    start_input();
    uart_write(UARTICR, UART_INT_ALL);
    uart_write(UARTIMSC, UART_INT_RX | UART_INT_RT);
    gic_enable(platform.uart.intid);
    printf("type: %s\n", SHORT_WORD);
    while (received_count < sizeof(SHORT_WORD) - 1) {
        __asm__ volatile("wfi" : : : "memory");
        uart_write(UARTICR, UART_INT_RX | UART_INT_RT);
        drain();
    }
    uart_write(UARTIMSC, 0);
    gic_disable(platform.uart.intid);
    CHECK(strcmp(received, SHORT_WORD) == 0, "received '%s'", received);
}

/* More than the FIFO holds, with nobody reading: the flags say so, and nothing is lost. */
static void full_fifo(void)
{
    start_input();
    printf("type: %s\n", WORD);
    CHECK(timer_wait_until(!(uart_read(UARTFR) & UARTFR_RXFE), WAIT_US), "nothing comes");
    timer_delay_us(SETTLE_US);
    CHECK(uart_read(UARTFR) & UARTFR_RXFF, "RXFF is clear: %x", uart_read(UARTFR));
    CHECK(uart_read(UARTRIS) & UART_INT_RX, "RX is not raised: %x", uart_read(UARTRIS));
    timer_wait_until((drain(), received_count >= sizeof(WORD) - 1), WAIT_US);
    CHECK(strcmp(received, WORD) == 0, "received '%s'", received);
}

static const struct test_case cases[] = {
    {"identification", identification},
    {"registers", registers},
    {"idle-flags", idle_flags},
    {"raw-and-masked", raw_and_masked},
    {"by-interrupt", by_interrupt},
    {"by-polling", by_polling},
    {"wakes", wakes},
    {"full-fifo", full_fifo},
    {NULL, NULL},
};

void guest_main(void)
{
    TEST_RUN(cases);
}
