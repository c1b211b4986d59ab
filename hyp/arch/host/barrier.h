/* SPDX-License-Identifier: Apache-2.0 */
/* Barriers for tests on the host. */
#ifndef ARCH_BARRIER_H
#define ARCH_BARRIER_H

#define isb()              ((void)0)
#define dsb(domain)        __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define dmb(domain)        __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define compiler_barrier() __atomic_signal_fence(__ATOMIC_SEQ_CST)
#define mem_barrier()      __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define write_barrier()    __atomic_thread_fence(__ATOMIC_RELEASE)
#define io_barrier()       __atomic_thread_fence(__ATOMIC_SEQ_CST)

#endif
