/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 4 KiB pages for translation tables, out of an array that is fixed at build time. A bitmap
 * says which are in use. It has a lock of its own: any CPU may call, with or without others held.
 */
#ifndef MM_PAGE_POOL_H
#define MM_PAGE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spinlock.h"

#define PAGE_POOL_MAX 512 /* pages in one pool */

struct page_pool {
    spinlock_t lock; /* protects all below; nothing else is locked while it is held */
    uintptr_t base;
    size_t pages;
    uint64_t used[PAGE_POOL_MAX / 64]; /* a bit for each page */
};

/*
 * The pool owns the `pages` pages from `base`, which is aligned to 4 KiB. No more than
 * PAGE_POOL_MAX of them are used.
 */
void page_pool_init(struct page_pool *pool, void *base, size_t pages);

/* A zeroed page, or NULL if there is none. */
void *page_pool_alloc(struct page_pool *pool);

/*
 * `count` zeroed pages in a row, aligned to their whole size, or NULL if there are none such.
 * `count` is a power of two, at most 16. Each is given back on its own.
 */
void *page_pool_alloc_run(struct page_pool *pool, size_t count);

/* Give one page back. What the pool has not handed out is ignored. */
void page_pool_free(struct page_pool *pool, void *page);

/* Is this a page that was handed out and not given back? If so, which of the pool's. */
bool page_pool_is_used(const struct page_pool *pool, const void *page, size_t *index);

#endif
