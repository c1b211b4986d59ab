/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's frame records, whatever it has made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mm/phys.h"
#include "regs.h"
#include "trap/guest_frames.h"

_Thread_local struct fake_sysreg fake_sysreg;

#define RAM    UINT64_C(0x40000000)
#define STACK  (RAM + 0x1000)
#define DEVICE UINT64_C(0x09000000)
#define BLOCK  UINT64_C(0x401) /* with its access flag */
#define SIGNED UINT64_C(0x00ad000000000000)
#define HIGH   UINT64_C(0xffffffffc0000000) /* the same GiB of RAM at the top of the addresses */

static uint64_t ram[2 * SIZE_4K / sizeof(uint64_t)] __attribute__((aligned(SIZE_4K)));
static struct guest_mem mem;
static struct s1_regime regime;
static struct guest_frames frames;

static int scene(void **state)
{
    (void)state;
    memset(ram, 0, sizeof(ram));
    mem.count = 1;
    mem.region[0] = (struct ram_region){ipa(RAM), ptr_to_pa(ram), sizeof(ram)};
    regime = (struct s1_regime){.sctlr = SCTLR_EL1_M,
                                .ttbr0 = RAM,
                                .ttbr1 = RAM,
                                .tcr = UINT64_C(2) << 30 | 25 << 16 | 25,
                                .mmfr0 = 5};
    ram[1] = ram[511] = RAM | BLOCK;
    return 0;
}

/* A record at `at`, of the caller's record at `next`. */
static void put_record(uint64_t at, uint64_t next, uint64_t pc)
{
    ram[(at - RAM) / 8] = next;
    ram[(at - RAM) / 8 + 1] = pc;
}

static void read_from(uint64_t fp, unsigned count, enum guest_frames_end end)
{
    guest_frames_read(&regime, &mem, fp, &frames);
    assert_int_equal(frames.count, count);
    assert_int_equal(frames.end, end);
}

static void whole(void **state)
{
    (void)state;
    read_from(0, 0, FRAMES_WHOLE);
    put_record(STACK, STACK + 0x20, 0x1000);
    put_record(STACK + 0x20, 0, 0x2000);
    read_from(STACK, 2, FRAMES_WHOLE);
    assert_int_equal(frames.pc[0], 0x1000);
    assert_int_equal(frames.pc[1], 0x2000);
}

/* At the top, where a signature has replaced ones: low addresses get zeros, high ones ones. */
static void signatures_go(void **state)
{
    (void)state;
    put_record(STACK, HIGH + 0x1020, (HIGH + 4) ^ SIGNED);
    put_record(STACK + 0x20, 0, 0x2000 ^ (SIGNED & ~(UINT64_C(1) << 55)) ^ UINT64_C(0x7f) << 40);
    read_from(HIGH + 0x1000, 2, FRAMES_WHOLE);
    assert_int_equal(frames.pc[1], 0x2000);
    put_record(STACK, 0, (HIGH + 4) & ~(UINT64_C(0x2a) << 56));
    read_from(STACK, 1, FRAMES_WHOLE);
    assert_int_equal(frames.pc[0], HIGH + 4);
}

static void circles(void **state)
{
    (void)state;
    put_record(STACK, STACK, 1);
    read_from(STACK, 1, FRAMES_LOOP);
    for (unsigned length = 2; length < 12; length++) {
        for (unsigned i = 0; i < length; i++)
            put_record(STACK + 16 * i, STACK + 16 * ((i + 1) % length), i);
        guest_frames_read(&regime, &mem, STACK, &frames);
        assert_int_equal(frames.end, FRAMES_LOOP);
        assert_true(frames.count <= 3 * length);
    }
}

static void too_many(void **state)
{
    (void)state;
    for (unsigned i = 0; i <= GUEST_FRAMES_MAX; i++)
        put_record(STACK + 16 * i, STACK + 16 * (i + 1), i);
    read_from(STACK, GUEST_FRAMES_MAX, FRAMES_MORE);
    put_record(STACK + 16 * (GUEST_FRAMES_MAX - 1), 0, 0);
    read_from(STACK, GUEST_FRAMES_MAX, FRAMES_WHOLE);
}

/* Nothing but the guest's RAM is read: not a device, not what follows RAM, not half a word. */
static void broken(void **state)
{
    static const uint64_t bad[] = {
        DEVICE,           STACK + 4, RAM + sizeof(ram), RAM + sizeof(ram) - 8, RAM - 8,
        UINT64_MAX & ~7u, 1,         UINT64_C(1) << 40};

    (void)state;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        put_record(STACK, bad[i], 0x1000);
        read_from(STACK, 1, FRAMES_BROKEN);
        assert_int_equal(frames.stopped_at, bad[i]);
    }
    ram[1] = 0; /* no translation */
    read_from(STACK, 0, FRAMES_BROKEN);
    regime.sctlr = 0; /* with the MMU off there is none to be had */
    read_from(DEVICE, 0, FRAMES_BROKEN);
    put_record(STACK, 0, 0x1000);
    read_from(STACK, 1, FRAMES_WHOLE);
}

static void big_endian(void **state)
{
    (void)state;
    regime.sctlr = SCTLR_EL1_EE;
    put_record(STACK, __builtin_bswap64(STACK + 0x20), __builtin_bswap64(0x1000));
    put_record(STACK + 0x20, 0, __builtin_bswap64(0x2000));
    read_from(STACK, 2, FRAMES_WHOLE);
    assert_int_equal(frames.pc[1], 0x2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(whole, scene),   cmocka_unit_test_setup(signatures_go, scene),
        cmocka_unit_test_setup(circles, scene), cmocka_unit_test_setup(too_many, scene),
        cmocka_unit_test_setup(broken, scene),  cmocka_unit_test_setup(big_endian, scene),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
