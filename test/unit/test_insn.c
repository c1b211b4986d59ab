/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoding of loads and stores, against encodings that the GNU assembler made of the mnemonics
 * beside them. What can't be carried out on a device must be refused, whatever it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/bits.h"
#include "trap/insn.h"

struct good {
    uint32_t insn;
    const char *text;
    const char *decoded; /* as describe() has it; register 31 is the stack pointer or zero */
};

/* In the order of classes: unsigned offset, unscaled, unprivileged, indexed, register, pair,
 * literal. */
static const struct good good[] = {
    {0x39400041, "ldrb w1, [x2]", "ldu32 1: 1 [2+0]"},
    {0x397ffc41, "ldrb w1, [x2, #4095]", "ldu32 1: 1 [2+4095]"},
    {0x797ffc41, "ldrh w1, [x2, #8190]", "ldu32 2: 1 [2+8190]"},
    {0xb97ffc41, "ldr w1, [x2, #16380]", "ldu32 4: 1 [2+16380]"},
    {0xf97ffc41, "ldr x1, [x2, #32760]", "ldu64 8: 1 [2+32760]"},
    {0x39000441, "strb w1, [x2, #1]", "st 1: 1 [2+1]"},
    {0x79000441, "strh w1, [x2, #2]", "st 2: 1 [2+2]"},
    {0xb9000441, "str w1, [x2, #4]", "st 4: 1 [2+4]"},
    {0xf9000441, "str x1, [x2, #8]", "st 8: 1 [2+8]"},
    {0xb90007ff, "str wzr, [sp, #4]", "st 4: 31 [31+4]"},
    {0xf94003ff, "ldr xzr, [sp]", "ldu64 8: 31 [31+0]"},
    {0x39c00c41, "ldrsb w1, [x2, #3]", "lds32 1: 1 [2+3]"},
    {0x39800c41, "ldrsb x1, [x2, #3]", "lds64 1: 1 [2+3]"},
    {0x79c00c41, "ldrsh w1, [x2, #6]", "lds32 2: 1 [2+6]"},
    {0x79800c41, "ldrsh x1, [x2, #6]", "lds64 2: 1 [2+6]"},
    {0xb9800c41, "ldrsw x1, [x2, #12]", "lds64 4: 1 [2+12]"},
    {0xb8500041, "ldur w1, [x2, #-256]", "ldu32 4: 1 [2-256]"},
    {0xf84ff041, "ldur x1, [x2, #255]", "ldu64 8: 1 [2+255]"},
    {0x385ff041, "ldurb w1, [x2, #-1]", "ldu32 1: 1 [2-1]"},
    {0x785fd041, "ldurh w1, [x2, #-3]", "ldu32 2: 1 [2-3]"},
    {0x38dff041, "ldursb w1, [x2, #-1]", "lds32 1: 1 [2-1]"},
    {0x389ff041, "ldursb x1, [x2, #-1]", "lds64 1: 1 [2-1]"},
    {0x78dff041, "ldursh w1, [x2, #-1]", "lds32 2: 1 [2-1]"},
    {0x789ff041, "ldursh x1, [x2, #-1]", "lds64 2: 1 [2-1]"},
    {0xb89ff041, "ldursw x1, [x2, #-1]", "lds64 4: 1 [2-1]"},
    {0xb81fb041, "stur w1, [x2, #-5]", "st 4: 1 [2-5]"},
    {0xf81fb041, "stur x1, [x2, #-5]", "st 8: 1 [2-5]"},
    {0x381fb041, "sturb w1, [x2, #-5]", "st 1: 1 [2-5]"},
    {0x781fb041, "sturh w1, [x2, #-5]", "st 2: 1 [2-5]"},
    {0xb8404841, "ldtr w1, [x2, #4]", "ldu32 4: 1 [2+4]"},
    {0xf85f8841, "ldtr x1, [x2, #-8]", "ldu64 8: 1 [2-8]"},
    {0x38400841, "ldtrb w1, [x2]", "ldu32 1: 1 [2+0]"},
    {0xb8804841, "ldtrsw x1, [x2, #4]", "lds64 4: 1 [2+4]"},
    {0xf8008841, "sttr x1, [x2, #8]", "st 8: 1 [2+8]"},
    {0x78002841, "sttrh w1, [x2, #2]", "st 2: 1 [2+2]"},
    {0xb8404441, "ldr w1, [x2], #4", "ldu32 4: 1 [2+4] post"},
    {0xf85f8441, "ldr x1, [x2], #-8", "ldu64 8: 1 [2-8] post"},
    {0xb8404c41, "ldr w1, [x2, #4]!", "ldu32 4: 1 [2+4] pre"},
    {0xf8410fe1, "ldr x1, [sp, #16]!", "ldu64 8: 1 [31+16] pre"},
    {0xf81f0ffe, "str x30, [sp, #-16]!", "st 8: 30 [31-16] pre"},
    {0xf84107fe, "ldr x30, [sp], #16", "ldu64 8: 30 [31+16] post"},
    {0xb80ff45f, "str wzr, [x2], #255", "st 4: 31 [2+255] post"},
    {0x38100c41, "strb w1, [x2, #-256]!", "st 1: 1 [2-256] pre"},
    {0x38c01441, "ldrsb w1, [x2], #1", "lds32 1: 1 [2+1] post"},
    {0x78802c41, "ldrsh x1, [x2, #2]!", "lds64 2: 1 [2+2] pre"},
    {0xb89fc441, "ldrsw x1, [x2], #-4", "lds64 4: 1 [2-4] post"},
    {0xb8636841, "ldr w1, [x2, x3]", "ldu32 4: 1 [2 lsl 3<<0]"},
    {0xb8637841, "ldr w1, [x2, x3, lsl #2]", "ldu32 4: 1 [2 lsl 3<<2]"},
    {0xf8634841, "ldr x1, [x2, w3, uxtw]", "ldu64 8: 1 [2 uxtw 3<<0]"},
    {0xf8635841, "ldr x1, [x2, w3, uxtw #3]", "ldu64 8: 1 [2 uxtw 3<<3]"},
    {0x7863d841, "ldrh w1, [x2, w3, sxtw #1]", "ldu32 2: 1 [2 sxtw 3<<1]"},
    {0xb8a3f841, "ldrsw x1, [x2, x3, sxtx #2]", "lds64 4: 1 [2 sxtx 3<<2]"},
    {0x383f6841, "strb w1, [x2, xzr]", "st 1: 1 [2 lsl 31<<0]"},
    {0x3823c841, "strb w1, [x2, w3, sxtw]", "st 1: 1 [2 sxtw 3<<0]"},
    {0xf8237be1, "str x1, [sp, x3, lsl #3]", "st 8: 1 [31 lsl 3<<3]"},
    {0x29400c41, "ldp w1, w3, [x2]", "ldu32 4: 1+3 [2+0]"},
    {0x29600c41, "ldp w1, w3, [x2, #-256]", "ldu32 4: 1+3 [2-256]"},
    {0xa95f8c41, "ldp x1, x3, [x2, #504]", "ldu64 8: 1+3 [2+504]"},
    {0xa8c10c41, "ldp x1, x3, [x2], #16", "ldu64 8: 1+3 [2+16] post"},
    {0xa9e00c41, "ldp x1, x3, [x2, #-512]!", "ldu64 8: 1+3 [2-512] pre"},
    {0x28c10fff, "ldp wzr, w3, [sp], #8", "ldu32 4: 31+3 [31+8] post"},
    {0x69408c41, "ldpsw x1, x3, [x2, #4]", "lds64 4: 1+3 [2+4]"},
    {0x68ff0c41, "ldpsw x1, x3, [x2], #-8", "lds64 4: 1+3 [2-8] post"},
    {0x69c10c41, "ldpsw x1, x3, [x2, #8]!", "lds64 4: 1+3 [2+8] pre"},
    {0x291f8441, "stp w1, w1, [x2, #252]", "st 4: 1+1 [2+252]"},
    {0xa9bf7c41, "stp x1, xzr, [x2, #-16]!", "st 8: 1+31 [2-16] pre"},
    {0xa9be7bfd, "stp x29, x30, [sp, #-32]!", "st 8: 29+30 [31-32] pre"},
    {0x28810c41, "stp w1, w3, [x2], #8", "st 4: 1+3 [2+8] post"},
    {0x28410c41, "ldnp w1, w3, [x2, #8]", "ldu32 4: 1+3 [2+8]"},
    {0xa8010c41, "stnp x1, x3, [x2, #16]", "st 8: 1+3 [2+16]"},
    {0x18000021, "ldr w1, . + 4", "ldu32 4: 1 [pc+4]"},
    {0x58ffffc1, "ldr x1, . - 8", "ldu64 8: 1 [pc-8]"},
    {0x987fffe1, "ldrsw x1, . + 1048572", "lds64 4: 1 [pc+1048572]"},
};

