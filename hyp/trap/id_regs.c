/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What guests see in ID registers. See id_regs.h; sysreg_trap.c asks. The table names each field
 * that is shown, up to the value that was known when it was written, and as it is if it counts
 * something. All others, those that no one knows yet included, read as zero, which mostly says that
 * a feature is not there. Arm ARM, "AArch64 System register descriptions".
 *
 * Why a field that CPUs have is not in the table, or is capped:
 * - EL2, EL3, SEL2, RME, VH, NV, HCX, FGT, EVT, FWB, XNX, VMIDBits, TGran*_2: of levels above EL1.
 * - PMSVer, TraceVer, TraceFilt, TraceBuffer, BRBE, AMU, MPAM, LO, SME: EL2 traps them. So it does
 *   with PMUVer and PerfMon, which are in tables of their own, unless pmu.c gives the PMU away.
 * - RAS, RAS_frac, IESB: errors are the hypervisor's. MTE: RAM has no tags for guests.
 * - MOPS, LS64, XS, CMOW, TCRX, SCTLRX, NMI, GCS: they need bits of HCRX_EL2, which is zero.
 * - CSV2 beyond 1: SCXTNUM_EL1 needs HCR_EL2.EnSCXT. PAuth beyond 5: needs SCTLR2_EL1.
 * - ECV: CNTPOFF_EL2 is not managed. VARange, TGran* beyond 48 bits, HAFDBS beyond 2, BBM, TME:
 *   Traproom has not been proven with them.
 */
#include "trap/id_regs.h"

#include <stdbool.h>

#include "lib/bits.h"
#include "mm/pte.h"
#include "mm/stage2.h"
#include "regs.h"
#include "sysreg.h"

#define NR_ID_REGS ID_REG(8, 0) /* CRm 0, which does not trap, has room too */

/* X(name here, CRm, op2, name in full): those of AArch64, those of AArch32. */
#define ID_REGS_AARCH64(X)                                                                         \
    X(AA64PFR0, 4, 0, id_aa64pfr0_el1)                                                             \
    X(AA64PFR1, 4, 1, id_aa64pfr1_el1)                                                             \
    X(AA64ZFR0, 4, 4, id_aa64zfr0_el1)                                                             \
    X(AA64DFR0, 5, 0, id_aa64dfr0_el1)                                                             \
    X(AA64ISAR0, 6, 0, id_aa64isar0_el1)                                                           \
    X(AA64ISAR1, 6, 1, id_aa64isar1_el1)                                                           \
    X(AA64ISAR2, 6, 2, id_aa64isar2_el1)                                                           \
    X(AA64MMFR0, 7, 0, id_aa64mmfr0_el1)                                                           \
    X(AA64MMFR1, 7, 1, id_aa64mmfr1_el1)                                                           \
    X(AA64MMFR2, 7, 2, id_aa64mmfr2_el1)
#define ID_REGS_AARCH32(X)                                                                         \
    X(PFR0, 1, 0, id_pfr0_el1)                                                                     \
    X(PFR1, 1, 1, id_pfr1_el1)                                                                     \
    X(DFR0, 1, 2, id_dfr0_el1)                                                                     \
    X(MMFR0, 1, 4, id_mmfr0_el1)                                                                   \
    X(MMFR1, 1, 5, id_mmfr1_el1)                                                                   \
    X(MMFR2, 1, 6, id_mmfr2_el1)                                                                   \
    X(MMFR3, 1, 7, id_mmfr3_el1)                                                                   \
    X(ISAR0, 2, 0, id_isar0_el1)                                                                   \
    X(ISAR1, 2, 1, id_isar1_el1)                                                                   \
    X(ISAR2, 2, 2, id_isar2_el1)                                                                   \
    X(ISAR3, 2, 3, id_isar3_el1)                                                                   \
    X(ISAR4, 2, 4, id_isar4_el1)                                                                   \
    X(ISAR5, 2, 5, id_isar5_el1)                                                                   \
    X(MMFR4, 2, 6, id_mmfr4_el1)                                                                   \
    X(ISAR6, 2, 7, id_isar6_el1)                                                                   \
    X(MVFR0, 3, 0, mvfr0_el1)                                                                      \
    X(MVFR1, 3, 1, mvfr1_el1)                                                                      \
    X(MVFR2, 3, 2, mvfr2_el1)                                                                      \
    X(PFR2, 3, 4, id_pfr2_el1)                                                                     \
    X(MMFR5, 3, 6, id_mmfr5_el1)

enum {
#define X(name, crm, op2, full) name = ID_REG(crm, op2),
    ID_REGS_AARCH64(X) ID_REGS_AARCH32(X)
#undef X
};

