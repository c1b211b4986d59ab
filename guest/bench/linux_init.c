/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The init of tools/bench's Linux guest: says when it came to run, loads the disk's
 * driver, measures reads by the counter, and powers off. No C library: system calls only.
 *
 *     linux_init disk|boot|idle SECONDS
 */
#include "linux_common.h"

#define SMALL       4096
#define BIG         (1 << 20)
#define SMALL_READS 512
#define BIG_READS   16
#define WARM_UP     8

static uint8_t buffer[BIG] __attribute__((aligned(4096)));

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
    long disk = open_disk();

    if (disk < 0)
        return;
    time_reads(disk, SMALL, WARM_UP);
    say_number("small-reads", SMALL_READS);
    say_number("small-ticks", time_reads(disk, SMALL, SMALL_READS));
    time_reads(disk, BIG, 1);
    say_number("big-reads", BIG_READS);
    say_number("big-ticks", time_reads(disk, BIG, BIG_READS));
}

void run(long *stack)
{
    uint64_t now = counter();
    long argc = stack[0];
    char **argv = (char **)(stack + 1);
    char mode = argc > 1 ? argv[1][0] : 'b';

    say_number("init-at", now);
    begin();
    if (mode == 'd')
        measure_disk();
    if (mode == 'i')
        sleep_seconds(argc > 2 ? number(argv[2]) : 10);
    power_off();
}
