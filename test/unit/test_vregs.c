/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of dev/vregs.c: what is written is read again, and nothing else changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dev/vregs.h"

#define SIZE 0x20

static struct vregs *regs; /* exactly as large as it must be: ASan sees what lies beyond */

static int start(void **state)
{
    (void)state;
    regs = calloc(1, sizeof(*regs) + SIZE);
    assert_non_null(regs);
    regs->size = SIZE;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    free(regs);
    return 0;
}

static uint64_t rd(uint64_t offset, uint8_t size)
{
    struct mmio_access access = {.offset = offset, .size = size, .value = ~UINT64_C(0)};

    assert_int_equal(vregs_access(regs, &access), MMIO_OK);
    return access.value;
}

static void wr(uint64_t offset, uint8_t size, uint64_t value)
{
    struct mmio_access access = {.offset = offset, .size = size, .write = true, .value = value};

    assert_int_equal(vregs_access(regs, &access), MMIO_OK);
}

static void every_size(void **state)
{
    (void)state;
    wr(SIZE - 8, 8, 0x8877665544332211);
    assert_int_equal(rd(SIZE - 8, 1), 0x11);
    assert_int_equal(rd(SIZE - 1, 1), 0x88);
    assert_int_equal(rd(SIZE - 6, 2), 0x4433);
    assert_int_equal(rd(SIZE - 4, 4), 0x88776655);
    wr(SIZE - 7, 1, 0xaa);
    assert_int_equal(rd(SIZE - 8, 8), 0x887766554433aa11);
    assert_int_equal(rd(SIZE - 16, 8), 0);
    wr(0, 4, 0x12345678);
    assert_int_equal(rd(0, 8), 0x12345678);
}

static void reset_clears(void **state)
{
    (void)state;
    wr(0, 8, ~UINT64_C(0));
    wr(SIZE - 8, 8, ~UINT64_C(0));
    vregs_reset(regs);
    for (uint64_t offset = 0; offset < SIZE; offset += 8)
        assert_int_equal(rd(offset, 8), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_size, start, stop),
        cmocka_unit_test_setup_teardown(reset_clears, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
