/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The performance monitors' registers where they trap, which is on CPUs that can't keep EL2 out of
 * the counts by themselves. The access is done for the guest, but for one bit: NSH of a filter,
 * which would count at EL2, is RES0 to a guest whose CPU has no EL2. See pmu.h; sysreg_trap.c
 * calls.
 */
#include "barrier.h"
#include "lib/bits.h"
#include "pmuv3.h"
#include "sysreg.h"
#include "trap/esr.h"
#include "trap/pmu.h"

#define CYCLE_COUNTER 31 /* its number in PMSELR_EL0 and among the PMEVTYPER<n>_EL0 */

/* op1, CRm and op2 of a register with op0 3 and CRn 9. */
#define CONTROL(op1, crm, op2) ((op1) << 8 | (crm) << 4 | (op2))

/* Those that are read and written just so. */
#define READ_WRITE_REGISTERS(X)                                                                    \
    X(3, 12, 0, pmcr_el0)                                                                          \
    X(3, 12, 1, pmcntenset_el0)                                                                    \
    X(3, 12, 2, pmcntenclr_el0)                                                                    \
    X(3, 12, 3, pmovsclr_el0)                                                                      \
    X(3, 12, 5, pmselr_el0)                                                                        \
    X(3, 13, 0, pmccntr_el0)                                                                       \
    X(3, 14, 0, pmuserenr_el0)                                                                     \
    X(3, 14, 3, pmovsset_el0)                                                                      \
    X(0, 14, 1, pmintenset_el1)                                                                    \
    X(0, 14, 2, pmintenclr_el1)

/* The statement for one register; the surrounding function has `write` and `value`. */
#define READ_WRITE(name)                                                                           \
    do {                                                                                           \
        if (write)                                                                                 \
            write_sysreg(*value, name);                                                            \
        else                                                                                       \
            *value = read_sysreg(name);                                                            \
    } while (0)

/*
 * Counter `n` or its filter, by PMSELR_EL0, which keeps its value. One that does not exist, which
 * even EL2 had better not touch, reads as zero and ignores writes.
 */
static bool access_indexed(uint64_t n, bool filter, bool write, uint64_t *value)
{
    uint64_t selected = read_sysreg(pmselr_el0);
    bool exists = n < FIELD_GET(PMCR_EL0_N, read_sysreg(pmcr_el0));

    if (!exists && !(filter && n == CYCLE_COUNTER)) {
        *value = 0;
        return true;
    }
    write_sysreg(n, pmselr_el0);
    isb(); /* what follows is about that counter */
    if (filter && write)
        *value &= ~PMEVTYPER_EL0_NSH;
    if (filter)
        READ_WRITE(pmxevtyper_el0);
    else
        READ_WRITE(pmxevcntr_el0);
    write_sysreg(selected, pmselr_el0);
    return true;
}

/* CRn 14: PMEVCNTR<n>_EL0 have CRm 8 to 11, PMEVTYPER<n>_EL0 and PMCCFILTR_EL0 12 to 15. */
static bool access_numbered(uint64_t crm, uint64_t op2, bool write, uint64_t *value)
{
    uint64_t n = (crm & 3) << 3 | op2;

    if (crm < 8 || (crm < 12 && n == CYCLE_COUNTER))
        return false;
    return access_indexed(n, crm >= 12, write, value);
}

static bool read_only(uint64_t control, uint64_t *value)
{
    uint64_t version = pmuv3_version(read_sysreg(id_aa64dfr0_el1));

    switch (control) {
    case CONTROL(3, 12, 6):
        *value = read_sysreg(pmceid0_el0);
        return true;
    case CONTROL(3, 12, 7):
        *value = read_sysreg(pmceid1_el0);
        return true;
    case CONTROL(0, 14, 6):
        if (version < PMUVER_V3P4)
            return false;
        *value = read_sysreg(pmmir_el1);
        return true;
    default:
        return false;
    }
}

static bool access_control(uint64_t control, bool write, uint64_t *value)
{
    uint64_t selected = FIELD_GET(PMSELR_EL0_SEL, read_sysreg(pmselr_el0));

    switch (control) {
#define X(op1, crm, op2, name)                                                                     \
    case CONTROL(op1, crm, op2):                                                                   \
        READ_WRITE(name);                                                                          \
        return true;
        READ_WRITE_REGISTERS(X)
#undef X
    case CONTROL(3, 12, 4):
        if (write)
            write_sysreg(*value, pmswinc_el0);
        return write;
    case CONTROL(3, 13, 1):
        return access_indexed(selected, true, write, value);
    case CONTROL(3, 13, 2):
        return access_indexed(selected, false, write, value);
    default:
        return !write && read_only(control, value);
    }
}

bool pmu_access(uint64_t esr, uint64_t *value)
{
    bool write = (esr & ISS_SYS64_Dir) == 0;
    uint64_t op1 = FIELD_GET(ISS_SYS64_Op1, esr);
    uint64_t crm = FIELD_GET(ISS_SYS64_CRm, esr);
    uint64_t op2 = FIELD_GET(ISS_SYS64_Op2, esr);

    if (FIELD_GET(ISS_SYS64_Op0, esr) != 3)
        return false;
    if (FIELD_GET(ISS_SYS64_CRn, esr) == 9)
        return access_control(CONTROL(op1, crm, op2), write, value);
    if (FIELD_GET(ISS_SYS64_CRn, esr) == 14 && op1 == 3)
        return access_numbered(crm, op2, write, value);
    return false;
}
