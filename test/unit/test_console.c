/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of drv/console.c: whose line is whose, that the exit line is the last, and who gets the
 * input.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "drv/console.h"
#include "drv/pl011.h"

#define SETTLE_US 50000

static char sent[4096];
static size_t nr_sent;

void pl011_init(pa_t base)
{
    (void)base;
}

void pl011_put(uint8_t byte)
{
    size_t at = __atomic_load_n(&nr_sent, __ATOMIC_ACQUIRE);

    assert_true(at + 1 < sizeof(sent));
    sent[at] = (char)byte;
    __atomic_store_n(&nr_sent, at + 1, __ATOMIC_RELEASE);
}

/* What the UART has still to give. Of its characters, two are something else. */
#define BREAK   "\x01"
#define NOTHING "\x02" /* as yet */
static const char *typed = "";
static bool rx_interrupt;

int pl011_get(void)
{
    int byte = *typed == '\0' ? -1 : (unsigned char)*typed++;

    if (byte == BREAK[0])
        return PL011_BREAK;
    return byte == NOTHING[0] ? -1 : byte;
}

void pl011_set_rx_interrupt(bool enabled)
{
    rx_interrupt = enabled;
}

static void guest_says(const char *text)
{
    for (; *text != '\0'; text++)
        console_guest_put((uint8_t)*text);
}

static void expect(const char *text)
{
    assert_string_equal(sent, text);
    memset(sent, 0, sizeof(sent));
    nr_sent = 0;
}

/*
 * The first test: the console comes up once, and what was logged before comes with it, as far as
 * that is kept.
 */
static void early_lines(void **state)
{
    (void)state;
    log_info("first %d", 1);
    for (unsigned i = 0; i < 50; i++)
        log_info("a line of many");
    expect("");
    console_init(pa(0x9000000));
    assert_int_equal(strncmp(sent, "[traproom] first 1\r\n[traproom] a line of many\r\n", 47), 0);
    assert_in_range(nr_sent, 1000, 1024);
    expect(sent);
}

static void kinds(void **state)
{
    (void)state;
    log_set_quiet(false);
    log_info("a");
    log_warn("b");
    log_error("c");
    expect("[traproom] a\r\n[traproom] warning: b\r\n[traproom] error: c\r\n");
    log_set_quiet(true);
    log_info("a");
    log_warn("b");
    log_error("c");
    log_print(LOG_REPORT, "d");
    expect("[traproom] error: c\r\n[traproom] report: d\r\n");
    log_set_quiet(false);
}

/* Whatever the guest has on its line, ours begin one of their own. */
static void own_lines(void **state)
{
    (void)state;
    assert_false(console_guest_spoke());
    guest_says("[traproom] ");
    assert_true(console_guest_spoke());
    log_info("a");
    expect("[traproom] \r\n[traproom] a\r\n");
    guest_says("x\r\n");
    log_info("a");
    expect("x\r\n[traproom] a\r\n");
    guest_says("x\r");
    log_info("a");
    guest_says("y");
    expect("x\r\r\n[traproom] a\r\ny");
}

/* Somebody who takes input while there is room. */
struct taker {
    char got[16];
    size_t count, room;
};

static bool take(void *ctx, uint8_t byte)
{
    struct taker *t = ctx;

    if (t->count == t->room)
        return false;
    t->got[t->count++] = (char)byte;
    return true;
}

/* The rest stays in the UART, silent, until there is room. */
static void input_waits_for_room(void **state)
{
    struct taker t = {.room = 3};

    (void)state;
    console_set_input(NULL, NULL);
    typed = "abcdef";
    console_input();
    assert_false(rx_interrupt);
    assert_string_equal(typed, "abcdef");
    console_set_input(take, &t);
    console_input();
    assert_string_equal(t.got, "abc");
    assert_string_equal(typed, "ef");
    assert_false(rx_interrupt);
    t.room = 8;
    console_input();
    assert_string_equal(t.got, "abcdef");
    assert_true(rx_interrupt);
    console_set_input(NULL, NULL);
}

