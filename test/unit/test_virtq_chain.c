/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains of descriptors, direct and indirect, by a driver that follows the rules and by many that
 * do not; and the copies from and to their buffers.
 */
#include "virtq_fixture.h"

#include <pthread.h>

static void test_pop_direct(void **state)
{
    (void)state;
    put_desc(drv.desc, 3, DATA, 16, NEXT, 7);
    put_desc(drv.desc, 7, RAM1_IPA, 4096, NEXT | WRITE, 0);
    put_desc(drv.desc, 0, DATA + 100, 1, WRITE, 5);
    assert_int_equal(pop_offered(3), 0);
    assert_int_equal(chain.head, 3);
    assert_int_equal(chain.nr_read, 1);
    assert_int_equal(chain.nr_segs, 3);
    assert_int_equal(chain.read_len, 16);
    assert_int_equal(chain.write_len, 4097);
    assert_ptr_equal(chain.seg[0].ptr, ram(DATA));
    assert_int_equal(chain.seg[0].len, 16);
    assert_ptr_equal(chain.seg[1].ptr, ram1);
    assert_int_equal(chain.seg[1].len, 4096);
    assert_ptr_equal(chain.seg[2].ptr, ram(DATA + 100));
    assert_int_equal(chain.seg[2].len, 1);
    assert_int_equal(virtq_pop(&vq, &chain), -ERR_NOENT);
}

static void test_pop_read_only_and_write_only(void **state)
{
    (void)state;
    put_desc(drv.desc, 0, DATA, 8, 0, 0);
    put_desc(drv.desc, 1, DATA, 9, WRITE, 0);
    assert_int_equal(pop_offered(0), 0);
    assert_int_equal(chain.nr_read, 1);
    assert_int_equal(chain.nr_segs, 1);
    assert_int_equal(chain.write_len, 0);
    assert_int_equal(pop_offered(1), 0);
    assert_int_equal(chain.nr_read, 0);
    assert_int_equal(chain.nr_segs, 1);
    assert_int_equal(chain.read_len, 0);
    assert_int_equal(chain.write_len, 9);
}

static void test_pop_readable_after_writable(void **state)
{
    (void)state;
    put_desc(drv.desc, 0, DATA, 8, NEXT | WRITE, 1);
    put_desc(drv.desc, 1, DATA, 8, 0, 0);
    assert_broken(0);
}

static void test_pop_bad_buffers(void **state)
{
    static const struct {
        uint64_t addr;
        uint32_t len;
    } bad[] = {
        {DATA, 0},                  /* empty */
        {0, 16},                    /* nowhere */
        {RAM0_IPA - 8, 16},         /* half before */
        {RAM0_END - 8, 16},         /* half behind */
        {RAM0_END, 1},              /* just behind */
        {RAM0_END - 8, UINT32_MAX}, /* far beyond */
        {RAM0_IPA, RAM0_SIZE + 1},  /* all of it, and a byte */
        {UINT64_MAX - 7, 16},       /* wraps to 8 */
        {UINT64_MAX, 1},
        {RAM1_IPA - 1, 2},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        for (unsigned flags = 0; flags <= WRITE; flags += WRITE) {
            make_queue(8, 0);
            put_desc(drv.desc, 0, bad[i].addr, bad[i].len, flags, 0);
            assert_broken(0);
        }
    }
    make_queue(8, 0);
    put_desc(drv.desc, 0, RAM0_IPA, RAM0_SIZE, 0, 0);
    assert_int_equal(pop_offered(0), 0);
}

/* A buffer across pieces of RAM that touch is cut where they do, and counts as one. */
static void test_pop_across_pieces(void **state)
{
    (void)state;
    put_desc(drv.desc, 0, RAM1_IPA + RAM1_SIZE - 3, 10, NEXT, 1);
    put_desc(drv.desc, 1, RAM2_IPA - 1, 2, WRITE, 0);
    assert_int_equal(pop_offered(0), 0);
    assert_int_equal(chain.nr_segs, 4);
    assert_int_equal(chain.nr_read, 2);
    assert_int_equal(chain.read_len, 10);
    assert_int_equal(chain.write_len, 2);
    assert_ptr_equal(chain.seg[0].ptr, ram1 + RAM1_SIZE - 3);
    assert_int_equal(chain.seg[0].len, 3);
    assert_ptr_equal(chain.seg[1].ptr, ram2);
    assert_int_equal(chain.seg[1].len, 7);
    assert_ptr_equal(chain.seg[3].ptr, ram2);
    put_desc(drv.desc, 0, RAM2_IPA - 1, RAM2_SIZE + 2, 0, 0); /* one byte too far */
    assert_broken(0);
}

static void test_pop_bad_indices(void **state)
{
    (void)state;
    assert_broken(8);
    make_queue(8, 0);
    assert_broken(0xffff);
    make_queue(8, 0);
    put_desc(drv.desc, 0, DATA, 8, NEXT, 8);
    assert_broken(0);
    make_queue(8, 0);
    put_desc(drv.desc, 0, DATA, 8, NEXT, 0xffff);
    assert_broken(0);
}

