/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's console: whole lines of ours between the guest's bytes. See console.h. */
#include "drv/console.h"

#include "cpu.h"
#include "drv/pl011.h"
#include "lib/string.h"
#include "spinlock.h"

#define LINE_MAX  256
#define EARLY_MAX 1024 /* bytes logged before there is a console */

static spinlock_t lock;
static bool ready;
static bool quiet;
static bool mid_line; /* the guest has begun a line */
static bool spoke;    /* it has printed anything */
static char early[EARLY_MAX];
static size_t early_len;

static spinlock_t input_lock; /* protects what follows; held while a byte is taken */
static console_take_fn input_take;
static void *input_ctx;
static void (*break_answer)(void *ctx);
static void *break_ctx;
static int input_byte = -1; /* received, but not yet taken; -1: none */

static void put_locked(char c)
{
    if (ready)
        pl011_put((uint8_t)c);
    else if (early_len < EARLY_MAX)
        early[early_len++] = c;
}

static void put_text_locked(const char *text)
{
    for (; *text != '\0'; text++)
        put_locked(*text);
}

static void put_line_locked(const char *prefix, const char *text)
{
    if (mid_line)
        put_text_locked("\r\n");
    mid_line = false;
    put_text_locked("[traproom] ");
    put_text_locked(prefix);
    put_text_locked(text);
    put_text_locked("\r\n");
}

void console_init(pa_t base)
{
    pl011_init(base);
    ready = true;
    for (size_t i = 0; i < early_len; i++)
        pl011_put((uint8_t)early[i]);
}

void console_guest_put(uint8_t byte)
{
    spin_lock(&lock);
    mid_line = byte != '\n';
    spoke = true;
    pl011_put(byte);
    spin_unlock(&lock);
}

bool console_guest_spoke(void)
{
    return spoke;
}

void console_set_input(console_take_fn take, void *ctx)
{
    spin_lock(&input_lock);
    input_take = take;
    input_ctx = ctx;
    spin_unlock(&input_lock);
}

void console_set_break(void (*answer)(void *ctx), void *ctx)
{
    spin_lock(&input_lock);
    break_answer = answer;
    break_ctx = ctx;
    spin_unlock(&input_lock);
}

/* The next one to be taken, -1: none. */
static int receive_locked(void)
{
    int byte = pl011_get();

    while (byte == PL011_BREAK && break_answer != NULL) {
        break_answer(break_ctx);
        byte = pl011_get();
    }
    return byte;
}

void console_input(void)
{
    bool room;

    spin_lock(&input_lock);
    room = input_take != NULL;
    while (room) {
        if (input_byte < 0)
            input_byte = receive_locked();
        if (input_byte < 0)
            break;
        room = input_take(input_ctx, (uint8_t)input_byte);
        if (room)
            input_byte = -1;
    }
    pl011_set_rx_interrupt(room);
    spin_unlock(&input_lock);
}

void console_await_break(void)
{
    int byte;

    spin_lock(&input_lock);
    while ((byte = pl011_get()) != PL011_BREAK) {
        if (byte >= 0 && input_byte < 0 && input_take != NULL &&
            !input_take(input_ctx, (uint8_t)byte))
            input_byte = byte;
        cpu_relax();
    }
    spin_unlock(&input_lock);
    console_input(); /* its interrupt may be due */
}

/* Keeps the lock: other CPUs may still run the guest, and nothing it says may follow. */
void console_exit_line(const char *text)
{
    spin_lock(&lock);
    put_line_locked("exit: ", text);
}

void console_seize(void)
{
    spin_unlock(&lock);
}

void log_set_quiet(bool value)
{
    quiet = value;
}

void log_print(enum log_kind kind, const char *fmt, ...)
{
    static const char *const prefix[] = {[LOG_INFO] = "",
                                         [LOG_WARNING] = "warning: ",
                                         [LOG_ERROR] = "error: ",
                                         [LOG_REPORT] = "report: "};
    char text[LINE_MAX];
    va_list ap;

    if (quiet && kind != LOG_ERROR && kind != LOG_REPORT)
        return;
    va_start(ap, fmt);
    fmt_vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    spin_lock(&lock);
    put_line_locked(prefix[kind], text);
    spin_unlock(&lock);
}