/* Whoever is switched to gets what comes from then on, and what was refused. */
static void input_is_switched(void **state)
{
    struct taker guest = {.room = 2}, monitor = {.room = 8};

    (void)state;
    typed = "abcd";
    console_set_input(take, &guest);
    console_input();
    console_set_input(take, &monitor);
    console_input();
    assert_string_equal(guest.got, "ab");
    assert_string_equal(monitor.got, "cd");
    typed = "e";
    guest.room = 8;
    console_set_input(take, &guest);
    console_input();
    assert_string_equal(guest.got, "abe");
    console_set_input(NULL, NULL);
}

static unsigned breaks;

static void answer_break(void *ctx)
{
    assert_ptr_equal(ctx, &breaks);
    breaks++;
    log_info("break");
}

/* Who answers breaks gets all of them, and nobody else does. */
static void breaks_are_answered(void **state)
{
    struct taker t = {.room = 8};

    (void)state;
    breaks = 0;
    console_set_input(take, &t);
    console_set_break(answer_break, &breaks);
    typed = "a" BREAK BREAK "b" BREAK;
    console_input();
    assert_string_equal(t.got, "ab");
    assert_int_equal(breaks, 3);
    expect("\r\n[traproom] break\r\n[traproom] break\r\n[traproom] break\r\n");
    console_set_break(NULL, NULL);
    typed = BREAK "c"; /* what the UART makes of one */
    console_input();
    assert_int_equal(t.count, 4);
    assert_memory_equal(t.got, "ab\0c", 4);
    console_set_input(NULL, NULL);
}

/* What comes before it is input, as far as there is room; what comes after it is not lost. */
static void a_break_is_awaited(void **state)
{
    struct taker t = {.room = 2};

    (void)state;
    breaks = 0;
    console_set_input(take, &t);
    console_set_break(answer_break, &breaks);
    typed = "a" NOTHING "bc" NOTHING "d" BREAK "e";
    console_await_break();
    assert_int_equal(breaks, 0);
    assert_string_equal(t.got, "ab");
    assert_string_equal(typed, "e");
    assert_false(rx_interrupt);
    t.room = 8;
    console_input();
    assert_string_equal(t.got, "abce");
    assert_true(rx_interrupt);
    console_set_break(NULL, NULL);
    console_set_input(NULL, NULL);
}

/* Until somebody has the input, there is nobody to keep it for. */
static void a_break_that_nobody_else_hears(void **state)
{
    struct taker t = {.room = 8};

    (void)state;
    typed = "ab" BREAK "c";
    console_await_break();
    assert_string_equal(typed, "c");
    console_set_input(take, &t);
    console_input();
    assert_string_equal(t.got, "c");
    console_set_input(NULL, NULL);
}

static void *late_guest(void *arg)
{
    guest_says(arg);
    return NULL;
}

/* The last test: of the guest's output nothing comes behind the exit line, until it is seized. */
static void exit_line_is_last(void **state)
{
    char forged[] = "[traproom] exit: guest powered off\n";
    pthread_t guest;

    (void)state;
    log_set_quiet(true);
    guest_says("x");
    sent[nr_sent = 0] = '\0';
    console_exit_line("hypervisor failed: x");
    assert_int_equal(pthread_create(&guest, NULL, late_guest, forged), 0);
    usleep(SETTLE_US);
    expect("\r\n[traproom] exit: hypervisor failed: x\r\n");
    console_seize();
    pthread_join(guest, NULL);
    expect(forged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(early_lines),        cmocka_unit_test(kinds),
        cmocka_unit_test(own_lines),          cmocka_unit_test(input_waits_for_room),
        cmocka_unit_test(input_is_switched),  cmocka_unit_test(breaks_are_answered),
        cmocka_unit_test(a_break_is_awaited), cmocka_unit_test(a_break_that_nobody_else_hears),
        cmocka_unit_test(exit_line_is_last),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
