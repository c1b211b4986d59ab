/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The init of tools/bench's Linux guest: says when it came to run, loads the disk's
 * driver, measures reads by the counter, and powers off. No C library: system calls only.
 *
 *     linux_init disk|boot|idle SECONDS
 */
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/reboot.h>
#include <stddef.h>
#include <stdint.h>

#include "linux_syscall.h"

#define SMALL       4096
#define BIG         (1 << 20)
#define SMALL_READS 512
#define BIG_READS   16
#define WARM_UP     8

struct time {
    int64_t seconds;
    int64_t nanoseconds;
};

static uint8_t buffer[BIG] __attribute__((aligned(4096)));

static uint64_t counter(void)
{
    uint64_t value;

    __asm__ volatile("isb\n mrs %0, cntvct_el0" : "=r"(value) : : "memory");
    return value;
}

static void say(const char *text)
{
    size_t length = 0;

    while (text[length])
        length++;
    syscall5(__NR_write, 1, (long)text, (long)length, 0, 0);
}

static void say_number(const char *what, uint64_t value)
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

static long open_file(const char *path, long flags)
{
    return syscall5(__NR_openat, AT_FDCWD, (long)path, flags, 0, 0);
}

static void sleep_seconds(int64_t seconds)
{
    struct time time = {.seconds = seconds};

    syscall5(__NR_nanosleep, (long)&time, 0, 0, 0, 0);
}

static void load_module(const char *path)
{
    long file = open_file(path, O_RDONLY);

    /* A kernel with the driver built in has no such file. */
    if (file >= 0)
        syscall5(__NR_finit_module, file, (long)"", 0, 0, 0);
}

/* Ticks for `count` reads of `size` bytes from the start of the disk on; 0 when one fails. */
static uint64_t time_reads(long disk, long size, unsigned count)
{
    uint64_t start = counter();

    for (unsigned i = 0; i < count; i++)
        if (syscall5(__NR_pread64, disk, (long)buffer, size, (long)i * size, 0) != size)
            return 0;
    return counter() - start;
}

static void measure_disk(void)
{
    long disk = -1;

    load_module("/modules/virtio_ring.ko");
    load_module("/modules/virtio.ko");
    load_module("/modules/virtio_mmio.ko");
    load_module("/modules/virtio_blk.ko");
    for (unsigned i = 0; i < 50 && disk < 0; i++) {
        disk = open_file("/dev/vda", O_RDONLY | O_DIRECT);
        if (disk < 0)
            sleep_seconds(1);
    }
    if (disk < 0) {
        say("linux-bench no disk\n");
        return;
    }
    time_reads(disk, SMALL, WARM_UP);
    say_number("small-reads", SMALL_READS);
    say_number("small-ticks", time_reads(disk, SMALL, SMALL_READS));
    time_reads(disk, BIG, 1);
    say_number("big-reads", BIG_READS);
    say_number("big-ticks", time_reads(disk, BIG, BIG_READS));
}

static int64_t number(const char *text)
{
    int64_t value = 0;

    for (; *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (*text - '0');
    return value;
}

/* Called with the kernel's stack: argc, then argv. */
__attribute__((used)) static void run(long *stack)
{
    uint64_t now = counter(), frequency;
    long argc = stack[0];
    char **argv = (char **)(stack + 1);
    char mode = argc > 1 ? argv[1][0] : 'b';

    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
    say_number("frequency", frequency);
    say_number("init-at", now);
    syscall5(__NR_mount, (long)"dev", (long)"/dev", (long)"devtmpfs", 0, 0);
    if (mode == 'd')
        measure_disk();
    if (mode == 'i')
        sleep_seconds(argc > 2 ? number(argv[2]) : 10);
    say("linux-bench end\n");
    syscall5(__NR_reboot, (long)LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
             LINUX_REBOOT_CMD_POWER_OFF, 0, 0);
    for (;;)
        sleep_seconds(1);
}

__asm__(".global _start\n"
        "_start: mov x0, sp\n"
        "    mov x29, xzr\n"
        "    bl run\n");
