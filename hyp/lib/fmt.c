/* SPDX-License-Identifier: Apache-2.0 */
/* Text from a format and arguments, as printf has it. Contract in log.h. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/log.h"
#include "lib/string.h"

#define NUMBER_MAX 24 /* digits of 2^64 - 1, and to spare */

struct out {
    char *buf;
    size_t size;
    size_t len;
};

/* One conversion: %[-][0][width][length]letter */
struct spec {
    bool left;
    bool zero;
    size_t width;
    bool is_long; /* 64 bits */
    char letter;
};

static void put(struct out *out, char c)
{
    if (out->len + 1 < out->size)
        out->buf[out->len] = c;
    out->len++;
}

static void put_padded(struct out *out, const struct spec *spec, const char *text, size_t len)
{
    size_t pad = spec->width > len ? spec->width - len : 0;

    for (; !spec->left && pad > 0; pad--)
        put(out, spec->zero ? '0' : ' ');
    for (size_t i = 0; i < len; i++)
        put(out, text[i]);
    for (; pad > 0; pad--)
        put(out, ' ');
}

static void put_number(struct out *out, struct spec *spec, uint64_t value, bool negative)
{
    uint64_t base = spec->letter == 'x' ? 16 : 10;
    char text[NUMBER_MAX];
    size_t at = sizeof(text);

    do {
        text[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    if (negative && spec->zero) {
        put(out, '-');
        spec->width -= spec->width > 0 ? 1 : 0;
    } else if (negative) {
        text[--at] = '-';
    }
    put_padded(out, spec, text + at, sizeof(text) - at);
}

static const char *parse_spec(const char *fmt, struct spec *spec)
{
    *spec = (struct spec){.left = false};
    for (;; fmt++) {
        if (*fmt == '-')
            spec->left = true;
        else if (*fmt == '0')
            spec->zero = true;
        else
            break;
    }
    for (; *fmt >= '0' && *fmt <= '9'; fmt++)
        spec->width = spec->width * 10 + (size_t)(*fmt - '0');
    for (; *fmt == 'l'; fmt++)
        spec->is_long = true;
    spec->zero = spec->zero && !spec->left;
    spec->letter = *fmt;
    return *fmt == '\0' ? fmt : fmt + 1;
}

int fmt_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
    struct out out = {.buf = buf, .size = size};
    struct spec spec;

    while (*fmt != '\0') {
        if (*fmt != '%') {
            put(&out, *fmt++);
            continue;
        }
        fmt = parse_spec(fmt + 1, &spec);
        if (spec.letter == 'd') {
            int64_t v = spec.is_long ? va_arg(ap, int64_t) : va_arg(ap, int);

            put_number(&out, &spec, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0);
        } else if (spec.letter == 'u' || spec.letter == 'x') {
            put_number(&out, &spec, spec.is_long ? va_arg(ap, uint64_t) : va_arg(ap, unsigned),
                       false);
        } else if (spec.letter == 's') {
            const char *s = va_arg(ap, const char *);

            spec.zero = false;
            put_padded(&out, &spec, s, strlen(s));
        } else if (spec.letter != '\0') {
            put(&out, spec.letter);
        }
    }
    if (size > 0)
        buf[out.len < size ? out.len : size - 1] = '\0';
    return (int)out.len;
}

int fmt_snprintf(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    int len;

    va_start(ap, fmt);
    len = fmt_vsnprintf(buf, size, fmt, ap);
    va_end(ap);
    return len;
}
