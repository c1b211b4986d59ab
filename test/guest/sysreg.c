/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System registers: what the ID registers promise is there, what they deny is UNDEFINED,
 * what belongs to EL2 stays there (Arm ARM, "AArch64 System register descriptions").
 * sysreg_state.c has what must survive exits.
 */
#include "barrier.h"
#include "console.h"
#include "gic.h"
#include "regs.h"
#include "sysreg_common.h"
#include "worker.h"

#define PAR_EL1_F  UINT64_C(1)
#define PAR_EL1_PA (UINT64_C(0xfffffffff) << 12)

#define NR_IDS 56 /* op0 3, op1 0, CRn 0, CRm 1 to 7, op2 0 to 7 */
#define CPACR_VECTORS                                                                              \
    (UINT64_C(3) << 24 | UINT64_C(3) << 20 | UINT64_C(3) << 16) /* SMEN, FPEN, ZEN */
#define MIDR_WRITE UINT64_C(0x12345678)

struct id_block {
    uint64_t value[NR_IDS];
    unsigned faults;
};

#define READ_ID(block, crm, op2)                                                                   \
    do {                                                                                           \
        uint64_t value_ = 0;                                                                       \
        struct fault fault_ = FAULT_OF("mrs %0, S3_0_C0_C" #crm "_" #op2 : "+r"(value_));          \
        (block)->value[(crm - 1) * 8 + op2] = value_;                                              \
        (block)->faults += fault_.taken;                                                           \
    } while (0)
#define READ_ID_ROW(block, crm)                                                                    \
    READ_ID(block, crm, 0);                                                                        \
    READ_ID(block, crm, 1);                                                                        \
    READ_ID(block, crm, 2);                                                                        \
    READ_ID(block, crm, 3);                                                                        \
    READ_ID(block, crm, 4);                                                                        \
    READ_ID(block, crm, 5);                                                                        \
    READ_ID(block, crm, 6);                                                                        \
    READ_ID(block, crm, 7)

static void read_ids_1_to_4(struct id_block *block)
{
    READ_ID_ROW(block, 1);
    READ_ID_ROW(block, 2);
    READ_ID_ROW(block, 3);
    READ_ID_ROW(block, 4);
}

static void read_ids(void *arg)
{
    struct id_block *block = arg;

    block->faults = 0;
    read_ids_1_to_4(block);
    READ_ID_ROW(block, 5);
    READ_ID_ROW(block, 6);
    READ_ID_ROW(block, 7);
}

static struct id_block here, there;

/* Every register of the ID space reads, reserved ones as zero, and alike on every CPU. */
static void id_space(void)
{
    read_ids(&here);
    CHECK(here.faults == 0, "%u of the ID registers fault", here.faults);
    for (unsigned cpu = 1; cpu < platform.nr_cpus; cpu++) {
        CHECK(worker_run(cpu, read_ids, &there), "CPU %u hangs", cpu);
        for (unsigned i = 0; i < NR_IDS; i++)
            CHECK(here.value[i] == there.value[i], "CPU %u: CRm %u op2 %u is %lx, not %lx", cpu,
                  i / 8 + 1, i % 8, there.value[i], here.value[i]);
    }
}

static void id_writes(void)
{
    struct fault fault;

    fault = FAULT_OF("msr S3_0_C0_C4_0, %0" : : "r"(MIDR_WRITE));
    CHECK(fault_is_undefined(&fault), "ID_AA64PFR0_EL1: taken %d, ESR %lx", fault.taken, fault.esr);
    fault = FAULT_OF("msr S3_0_C0_C0_0, %0" : : "r"(MIDR_WRITE));
    CHECK(fault_is_undefined(&fault), "MIDR_EL1: taken %d, ESR %lx", fault.taken, fault.esr);
    fault = FAULT_OF("msr S3_0_C0_C0_5, %0" : : "r"(MIDR_WRITE));
    CHECK(fault_is_undefined(&fault), "MPIDR_EL1: taken %d, ESR %lx", fault.taken, fault.esr);
}

static void read_mpidr(void *arg)
{
    *(uint64_t *)arg = read_sysreg(mpidr_el1);
}

static void identity(void)
{
    uint64_t mpidr;

    CHECK(read_sysreg(midr_el1) != 0, "MIDR_EL1 is zero");
    CHECK((read_sysreg(currentel) >> 2 & 3) == 1, "not at EL1");
    for (unsigned cpu = 0; cpu < platform.nr_cpus; cpu++) {
        if (cpu == smp_this_cpu()->index)
            read_mpidr(&mpidr);
        else
            CHECK(worker_run(cpu, read_mpidr, &mpidr), "CPU %u hangs", cpu);
        CHECK((mpidr & MPIDR_AFF_MASK) == platform.mpidr[cpu] && mpidr & MPIDR_RES1,
              "CPU %u: MPIDR_EL1 is %lx", cpu, mpidr);
    }
}

/* A register that is there when a field of an ID register is not zero. */
#define FEATURE(feature, id, shift, name)                                                          \
    do {                                                                                           \
        uint64_t field_ = read_sysreg(id) >> (shift)&0xf, value_;                                  \
        struct fault fault_ = FAULT_OF("mrs %0, " name : "=r"(value_));                            \
        bool present_ = field_ != 0 && !(field_ == 0xf && (shift) == 8);                           \
        if (present_ ? fault_is_undefined(&fault_) : !fault_is_undefined(&fault_))                 \
            test_fail(feature " is %lx, and reading " name ": taken %d, ESR %lx", field_,          \
                      fault_.taken, fault_.esr);                                                   \
    } while (0)

static void features(void)
{
    /* No trap of the guest's own stands before the register. */
    write_sysreg(read_sysreg(cpacr_el1) | CPACR_VECTORS, cpacr_el1);
    isb();
    FEATURE("PMUVer", id_aa64dfr0_el1, 8, "S3_3_C9_C12_0");    /* PMCR_EL0 */
    FEATURE("PMUVer", id_aa64dfr0_el1, 8, "S3_3_C9_C13_0");    /* PMCCNTR_EL0 */
    FEATURE("PMUVer", id_aa64dfr0_el1, 8, "S3_0_C9_C14_1");    /* PMINTENSET_EL1 */
    FEATURE("PMUVer", id_aa64dfr0_el1, 8, "S3_3_C14_C15_7");   /* PMCCFILTR_EL0 */
    FEATURE("PMSVer", id_aa64dfr0_el1, 32, "S3_0_C9_C9_0");    /* PMSCR_EL1 */
    FEATURE("TraceFilt", id_aa64dfr0_el1, 40, "S3_0_C1_C2_1"); /* TRFCR_EL1 */
    FEATURE("AMU", id_aa64pfr0_el1, 44, "S3_3_C13_C2_0");      /* AMCR_EL0 */
    FEATURE("SVE", id_aa64pfr0_el1, 32, "S3_0_C1_C2_0");       /* ZCR_EL1 */
    FEATURE("SME", id_aa64pfr1_el1, 24, "S3_0_C1_C2_6");       /* SMCR_EL1 */
    FEATURE("RNDR", id_aa64isar0_el1, 60, "S3_3_C2_C4_0");     /* RNDR */
    FEATURE("TraceVer", id_aa64dfr0_el1, 4, "S2_1_C0_C0_6");   /* TRCAUXCTLR */
}

/* Neither reads nor writes at EL1. */
#define UNDEFINED(name)                                                                            \
    do {                                                                                           \
        uint64_t value_;                                                                           \
        struct fault read_ = FAULT_OF("mrs %0, " name : "=r"(value_));                             \
        struct fault write_ = FAULT_OF("msr " name ", xzr" : :);                                   \
        if (!fault_is_undefined(&read_) || !fault_is_undefined(&write_))                           \
            test_fail(name ": read %d ESR %lx, write %d ESR %lx", read_.taken, read_.esr,          \
                      write_.taken, write_.esr);                                                   \
    } while (0)

static void unknown(void)
{
    UNDEFINED("S3_0_C3_C5_5");
    UNDEFINED("S3_0_C2_C7_7");
    UNDEFINED("S3_3_C6_C6_6");
    UNDEFINED("S3_2_C5_C5_5");
}

/* CPUs may have some of these; a hypervisor's guest has none. */
static void implementation_defined(void)
{
    if (gic_is_qemus()) {
        test_skip("this CPU's own are not hidden");
        return;
    }
    UNDEFINED("S3_0_C15_C0_0");
    UNDEFINED("S3_0_C15_C2_5");
    UNDEFINED("S3_1_C15_C3_7");
    UNDEFINED("S3_0_C11_C0_0");
    UNDEFINED("S3_3_C15_C9_1");
}

static void higher_levels(void)
{
    UNDEFINED("S3_4_C1_C1_0");   /* HCR_EL2 */
    UNDEFINED("S3_4_C2_C1_0");   /* VTTBR_EL2 */
    UNDEFINED("S3_4_C1_C0_0");   /* SCTLR_EL2 */
    UNDEFINED("S3_4_C12_C0_0");  /* VBAR_EL2 */
    UNDEFINED("S3_4_C14_C0_3");  /* CNTVOFF_EL2 */
    UNDEFINED("S3_4_C12_C11_0"); /* ICH_HCR_EL2 */
    UNDEFINED("S3_4_C12_C12_0"); /* ICH_LR0_EL2 */
    UNDEFINED("S3_6_C1_C1_0");   /* SCR_EL3 */
    UNDEFINED("S3_5_C1_C0_0");   /* SCTLR_EL12 */
    UNDEFINED("S3_7_C14_C2_1");  /* CNTPS_CTL_EL1 */
}

static void higher_instructions(void)
{
    struct fault fault;

    fault = FAULT_OF("tlbi alle1" : : : "memory");
    CHECK(fault_is_undefined(&fault), "TLBI ALLE1: taken %d, ESR %lx", fault.taken, fault.esr);
    fault = FAULT_OF("tlbi ipas2e1is, xzr" : : : "memory");
    CHECK(fault_is_undefined(&fault), "TLBI IPAS2E1IS: taken %d, ESR %lx", fault.taken, fault.esr);
    fault = FAULT_OF("at s12e1r, xzr" : : : "memory");
    CHECK(fault_is_undefined(&fault), "AT S12E1R: taken %d, ESR %lx", fault.taken, fault.esr);
}

/* Every guest may use these. */
#define READABLE(name)                                                                             \
    do {                                                                                           \
        uint64_t value_;                                                                           \
        struct fault fault_ = FAULT_OF("mrs %0, " name : "=r"(value_));                            \
        if (fault_.taken)                                                                          \
            test_fail(name ": ESR %lx", fault_.esr);                                               \
    } while (0)

static void always_there(void)
{
    READABLE("midr_el1");
    READABLE("revidr_el1");
    READABLE("S3_1_C0_C0_7"); /* AIDR_EL1 */
    READABLE("ctr_el0");
    READABLE("dczid_el0");
    READABLE("clidr_el1");
    READABLE("ccsidr_el1");
    READABLE("csselr_el1");
    READABLE("actlr_el1");
    READABLE("mdscr_el1");
    READABLE("oslsr_el1");
    READABLE("dbgbvr0_el1");
    READABLE("dbgwcr0_el1");
    READABLE("contextidr_el1");
    READABLE("cntkctl_el1");
    READABLE("afsr0_el1");
    READABLE("amair_el1");
    READABLE("isr_el1");
    CHECK(!FAULT_OF("msr oslar_el1, xzr\n isb" : :).taken, "OSLAR_EL1 can't be written");
    CHECK(!FAULT_OF("msr mdscr_el1, xzr\n isb" : :).taken, "MDSCR_EL1 can't be written");
}

static void own_exceptions(void)
{
    struct fault fault;

    fault = FAULT_OF("brk #7" : :);
    CHECK(fault.taken && ESR_EC(fault.esr) == 0x3c && (fault.esr & 0xffff) == 7, "BRK: ESR %lx",
          fault.esr);
    fault = FAULT_OF("svc #9\n nop" : :);
    CHECK(fault.taken && ESR_EC(fault.esr) == 0x15 && (fault.esr & 0xffff) == 9, "SVC: ESR %lx",
          fault.esr);
    fault = FAULT_OF(".inst 0x00000000" : :);
    CHECK(fault_is_undefined(&fault), "UDF: taken %d, ESR %lx", fault.taken, fault.esr);
}

/* A return to EL2 from EL1 sets PSTATE.IL, which the next instruction trips over. */
static void illegal_return(void)
{
    struct fault fault = FAULT_OF("adr x0, 1f\n msr elr_el1, x0\n msr spsr_el1, %0\n isb\n eret\n"
                                  "1: nop\n nop"
                                  :
                                  : "r"((uint64_t)(PSR_M_EL2h | PSR_DAIF))
                                  : "x0", "memory");

    CHECK(fault.taken && ESR_EC(fault.esr) == ESR_EC_ILLEGAL, "taken %d, ESR %lx", fault.taken,
          fault.esr);
}

static void translation_instructions(void)
{
    uint64_t par;

    __asm__ volatile("at s1e1r, %1\n isb\n mrs %0, par_el1" : "=r"(par) : "r"(&here) : "memory");
    CHECK(!(par & PAR_EL1_F), "AT of a mapped address: PAR_EL1 %lx", par);
    CHECK((par & PAR_EL1_PA) == ((uintptr_t)&here & PAR_EL1_PA), "PAR_EL1 %lx", par);
    __asm__ volatile("at s1e1r, %1\n isb\n mrs %0, par_el1"
                     : "=r"(par)
                     : "r"(UINT64_C(0x7fc0000000))
                     : "memory");
    CHECK(par & PAR_EL1_F, "AT of an unmapped address: PAR_EL1 %lx", par);
    __asm__ volatile("tlbi vmalle1is\n dsb ish\n isb" : : : "memory");
}

static const struct test_case register_cases[] = {
    {"id-space", id_space},
    {"id-writes", id_writes},
    {"identity", identity},
    {"features", features},
    {"unknown", unknown},
    {"implementation-defined", implementation_defined},
    {"higher-levels", higher_levels},
    {"higher-instructions", higher_instructions},
    {"always-there", always_there},
    {"own-exceptions", own_exceptions},
    {"illegal-return", illegal_return},
    {"translation", translation_instructions},
    {NULL, NULL},
};

void guest_main(void)
{
    if (!worker_start_all())
        printf("a CPU did not start\n");
    TEST_RUN(register_cases, sysreg_state_cases);
}
