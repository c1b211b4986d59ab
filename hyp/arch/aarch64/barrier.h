/* SPDX-License-Identifier: Apache-2.0 */
/* Barriers (Arm ARM, "Barriers"). Whoever uses one says what it orders. */
#ifndef ARCH_BARRIER_H
#define ARCH_BARRIER_H

#define isb()       __asm__ volatile("isb" : : : "memory")
#define dsb(domain) __asm__ volatile("dsb " #domain : : : "memory")
#define dmb(domain) __asm__ volatile("dmb " #domain : : : "memory")

/* Keep the compiler from moving memory accesses across this point. */
#define compiler_barrier() __asm__ volatile("" : : : "memory")

/* Memory accesses before it are seen by every observer of normal memory before those after it. */
#define mem_barrier()   dmb(ish)
#define write_barrier() dmb(ishst)

/* A device sees accesses before it, to memory or to its registers, before those after it. */
#define io_barrier() dmb(osh)

#endif
