/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of whatever takes pages from a pool: how many are left. */
#ifndef PAGE_POOL_AVAILABLE_H
#define PAGE_POOL_AVAILABLE_H

#include "lib/bits.h"
#include "mm/page_pool.h"

static inline size_t page_pool_available(const struct page_pool *pool)
{
    size_t left = pool->pages;

    for (size_t i = 0; i < ARRAY_SIZE(pool->used); i++)
        left -= (size_t)__builtin_popcountll(pool->used[i]);
    return left;
}

#endif