static void test_pop_loops(void **state)
{
    (void)state;
    put_desc(drv.desc, 0, DATA, 8, NEXT, 0);
    assert_broken(0);
    make_queue(8, 0);
    put_desc(drv.desc, 0, DATA, 8, NEXT, 1);
    put_desc(drv.desc, 1, DATA, 8, NEXT, 0);
    assert_broken(1);
}

static void test_pop_longest(void **state)
{
    (void)state;
    make_queue(VIRTQ_MAX_SIZE, 0);
    for (unsigned i = 0; i < VIRTQ_MAX_SIZE; i++)
        put_desc(drv.desc, i, DATA + i, 1, i < 255 ? NEXT : 0, i + 1);
    assert_int_equal(pop_offered(0), 0);
    assert_int_equal(chain.nr_segs, VIRTQ_MAX_SEGS);
    assert_int_equal(chain.read_len, VIRTQ_MAX_SEGS);
    put_desc(drv.desc, 255, DATA, 1, NEXT, 0);
    assert_broken(0);
}

static void put_indirect(unsigned i, uint64_t table, uint32_t len, unsigned flags)
{
    put_desc(drv.desc, i, table, len, INDIR | flags, 0);
}

static void test_indirect(void **state)
{
    (void)state;
    put_desc(INDIRECT, 0, DATA, 16, NEXT, 2);
    put_desc(INDIRECT, 2, DATA + 16, 512, NEXT | WRITE, 1);
    put_desc(INDIRECT, 1, DATA + 600, 1, WRITE, 0);
    put_indirect(5, INDIRECT, 3 * 16, 0);
    assert_int_equal(pop_offered(5), 0);
    assert_int_equal(chain.head, 5);
    assert_int_equal(chain.nr_read, 1);
    assert_int_equal(chain.nr_segs, 3);
    assert_int_equal(chain.write_len, 513);
    assert_ptr_equal(chain.seg[1].ptr, ram(DATA + 16));
}

/* WRITE on the descriptor of a table means nothing; neither does the table's own alignment. */
static void test_indirect_leniency(void **state)
{
    (void)state;
    put_desc(INDIRECT + 2, 0, DATA, 16, 0, 0);
    put_indirect(0, INDIRECT + 2, 16, WRITE);
    assert_int_equal(pop_offered(0), 0);
    assert_int_equal(chain.nr_read, 1);
    assert_int_equal(chain.read_len, 16);
}

static void test_indirect_behind_direct(void **state)
{
    (void)state;
    put_desc(drv.desc, 0, DATA, 16, NEXT, 1);
    put_indirect(1, INDIRECT, 16, 0);
    put_desc(INDIRECT, 0, DATA + 16, 7, WRITE, 0);
    assert_int_equal(pop_offered(0), 0);
    assert_int_equal(chain.nr_read, 1);
    assert_int_equal(chain.nr_segs, 2);
    assert_int_equal(chain.write_len, 7);
}

static void test_indirect_longest(void **state)
{
    (void)state;
    for (unsigned i = 0; i < VIRTQ_MAX_SEGS; i++)
        put_desc(INDIRECT, i, DATA, 1, i < 255 ? NEXT : 0, i + 1);
    put_indirect(0, INDIRECT, 1024 * 16, 0);
    assert_int_equal(pop_offered(0), 0);
    assert_int_equal(chain.nr_segs, VIRTQ_MAX_SEGS);
    put_desc(INDIRECT, 255, DATA, 1, NEXT, 256);
    put_desc(INDIRECT, 256, DATA, 1, 0, 0);
    assert_broken(0);
}

static void test_indirect_bad_tables(void **state)
{
    static const struct {
        uint64_t addr;
        uint32_t len;
        unsigned flags;
    } bad[] = {
        {INDIRECT, 0, 0},
        {INDIRECT, 15, 0},
        {INDIRECT, 17, 0},
        {INDIRECT, 16, NEXT},
        {0, 16, 0},
        {RAM0_END - 8, 16, 0},
        {RAM0_IPA - 8, 16, 0},
        {INDIRECT, UINT32_MAX, 0},
        {INDIRECT, 0xfffffff0, 0},
        {UINT64_MAX - 7, 16, 0},
    };

    (void)state;
    put_desc(INDIRECT, 0, DATA, 16, 0, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        make_queue(8, F_INDIRECT);
        put_indirect(0, bad[i].addr, bad[i].len, bad[i].flags);
        assert_broken(0);
    }
    make_queue(8, F_EVENT); /* not negotiated */
    put_indirect(0, INDIRECT, 16, 0);
    assert_broken(0);
}