struct bad {
    uint32_t insn;
    const char *text;
};

/* Vectors, exclusives, atomics, tags, hints, no access at all; from `ldr x2, [x2], #8` on those
 * whose behaviour is CONSTRAINED UNPREDICTABLE. */
static const struct bad bad[] = {
    {0xbd400041, "ldr s1, [x2]"},
    {0x3dc00441, "ldr q1, [x2, #16]"},
    {0xfc008441, "str d1, [x2], #8"},
    {0x6d400841, "ldp d1, d2, [x2]"},
    {0xadbf0841, "stp q1, q2, [x2, #-32]!"},
    {0x5c000041, "ldr d1, .+8"},
    {0x3c636841, "ldr b1, [x2, x3]"},
    {0x4c407840, "ld1 {v0.4s}, [x2]"},
    {0x885f7c41, "ldxr w1, [x2]"},
    {0x88037c41, "stxr w3, w1, [x2]"},
    {0xc85ffc41, "ldaxr x1, [x2]"},
    {0xc87f0c41, "ldxp x1, x3, [x2]"},
    {0x88dffc41, "ldar w1, [x2]"},
    {0x889ffc41, "stlr w1, [x2]"},
    {0xb8210043, "ldadd w1, w3, [x2]"},
    {0xf8218043, "swp x1, x3, [x2]"},
    {0x88a17c43, "cas w1, w3, [x2]"},
    {0x48207c82, "casp x0, x1, x2, x3, [x4]"},
    {0xb8bfc041, "ldapr w1, [x2]"},
    {0x99404041, "ldapur w1, [x2, #4]"},
    {0x99004041, "stlur w1, [x2, #4]"},
    {0xf8200441, "ldraa x1, [x2]"},
    {0xf9800040, "prfm pldl1keep, [x2]"},
    {0xf8a36840, "prfm pldl1keep, [x2, x3]"},
    {0xf8801040, "prfum pldl1keep, [x2, #1]"},
    {0xd8000040, "prfm pldl1keep, .+8"},
    {0x69000c41, "stgp x1, x3, [x2]"},
    {0xd9200842, "stg x2, [x2]"},
    {0xd50b7422, "dc zva, x2"},
    {0xd503201f, "nop"},
    {0x8b030041, "add x1, x2, x3"},
    {0x14000000, "b ."},
    {0xf8408442, "ldr x2, [x2], #8"},
    {0xf8408c42, "ldr x2, [x2, #8]!"},
    {0xb8004442, "str w2, [x2], #4"},
    {0xa9400441, "ldp x1, x1, [x2]"},
    {0xa8c10841, "ldp x1, x2, [x2], #16"},
    {0xa9c10442, "ldp x2, x1, [x2, #16]!"},
    {0xa8810442, "stp x2, x1, [x2], #16"},
};

