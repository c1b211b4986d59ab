/* SPDX-License-Identifier: Apache-2.0 */
/* See string.h. Byte by byte, so that it works with the MMU off too. */
#include "string.h"

void *memset(void *dest, int byte, size_t count)
{
    char *p = dest;

    while (count--)
        *p++ = (char)byte;
    return dest;
}

void *memcpy(void *dest, const void *src, size_t count)
{
    char *to = dest;
    const char *from = src;

    while (count--)
        *to++ = *from++;
    return dest;
}

int memcmp(const void *a, const void *b, size_t count)
{
    const unsigned char *p = a, *q = b;

    for (size_t i = 0; i < count; i++)
        if (p[i] != q[i])
            return p[i] - q[i];
    return 0;
}

size_t strlen(const char *text)
{
    size_t length = 0;

    while (text[length])
        length++;
    return length;
}

int strcmp(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return (unsigned char)*a - (unsigned char)*b;
}
