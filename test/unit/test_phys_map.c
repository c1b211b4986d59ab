/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mm/phys_map.c: no byte has two owners, and what is placed lies in RAM. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fdt_log.h"
#include "lib/bits.h"
#include "mm/phys_map.h"

#define RAM       UINT64_C(0x40000000)
#define RAM_SIZE  UINT64_C(0x10000000)
#define MORE      UINT64_C(0x80000000)
#define MORE_SIZE UINT64_C(0x00400000)

static struct phys_map map;

static struct pa_range range(uint64_t base, uint64_t size)
{
    return (struct pa_range){pa(base), size};
}

static int two_pieces(void **state)
{
    (void)state;
    memset(&map, 0, sizeof(map));
    log_clear();
    assert_int_equal(phys_map_add_ram(&map, range(RAM, RAM_SIZE)), 0);
    return phys_map_add_ram(&map, range(MORE, MORE_SIZE));
}

static void claims_within_ram(void **state)
{
    (void)state;
    assert_int_equal(phys_map_claim(&map, range(RAM, 0x1000), "first"), 0);
    assert_int_equal(phys_map_claim(&map, range(RAM + RAM_SIZE - 1, 1), "last"), 0);
    assert_int_equal(phys_map_claim(&map, range(MORE, MORE_SIZE), "all of it"), 0);
    assert_int_equal(phys_map_claim(&map, range(RAM + 0x1000, RAM_SIZE - 0x1001), "rest"), 0);
    assert_int_equal(logged.errors, 0);
}

static void claims_outside_ram(void **state)
{
    (void)state;
    static const struct pa_range out[] = {
        {{RAM - 1}, 1},        {{RAM - 1}, 2},          {{RAM + RAM_SIZE}, 1},
        {{RAM}, RAM_SIZE + 1}, {{RAM}, UINT64_MAX},     {{UINT64_MAX}, 1},
        {{RAM}, MORE - RAM},   {{UINT64_MAX}, RAM + 2}, {{MORE + MORE_SIZE - 1}, 2}};

    for (unsigned i = 0; i < ARRAY_SIZE(out); i++) {
        log_clear();
        assert_int_equal(phys_map_claim(&map, out[i], "the thing"), -ERR_RANGE);
        assert_int_equal(logged.errors, 1);
        assert_non_null(strstr(logged.error, "the thing"));
    }
    assert_int_equal(map.nr_owners, 0);
}

static void two_owners(void **state)
{
    (void)state;
    static const struct pa_range shared[] = {{{RAM + 0x1000}, 0x1000},
                                             {{RAM + 0x1fff}, 1},
                                             {{RAM}, 0x1001},
                                             {{RAM}, RAM_SIZE},
                                             {{RAM + 0x1400}, 0x10}};

    assert_int_equal(phys_map_claim(&map, range(RAM + 0x1000, 0x1000), "the owner"), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(shared); i++) {
        log_clear();
        assert_int_equal(phys_map_claim(&map, shared[i], "the late one"), -ERR_EXIST);
        assert_non_null(strstr(logged.error, "the late one"));
        assert_non_null(strstr(logged.error, "the owner"));
        assert_non_null(strstr(logged.error, "0x40001fff"));
    }
    log_clear();
    assert_int_equal(phys_map_claim(&map, range(RAM, 0x1000), "below"), 0);
    assert_int_equal(phys_map_claim(&map, range(RAM + 0x2000, 0x1000), "above"), 0);
    assert_int_equal(logged.errors, 0);
}

static void empty_claims(void **state)
{
    (void)state;
    assert_int_equal(phys_map_claim(&map, range(0, 0), "nothing"), 0);
    assert_int_equal(phys_map_claim(&map, range(RAM, 0), "nothing"), 0);
    assert_int_equal(map.nr_owners, 0);
}

static void too_many(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < PHYS_MAP_MAX_OWNERS; i++)
        assert_int_equal(phys_map_claim(&map, range(RAM + i, 1), "one"), 0);
    assert_int_equal(phys_map_claim(&map, range(RAM + 4096, 1), "one more"), -ERR_NOMEM);
    assert_non_null(strstr(logged.error, "one more"));
    for (unsigned i = map.nr_ram; i < PHYS_MAP_MAX_RAM; i++)
        assert_int_equal(phys_map_add_ram(&map, range(0, 1)), 0);
    assert_int_equal(phys_map_add_ram(&map, range(0, 1)), -ERR_NOMEM);
}

static void placed_as_wished(void **state)
{
    (void)state;
    pa_t found = pa(1);

    assert_int_equal(phys_map_place(&map, pa(RAM + 0x123000), 0x5000, SIZE_2M, "it", &found), 0);
    assert_int_equal(found.v, RAM + 0x123000);
    assert_int_equal(phys_map_claim(&map, range(RAM + 0x127fff, 1), "other"), -ERR_EXIST);
}

/* Elsewhere the address keeps its place within a block, so that blocks can map it. */
static void placed_elsewhere(void **state)
{
    (void)state;
    pa_t found;

    assert_int_equal(phys_map_claim(&map, range(RAM, 0x300000), "the hypervisor"), 0);
    assert_int_equal(phys_map_place(&map, pa(RAM + 0x123000), 0x5000, SIZE_2M, "it", &found), 0);
    assert_int_equal(found.v, RAM + 0x323000);
    assert_int_equal(phys_map_place(&map, pa(0x123000), 0x5000, SIZE_2M, "it", &found), 0);
    assert_int_equal(found.v, RAM + 0x523000);
    assert_int_equal(phys_map_place(&map, pa(UINT64_MAX), 1, 1, "it", &found), 0);
    assert_int_equal(found.v, RAM + 0x300000);
    assert_int_equal(logged.errors, 0);
}

