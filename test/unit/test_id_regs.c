/* SPDX-License-Identifier: Apache-2.0 */
/* What guests see in ID registers: every field of every register, on CPUs that have all of it or
 * none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/bits.h"
#include "sysreg.h"
#include "trap/id_regs.h"

_Thread_local struct fake_sysreg fake_sysreg;

/*
 * What becomes of a register's 16 fields, the highest first: '.' hidden, 's' shown, a digit the
 * most that is shown, 'F' always 1, 'G' and 'H' signed '0' and '1' (8 to 15 are shown), 'P'
 * PARange.
 */
struct expected {
    const char *name;
    unsigned crm, op2;
    size_t place;
    const char *fields;
    bool aarch32;
};

#define REG64(crm, op2, name, fields)                                                              \
    {                                                                                              \
#name, crm, op2, offsetof(struct fake_sysreg, name), fields, false                         \
    }
#define REG32(crm, op2, name, fields)                                                              \
    {                                                                                              \
#name, crm, op2, offsetof(struct fake_sysreg, name), fields, true                          \
    }

static const struct expected expected[] = {
    /* CSV3 CSV2 RME DIT | AMU MPAM SEL2 SVE | RAS GIC AdvSIMD FP | EL3 EL2 EL1 EL0 */
    REG64(4, 0, id_aa64pfr0_el1, "11.1 ...1 .FHH ..Fs"),
    /* PFAR DF2 MTEX THE | GCS MTE_frac NMI CSV2_frac | RNDR_trap SME - MPAM_frac | RAS_frac MTE
       SSBS BT */
    REG64(4, 1, id_aa64pfr1_el1, ".... ...1 .... ..21"),
    /* - F64MM F32MM - | I8MM SM4 - SHA3 | - B16B16 BF16 BitPerm | - - AES SVEver */
    REG64(4, 4, id_aa64zfr0_el1, ".11. 11.1 .121 ..22"),
    REG64(4, 5, id_aa64smfr0_el1, ".... .... .... ...."),
    /* HPMN0 ExtTrcBuff BRBE MTPMU | TraceBuffer TraceFilt DoubleLock PMSVer |
     * CTX_CMPs - WRPs - | BRPs PMUVer TraceVer DebugVer */
    REG64(5, 0, id_aa64dfr0_el1, ".... ..G. s.s. s..9"),
    REG64(5, 1, id_aa64dfr1_el1, ".... .... .... ...."),
    REG64(5, 4, id_aa64afr0_el1, ".... .... .... ...."),
    REG64(5, 5, id_aa64afr1_el1, ".... .... .... ...."),
    /* RNDR TLB TS FHM | DP SM4 SM3 SHA3 | RDM TME Atomic CRC32 | SHA2 SHA1 AES - */
    REG64(6, 0, id_aa64isar0_el1, "1221 1111 1.31 212."),
    /* LS64 XS I8MM DGH | BF16 SPECRES SB FRINTTS | GPI GPA LRCPC FCMA | JSCVT API APA DPB */
    REG64(6, 1, id_aa64isar1_el1, "..11 2211 1131 1552"),
    /* ATS1A LUT CSSC RPRFM | - PRFMSLC SYSINSTR_128 SYSREG_128 |
     * CLRBHB PAC_frac BC MOPS | APA3 GPA3 RPRES WFxT */
    REG64(6, 2, id_aa64isar2_el1, "..11 .1.. 111. 5112"),
    /* ECV FGT - - | ExS TGran4_2 TGran64_2 TGran16_2 |
     * TGran4 TGran64 TGran16 BigEndEL0 | SNSMem BigEnd ASIDBits PARange */
    REG64(7, 0, id_aa64mmfr0_el1, ".... 1... GG11 11sP"),
    /* ECBHB CMOW TIDCP1 nTLBPA | AFP HCX ETS TWED | XNX SpecSEI PAN LO | HPDS VH VMIDBits HAFDBS */
    REG64(7, 1, id_aa64mmfr1_el1, "1.11 1.21 .13. 2..2"),
    /* E0PD EVT BBM TTL | - FWB IDS AT | ST NV CCIDX VARange | IESB LSM UAO CnP */
    REG64(7, 2, id_aa64mmfr2_el1, "1..1 ..11 1.1. .111"),

    /* RAS DIT AMU CSV2 | State3 State2 State1 State0 */
    REG32(1, 0, id_pfr0_el1, ".... .... .1.1 1231"),
    /* GIC Virt_frac Sec_frac GenTimer | Virtualization MProgMod Security ProgMod */
    REG32(1, 1, id_pfr1_el1, ".... .... F..1 ...1"),
    /* TraceFilt PerfMon MProfDbg MMapTrc | CopTrc MMapDbg CopSDbg CopDbg */
    REG32(1, 2, id_dfr0_el1, ".... .... .... .s.9"),
    REG32(1, 3, id_afr0_el1, ".... .... .... ...."),
    REG32(1, 4, id_mmfr0_el1, ".... .... ssss ssss"),
    REG32(1, 5, id_mmfr1_el1, ".... .... ssss ssss"),
    REG32(1, 6, id_mmfr2_el1, ".... .... ssss ssss"),
    REG32(1, 7, id_mmfr3_el1, ".... .... ssss ssss"),
    REG32(2, 0, id_isar0_el1, ".... .... ssss ssss"),
    REG32(2, 1, id_isar1_el1, ".... .... ssss ssss"),
    REG32(2, 2, id_isar2_el1, ".... .... ssss ssss"),
    REG32(2, 3, id_isar3_el1, ".... .... ssss ssss"),
    REG32(2, 4, id_isar4_el1, ".... .... ssss ssss"),
    REG32(2, 5, id_isar5_el1, ".... .... ssss ssss"),
    /* EVT CCIDX LSM HPDS | CnP XNX AC2 SpecSEI */
    REG32(2, 6, id_mmfr4_el1, ".... .... .112 1..1"),
    REG32(2, 7, id_isar6_el1, ".... .... ssss ssss"),
    REG32(3, 0, mvfr0_el1, ".... .... ssss ssss"),
    REG32(3, 1, mvfr1_el1, ".... .... ssss ssss"),
    REG32(3, 2, mvfr2_el1, ".... .... ssss ssss"),
    /* RAS_frac SSBS CSV3 */
    REG32(3, 4, id_pfr2_el1, ".... .... .... ..11"),
    REG32(3, 5, id_dfr1_el1, ".... .... .... ...."),
    /* nTLBPA ETS */
    REG32(3, 6, id_mmfr5_el1, ".... .... .... ..12"),
};

