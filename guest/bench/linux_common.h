/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the inits of tools/bench's Linux guests share: the counter, lines for the bench, files and
 * modules. No C library. Neighbours: linux_init.c, linux_device.c.
 */
#ifndef BENCH_LINUX_COMMON_H
#define BENCH_LINUX_COMMON_H

#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/reboot.h>
#include <stddef.h>
#include <stdint.h>

#include "linux_syscall.h"

struct time {
    int64_t seconds;
    int64_t nanoseconds;
};

static inline uint64_t counter(void)
{
    uint64_t value;

    __asm__ volatile("isb\n mrs %0, cntvct_el0" : "=r"(value) : : "memory");
    return value;
}

static inline void say(const char *text)
{
    size_t length = 0;

    while (text[length])
        length++;
    syscall5(__NR_write, 1, (long)text, (long)length, 0, 0);
}

static inline void say_number(const char *what, uint64_t value)
{
    char digits[24];
    unsigned at = sizeof(digits) - 1;

    digits[at] = 0;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    say("linux-bench ");
    say(what);
    say(" ");
    say(digits + at);
    say("\n");
}

static inline long open_file(const char *path, long flags)
{
    return syscall5(__NR_openat, AT_FDCWD, (long)path, flags, 0, 0);
}

static inline void sleep_seconds(int64_t seconds)
{
    struct time time = {.seconds = seconds};

    syscall5(__NR_nanosleep, (long)&time, 0, 0, 0, 0);
}

static inline void load_module(const char *path)
{
    long file = open_file(path, O_RDONLY);

    /* A kernel with the driver built in has no such file. */
    if (file >= 0)
        syscall5(__NR_finit_module, file, (long)"", 0, 0, 0);
}

static inline int64_t number(const char *text)
{
    int64_t value = 0;

    for (; *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (*text - '0');
    return value;
}

static inline uint64_t counter_frequency(void)
{
    uint64_t value;

    __asm__("mrs %0, cntfrq_el0" : "=r"(value));
    return value;
}

/* Devices in /dev, and the driver of virtio-mmio. */
static inline void begin(void)
{
    say_number("frequency", counter_frequency());
    syscall5(__NR_mount, (long)"dev", (long)"/dev", (long)"devtmpfs", 0, 0);
}

static inline void load_virtio(void)
{
    load_module("/modules/virtio_ring.ko");
    load_module("/modules/virtio.ko");
    load_module("/modules/virtio_mmio.ko");
}

/* The first disk, past the page cache; negative if there is none. */
static inline long open_disk(void)
{
    long disk = -1;

    load_virtio();
    load_module("/modules/virtio_blk.ko");
    for (unsigned i = 0; i < 50 && disk < 0; i++) {
        disk = open_file("/dev/vda", O_RDONLY | O_DIRECT);
        if (disk < 0)
            sleep_seconds(1);
    }
    if (disk < 0)
        say("linux-bench no disk\n");
    return disk;
}

static inline __attribute__((noreturn)) void power_off(void)
{
    say("linux-bench end\n");
    syscall5(__NR_reboot, (long)LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
             LINUX_REBOOT_CMD_POWER_OFF, 0, 0);
    for (;;)
        sleep_seconds(1);
}

/* Called with the kernel's stack: argc, then argv. */
void run(long *stack);

__asm__(".global _start\n"
        "_start: mov x0, sp\n"
        "    mov x29, xzr\n"
        "    bl run\n");

#endif