static void no_place(void **state)
{
    (void)state;
    pa_t found = pa(1);

    assert_int_equal(phys_map_place(&map, pa(RAM), RAM_SIZE + 1, SIZE_2M, "it", &found),
                     -ERR_NOMEM);
    assert_int_equal(phys_map_claim(&map, range(RAM, RAM_SIZE - 0x1000), "nearly all"), 0);
    assert_int_equal(phys_map_place(&map, pa(RAM), MORE_SIZE + 1, 1, "it", &found), -ERR_NOMEM);
    assert_int_equal(found.v, 1);
    assert_int_equal(phys_map_place(&map, pa(RAM), MORE_SIZE, SIZE_2M, "it", &found), 0);
    assert_int_equal(found.v, MORE); /* in the other piece */
    assert_int_equal(phys_map_place(&map, pa(RAM), 0x1000, SIZE_2M, "it", &found), -ERR_NOMEM);
    assert_int_equal(phys_map_place(&map, pa(RAM), 0x1000, 0x1000, "it", &found), 0);
    assert_int_equal(found.v, RAM + RAM_SIZE - 0x1000);
    assert_int_equal(logged.errors, 0);
}

/* RAM that ends where addresses do. */
static void at_the_end_of_addresses(void **state)
{
    (void)state;
    pa_t found;

    memset(&map, 0, sizeof(map));
    assert_int_equal(phys_map_add_ram(&map, range(0 - SIZE_2M, SIZE_2M)), 0);
    assert_int_equal(phys_map_place(&map, pa(0), SIZE_2M, SIZE_2M, "it", &found), 0);
    assert_int_equal(found.v, 0 - SIZE_2M);
    assert_int_equal(phys_map_place(&map, pa(0), 0x1000, 0x1000, "it", &found), -ERR_NOMEM);
}

static void at_random(void **state)
{
    (void)state;
    unsigned seed = 11;

    for (unsigned round = 0; round < 200; round++) {
        two_pieces(NULL);
        for (unsigned i = 0; i < PHYS_MAP_MAX_OWNERS; i++) {
            uint64_t align = UINT64_C(0x1000) << (unsigned)rand_r(&seed) % 10;
            uint64_t wish = (uint64_t)rand_r(&seed) << 2 & ~UINT64_C(0xfff);
            uint64_t size = 1 + (uint64_t)rand_r(&seed) % (RAM_SIZE / 16);
            pa_t found;

            if (phys_map_place(&map, pa(wish), size, align, "it", &found) == 0)
                assert_int_equal((found.v - wish) % align, 0);
        }
        for (unsigned i = 0; i < map.nr_owners; i++) {
            struct pa_range r = map.owner[i].range;

            assert_true(range_contains(RAM, RAM_SIZE, r.base.v, r.size) ||
                        range_contains(MORE, MORE_SIZE, r.base.v, r.size));
            for (unsigned j = 0; j < i; j++)
                assert_false(ranges_overlap(r.base.v, r.size, map.owner[j].range.base.v,
                                            map.owner[j].range.size));
        }
        assert_true(map.nr_owners > 8);
    }
}

static void owners_by_address(void **state)
{
    (void)state;
    assert_int_equal(phys_map_claim(&map, range(RAM + 0x1000, 0x1000), "first"), 0);
    assert_int_equal(phys_map_claim(&map, range(RAM + 0x2000, 0x10), "second"), 0);
    assert_null(phys_map_owner(&map, pa(RAM + 0xfff)));
    assert_string_equal(phys_map_owner(&map, pa(RAM + 0x1000))->name, "first");
    assert_string_equal(phys_map_owner(&map, pa(RAM + 0x1fff))->name, "first");
    assert_string_equal(phys_map_owner(&map, pa(RAM + 0x200f))->name, "second");
    assert_null(phys_map_owner(&map, pa(RAM + 0x2010)));
    assert_null(phys_map_owner(&map, pa(UINT64_MAX)));
}

static void nothing_is_a_guests_until_given(void **state)
{
    (void)state;
    assert_int_equal(phys_map_claim(&map, range(RAM, 0x1000), "first"), 0);
    assert_int_equal(phys_map_claim(&map, range(RAM + 0x1000, 0x1000), "second"), 0);
    phys_map_give(&map, pa(RAM + 0x1000));
    phys_map_give(&map, pa(RAM + 0x10));
    assert_false(phys_map_owner(&map, pa(RAM))->guest);
    assert_true(phys_map_owner(&map, pa(RAM + 0x1000))->guest);
}

#define test(f) cmocka_unit_test_setup(f, two_pieces)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(claims_within_ram), test(claims_outside_ram), test(two_owners),
        test(empty_claims),      test(too_many),           test(placed_as_wished),
        test(placed_elsewhere),  test(no_place),           test(at_the_end_of_addresses),
        test(at_random),         test(owners_by_address),  test(nothing_is_a_guests_until_given),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
