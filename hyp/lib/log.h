/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traproom's own lines on the console. Each starts with "[traproom] ", on a line of
 * its own whatever the guest has printed before. Tests on the host supply their own.
 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define printf_like(fmt, first) __attribute__((format(printf, fmt, first)))

enum log_kind {
    LOG_INFO,
    LOG_WARNING, /* for what the user should mend; "warning: " is put in front */
    LOG_ERROR,   /* never silenced; "error: " is put in front */
    LOG_REPORT,  /* of vm/report.c, never silenced; "report: " is put in front */
};

/* One whole line, without its newline. But for errors, silenced by log_set_quiet(). */
void log_print(enum log_kind kind, const char *fmt, ...) printf_like(2, 3);

#define log_info(...)  log_print(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_print(LOG_WARNING, __VA_ARGS__)
#define log_error(...) log_print(LOG_ERROR, __VA_ARGS__)

void log_set_quiet(bool quiet);

/*
 * Format into buf as C's vsnprintf does, for the conversions s d u x % with the flags 0 and -, a
 * width and the length l. Always ends buf with NUL when size > 0. Returns the length that the whole
 * text has.
 */
int fmt_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
int fmt_snprintf(char *buf, size_t size, const char *fmt, ...) printf_like(3, 4);

#endif
