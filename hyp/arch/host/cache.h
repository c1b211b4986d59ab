/* SPDX-License-Identifier: Apache-2.0 */
/* Caches for tests on the host, where all that the tests can see is coherent. */
#ifndef ARCH_CACHE_H
#define ARCH_CACHE_H

#include <stddef.h>

static inline void cache_clean_poc(const void *ptr, size_t size)
{
    (void)ptr;
    (void)size;
}

static inline void cache_clean_inval_poc(const void *ptr, size_t size)
{
    (void)ptr;
    (void)size;
}

static inline void cache_inval_icache_all(void)
{
}

#endif
