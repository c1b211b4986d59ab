/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mm/pgtable.c at random, against a flat array that says for each page what should come out, and
 * a list of what a TLB may still hold, which must never differ from what the table says. After
 * each step all of the table is compared, and lookups around its ends. random_sequence.h has the
 * seeds, and makes a failure small.
 */
#include "pgtable_fixture.h"
#include "random_sequence.h"

#define BASE        GIB(510) /* across the two roots */
#define MODEL_PAGES (4 * SIZE_1G / SIZE_4K)
#define STEPS       250
#define ROUNDS      16
#define SPARE_MIN   4

static uint64_t model[MODEL_PAGES]; /* 0, or the page's output address and rights */

struct cached {
    uint64_t ia, desc;
    unsigned level;
};

static struct cached cached[MODEL_PAGES / 8];
static size_t nr_cached;
static size_t empty;           /* pages left when nothing is mapped */
static unsigned *out_of_pages; /* shared with the children that run the sequences */

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

/* Does the model say this of `count` pages from `first` on? It is what takes the time. */
__attribute__((no_sanitize("address", "undefined"), optimize("O3"))) static bool
model_says(size_t first, size_t count, uint64_t want, uint64_t step)
{
    uint64_t differences = 0;

    for (size_t i = 0; i < count; i++)
        differences |= model[first + i] ^ (want + i * step);
    return differences == 0;
}

static int compare_with_model(const struct pgtable_visit *visit, void *ctx)
{
    uint64_t desc = *visit->slot;
    size_t first = (visit->ia - BASE) / SIZE_4K;
    size_t count = pte_level_size(visit->level) / SIZE_4K;

    (void)ctx;
    if (pte_is_table(desc, visit->level))
        return 0;
    if (!pte_is_valid(desc))
        return model_says(first, count, 0, 0) ? 0 : -1;
    assert_int_equal(desc & PTE_LEAF_ATTR & ~RIGHTS, ATTR);
    return model_says(first, count, pte_addr(desc).v | (desc & RIGHTS), SIZE_4K) ? 0 : -1;
}

static void compare_lookup(uint64_t page)
{
    uint64_t offset = random_below(SIZE_4K);
    struct pgtable_leaf leaf;
    int err;

    if (page >= MODEL_PAGES)
        return;
    err = pgtable_lookup(&pt, BASE + page * SIZE_4K + offset, &leaf);
    assert_int_equal(err, model[page] != 0 ? 0 : -ERR_NOENT);
    if (err == 0) {
        assert_int_equal(leaf.out.v, (model[page] & ~RIGHTS) + offset);
        assert_int_equal(leaf.desc & RIGHTS, model[page] & RIGHTS);
    }
}

/* Pages to start at and to take: often on, or next to, the boundary of a block. */
static void random_range(uint64_t *first, uint64_t *count)
{
    static const uint64_t unit[] = {1, 512, 512, 262144};
    uint64_t u = unit[random_below(ARRAY_SIZE(unit))];

    *first = random_below(MODEL_PAGES / u) * u;
    if (random_below(4) == 0)
        *first += random_below(3);
    *count = (1 + random_below(3)) * u + (random_below(3) == 0 ? random_below(3) : 0);
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
static bool random_op(uint64_t first, uint64_t count)
{
    static const uint64_t skew[] = {0, 0, 0, SIZE_2M, SIZE_4K};
    uint64_t rights = RIGHT_A * (1 + random_below(3));
    uint64_t ia = BASE + first * SIZE_4K, size = count * SIZE_4K;
    uint64_t out =
        GIB(4) + first * SIZE_4K + skew[random_below(count <= 2048 ? ARRAY_SIZE(skew) : 4)];
    int err, want = 0;

    switch (random_below(4)) {
    case 0:
        random_tell("unmap 0x%lx, 0x%lx bytes", ia, size);
        err = pgtable_unmap(&pt, ia, size);
        if (err == 0)
            model_unmap(first, count);
        break;
    case 1:
        random_tell("protect 0x%lx, 0x%lx bytes, 0x%lx", ia, size, rights);
        err = pgtable_protect(&pt, ia, size, RIGHTS, rights);
        want = err != -ERR_NOMEM ? model_protect(first, count, rights) : 0;
        break;
    default:
        random_tell("map 0x%lx, 0x%lx bytes, to 0x%lx, 0x%lx", ia, size, out, rights);
        err = pgtable_map(&pt, ia, pa(out), size, ATTR | rights);
        want = err != -ERR_NOMEM ? model_map(first, count, out, rights) : 0;
        break;
    }
    random_tell(": %d", err);
    assert_int_equal(err == -ERR_NOMEM ? 0 : err, want);
    return err == -ERR_NOMEM;
}

/* `spare` pages besides the root: few, so that some operations lack them. */
static void start(unsigned spare)
{
    make_table(1, 40);
    memset(model, 0, sizeof(model));
    while (page_pool_available(&pool) > spare)
        assert_non_null(page_pool_alloc(&pool));
    empty = page_pool_available(&pool);
}

static void step(uint32_t number)
{
    uint64_t first, count;

    (void)number;
    random_range(&first, &count);
    nr_cached = 0;
    on_flush = NULL;
    assert_int_equal(pgtable_walk(&pt, BASE, GIB(4), remember_leaf, NULL), 0);
    on_flush = forget_leaf;
    take_snapshot();
    if (random_op(first, count)) {
        (*out_of_pages)++;
        expect_snapshot();
    }
    on_flush = NULL;
    expect_nothing_stale();
    assert_int_equal(pgtable_walk(&pt, BASE, GIB(4), compare_with_model, NULL), 0);
    compare_lookup(first - 1);
    compare_lookup(first);
    compare_lookup(first + count - 1);
    compare_lookup(first + count);
}

/* Whatever was done, all pages come back. */
static void end(void)
{
    assert_int_equal(pgtable_unmap(&pt, BASE, GIB(4)), 0);
    assert_int_equal(page_pool_available(&pool), empty);
}

static void test_random_operations(void **state)
{
    static const struct random_test test = {start, step, end};
    unsigned seed = random_setting("TRAPROOM_SEED", 1);

    (void)state;
    out_of_pages = mmap(NULL, sizeof(*out_of_pages), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(out_of_pages, MAP_FAILED);
    if (random_replay(&test))
        return;
    for (unsigned i = 0; i < random_setting("TRAPROOM_ROUNDS", ROUNDS); i++)
        random_run(&test, SPARE_MIN + i % 4 * 16, seed + i, STEPS);
    assert_true(*out_of_pages > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_operations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
