/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of vm/vm_console.c with the console that it hangs on: nothing typed is lost when the
 * guest's UART is full.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "dev/vpl011.h"
#include "drv/console.h"
#include "drv/pl011.h"
#include "vm/vm_console.h"

#define UARTDR   0x00
#define UARTLCRH 0x2c
#define FEN      0x10
#define FIFO     16
#define BREAK    '\b' /* in what is typed here */

static struct vpl011 uart;
static const char *typed; /* what the machine's UART has still to give */
static bool rx_interrupt;
static char sent[8];
static size_t nr_sent;
static int answered;

void pl011_init(pa_t base)
{
    (void)base;
}

void pl011_put(uint8_t byte)
{
    sent[nr_sent++ % sizeof(sent)] = (char)byte;
}

int pl011_get(void)
{
    if (*typed == '\0')
        return -1;
    return *typed++ == BREAK ? PL011_BREAK : (unsigned char)typed[-1];
}

void pl011_set_rx_interrupt(bool enabled)
{
    rx_interrupt = enabled;
}

void vgic_set_line(void *ctx, uint32_t intid, bool level)
{
    (void)ctx;
    (void)intid;
    (void)level;
}

static void answer_break(void *ctx)
{
    assert_ptr_equal(ctx, &answered);
    log_info("answer");
    answered++;
}

static uint64_t guest_access(uint64_t offset, bool write, uint64_t value)
{
    struct mmio_access access = {.offset = offset, .size = 4, .write = write, .value = value};

    assert_int_equal(vpl011_access(&uart, &access), MMIO_OK);
    return access.value;
}

static int start(void **state)
{
    const struct irq_line line = {vgic_set_line, NULL, 33};

    (void)state;
    typed = "";
    rx_interrupt = false;
    nr_sent = 0;
    answered = 0;
    console_set_break(NULL, NULL);
    vm_console_attach(&uart, &line, true);
    console_input(); /* what the test before has left */
    vpl011_reset(&uart);
    guest_access(UARTLCRH, true, FEN);
    return 0;
}

static void output_goes_to_the_console(void **state)
{
    (void)state;
    guest_access(UARTDR, true, 'x');
    assert_int_equal(nr_sent, 1);
    assert_int_equal(sent[0], 'x');
}

static void other_uarts_are_not_wired(void **state)
{
    const struct irq_line line = {vgic_set_line, NULL, 34};
    static struct vpl011 other;

    (void)state;
    vm_console_attach(&other, &line, false);
    assert_null(other.console);
    typed = "a";
    console_input();
    assert_int_equal(guest_access(UARTDR, false, 0) & 0xff, 'a');
}

static void input_stops_when_full_and_goes_on(void **state)
{
    const char *text = "0123456789abcdefghijklmnopqrstuv";

    (void)state;
    typed = text;
    console_input();
    assert_false(rx_interrupt);
    assert_string_equal(typed, "hijklmnopqrstuv"); /* 16 taken, one refused and kept */
    for (size_t i = 0; text[i] != '\0'; i++)
        assert_int_equal(guest_access(UARTDR, false, 0) & 0xff, text[i]);
    assert_true(rx_interrupt);
    assert_string_equal(typed, "");
}

static void input_flows_after_a_reset(void **state)
{
    (void)state;
    typed = "0123456789abcdefghij";
    console_input();
    assert_false(rx_interrupt);
    vpl011_reset(&uart);
    console_input();
    guest_access(UARTLCRH, true, FEN);
    assert_int_equal(guest_access(UARTDR, false, 0) & 0xff, 'g');
    for (const char *c = "hij"; *c != '\0'; c++)
        assert_int_equal(guest_access(UARTDR, false, 0) & 0xff, *c);
    assert_true(rx_interrupt);
}

static void break_is_answered(void **state)
{
    (void)state;
    console_set_break(answer_break, &answered);
    typed = "a\b\bb\b";
    console_input();
    assert_int_equal(answered, 3);
    assert_int_equal(guest_access(UARTDR, false, 0) & 0xff, 'a');
    assert_int_equal(guest_access(UARTDR, false, 0) & 0xff, 'b');
}

static void break_is_a_byte_if_nobody_answers(void **state)
{
    (void)state;
    typed = "\bb";
    console_input();
    assert_int_equal(guest_access(UARTDR, false, 0) & 0xff, 0);
    assert_int_equal(guest_access(UARTDR, false, 0) & 0xff, 'b');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(output_goes_to_the_console, start),
        cmocka_unit_test_setup(other_uarts_are_not_wired, start),
        cmocka_unit_test_setup(input_stops_when_full_and_goes_on, start),
        cmocka_unit_test_setup(input_flows_after_a_reset, start),
        cmocka_unit_test_setup(break_is_answered, start),
        cmocka_unit_test_setup(break_is_a_byte_if_nobody_answers, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
