/* SPDX-License-Identifier: Apache-2.0 */
/* Console output: see console.h. */
#include "console.h"

#include <stdbool.h>

#include "platform.h"
#include "spinlock.h"

#define MAX_DIGITS 20

static spinlock_t lock;

uint32_t uart_read(uint32_t offset)
{
    return *(volatile uint32_t *)(platform.uart.regs.address + offset);
}

void uart_write(uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)(platform.uart.regs.address + offset) = value;
}

void console_init(void)
{
    uart_write(UARTLCR_H, UARTLCR_H_8BIT | UARTLCR_H_FEN);
    uart_write(UARTCR, UARTCR_UARTEN | UARTCR_TXE | UARTCR_RXE);
}

static void put_char(char c)
{
    if (c == '\n')
        put_char('\r');
    while (uart_read(UARTFR) & UARTFR_TXFF)
        ;
    uart_write(UARTDR, (uint8_t)c);
}

static void put_number(uint64_t value, unsigned base, bool negative, unsigned width, char pad)
{
    char digits[MAX_DIGITS];
    unsigned count = 0;

    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    if (negative)
        put_char('-');
    for (; width > count; width--)
        put_char(pad);
    while (count)
        put_char(digits[--count]);
}

static void put_text(const char *text)
{
    while (*text)
        put_char(*text++);
}

/* One conversion, `format` after its %; returns where the text goes on. */
static const char *put_conversion(const char *format, va_list *args)
{
    unsigned width = 0;
    bool is_long = false;
    char pad = *format == '0' ? '0' : ' ';

    for (; *format >= '0' && *format <= '9'; format++)
        width = width * 10 + (unsigned)(*format - '0');
    for (; *format == 'l'; format++)
        is_long = true;
    if (*format == 's') {
        put_text(va_arg(*args, const char *));
    } else if (*format == 'c') {
        put_char((char)va_arg(*args, int));
    } else if (*format == 'd') {
        long value = is_long ? va_arg(*args, long) : va_arg(*args, int);

        put_number(value < 0 ? -(uint64_t)value : (uint64_t)value, 10, value < 0, width, pad);
    } else if (*format == 'u' || *format == 'x' || *format == 'p') {
        uint64_t value =
            is_long || *format == 'p' ? va_arg(*args, uint64_t) : va_arg(*args, unsigned);

        put_number(value, *format == 'u' ? 10 : 16, false, width, pad);
    } else {
        put_char(*format);
    }
    return *format ? format + 1 : format;
}

void vprintf(const char *format, va_list args)
{
    va_list copy;

    va_copy(copy, args);
    spin_lock(&lock);
    while (*format) {
        if (*format == '%')
            format = put_conversion(format + 1, &copy);
        else
            put_char(*format++);
    }
    spin_unlock(&lock);
    va_end(copy);
}

void printf(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vprintf(format, args);
    va_end(args);
}
