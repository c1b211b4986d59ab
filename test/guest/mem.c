/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hypervisor's memcpy and memset (hyp/arch/aarch64/mem.S), under other names in a guest: the
 * only place where assembly of Traproom's can be called with any arguments.
 */
#include <stdint.h>

#include "guest.h"
#include "testcase.h"

#define ROOM   1024 /* bytes before, in and after the part that is written */
#define OFFSET 256  /* of that part */
#define LONG   600  /* lengths up to this, each: four rounds of 128 and all that can be left */
#define SHIFTS 17   /* each alignment to 16 bytes, and one more */

/* As C has them. */
void *hyp_memcpy(void *dst, const void *src, uint64_t n);
void *hyp_memset(void *dst, int c, uint64_t n);

static uint8_t from[ROOM], to[ROOM];

static uint8_t pattern(unsigned i)
{
    return (uint8_t)(i * 7 + (i >> 8) * 3 + 1);
}

static void fill(void)
{
    for (unsigned i = 0; i < ROOM; i++) {
        from[i] = pattern(i);
        to[i] = 0xa5;
    }
}

/* Is `to` as it should be: `want(i)` in the part written, untouched around it? */
static bool is_right(unsigned start, unsigned n, bool copied, unsigned shift)
{
    for (unsigned i = 0; i < ROOM; i++) {
        bool inside = i >= start && i < start + n;
        uint8_t want = !inside ? 0xa5 : copied ? pattern(OFFSET + shift + i - start) : 0x3c;

        if (to[i] != want)
            return false;
    }
    return true;
}

static void copies(void)
{
    for (unsigned shift = 0; shift < SHIFTS; shift++) {
        for (unsigned n = 0; n <= LONG; n += shift == 0 ? 1 : 13) {
            unsigned start = OFFSET + (shift * 5) % SHIFTS;

            fill();
            CHECK(hyp_memcpy(to + start, from + OFFSET + shift, n) == to + start, "its result");
            CHECK(is_right(start, n, true, shift), "%u bytes, source moved by %u", n, shift);
        }
    }
}

static void fills(void)
{
    for (unsigned shift = 0; shift < SHIFTS; shift++) {
        for (unsigned n = 0; n <= LONG; n += shift == 0 ? 1 : 13) {
            fill();
            /* Only the low byte of the value counts. */
            CHECK(hyp_memset(to + OFFSET + shift, 0xfff3c, n) == to + OFFSET + shift, "its result");
            CHECK(is_right(OFFSET + shift, n, false, 0), "%u bytes, moved by %u", n, shift);
        }
    }
}

static const struct test_case cases[] = {
    {"copies", copies},
    {"fills", fills},
    {NULL, NULL},
};

void guest_main(void)
{
    TEST_RUN(cases);
}
