/* SPDX-License-Identifier: Apache-2.0 */
/* mm/page_pool.c: pages come zeroed, once, from inside; runs are aligned; what is wrong is ignored.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/addr.h"
#include "mm/page_pool.h"
#include "page_pool_available.h"

#define PAGES 64

static _Alignas(65536) uint8_t memory[PAGES * PAGE_SIZE];
static struct page_pool pool;

static void *page_at(size_t index)
{
    return memory + index * PAGE_SIZE;
}

static int setup(void **state)
{
    (void)state;
    memset(memory, 0xa5, sizeof(memory));
    page_pool_init(&pool, memory, PAGES);
    return 0;
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

static void test_each_page_once_and_zeroed(void **state)
{
    bool seen[PAGES] = {false};

    (void)state;
    for (size_t i = 0; i < PAGES; i++) {
        uint8_t *page = page_pool_alloc(&pool);

        assert_non_null(page);
        assert_true(is_aligned((uintptr_t)page, PAGE_SIZE));
        size_t index = (size_t)(page - memory) / PAGE_SIZE;
        assert_true(index < PAGES);
        assert_false(seen[index]);
        seen[index] = true;
        assert_true(is_zero(page, PAGE_SIZE));
        assert_int_equal(page_pool_available(&pool), PAGES - 1 - i);
    }
    assert_null(page_pool_alloc(&pool));
}

static void test_a_page_given_back_comes_again_zeroed(void **state)
{
    (void)state;
    while (page_pool_alloc(&pool) != NULL)
        ;
    memset(page_at(37), 0xff, PAGE_SIZE);
    page_pool_free(&pool, page_at(37));
    assert_int_equal(page_pool_available(&pool), 1);
    assert_ptr_equal(page_pool_alloc(&pool), page_at(37));
    assert_true(is_zero(page_at(37), PAGE_SIZE));
    assert_null(page_pool_alloc(&pool));
}

static void test_nonsense_is_not_taken_back(void **state)
{
    uint8_t *page = page_pool_alloc(&pool);

    (void)state;
    page_pool_free(&pool, page + 8);
    page_pool_free(&pool, NULL);
    page_pool_free(&pool, memory + sizeof(memory));
    page_pool_free(&pool, memory - PAGE_SIZE);
    page_pool_free(&pool, page_at(5)); /* never handed out */
    assert_int_equal(page_pool_available(&pool), PAGES - 1);
    page_pool_free(&pool, page);
    page_pool_free(&pool, page); /* twice */
    assert_int_equal(page_pool_available(&pool), PAGES);
}

static void test_used_pages_are_known_by_number(void **state)
{
    uint8_t *first = page_pool_alloc(&pool);
    uint8_t *second = page_pool_alloc(&pool);
    size_t index = 99;

    (void)state;
    assert_true(page_pool_is_used(&pool, second, &index));
    assert_int_equal(index, 1);
    assert_false(page_pool_is_used(&pool, second + 8, &index));
    assert_false(page_pool_is_used(&pool, second + PAGE_SIZE, &index));
    assert_false(page_pool_is_used(&pool, first - PAGE_SIZE, &index));
    assert_false(page_pool_is_used(&pool, first + PAGES * PAGE_SIZE, &index));
    page_pool_free(&pool, second);
    assert_false(page_pool_is_used(&pool, second, &index));
    assert_true(page_pool_is_used(&pool, first, &index));
}

static void test_runs_are_aligned_to_their_size(void **state)
{
    (void)state;
    for (size_t count = 1; count <= 16; count *= 2) {
        setup(NULL);
        assert_non_null(page_pool_alloc(&pool)); /* so that the first page does not serve */
        uint8_t *run = page_pool_alloc_run(&pool, count);

        assert_non_null(run);
        assert_true(is_aligned((uintptr_t)run, count * PAGE_SIZE));
        assert_true(is_zero(run, count * PAGE_SIZE));
        assert_int_equal(page_pool_available(&pool), PAGES - 1 - count);
        for (size_t i = 0; i < count; i++)
            page_pool_free(&pool, run + i * PAGE_SIZE);
        assert_int_equal(page_pool_available(&pool), PAGES - 1);
    }
}

static void test_alignment_counts_from_zero_not_from_the_base(void **state)
{
    (void)state;
    page_pool_init(&pool, page_at(1), 4); /* pages 1 to 4 of an aligned array */
    assert_ptr_equal(page_pool_alloc_run(&pool, 2), page_at(2));
    assert_null(page_pool_alloc_run(&pool, 2));
    assert_int_equal(page_pool_available(&pool), 2);
    assert_ptr_equal(page_pool_alloc(&pool), page_at(1));
    assert_ptr_equal(page_pool_alloc(&pool), page_at(4));
}

static void test_no_run_where_free_pages_are_scattered(void **state)
{
    (void)state;
    while (page_pool_alloc(&pool) != NULL)
        ;
    for (size_t i = 0; i < PAGES; i += 2)
        page_pool_free(&pool, page_at(i));
    assert_null(page_pool_alloc_run(&pool, 2));
    assert_int_equal(page_pool_available(&pool), PAGES / 2);
    page_pool_free(&pool, page_at(PAGES - 1));
    assert_ptr_equal(page_pool_alloc_run(&pool, 2), page_at(PAGES - 2));
}

static void test_an_empty_pool_and_a_huge_one(void **state)
{
    (void)state;
    page_pool_init(&pool, memory, 0);
    assert_null(page_pool_alloc(&pool));
    page_pool_init(&pool, memory, PAGE_POOL_MAX + 1000);
    assert_int_equal(page_pool_available(&pool), PAGE_POOL_MAX);
}

#define ROUNDS 2000000

static pthread_barrier_t start;

static void *take_and_give(void *unused)
{
    pthread_barrier_wait(&start);
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t *page = page_pool_alloc(&pool);

        if (page == NULL || page[0] != 0)
            return page_at(0);
        page[0] = 1; /* another who gets the same page sees it */
        page[0] = 0;
        page_pool_free(&pool, page);
    }
    return unused;
}

static void test_two_cpus_never_get_the_same_page(void **state)
{
    pthread_t thread[2];

    (void)state;
    page_pool_init(&pool, memory, 2);
    assert_int_equal(pthread_barrier_init(&start, NULL, 2), 0);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, take_and_give, NULL), 0);
    for (unsigned i = 0; i < 2; i++) {
        void *failed = page_at(0);

        assert_int_equal(pthread_join(thread[i], &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(page_pool_available(&pool), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_each_page_once_and_zeroed, setup),
        cmocka_unit_test_setup(test_a_page_given_back_comes_again_zeroed, setup),
        cmocka_unit_test_setup(test_nonsense_is_not_taken_back, setup),
        cmocka_unit_test_setup(test_used_pages_are_known_by_number, setup),
        cmocka_unit_test_setup(test_runs_are_aligned_to_their_size, setup),
        cmocka_unit_test_setup(test_alignment_counts_from_zero_not_from_the_base, setup),
        cmocka_unit_test_setup(test_no_run_where_free_pages_are_scattered, setup),
        cmocka_unit_test_setup(test_an_empty_pool_and_a_huge_one, setup),
        cmocka_unit_test_setup(test_two_cpus_never_get_the_same_page, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
