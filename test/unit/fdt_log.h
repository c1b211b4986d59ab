/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of device trees: what was logged, kept for the test to look at. */
#ifndef TEST_FDT_LOG_H
#define TEST_FDT_LOG_H

#include <stdarg.h>
#include <stddef.h>

#include "lib/log.h"

static struct {
    unsigned errors;
    unsigned warnings;
    char error[512];     /* the latest */
    char warning[16384]; /* all, each with a newline */
    size_t warning_len;
} logged;

static void log_clear(void)
{
    logged.errors = 0;
    logged.warnings = 0;
    logged.error[0] = '\0';
    logged.warning[0] = '\0';
    logged.warning_len = 0;
}

void log_print(enum log_kind kind, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    size_t room = sizeof(logged.warning) - logged.warning_len;
    int len;

    va_start(ap, fmt);
    fmt_vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (kind == LOG_ERROR) {
        logged.errors++;
        fmt_snprintf(logged.error, sizeof(logged.error), "%s", text);
    } else if (kind == LOG_WARNING) {
        logged.warnings++;
        len = fmt_snprintf(logged.warning + logged.warning_len, room, "%s\n", text);
        logged.warning_len += (size_t)len < room ? (size_t)len : room - 1;
    }
}

#endif