#define EL0_AARCH32 UINT64_C(2)
#define SVE         (UINT64_C(1) << 32)
#define PARANGE_40  2

static uint64_t *place_of(const struct expected *reg)
{
    return (uint64_t *)((char *)&fake_sysreg + reg->place);
}

static char rule_of(const struct expected *reg, unsigned field)
{
    static const unsigned column[] = {18, 17, 16, 15, 13, 12, 11, 10, 8, 7, 6, 5, 3, 2, 1, 0};

    return reg->fields[column[field]];
}

static uint64_t expect_field(char rule, uint64_t v)
{
    switch (rule) {
    case '.':
        return 0;
    case 's':
        return v;
    case 'F':
        return 1;
    case 'G':
        return v >= 8 ? v : 0;
    case 'H':
        return v >= 8 || v == 0 ? v : 1;
    case 'P':
        return v < PARANGE_40 ? v : PARANGE_40;
    default:
        assert_in_range(rule, '0', '9');
        return v < (uint64_t)(rule - '0') ? v : (uint64_t)(rule - '0');
    }
}

static uint64_t expect_register(const struct expected *reg, uint64_t hw)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < 16; i++)
        v |= expect_field(rule_of(reg, i), hw >> 4 * i & 0xf) << 4 * i;
    return v;
}

/* What the tables say of the performance monitors where they are shown. */
static uint64_t expect_pmu(uint64_t version)
{
    return version < 6 ? version : 6;
}

static int set_up(void **state)
{
    (void)state;
    memset(&fake_sysreg, 0, sizeof(fake_sysreg));
    fake_sysreg.id_aa64pfr0_el1 = EL0_AARCH32 | SVE;
    return 0;
}

static void table_is_whole(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(expected); i++)
        assert_int_equal(strlen(expected[i].fields), 19);
}