/* Kind, bytes: registers [base, what is added to it] and write-back. */
static void describe(const struct insn_access *a, char *text, size_t size)
{
    static const char *const extends[] = {[2] = "uxtw", [3] = "lsl", [6] = "sxtw", [7] = "sxtx"};
    char kind[8] = "st", regs[16], base[4] = "pc", offset[32];

    if (!a->write)
        snprintf(kind, sizeof(kind), "ld%c%u", a->sign_extend ? 's' : 'u', a->wide ? 64 : 32);
    snprintf(regs, sizeof(regs), a->count == 2 ? "%u+%u" : "%u", a->reg[0], a->reg[1]);
    if (!a->literal)
        snprintf(base, sizeof(base), "%u", a->rn);
    if (a->extend == INSN_EXTEND_NONE)
        snprintf(offset, sizeof(offset), "%+ld", (long)a->offset);
    else
        snprintf(offset, sizeof(offset), " %s %u<<%u", extends[a->extend], a->rm, a->shift);
    snprintf(text, size, "%s %u: %s [%s%s]%s", kind, a->size, regs, base, offset,
             a->post_index   ? " post"
             : a->write_back ? " pre"
                             : "");
}

static void decodes_every_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct insn_access access;
        char got[80];

        if (insn_decode(good[i].insn, &access) != 0)
            fail_msg("%s: refused", good[i].text);
        describe(&access, got, sizeof(got));
        if (strcmp(got, good[i].decoded) != 0)
            fail_msg("%s: %s, not %s", good[i].text, got, good[i].decoded);
    }
}