#define READ_ID_REG(name, crm, op2, full) hw[name] = read_sysreg(full);

#define FIELD_MASK     UINT64_C(0xf) /* they all have four bits */
#define FIELD_NEGATIVE UINT64_C(0x8) /* of a field that counts as signed */

enum id_rule {
    ID_SHOW,           /* as the CPU has it */
    ID_AT_MOST,        /* `value`, or what the CPU has if that is less */
    ID_AT_MOST_SIGNED, /* the same, for a field that is negative where the feature is not there */
    ID_FIXED,          /* `value`, whatever the CPU has */
};

struct id_field {
    uint8_t reg;
    uint8_t shift;
    uint8_t rule;
    uint8_t value;
};

/* clang-format off */
/* The field's name is for the reader. */
#define SHOW(reg, name, shift)                   { reg, shift, ID_SHOW, 0 }
#define AT_MOST(reg, name, shift, value)         { reg, shift, ID_AT_MOST, value }
#define AT_MOST_SIGNED(reg, name, shift, value)  { reg, shift, ID_AT_MOST_SIGNED, value }
#define FIXED(reg, name, shift, value)           { reg, shift, ID_FIXED, value }

static const struct id_field aarch64_fields[] = {
    SHOW(AA64PFR0, EL0, 0),
    FIXED(AA64PFR0, EL1, 4, 1), /* AArch64 only: HCR_EL2.RW */
    AT_MOST_SIGNED(AA64PFR0, FP, 16, 1),
    AT_MOST_SIGNED(AA64PFR0, AdvSIMD, 20, 1),
    FIXED(AA64PFR0, GIC, 24, 1), /* version 3, as vgic.c has it */
    AT_MOST(AA64PFR0, SVE, 32, 1),
    AT_MOST(AA64PFR0, DIT, 48, 1),
    AT_MOST(AA64PFR0, CSV2, 56, 1),
    AT_MOST(AA64PFR0, CSV3, 60, 1),

    AT_MOST(AA64PFR1, BT, 0, 1),
    AT_MOST(AA64PFR1, SSBS, 4, 2),
    AT_MOST(AA64PFR1, CSV2_frac, 32, 1),

    AT_MOST(AA64ZFR0, SVEver, 0, 2),
    AT_MOST(AA64ZFR0, AES, 4, 2),
    AT_MOST(AA64ZFR0, BitPerm, 16, 1),
    AT_MOST(AA64ZFR0, BF16, 20, 2),
    AT_MOST(AA64ZFR0, B16B16, 24, 1),
    AT_MOST(AA64ZFR0, SHA3, 32, 1),
    AT_MOST(AA64ZFR0, SM4, 40, 1),
    AT_MOST(AA64ZFR0, I8MM, 44, 1),
    AT_MOST(AA64ZFR0, F32MM, 52, 1),
    AT_MOST(AA64ZFR0, F64MM, 56, 1),

    AT_MOST(AA64DFR0, DebugVer, 0, 9), /* Armv8.4; later ones have registers of their own */
    SHOW(AA64DFR0, BRPs, 12),
    SHOW(AA64DFR0, WRPs, 20),
    SHOW(AA64DFR0, CTX_CMPs, 28),
    AT_MOST_SIGNED(AA64DFR0, DoubleLock, 36, 0),

    AT_MOST(AA64ISAR0, AES, 4, 2),
    AT_MOST(AA64ISAR0, SHA1, 8, 1),
    AT_MOST(AA64ISAR0, SHA2, 12, 2),
    AT_MOST(AA64ISAR0, CRC32, 16, 1),
    AT_MOST(AA64ISAR0, Atomic, 20, 3),
    AT_MOST(AA64ISAR0, RDM, 28, 1),
    AT_MOST(AA64ISAR0, SHA3, 32, 1),
    AT_MOST(AA64ISAR0, SM3, 36, 1),
    AT_MOST(AA64ISAR0, SM4, 40, 1),
    AT_MOST(AA64ISAR0, DP, 44, 1),
    AT_MOST(AA64ISAR0, FHM, 48, 1),
    AT_MOST(AA64ISAR0, TS, 52, 2),
    AT_MOST(AA64ISAR0, TLB, 56, 2),
    AT_MOST(AA64ISAR0, RNDR, 60, 1),

    AT_MOST(AA64ISAR1, DPB, 0, 2),
    AT_MOST(AA64ISAR1, APA, 4, 5),
    AT_MOST(AA64ISAR1, API, 8, 5),
    AT_MOST(AA64ISAR1, JSCVT, 12, 1),
    AT_MOST(AA64ISAR1, FCMA, 16, 1),
    AT_MOST(AA64ISAR1, LRCPC, 20, 3),
    AT_MOST(AA64ISAR1, GPA, 24, 1),
    AT_MOST(AA64ISAR1, GPI, 28, 1),
    AT_MOST(AA64ISAR1, FRINTTS, 32, 1),
    AT_MOST(AA64ISAR1, SB, 36, 1),
    AT_MOST(AA64ISAR1, SPECRES, 40, 2),
    AT_MOST(AA64ISAR1, BF16, 44, 2),
    AT_MOST(AA64ISAR1, DGH, 48, 1),
    AT_MOST(AA64ISAR1, I8MM, 52, 1),

    AT_MOST(AA64ISAR2, WFxT, 0, 2),
    AT_MOST(AA64ISAR2, RPRES, 4, 1),
    AT_MOST(AA64ISAR2, GPA3, 8, 1),
    AT_MOST(AA64ISAR2, APA3, 12, 5),
    AT_MOST(AA64ISAR2, BC, 20, 1),
    AT_MOST(AA64ISAR2, PAC_frac, 24, 1),
    AT_MOST(AA64ISAR2, CLRBHB, 28, 1),
    AT_MOST(AA64ISAR2, PRFMSLC, 40, 1),
    AT_MOST(AA64ISAR2, RPRFM, 48, 1),
    AT_MOST(AA64ISAR2, CSSC, 52, 1),

    SHOW(AA64MMFR0, PARange, 0), /* capped by id_regs_limit_parange() */
    SHOW(AA64MMFR0, ASIDBits, 4),
    AT_MOST(AA64MMFR0, BigEnd, 8, 1),
    AT_MOST(AA64MMFR0, SNSMem, 12, 1),
    AT_MOST(AA64MMFR0, BigEndEL0, 16, 1),
    AT_MOST(AA64MMFR0, TGran16, 20, 1),
    AT_MOST_SIGNED(AA64MMFR0, TGran64, 24, 0),
    AT_MOST_SIGNED(AA64MMFR0, TGran4, 28, 0),
    AT_MOST(AA64MMFR0, ExS, 44, 1),

    AT_MOST(AA64MMFR1, HAFDBS, 0, 2),
    AT_MOST(AA64MMFR1, HPDS, 12, 2),
    AT_MOST(AA64MMFR1, PAN, 20, 3),
    AT_MOST(AA64MMFR1, SpecSEI, 24, 1),
    AT_MOST(AA64MMFR1, TWED, 32, 1),
    AT_MOST(AA64MMFR1, ETS, 36, 2),
    AT_MOST(AA64MMFR1, AFP, 44, 1),
    AT_MOST(AA64MMFR1, nTLBPA, 48, 1),
    AT_MOST(AA64MMFR1, TIDCP1, 52, 1),
    AT_MOST(AA64MMFR1, ECBHB, 60, 1),

    AT_MOST(AA64MMFR2, CnP, 0, 1),
    AT_MOST(AA64MMFR2, UAO, 4, 1),
    AT_MOST(AA64MMFR2, LSM, 8, 1),
    AT_MOST(AA64MMFR2, CCIDX, 20, 1), /* CCSIDR_EL1 is not trapped and has this format */
    AT_MOST(AA64MMFR2, ST, 28, 1),
    AT_MOST(AA64MMFR2, AT, 32, 1),
    AT_MOST(AA64MMFR2, IDS, 36, 1),
    AT_MOST(AA64MMFR2, TTL, 48, 1),
    AT_MOST(AA64MMFR2, E0PD, 60, 1),
};

