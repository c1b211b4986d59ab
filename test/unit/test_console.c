/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of drv/console.c: whose line is whose, and that the exit line is the last. */
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

/* The first test: the console comes up once, and what was logged before comes with it. */
static void early_lines(void **state)
{
    (void)state;
    log_info("first %d", 1);
    expect("");
    console_init(pa(0x9000000));
    expect("[traproom] first 1\r\n");
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
    expect("[traproom] error: c\r\n");
    log_set_quiet(false);
}

/* Whatever the guest has on its line, ours begin one of their own. */
static void own_lines(void **state)
{
    (void)state;
    guest_says("[traproom] ");
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
        cmocka_unit_test(early_lines),
        cmocka_unit_test(kinds),
        cmocka_unit_test(own_lines),
        cmocka_unit_test(exit_line_is_last),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
