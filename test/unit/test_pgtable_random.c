/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mm/pgtable.c at random, against a flat array that says for each page what should come out, and
 * a list of what a TLB may still hold, which must never differ from what the table says.
 */
#include "pgtable_fixture.h"

#define BASE        GIB(510) /* across the two roots */
#define MODEL_PAGES (4 * SIZE_1G / SIZE_4K)
#define OPS         4000

static uint64_t model[MODEL_PAGES]; /* 0, or the page's output address and rights */

struct cached {
    uint64_t ia, desc;
    unsigned level;
};

static struct cached cached[MODEL_PAGES / 8];
static size_t nr_cached;

static int remember_leaf(const struct pgtable_visit *visit, void *ctx)
{
    (void)ctx;
    if (pte_is_leaf(*visit->slot, visit->level)) {
        assert_true(nr_cached < ARRAY_SIZE(cached));
        cached[nr_cached++] = (struct cached){visit->ia, *visit->slot, visit->level};
    }
    return 0;
}

/* What is flushed while another size of leaf is there may come back beside that leaf. */
static void forget_leaf(uint64_t ia)
{
    for (size_t i = 0; i < nr_cached; i++) {
        struct cached *c = &cached[i];

        if (ia != UINT64_MAX && (ia < c->ia || ia - c->ia >= pte_level_size(c->level)))
            continue;
        struct result now = oracle(c->ia);
        assert_true(!now.mapped || (now.level == c->level && now.out == pte_addr(c->desc).v));
        *c = cached[--nr_cached];
        i--;
    }
}

static void expect_nothing_stale(void)
{
    for (size_t i = 0; i < nr_cached; i++) {
        struct result now = oracle(cached[i].ia);

        assert_true(now.mapped);
        assert_int_equal(now.level, cached[i].level);
        assert_int_equal(now.out | now.attr, cached[i].desc & ~UINT64_C(3));
    }
}

static int compare_with_model(const struct pgtable_visit *visit, void *ctx)
{
    uint64_t desc = *visit->slot;
    uint64_t size = pte_level_size(visit->level);

    (void)ctx;
    if (pte_is_table(desc, visit->level))
        return 0;
    for (uint64_t offset = 0; offset < size; offset += SIZE_4K) {
        uint64_t want = !pte_is_valid(desc) ? 0 : (pte_addr(desc).v + offset) | (desc & RIGHTS);

        if (model[(visit->ia - BASE + offset) / SIZE_4K] != want)
            return -1;
    }
    return 0;
}

static uint64_t random_up_to(uint64_t limit)
{
    return ((uint64_t)rand() << 31 ^ (uint64_t)rand()) % limit;
}

/* Pages to start at and to take: often on, or next to, the boundary of a block. */
static void random_range(uint64_t *first, uint64_t *count)
{
    static const uint64_t unit[] = {1, 512, 512, 262144};
    uint64_t u = unit[random_up_to(ARRAY_SIZE(unit))];

    *first = random_up_to(MODEL_PAGES / u) * u;
    if (random_up_to(4) == 0)
        *first += random_up_to(3);
    *count = (1 + random_up_to(3)) * u + (random_up_to(3) == 0 ? random_up_to(3) : 0);
    if (*first >= MODEL_PAGES)
        *first = MODEL_PAGES - 1;
    if (*count > MODEL_PAGES - *first)
        *count = MODEL_PAGES - *first;
}

static int model_map(uint64_t first, uint64_t count, uint64_t out, uint64_t rights)
{
    for (uint64_t i = 0; i < count; i++)
        if (model[first + i] != 0)
            return -ERR_EXIST;
    for (uint64_t i = 0; i < count; i++)
        model[first + i] = (out + i * SIZE_4K) | rights;
    return 0;
}

static void model_unmap(uint64_t first, uint64_t count)
{
    memset(&model[first], 0, count * sizeof(model[0]));
}

static int model_protect(uint64_t first, uint64_t count, uint64_t rights)
{
    for (uint64_t i = 0; i < count; i++)
        if (model[first + i] == 0)
            return -ERR_NOENT;
    for (uint64_t i = 0; i < count; i++)
        model[first + i] = (model[first + i] & ~RIGHTS) | rights;
    return 0;
}

/* One operation on the table and, unless pages ran out, on the model. Was it out of pages? */
static bool random_op(void)
{
    uint64_t first, count, rights = RIGHT_A * (1 + random_up_to(3));
    static const uint64_t skew[] = {0, 0, 0, SIZE_2M, SIZE_4K};
    uint64_t out = GIB(4);
    int err, want = 0;

    random_range(&first, &count);
    uint64_t ia = BASE + first * SIZE_4K, size = count * SIZE_4K;
    out += first * SIZE_4K + skew[random_up_to(count <= 2048 ? ARRAY_SIZE(skew) : 4)];
    switch (random_up_to(4)) {
    case 0:
        err = pgtable_unmap(&pt, ia, size);
        if (err == 0)
            model_unmap(first, count);
        break;
    case 1:
        err = pgtable_protect(&pt, ia, size, RIGHTS, rights);
        want = err != -ERR_NOMEM ? model_protect(first, count, rights) : 0;
        break;
    default:
        err = pgtable_map(&pt, ia, pa(out), size, ATTR | rights);
        want = err != -ERR_NOMEM ? model_map(first, count, out, rights) : 0;
        break;
    }
    assert_int_equal(err == -ERR_NOMEM ? 0 : err, want);
    return err == -ERR_NOMEM;
}

static void test_random_operations(void **state)
{
    unsigned out_of_pages = 0;

    (void)state;
    srand(1);
    memset(model, 0, sizeof(model));
    for (size_t i = 0; i < PAGES - 40; i++) /* tight, so that some operations lack pages */
        assert_non_null(page_pool_alloc(&pool));
    size_t empty = page_pool_available(&pool);

    for (unsigned i = 0; i < OPS; i++) {
        nr_cached = 0;
        on_flush = NULL;
        assert_int_equal(pgtable_walk(&pt, BASE, GIB(4), remember_leaf, NULL), 0);
        on_flush = forget_leaf;
        take_snapshot();
        if (random_op()) {
            out_of_pages++;
            expect_snapshot();
        }
        expect_nothing_stale();
        if (i % 40 == 0)
            assert_int_equal(pgtable_walk(&pt, BASE, GIB(4), compare_with_model, NULL), 0);
        if (i % 400 == 399) {
            assert_int_equal(pgtable_unmap(&pt, BASE, GIB(4)), 0);
            model_unmap(0, MODEL_PAGES);
            assert_int_equal(page_pool_available(&pool), empty);
        }
    }
    assert_true(out_of_pages > 0);
    assert_true(flushes > 0 && flushes_all > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_random_operations, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
