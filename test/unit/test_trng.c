/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers for the guest: where their bits go, and what happens when there are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rndr.h"
#include "trap/id_regs.h"
#include "trap/trng.h"

#define ONES     (~UINT64_C(0))
#define OLD      UINT64_C(0x1111111111111111)
#define VERSION  0x84000050U
#define FEATURES 0x84000051U
#define UUID     0x84000052U
#define RND32    0x84000053U
#define RND64    0xc4000053U
#define TRIES    16

struct fake_rndr fake_rndr;
static struct vcpu vcpu;
static uint64_t isar0;

uint64_t id_regs_read(unsigned crm, unsigned op2)
{
    assert_int_equal(crm, 6);
    assert_int_equal(op2, 0);
    return isar0;
}

static int set_up(void **state)
{
    (void)state;
    isar0 = UINT64_C(1) << 60;
    memset(&fake_rndr, 0, sizeof(fake_rndr));
    return 0;
}

static uint64_t call(uint32_t function, uint64_t x1)
{
    for (unsigned i = 0; i < 31; i++)
        vcpu.regs.x[i] = OLD * i;
    vcpu.regs.x[0] = function;
    vcpu.regs.x[1] = x1;
    assert_true(trng_owns(function));
    trng_call(&vcpu, function);
    for (unsigned i = 4; i < 31; i++)
        assert_int_equal(vcpu.regs.x[i], OLD * i);
    return vcpu.regs.x[0];
}

static void expect_words(uint64_t x1, uint64_t x2, uint64_t x3)
{
    assert_true(vcpu.regs.x[1] == x1);
    assert_true(vcpu.regs.x[2] == x2);
    assert_true(vcpu.regs.x[3] == x3);
}

static void expect_error(uint32_t function, uint64_t x1, int64_t error)
{
    assert_true(call(function, x1) == (uint64_t)error);
    expect_words(0, 0, 0);
}

static void version(void **state)
{
    (void)state;
    assert_int_equal(call(VERSION, OLD), 0x10000);
    expect_words(OLD, OLD * 2, OLD * 3);
}

static void features(void **state)
{
    static const uint32_t served[] = {VERSION, FEATURES, UUID, RND32, RND64};
    static const uint32_t absent[] = {0,          0xc4000050, 0xc4000051,
                                      0xc4000052, 0x84000054, 0x84000000};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(served); i++)
        assert_int_equal(call(FEATURES, UINT64_C(0x123400000000) | served[i]), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(absent); i++)
        assert_true(call(FEATURES, absent[i]) == ONES);
}

static void uuid(void **state)
{
    uint64_t first[4];

    (void)state;
    call(UUID, 0);
    memcpy(first, vcpu.regs.x, sizeof(first));
    for (unsigned i = 0; i < 4; i++) {
        assert_true(first[i] <= UINT32_MAX);
        assert_true(first[i] != 0);
    }
    assert_true(first[0] != UINT32_MAX); /* would mean NOT_SUPPORTED */
    call(UUID, 99);
    assert_memory_equal(first, vcpu.regs.x, sizeof(first));
}

/* The lowest `bits` of a number whose words are x3, x2, x1 are random, the others zero. */
static void all_lengths(void **state)
{
    for (unsigned width = 32; width <= 64; width += 32) {
        for (unsigned bits = 1; bits <= 3 * width; bits++) {
            for (unsigned word = 0; word < 3; word++) {
                unsigned below = word * width;
                unsigned use = bits <= below ? 0 : bits - below > width ? width : bits - below;

                set_up(state);
                fake_rndr.next = word % 2 == 0 ? ONES : 0; /* this word gets all ones */
                assert_int_equal(call(width == 32 ? RND32 : RND64, bits), 0);
                assert_true(vcpu.regs.x[3 - word] == (use == 0 ? 0 : ONES >> (64 - use)));
            }
            assert_int_equal(fake_rndr.reads, (bits + width - 1) / width);
        }
    }
}