static void refuses_the_rest(void **state)
{
    struct insn_access got;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (insn_decode(bad[i].insn, &got) != -ERR_UNSUPPORTED)
            fail_msg("%s: not refused", bad[i].text);
}

/* Encodings that no assembler makes: unallocated in Armv8-A. */
static void refuses_unallocated(void **state)
{
    static const uint32_t insns[] = {
        0x00000000,             /* UDF */
        0xffffffff, 0xe9400c41, /* LDP's class with opc 3 */
        0x68400c41,             /* LDNP's class with opc 1: there is no LDNPSW */
        0xf9c00041,             /* LDRSW's neighbour, size 3 with opc 3 */
        0xb8c00041,             /* LDURS to a 32-bit register of a word */
        0xf8800841,             /* LDTR's class with PRFM's size and opc */
        0xb8630841,             /* register offset with option 0 */
        0xb8632841,             /* with option 1 */
        0xb8638841,             /* with option 4 */
        0xb863a841,             /* with option 5 */
    };
    struct insn_access got;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(insns); i++)
        if (insn_decode(insns[i], &got) != -ERR_UNSUPPORTED)
            fail_msg("0x%08x: not refused", insns[i]);
}

/* Whatever the word, what comes out is within what abort.c relies on. */
static void any_word_is_in_bounds(void **state)
{
    uint32_t word = 0x12345678;

    (void)state;
    for (unsigned i = 0; i < 2000000; i++) {
        struct insn_access got;

        word = word * 1664525 + 1013904223; /* a full-period generator */
        /* Steer half of them into the loads and stores. */
        if (insn_decode(i % 2 == 0 ? word : ((word | 0x08000000) & ~0x02000000u), &got) != 0)
            continue;
        assert_true(got.size == 1 || got.size == 2 || got.size == 4 || got.size == 8);
        assert_true(got.count == 1 || got.count == 2);
        assert_true(got.reg[0] < 32 && got.reg[1] < 32 && got.rn < 32 && got.rm < 32);
        assert_true(got.shift <= 3);
        assert_true(got.count == 1 || got.size >= 4);
        assert_true(!(got.write_back && got.literal));
        assert_true(!(got.write && got.sign_extend));
    }
}

static void offsets(void **state)
{
    struct insn_access a = {.offset = -8};

    (void)state;
    assert_int_equal(insn_offset(&a, 0x1234), UINT64_C(0xfffffffffffffff8));
    a = (struct insn_access){.extend = INSN_EXTEND_LSL, .shift = 3};
    assert_int_equal(insn_offset(&a, UINT64_C(0x2000000000000001)), 8);
    a.extend = INSN_EXTEND_SXTX;
    assert_int_equal(insn_offset(&a, UINT64_MAX), UINT64_C(0xfffffffffffffff8));
    a.extend = INSN_EXTEND_UXTW;
    assert_int_equal(insn_offset(&a, UINT64_C(0xffffffff80000001)), UINT64_C(0x400000008));
    a.extend = INSN_EXTEND_SXTW;
    assert_int_equal(insn_offset(&a, UINT64_C(0x00000000ffffffff)), UINT64_C(0xfffffffffffffff8));
    a.shift = 0;
    assert_int_equal(insn_offset(&a, UINT64_C(0xdeadbeef7fffffff)), UINT64_C(0x7fffffff));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_every_form),
        cmocka_unit_test(refuses_the_rest),
        cmocka_unit_test(refuses_unallocated),
        cmocka_unit_test(any_word_is_in_bounds),
        cmocka_unit_test(offsets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
