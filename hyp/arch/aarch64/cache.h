/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cache maintenance by range (Arm ARM, "AArch64 cache maintenance support"). The point of coherency
 * is where every observer, also one with its caches off, sees the same.
 */
#ifndef ARCH_CACHE_H
#define ARCH_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "barrier.h"
#include "lib/bits.h"
#include "sysreg.h"

#define CTR_EL0_DminLine GENMASK(19, 16) /* log2 of the words in a line */
#define CTR_WORD         4

/* `op` with each line of [ptr, ptr + size). */
#define CACHE_FOR_EACH_LINE(op, ptr, size)                                                         \
    do {                                                                                           \
        uint64_t line_ = (uint64_t)CTR_WORD << FIELD_GET(CTR_EL0_DminLine, read_sysreg(ctr_el0));  \
        uint64_t end_ = (uint64_t)(uintptr_t)(ptr) + (size);                                       \
        uint64_t at_ = (uint64_t)(uintptr_t)(ptr) & ~(line_ - 1);                                  \
                                                                                                   \
        for (; at_ < end_; at_ += line_)                                                           \
            __asm__ volatile(op ", %0" : : "r"(at_) : "memory");                                   \
    } while (0)

/* What was written here is in memory: for a CPU that reads it with its caches off. */
static inline void cache_clean_poc(const void *ptr, size_t size)
{
    CACHE_FOR_EACH_LINE("dc cvac", ptr, size);
    dsb(sy); /* the lines have arrived before anything that follows, a PSCI call say */
}

/* The same, and no cache holds it: for memory that will next be written with caches off. */
static inline void cache_clean_inval_poc(const void *ptr, size_t size)
{
    CACHE_FOR_EACH_LINE("dc civac", ptr, size);
    dsb(sy); /* the lines have arrived before anything that follows */
}

/* No CPU's instruction cache holds anything. */
static inline void cache_inval_icache_all(void)
{
    dsb(ish); /* instructions written and cleaned before are there to be fetched anew */
    __asm__ volatile("ic ialluis" : : : "memory");
    dsb(ish); /* all CPUs have done so */
    isb();    /* this one drops what it has fetched */
}

#endif