static void words_are_their_own(void **state)
{
    (void)state;
    fake_rndr.next = UINT64_C(0x123456789abcdef0);
    assert_int_equal(call(RND64, 192), 0);
    expect_words(UINT64_C(0x123456789abcdef0), ~UINT64_C(0x123456789abcdef0),
                 UINT64_C(0x123456789abcdef0));
    fake_rndr.next = UINT64_C(0x123456789abcdef0);
    assert_int_equal(call(RND32, 96), 0);
    expect_words(0x9abcdef0, 0x6543210f, 0x9abcdef0);
}

static void bad_lengths(void **state)
{
    (void)state;
    expect_error(RND32, 0, -2);
    expect_error(RND32, 97, -2);
    expect_error(RND32, 192, -2);
    expect_error(RND32, 0xffffffff, -2);
    expect_error(RND64, 0, -2);
    expect_error(RND64, 193, -2);
    expect_error(RND64, UINT64_C(0x100000001), -2);
    expect_error(RND64, ONES, -2);
    assert_int_equal(fake_rndr.reads, 0);
    /* In the 32-bit convention the upper half is nobody's. */
    assert_int_equal(call(RND32, UINT64_C(0x100000001)), 0);
}

static void retries(void **state)
{
    (void)state;
    fake_rndr.next = ONES;
    fake_rndr.failures = TRIES - 1;
    assert_int_equal(call(RND64, 64), 0);
    expect_words(0, 0, ONES);
    assert_int_equal(fake_rndr.reads, TRIES);
}

static void no_entropy(void **state)
{
    (void)state;
    fake_rndr.next = ONES;
    fake_rndr.failures = TRIES;
    expect_error(RND64, 64, -3);
    assert_int_equal(fake_rndr.reads, TRIES);
    fake_rndr.failures = ~0U;
    fake_rndr.reads = 0;
    expect_error(RND32, 96, -3);
    assert_int_equal(fake_rndr.reads, TRIES);
}

/* Not even those bits are given that could be had. */
static void too_little_entropy(void **state)
{
    (void)state;
    fake_rndr.next = ONES;
    fake_rndr.successes = 2;
    fake_rndr.failures = TRIES;
    expect_error(RND64, 192, -3);
    assert_int_equal(fake_rndr.reads, 2 + TRIES);
}

static void not_there(void **state)
{
    static const uint32_t functions[] = {VERSION, FEATURES, UUID, RND32, RND64, 0x8400005f};

    (void)state;
    isar0 = ~(UINT64_C(0xf) << 60);
    for (unsigned i = 0; i < ARRAY_SIZE(functions); i++) {
        assert_true(call(functions[i], 64) == ONES);
        expect_words(64, OLD * 2, OLD * 3);
    }
    assert_int_equal(fake_rndr.reads, 0);
}

static void unknown(void **state)
{
    static const uint32_t functions[] = {0x84000054, 0x8400005f, 0xc4000050,
                                         0xc4000051, 0xc4000052, 0xc4000054};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(functions); i++)
        assert_true(call(functions[i], 64) == ONES);
    assert_false(trng_owns(0x8400004f));
    assert_false(trng_owns(0x84000060));
    assert_false(trng_owns(0x04000050));
    assert_false(trng_owns(0x86000050));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(version, set_up),
        cmocka_unit_test_setup(features, set_up),
        cmocka_unit_test_setup(uuid, set_up),
        cmocka_unit_test_setup(all_lengths, set_up),
        cmocka_unit_test_setup(bad_lengths, set_up),
        cmocka_unit_test_setup(retries, set_up),
        cmocka_unit_test_setup(no_entropy, set_up),
        cmocka_unit_test_setup(not_there, set_up),
        cmocka_unit_test_setup(unknown, set_up),
        cmocka_unit_test_setup(words_are_their_own, set_up),
        cmocka_unit_test_setup(too_little_entropy, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