static void test_indirect_bad_contents(void **state)
{
    (void)state;
    put_indirect(0, INDIRECT, 32, 0);
    put_desc(INDIRECT, 0, INDIRECT + 256, 16, INDIR, 0); /* nested */
    put_desc(INDIRECT + 256, 0, DATA, 16, 0, 0);
    assert_broken(0);
    put_desc(INDIRECT, 0, DATA, 16, NEXT, 2); /* out of the table, not of memory */
    put_desc(INDIRECT, 2, DATA, 16, 0, 0);
    make_queue(8, F_INDIRECT);
    put_indirect(0, INDIRECT, 32, 0);
    assert_broken(0);
    put_desc(INDIRECT, 0, DATA, 16, NEXT, 0); /* a loop */
    make_queue(8, F_INDIRECT);
    put_indirect(0, INDIRECT, 32, 0);
    assert_broken(0);
    make_queue(8, F_INDIRECT); /* a loop in a table that would allow a long one */
    put_indirect(0, INDIRECT, 0x10000 * 16 - 16, 0);
    put_desc(INDIRECT, 0, DATA, 16, NEXT, 0);
    assert_broken(0);
}

/* Every offset and length over segments of 1, 5, 3 and 7 bytes, on both sides. */
static void test_copies(void **state)
{
    static const uint32_t lens[] = {1, 5, 3, 7};
    uint8_t flat[16], got[17];

    (void)state;
    make_queue(8, 0);
    for (unsigned i = 0; i < 8; i++)
        put_desc(drv.desc, i, DATA + 64 * i, lens[i % 4],
                 (i < 7 ? NEXT : 0U) | (i < 4 ? 0U : WRITE), i + 1);
    assert_int_equal(pop_offered(0), 0);
    for (unsigned i = 0; i < 16; i++)
        flat[i] = (uint8_t)(0xa0 + i);
    for (unsigned i = 0, at = 0; i < 4; at += lens[i++])
        memcpy(ram(DATA + 64 * i), flat + at, lens[i]);

    for (unsigned off = 0; off <= 16; off++) {
        for (unsigned len = 0; len <= 16 - off; len++) {
            memset(got, 0, sizeof(got));
            virtq_copy_from(&chain, off, got, len);
            assert_memory_equal(got, flat + off, len);
            assert_int_equal(got[len], 0);

            for (unsigned i = 4; i < 8; i++)
                memset(ram(DATA + 64 * i), 0, 64);
            virtq_copy_to(&chain, off, flat + off, len);
            for (unsigned i = 0, at = 0; i < 4; at += lens[i++]) {
                const uint8_t *seg = ram(DATA + 64 * (i + 4));

                for (unsigned b = 0; b < lens[i]; b++)
                    assert_int_equal(seg[b],
                                     at + b >= off && at + b < off + len ? flat[at + b] : 0);
                assert_int_equal(seg[lens[i]], 0);
            }
        }
    }
}

static bool stop_flipping;

/* Another CPU of the guest, at work on a descriptor that the device looks at. */
static void *flip_descriptors(void *arg)
{
    (void)arg;
    while (!__atomic_load_n(&stop_flipping, __ATOMIC_RELAXED)) {
        put_desc(drv.desc, 0, RAM1_IPA, 4096, 0, 0);
        put_desc(drv.desc, 0, RAM1_IPA + 4000, 4096, NEXT, 0);
        put_desc(drv.desc, 0, 0, 16, INDIR, 0);
        put_desc(drv.desc, 0, DATA, 0, WRITE | NEXT, 1);
    }
    return NULL;
}

/* Whatever the device saw, what it has taken lies in RAM. */
static void test_descriptors_change_under_our_feet(void **state)
{
    pthread_t other;

    (void)state;
    stop_flipping = false;
    assert_int_equal(pthread_create(&other, NULL, flip_descriptors, NULL), 0);
    for (unsigned i = 0; i < 50000; i++) {
        vq.next_avail = 0;
        driver_avail(&drv)->idx = 1;
        if (virtq_pop(&vq, &chain) != 0)
            continue;
        for (unsigned s = 0; s < chain.nr_segs; s++)
            assert_true(is_ram(chain.seg[s].ptr, chain.seg[s].len));
    }
    __atomic_store_n(&stop_flipping, true, __ATOMIC_RELAXED);
    pthread_join(other, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_pop_direct, setup),
        cmocka_unit_test_setup(test_pop_read_only_and_write_only, setup),
        cmocka_unit_test_setup(test_pop_readable_after_writable, setup),
        cmocka_unit_test_setup(test_pop_bad_buffers, setup),
        cmocka_unit_test_setup(test_pop_across_pieces, setup),
        cmocka_unit_test_setup(test_pop_bad_indices, setup),
        cmocka_unit_test_setup(test_pop_loops, setup),
        cmocka_unit_test_setup(test_pop_longest, setup),
        cmocka_unit_test_setup(test_indirect, setup),
        cmocka_unit_test_setup(test_indirect_leniency, setup),
        cmocka_unit_test_setup(test_indirect_behind_direct, setup),
        cmocka_unit_test_setup(test_indirect_longest, setup),
        cmocka_unit_test_setup(test_indirect_bad_tables, setup),
        cmocka_unit_test_setup(test_indirect_bad_contents, setup),
        cmocka_unit_test_setup(test_copies, setup),
        cmocka_unit_test_setup(test_descriptors_change_under_our_feet, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
