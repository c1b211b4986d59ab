/* SPDX-License-Identifier: Apache-2.0 */
/* Syndromes in words. See esr.h; panic.c and reports of a stopped guest print them. */
#include "trap/esr.h"

#include <stddef.h>

static const char *const ec_names[] = {
    [ESR_EC_UNKNOWN] = "undefined instruction",
    [ESR_EC_WFx] = "trapped WFI or WFE",
    [ESR_EC_CP15_32] = "trapped AArch32 MCR or MRC, coproc 15",
    [ESR_EC_CP15_64] = "trapped AArch32 MCRR or MRRC, coproc 15",
    [ESR_EC_CP14_MR] = "trapped AArch32 MCR or MRC, coproc 14",
    [ESR_EC_CP14_LS] = "trapped AArch32 LDC or STC",
    [ESR_EC_FP] = "trapped SVE, SIMD or floating-point access",
    [ESR_EC_PAC] = "trapped pointer authentication",
    [ESR_EC_OTHER] = "trapped instruction of no class of its own",
    [ESR_EC_CP14_64] = "trapped AArch32 MRRC, coproc 14",
    [ESR_EC_BTI] = "branch target exception",
    [ESR_EC_ILLEGAL] = "illegal execution state",
    [ESR_EC_SVC32] = "AArch32 SVC",
    [ESR_EC_HVC32] = "AArch32 HVC",
    [ESR_EC_SMC32] = "AArch32 SMC",
    [ESR_EC_SYS128] = "trapped MSRR, MRRS or 128-bit system instruction",
    [ESR_EC_SVC64] = "SVC",
    [ESR_EC_HVC64] = "HVC",
    [ESR_EC_SMC64] = "SMC",
    [ESR_EC_SYS64] = "trapped MSR, MRS or system instruction",
    [ESR_EC_SVE] = "trapped SVE access",
    [ESR_EC_ERET] = "trapped ERET",
    [ESR_EC_FPAC] = "pointer authentication failure",
    [ESR_EC_SME] = "trapped SME access",
    [ESR_EC_GPC] = "granule protection check",
    [ESR_EC_IABT_LOW] = "instruction abort from a lower level",
    [ESR_EC_IABT_CUR] = "instruction abort",
    [ESR_EC_PC_ALIGN] = "PC alignment fault",
    [ESR_EC_DABT_LOW] = "data abort from a lower level",
    [ESR_EC_DABT_CUR] = "data abort",
    [ESR_EC_SP_ALIGN] = "SP alignment fault",
    [ESR_EC_MOPS] = "memory copy or set exception",
    [ESR_EC_FP32] = "AArch32 floating-point exception",
    [ESR_EC_FP64] = "floating-point exception",
    [ESR_EC_GCS] = "guarded control stack exception",
    [ESR_EC_SERROR] = "SError",
    [ESR_EC_BREAKPT_LOW] = "breakpoint in a lower level",
    [ESR_EC_BREAKPT_CUR] = "breakpoint",
    [ESR_EC_SOFTSTP_LOW] = "software step in a lower level",
    [ESR_EC_SOFTSTP_CUR] = "software step",
    [ESR_EC_WATCHPT_LOW] = "watchpoint in a lower level",
    [ESR_EC_WATCHPT_CUR] = "watchpoint",
    [ESR_EC_BKPT32] = "AArch32 BKPT",
    [ESR_EC_VECTOR32] = "AArch32 vector catch",
    [ESR_EC_BRK64] = "BRK",
    [ESR_EC_PMU] = "PMU exception",
};

const char *esr_ec_name(unsigned ec)
{
    if (ec >= ARRAY_SIZE(ec_names) || ec_names[ec] == NULL)
        return "reserved exception class";
    return ec_names[ec];
}

static const char *leveled_name(unsigned kind)
{
    switch (kind) {
    case FSC_ADDRESS_SIZE:
        return "address size fault";
    case FSC_TRANSLATION:
        return "translation fault";
    case FSC_ACCESS_FLAG:
        return "access flag fault";
    case FSC_PERMISSION:
        return "permission fault";
    case FSC_EXTERNAL_TTW:
        return "external abort on a table walk";
    case FSC_ECC_TTW:
        return "parity or ECC error on a table walk";
    default:
        return "reserved fault status";
    }
}

const char *esr_fsc_name(unsigned fsc)
{
    switch (fsc) {
    case FSC_EXTERNAL:
        return "external abort";
    case FSC_TAG_CHECK:
        return "tag check fault";
    case FSC_EXTERNAL_TTW_BELOW_0:
        return leveled_name(FSC_EXTERNAL_TTW);
    case FSC_ECC:
        return "parity or ECC error";
    case FSC_ALIGNMENT:
        return "alignment fault";
    case FSC_TLB_CONFLICT:
        return "TLB conflict abort";
    case FSC_EXCLUSIVE:
        return "unsupported exclusive or atomic access";
    default:
        return leveled_name(fsc & ~(unsigned)FSC_LEVEL);
    }
}