/* Where EL0 has AArch32; EL1 never has, but describes itself in the same registers. */
static const struct id_field aarch32_fields[] = {
    AT_MOST(PFR0, State0, 0, 1),
    AT_MOST(PFR0, State1, 4, 3),
    AT_MOST(PFR0, State2, 8, 2),
    AT_MOST(PFR0, State3, 12, 1),
    AT_MOST(PFR0, CSV2, 16, 1),
    AT_MOST(PFR0, DIT, 24, 1),

    AT_MOST(PFR1, ProgMod, 0, 1),
    AT_MOST(PFR1, GenTimer, 16, 1),
    FIXED(PFR1, GIC, 28, 1),

    AT_MOST(PFR2, CSV3, 0, 1),
    AT_MOST(PFR2, SSBS, 4, 1),

    AT_MOST(DFR0, CopDbg, 0, 9),
    SHOW(DFR0, MMapDbg, 8),

    AT_MOST(MMFR4, SpecSEI, 0, 1),
    AT_MOST(MMFR4, CnP, 12, 1),
    AT_MOST(MMFR4, HPDS, 16, 2),
    AT_MOST(MMFR4, LSM, 20, 1),
    AT_MOST(MMFR4, CCIDX, 24, 1),

    AT_MOST(MMFR5, ETS, 0, 2),
    AT_MOST(MMFR5, nTLBPA, 4, 1),
};
/* clang-format on */

