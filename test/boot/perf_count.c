/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `perf stat -e cycles` and `perf record` ask of the kernel, for the boot test of that name:
 * how many cycles a loop takes, and that so many of them raise interrupts. A Linux program without
 * a C library; prints NAME=VALUE lines. Exit status 0 if the kernel has counted.
 */
#include <asm/unistd.h>
#include <linux/perf_event.h>
#include <stddef.h>
#include <stdint.h>

#include "linux_syscall.h"

#define ROUNDS 20000000
#define PERIOD 1000000 /* cycles from one interrupt to the next */

static void say(const char *name, int64_t value)
{
    char line[64];
    unsigned at = sizeof(line);
    size_t length = 0;
    uint64_t rest = value < 0 ? (uint64_t)-value : (uint64_t)value;

    line[--at] = '\n';
    do {
        line[--at] = (char)('0' + rest % 10);
    } while ((rest /= 10) != 0);
    if (value < 0)
        line[--at] = '-';
    line[--at] = '=';
    while (name[length])
        length++;
    while (length > 0)
        line[--at] = name[--length];
    syscall5(__NR_write, 1, (long)&line[at], (long)(sizeof(line) - at), 0, 0);
}

/* Of this process, on any CPU, at EL0, EL1 and, where that is possible, EL2. */
static long open_cycles(uint64_t period)
{
    static struct perf_event_attr attr;

    attr = (struct perf_event_attr){.type = PERF_TYPE_HARDWARE,
                                    .size = sizeof(attr),
                                    .config = PERF_COUNT_HW_CPU_CYCLES,
                                    .sample_period = period};
    return syscall5(__NR_perf_event_open, (long)&attr, 0, -1, -1, 0);
}

static void work(void)
{
    uint64_t left = ROUNDS;

    __asm__ volatile("1: subs %0, %0, #1\n b.ne 1b" : "+r"(left) : : "cc");
}

static int run(void)
{
    uint64_t cycles = 0;
    long counter = open_cycles(0), sampler = open_cycles(PERIOD);

    if (counter < 0 || sampler < 0) {
        say("error", counter < 0 ? counter : sampler);
        return 1;
    }
    work();
    syscall5(__NR_read, counter, (long)&cycles, sizeof(cycles), 0, 0);
    say("cycles", (int64_t)cycles);
    return cycles == 0;
}

void _start(void)
{
    syscall5(__NR_exit, run(), 0, 0, 0, 0);
}