/* Each field by itself, with each value that it can have. */
static void each_field(void **state)
{
    for (unsigned i = 0; i < ARRAY_SIZE(expected); i++) {
        for (unsigned n = 0; n < 256; n++) {
            const struct expected *reg = &expected[i];
            uint64_t hw = (uint64_t)(n % 16) << 4 * (n / 16), seen;

            set_up(state);
            if (reg->crm == 4 && reg->op2 == 0)
                hw |= n / 16 == 0 ? SVE : n / 16 == 8 ? EL0_AARCH32 : SVE | EL0_AARCH32;
            *place_of(reg) = hw;
            id_regs_init();
            seen = id_regs_read(reg->crm, reg->op2);
            if (seen != expect_register(reg, hw))
                fail_msg("%s: the CPU has %016lx, shown is %016lx", reg->name, hw, seen);
        }
    }
}

/* All at once; ID_AA64PFR0_EL1.EL0 is the one field whose value matters to others. */
static void all_bits(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(expected); i++)
        *place_of(&expected[i]) = ~UINT64_C(0);
    fake_sysreg.id_aa64pfr0_el1 &= ~UINT64_C(0xd);
    id_regs_init();
    for (unsigned i = 0; i < ARRAY_SIZE(expected); i++)
        assert_int_equal(id_regs_read(expected[i].crm, expected[i].op2),
                         expect_register(&expected[i], *place_of(&expected[i])));
}

static void no_bits(void **state)
{
    (void)state;
    memset(&fake_sysreg, 0, sizeof(fake_sysreg));
    id_regs_init();
    for (unsigned crm = 1; crm <= 7; crm++) {
        for (unsigned op2 = 0; op2 < 8; op2++)
            assert_int_equal(id_regs_read(crm, op2), crm == 4 && op2 == 0 ? 0x01000010 : 0);
    }
}

static bool is_known(unsigned crm, unsigned op2)
{
    for (unsigned i = 0; i < ARRAY_SIZE(expected); i++) {
        if (expected[i].crm == crm && expected[i].op2 == op2)
            return true;
    }
    return false;
}

/* Registers that are reserved, or too new for the table: ID_AA64PFR2, ISAR3, MMFR3, FPFR0. */
static void others_are_zero(void **state)
{
    (void)state;
    memset(&fake_sysreg, 0xff, sizeof(fake_sysreg));
    id_regs_init();
    for (unsigned crm = 0; crm <= 7; crm++) {
        for (unsigned op2 = 0; op2 < 8; op2++) {
            if (!is_known(crm, op2))
                assert_int_equal(id_regs_read(crm, op2), 0);
        }
    }
}

static void out_of_range(void **state)
{
    (void)state;
    id_regs_init();
    (void)id_regs_read(15, 7); /* ASan would tell */
    (void)id_regs_read(~0U, ~0U);
}

/* They are UNKNOWN where no level has AArch32. */
static void no_aarch32(void **state)
{
    static const unsigned el0[] = {0, 1, 3, 15};

    for (unsigned n = 0; n < ARRAY_SIZE(el0); n++) {
        memset(&fake_sysreg, 0xff, sizeof(fake_sysreg));
        fake_sysreg.id_aa64pfr0_el1 = SVE | el0[n];
        id_regs_init();
        for (unsigned i = 0; i < ARRAY_SIZE(expected); i++) {
            if (expected[i].aarch32)
                assert_int_equal(id_regs_read(expected[i].crm, expected[i].op2), 0);
        }
        assert_int_equal(id_regs_read(4, 0) & 0xf, el0[n]);
    }
    (void)state;
}

/* With SME and no SVE, ID_AA64ZFR0_EL1 tells of streaming mode, which is hidden. */
static void no_sve(void **state)
{
    (void)state;
    fake_sysreg.id_aa64pfr0_el1 = EL0_AARCH32;
    fake_sysreg.id_aa64zfr0_el1 = ~UINT64_C(0);
    id_regs_init();
    assert_int_equal(id_regs_read(4, 4), 0);
}

