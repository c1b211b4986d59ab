/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool of pages behind mm/pgtable.c: first fit in a bitmap. Tables are made at boot and are
 * few, so the search is short and need not be clever.
 */
#include "mm/page_pool.h"

#include "lib/addr.h"
#include "lib/bits.h"
#include "lib/string.h"

#define WORD_BITS 64

static bool is_used(const struct page_pool *pool, size_t index)
{
    return (pool->used[index / WORD_BITS] & BIT(index % WORD_BITS)) != 0;
}

static size_t free_run_length(const struct page_pool *pool, size_t index, size_t most)
{
    size_t n = 0;

    while (n < most && index + n < pool->pages && !is_used(pool, index + n))
        n++;
    return n;
}

/* The index of the first page of such a run, or the number of pages if there is none. */
static size_t find_run(const struct page_pool *pool, size_t count)
{
    uintptr_t first = align_up(pool->base, count * PAGE_SIZE);

    for (size_t i = (first - pool->base) / PAGE_SIZE; i < pool->pages; i += count)
        if (free_run_length(pool, i, count) == count)
            return i;
    return pool->pages;
}

void page_pool_init(struct page_pool *pool, void *base, size_t pages)
{
    *pool = (struct page_pool){
        .base = (uintptr_t)base,
        .pages = pages < PAGE_POOL_MAX ? pages : PAGE_POOL_MAX,
    };
}

void *page_pool_alloc_run(struct page_pool *pool, size_t count)
{
    void *run = NULL;

    spin_lock(&pool->lock);
    size_t index = find_run(pool, count);
    if (index < pool->pages) {
        for (size_t i = 0; i < count; i++)
            pool->used[(index + i) / WORD_BITS] |= BIT((index + i) % WORD_BITS);
        run = (void *)(pool->base + index * PAGE_SIZE); /* NOLINT(performance-no-int-to-ptr) */
    }
    spin_unlock(&pool->lock);
    return run != NULL ? memset(run, 0, count * PAGE_SIZE) : NULL;
}

void *page_pool_alloc(struct page_pool *pool)
{
    return page_pool_alloc_run(pool, 1);
}

bool page_pool_is_used(const struct page_pool *pool, const void *page, size_t *index)
{
    uintptr_t offset = (uintptr_t)page - pool->base;

    *index = offset / PAGE_SIZE;
    return is_aligned(offset, PAGE_SIZE) && *index < pool->pages && is_used(pool, *index);
}

void page_pool_free(struct page_pool *pool, void *page)
{
    size_t index;

    spin_lock(&pool->lock);
    if (page_pool_is_used(pool, page, &index))
        pool->used[index / WORD_BITS] &= ~BIT(index % WORD_BITS);
    spin_unlock(&pool->lock);
}
