/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The syndrome of an exception, ESR_ELx: what happened, and the particulars of each class (Arm
 * ARM, "ESR_EL2, Exception Syndrome Register (EL2)" and, for the ISS, "Exception syndrome
 * register"). Decoding only; exit.c and abort.c act on it, inject.c builds one for the guest.
 */
#ifndef TRAP_ESR_H
#define TRAP_ESR_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/bits.h"
#include "trap/insn.h"

/*
 *  63      56 55           32 31    26  25  24                       0
 * +----------+---------------+--------+----+--------------------------+
 * |   RES0   |     ISS2      |   EC   | IL |           ISS            |
 * +----------+---------------+--------+----+--------------------------+
 */
#define ESR_ELx_EC  GENMASK(31, 26)
#define ESR_ELx_IL  BIT(25) /* the instruction has 32 bits, or its length means nothing */
#define ESR_ELx_ISS GENMASK(24, 0)

/*
 * ESR_ELx.EC, the exception class: X(name, value, in words). Those that EL2 handles, or may cause
 * itself. A guest that causes another one gets an undefined instruction (exit.c).
 */
#define ESR_CLASSES(X)                                                                             \
    X(ESR_EC_UNKNOWN, 0x00, "undefined instruction")                                               \
    X(ESR_EC_FP, 0x07, "SVE, SIMD or floating-point access")                                       \
    X(ESR_EC_BTI, 0x0d, "branch target exception")                                                 \
    X(ESR_EC_ILLEGAL, 0x0e, "illegal execution state")                                             \
    X(ESR_EC_HVC64, 0x16, "HVC")                                                                   \
    X(ESR_EC_SMC64, 0x17, "SMC")                                                                   \
    X(ESR_EC_SYS64, 0x18, "MSR, MRS or system instruction")                                        \
    X(ESR_EC_FPAC, 0x1c, "pointer authentication failure")                                         \
    X(ESR_EC_IABT_LOW, 0x20, "instruction abort from a lower level")                               \
    X(ESR_EC_IABT_CUR, 0x21, "instruction abort")                                                  \
    X(ESR_EC_PC_ALIGN, 0x22, "PC alignment fault")                                                 \
    X(ESR_EC_DABT_LOW, 0x24, "data abort from a lower level")                                      \
    X(ESR_EC_DABT_CUR, 0x25, "data abort")                                                         \
    X(ESR_EC_SP_ALIGN, 0x26, "SP alignment fault")                                                 \
    X(ESR_EC_SERROR, 0x2f, "SError")                                                               \
    X(ESR_EC_BREAK_LOW, 0x30, "breakpoint in a lower level")                                       \
    X(ESR_EC_STEP_LOW, 0x32, "single step in a lower level")                                       \
    X(ESR_EC_WATCH_LOW, 0x34, "watchpoint in a lower level")                                       \
    X(ESR_EC_BKPT32, 0x38, "BKPT in AArch32")                                                      \
    X(ESR_EC_BRK64, 0x3c, "BRK")

enum esr_ec {
#define X(name, value, words) name = (value),
    ESR_CLASSES(X)
#undef X
};

/* "ISS encoding for an exception from a Data Abort"; an Instruction Abort has those marked I. */
#define ISS_ABORT_ISV   BIT(24)         /* SAS, SSE, SRT, SF and AR are valid */
#define ISS_ABORT_SAS   GENMASK(23, 22) /* log2 of the access's size in bytes */
#define ISS_ABORT_SSE   BIT(21)         /* the loaded value is sign-extended */
#define ISS_ABORT_SRT   GENMASK(20, 16) /* the register stored or loaded; 31 is the zero register */
#define ISS_ABORT_SF    BIT(15)         /* a 64-bit register is loaded */
#define ISS_ABORT_AR    BIT(14)         /* acquire or release */
#define ISS_ABORT_FnV   BIT(10)         /* I: FAR is not valid */
#define ISS_ABORT_EA    BIT(9)          /* I: external abort type, IMPLEMENTATION DEFINED */
#define ISS_ABORT_CM    BIT(8)          /* from cache maintenance or address translation */
#define ISS_ABORT_S1PTW BIT(7)          /* I: stage 2 fault on a stage 1 table walk */
#define ISS_ABORT_WnR   BIT(6)          /* a write */
#define ISS_ABORT_FSC   GENMASK(5, 0)   /* I: DFSC or IFSC */

/* Fault status codes, DFSC and IFSC. The first four have a lookup level in bits [1:0]. */
#define FSC_LEVEL                UINT64_C(0x03)
#define FSC_ADDRESS_SIZE         0x00u
#define FSC_TRANSLATION          0x04u
#define FSC_ACCESS_FLAG          0x08u
#define FSC_PERMISSION           0x0cu
#define FSC_EXTERNAL             0x10u /* synchronous External abort, not on a table walk */
#define FSC_EXTERNAL_TTW_BELOW_0 0x13u /* the same on a table walk, at level -1 */
#define FSC_EXTERNAL_TTW         0x14u /* the same with a level in bits [1:0] */
#define FSC_TLB_CONFLICT         0x30u

/* "ISS encoding for an exception from MSR, MRS, or System instruction execution in AArch64 state"
 */
#define ISS_SYS64_Op0 GENMASK(21, 20)
#define ISS_SYS64_Op2 GENMASK(19, 17)
#define ISS_SYS64_Op1 GENMASK(16, 14)
#define ISS_SYS64_CRn GENMASK(13, 10)
#define ISS_SYS64_Rt  GENMASK(9, 5) /* 31 is the zero register */
#define ISS_SYS64_CRm GENMASK(4, 1)
#define ISS_SYS64_Dir BIT(0) /* a read: MRS */

/* "ISS encoding for an exception from HVC or SVC instruction execution"; SMC's in AArch64 is alike.
 */
#define ISS_CALL_imm16 GENMASK(15, 0)

static inline unsigned esr_ec(uint64_t esr)
{
    return (unsigned)FIELD_GET(ESR_ELx_EC, esr);
}

/* DFSC or IFSC of an abort, with its level. */
static inline unsigned esr_fsc(uint64_t esr)
{
    return (unsigned)FIELD_GET(ISS_ABORT_FSC, esr);
}

/* Is `fsc` of this kind of fault, one of the four with a level, at whatever level? */
static inline bool esr_fsc_is(unsigned fsc, unsigned kind)
{
    return (fsc & ~(unsigned)FSC_LEVEL) == kind;
}

/* Length in bytes of the instruction that a trap with this syndrome names: 2 or 4. */
static inline unsigned esr_insn_length(uint64_t esr)
{
    return (esr & ESR_ELx_IL) != 0 ? 4 : 2;
}

/* What a syndrome whose ISV is set says of the access: one register, no write-back. */
static inline struct insn_access esr_access(uint64_t esr)
{
    return (struct insn_access){
        .size = (uint8_t)(1u << FIELD_GET(ISS_ABORT_SAS, esr)),
        .count = 1,
        .reg = {(uint8_t)FIELD_GET(ISS_ABORT_SRT, esr)},
        .write = (esr & ISS_ABORT_WnR) != 0,
        .sign_extend = (esr & ISS_ABORT_SSE) != 0,
        .wide = (esr & ISS_ABORT_SF) != 0,
    };
}

/* The class in words, for reports; never NULL, whatever `ec` is. */
const char *esr_ec_name(unsigned ec);

/* In words what kind of fault `fsc` is, one of the four with a level. */
const char *esr_fsc_name(unsigned fsc);

#endif
