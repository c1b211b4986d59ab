/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes to the folder it runs in, in each of the ways that make data durable, and says so as soon
 * as the kernel has. A Linux program without a C library. Prints `nonce N`, then `WAY N` when
 * record N of that way is durable:
 *
 * a: appended to file a, then fsync().
 * b: written to file b, which was opened with O_DSYNC.
 * c: a file cN, written and fsync()ed under another name, renamed, and its folder fsync()ed.
 *
 * durable.py reads all that, and knows what a record has.
 */
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <stdbool.h>
#include <stdint.h>

#include "linux_syscall.h"

#define SIGCHLD     17
#define PATTERN     UINT64_C(0x9e3779b97f4a7c15)
#define MOST        8192 /* bytes of a record */
#define MOST_DIGITS 20
#define RECORDS     4000 /* of each way */
#define MODE        0644
#define FOLDER      "."

static uint64_t nonce, record[MOST / sizeof(uint64_t)];

static long open_file(const char *name, int flags)
{
    return syscall5(__NR_openat, AT_FDCWD, (long)name, flags, MODE, 0);
}

/* `number` in digits, as a string at the end of `text`; returns where it begins. */
static char *digits(char *text, unsigned size, uint64_t number)
{
    char *at = text + size - 1;

    *at = '\0';
    do {
        *--at = (char)('0' + number % 10);
    } while ((number /= 10) != 0);
    return at;
}

/* `word`, a space and the number, in one write(): lines of several processes don't mix. */
static void say(const char *word, uint64_t number)
{
    char line[64], text[MOST_DIGITS + 1];
    unsigned length = 0;

    while (*word)
        line[length++] = *word++;
    line[length++] = ' ';
    for (const char *at = digits(text, sizeof(text), number); *at; at++)
        line[length++] = *at;
    line[length++] = '\n';
    syscall5(__NR_write, 1, (long)line, length, 0, 0);
}

static void fill(char way, uint64_t n, unsigned size)
{
    for (unsigned i = 0; i < size / sizeof(uint64_t); i++)
        record[i] = (nonce ^ ((uint64_t)way << 56 | n << 24 | i)) * PATTERN;
}

static bool put(long file, unsigned size)
{
    return file >= 0 && syscall5(__NR_write, file, (long)record, size, 0, 0) == size;
}

static bool append(long file, uint64_t n)
{
    fill('a', n, 4096);
    return put(file, 4096) && syscall5(__NR_fsync, file, 0, 0, 0, 0) == 0;
}

static bool write_through(long file, uint64_t n)
{
    fill('b', n, MOST);
    return put(file, MOST);
}

static bool replace(long folder, uint64_t n)
{
    char text[1 + MOST_DIGITS + 1], *name = digits(text, sizeof(text), n);
    long file = open_file("new", O_CREAT | O_TRUNC | O_WRONLY);
    bool good;

    *--name = 'c';
    fill('c', n, 1024);
    good = put(file, 1024) && syscall5(__NR_fsync, file, 0, 0, 0, 0) == 0;
    syscall5(__NR_close, file, 0, 0, 0, 0);
    return good && syscall5(__NR_renameat2, AT_FDCWD, (long)"new", AT_FDCWD, (long)name, 0) == 0 &&
           syscall5(__NR_fsync, folder, 0, 0, 0, 0) == 0;
}

static void write_on(const char *way, long file, bool (*write_one)(long file, uint64_t n))
{
    for (uint64_t n = 0; n < RECORDS; n++) {
        if (!write_one(file, n)) {
            say("failed", n);
            return;
        }
        say(way, n);
    }
}

/* In a process of its own? */
static bool forked(void)
{
    return syscall5(__NR_clone, SIGCHLD, 0, 0, 0, 0) == 0;
}

static void run(void)
{
    syscall5(__NR_read, open_file("/dev/urandom", O_RDONLY), (long)&nonce, sizeof(nonce), 0, 0);
    say("nonce", nonce);
    if (forked())
        write_on("a", open_file("a", O_CREAT | O_WRONLY), append);
    else if (forked())
        write_on("b", open_file("b", O_CREAT | O_WRONLY | O_DSYNC), write_through);
    else
        write_on("c", open_file(FOLDER, O_RDONLY), replace);
}

void _start(void)
{
    run();
    syscall5(__NR_wait4, -1, 0, 0, 0, 0);
    syscall5(__NR_wait4, -1, 0, 0, 0, 0);
    syscall5(__NR_exit, 0, 0, 0, 0, 0);
}