static void pa_range(void **state)
{
    static const struct {
        unsigned ipa_bits;
        unsigned most;
    } limits[] = {{32, 0}, {35, 0}, {36, 1}, {39, 1}, {40, 2}, {42, 3}, {43, 3},
                  {44, 4}, {48, 5}, {51, 5}, {52, 6}, {55, 6}, {56, 7}, {64, 7}};
    static const uint64_t rest = UINT64_C(0x0000000000010120); /* other fields */

    for (unsigned hw = 0; hw < 16; hw++) {
        for (unsigned i = 0; i < ARRAY_SIZE(limits); i++) {
            unsigned first = hw < PARANGE_40 ? hw : PARANGE_40;

            set_up(state);
            fake_sysreg.id_aa64mmfr0_el1 = rest | hw;
            id_regs_init();
            id_regs_limit_parange(limits[i].ipa_bits);
            /* The first call, by id_regs_init(), has left no more than 40 bits. */
            assert_int_equal(id_regs_read(7, 0),
                             rest | (first < limits[i].most ? first : limits[i].most));
        }
    }
}

static void again(void **state)
{
    fake_sysreg.id_aa64isar0_el1 = ~UINT64_C(0);
    id_regs_init();
    set_up(state);
    fake_sysreg.id_aa64isar0_el1 = 0x10;
    id_regs_init();
    assert_int_equal(id_regs_read(6, 0), 0x10);
}

/* QEMU's, with a GICv3. */
static void cortex_a53(void **state)
{
    (void)state;
    memset(&fake_sysreg, 0, sizeof(fake_sysreg));
    fake_sysreg.id_aa64pfr0_el1 = 0x01002222;
    fake_sysreg.id_aa64dfr0_el1 = 0x10305106;
    fake_sysreg.id_aa64isar0_el1 = 0x00011120;
    fake_sysreg.id_aa64mmfr0_el1 = 0x00001122;
    fake_sysreg.id_pfr0_el1 = 0x00000131;
    fake_sysreg.id_pfr1_el1 = 0x10011011;
    fake_sysreg.id_dfr0_el1 = 0x03010066;
    fake_sysreg.id_isar5_el1 = 0x00011121;
    id_regs_init();
    assert_int_equal(id_regs_read(4, 0), 0x01000012);
    assert_int_equal(id_regs_read(5, 0), 0x10305006);
    assert_int_equal(id_regs_read(6, 0), 0x00011120);
    assert_int_equal(id_regs_read(7, 0), 0x00001122);
    assert_int_equal(id_regs_read(1, 0), 0x00000131);
    assert_int_equal(id_regs_read(1, 1), 0x10010001);
    assert_int_equal(id_regs_read(1, 2), 0x00000006);
    assert_int_equal(id_regs_read(2, 5), 0x00011121);
}

/* Up to PMUv3p5; nothing else changes. */
static void pmu(void **state)
{
    for (uint64_t version = 0; version < 16; version++) {
        for (unsigned aarch32 = 0; aarch32 < 2; aarch32++) {
            set_up(state);
            fake_sysreg.id_aa64pfr0_el1 = aarch32 ? EL0_AARCH32 : 1;
            fake_sysreg.id_aa64dfr0_el1 = UINT64_C(0x10305006) | version << 8;
            fake_sysreg.id_dfr0_el1 = 0x00010066 | version << 24;
            id_regs_init();
            id_regs_show_pmu();
            assert_int_equal(id_regs_read(5, 0), UINT64_C(0x10305006) | expect_pmu(version) << 8);
            assert_int_equal(id_regs_read(1, 2), aarch32 ? expect_pmu(version) << 24 | 6 : 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(table_is_whole, set_up),
        cmocka_unit_test_setup(each_field, set_up),
        cmocka_unit_test_setup(all_bits, set_up),
        cmocka_unit_test_setup(no_bits, set_up),
        cmocka_unit_test_setup(others_are_zero, set_up),
        cmocka_unit_test_setup(out_of_range, set_up),
        cmocka_unit_test_setup(no_aarch32, set_up),
        cmocka_unit_test_setup(no_sve, set_up),
        cmocka_unit_test_setup(pa_range, set_up),
        cmocka_unit_test_setup(pmu, set_up),
        cmocka_unit_test_setup(again, set_up),
        cmocka_unit_test_setup(cortex_a53, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
