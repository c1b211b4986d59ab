/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A spinlock for EL2, which always runs with interrupts masked. Load-acquire and
 * store-release order what the lock protects; no other barrier is needed. Who waits yields, which
 * matters where CPUs share a thread: QEMU's with -icount would spin until the next timer.
 */
#ifndef ARCH_SPINLOCK_H
#define ARCH_SPINLOCK_H

#include <stdint.h>

typedef struct {
    uint32_t locked;
} spinlock_t;

static inline void spin_lock(spinlock_t *lock)
{
    uint32_t seen;

    __asm__ volatile("1: ldaxr %w0, %1\n"
                     "   cbnz %w0, 2f\n"
                     "   stxr %w0, %w2, %1\n"
                     "   cbnz %w0, 1b\n"
                     "   .subsection 1\n"
                     "2: yield\n"
                     "   b 1b\n"
                     "   .previous\n"
                     : "=&r"(seen), "+Q"(lock->locked)
                     : "r"(1)
                     : "memory");
}

static inline void spin_unlock(spinlock_t *lock)
{
    __atomic_store_n(&lock->locked, 0, __ATOMIC_RELEASE);
}

#endif
