/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of vm/vm_console.c: nothing typed is lost when the guest's UART is full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drv/console.h"
#include "drv/pl011.h"
#include "vm/vm.h"
#include "vm/vm_console.h"

#define UARTDR   0x00
#define UARTLCRH 0x2c
#define FEN      0x10
#define FIFO     16

static struct vm vm;
static struct vpl011 uart;
static const char *typed; /* what the machine's UART has still to give */
static bool rx_interrupt;
static char sent[8];
static size_t nr_sent;

int pl011_get(void)
{
    return *typed == '\0' ? -1 : (unsigned char)*typed++;
}

void pl011_set_rx_interrupt(bool enabled)
{
    rx_interrupt = enabled;
}

void console_guest_put(uint8_t byte)
{
    sent[nr_sent++ % sizeof(sent)] = (char)byte;
}

void vgic_set_line(void *ctx, uint32_t intid, bool level)
{
    (void)ctx;
    (void)intid;
    (void)level;
}

static uint64_t guest_access(uint64_t offset, bool write, uint64_t value)
{
    struct mmio_access access = {.offset = offset, .size = 4, .write = write, .value = value};

    assert_int_equal(vpl011_access(vm.console, &access), MMIO_OK);
    return access.value;
}

static int start(void **state)
{
    const struct irq_line line = {vgic_set_line, NULL, 33};

    (void)state;
    memset(&vm, 0, sizeof(vm));
    vm.input_byte = -1;
    typed = "";
    rx_interrupt = false;
    nr_sent = 0;
    vm_console_attach(&vm, &uart, &line, true);
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

static void no_console_takes_no_input(void **state)
{
    (void)state;
    vm.console = NULL;
    typed = "lost";
    vm_console_input(&vm);
    assert_string_equal(typed, "lost");
}

static void input_stops_when_full_and_goes_on(void **state)
{
    const char *text = "0123456789abcdefghijklmnopqrstuv";

    (void)state;
    typed = text;
    vm_console_input(&vm);
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
    vm_console_input(&vm);
    assert_false(rx_interrupt);
    vpl011_reset(vm.console);
    vm_console_input(&vm);
    guest_access(UARTLCRH, true, FEN);
    assert_int_equal(guest_access(UARTDR, false, 0) & 0xff, 'g');
    for (const char *c = "hij"; *c != '\0'; c++)
        assert_int_equal(guest_access(UARTDR, false, 0) & 0xff, *c);
    assert_true(rx_interrupt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(output_goes_to_the_console, start),
        cmocka_unit_test_setup(no_console_takes_no_input, start),
        cmocka_unit_test_setup(input_stops_when_full_and_goes_on, start),
        cmocka_unit_test_setup(input_flows_after_a_reset, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