/* The performance monitors, where they are the guest's, up to PMUv3p5: later ones have registers of
 * their own. */
static const struct id_field aarch64_pmu[] = {AT_MOST(AA64DFR0, PMUVer, 8, 6)};
static const struct id_field aarch32_pmu[] = {AT_MOST(DFR0, PerfMon, 24, 6)};

/* Those of them that have nothing to hide: the instructions and the form of memory maintenance. */
static const uint8_t aarch32_whole[] = {
    MMFR0, MMFR1, MMFR2, MMFR3, ISAR0, ISAR1, ISAR2,
    ISAR3, ISAR4, ISAR5, ISAR6, MVFR0, MVFR1, MVFR2,
};

#define AARCH32_ID_MASK GENMASK(31, 0)

#define ID_AA64PFR0_EL1_EL0         GENMASK(3, 0)
#define ID_AA64PFR0_EL1_EL0_AARCH32 2

/* What guests see, by ID_REG(). Written at boot, only read once a guest runs. */
static uint64_t shown[NR_ID_REGS];

static uint64_t apply_rule(const struct id_field *field, uint64_t v)
{
    switch ((enum id_rule)field->rule) {
    case ID_AT_MOST_SIGNED:
        if ((v & FIELD_NEGATIVE) != 0)
            return v;
        /* fall through */
    case ID_AT_MOST:
        return v < field->value ? v : field->value;
    case ID_FIXED:
        return field->value;
    case ID_SHOW:
        break;
    }
    return v;
}

static void show_fields(const struct id_field *fields, unsigned count,
                        const uint64_t hw[NR_ID_REGS])
{
    for (unsigned i = 0; i < count; i++) {
        const struct id_field *field = &fields[i];
        uint64_t v = hw[field->reg] >> field->shift & FIELD_MASK;

        shown[field->reg] |= apply_rule(field, v) << field->shift;
    }
}

/* The AArch32 registers, which are UNKNOWN where EL0 does not have AArch32. */
static void show_aarch32(uint64_t hw[NR_ID_REGS])
{
    ID_REGS_AARCH32(READ_ID_REG)
    show_fields(aarch32_fields, ARRAY_SIZE(aarch32_fields), hw);
    for (unsigned i = 0; i < ARRAY_SIZE(aarch32_whole); i++)
        shown[aarch32_whole[i]] = hw[aarch32_whole[i]] & AARCH32_ID_MASK;
}

static bool el0_has_aarch32(void)
{
    return FIELD_GET(ID_AA64PFR0_EL1_EL0, shown[AA64PFR0]) == ID_AA64PFR0_EL1_EL0_AARCH32;
}

void id_regs_init(void)
{
    uint64_t hw[NR_ID_REGS] = {0};

    for (unsigned i = 0; i < NR_ID_REGS; i++)
        shown[i] = 0;
    ID_REGS_AARCH64(READ_ID_REG)
    show_fields(aarch64_fields, ARRAY_SIZE(aarch64_fields), hw);
    if (FIELD_GET(ID_AA64PFR0_EL1_SVE, shown[AA64PFR0]) == 0)
        shown[AA64ZFR0] = 0; /* a CPU that has SME alone describes that in it */
    if (el0_has_aarch32())
        show_aarch32(hw);
    id_regs_limit_parange(STAGE2_IPA_BITS);
}

void id_regs_show_pmu(void)
{
    uint64_t hw[NR_ID_REGS] = {[AA64DFR0] = read_sysreg(id_aa64dfr0_el1)};

    show_fields(aarch64_pmu, ARRAY_SIZE(aarch64_pmu), hw);
    if (!el0_has_aarch32())
        return;
    hw[DFR0] = read_sysreg(id_dfr0_el1);
    show_fields(aarch32_pmu, ARRAY_SIZE(aarch32_pmu), hw);
}

void id_regs_limit_parange(unsigned ipa_bits)
{
    uint64_t pa_range = FIELD_GET(ID_AA64MMFR0_EL1_PARange, shown[AA64MMFR0]);

    while (pa_range > 0 && pte_parange_bits(pa_range) > ipa_bits)
        pa_range--;
    shown[AA64MMFR0] &= ~ID_AA64MMFR0_EL1_PARange;
    shown[AA64MMFR0] |= FIELD_PREP(ID_AA64MMFR0_EL1_PARange, pa_range);
}

uint64_t id_regs_read(unsigned crm, unsigned op2)
{
    return shown[ID_REG(crm, op2) % NR_ID_REGS];
}
