/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root task of elf_kernel.c, at EL0: each CPU comes in here, with its number. When all that
 * shall come have, the first one says so and is done.
 */
#include <stdint.h>

#ifndef ROOT_CPUS
#define ROOT_CPUS 4
#endif
#define MAGIC      UINT64_C(0x5441534b524f4f54)
#define CALL_PRINT 1
#define CALL_EXIT  2

_Noreturn void root_entry(uint64_t cpu);

static volatile uint64_t magic __attribute__((section(".data"))) = MAGIC;
static uint32_t arrived; /* of .bss */

static void call(uint64_t number, uint64_t value)
{
    register uint64_t x0 __asm__("x0") = value;
    register uint64_t x8 __asm__("x8") = number;

    __asm__ volatile("svc #0"
                     : "+r"(x0), "+r"(x8)
                     :
                     : "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x9", "x10", "x11", "x12", "x13",
                       "x14", "x15", "x16", "x17", "x18", "memory");
}

void root_entry(uint64_t cpu)
{
    if (magic != MAGIC)
        call(CALL_EXIT, 1);
    __atomic_fetch_or(&arrived, UINT32_C(1) << cpu, __ATOMIC_ACQ_REL);
    while (cpu == 0 &&
           __atomic_load_n(&arrived, __ATOMIC_ACQUIRE) != (UINT32_C(1) << ROOT_CPUS) - 1)
        __asm__ volatile("yield");
    if (cpu == 0) {
        call(CALL_PRINT, arrived);
        call(CALL_EXIT, 0);
    }
    for (;;)
        __asm__ volatile("yield");
}
