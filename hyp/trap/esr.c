/* SPDX-License-Identifier: Apache-2.0 */
/* Syndromes in words. See esr.h; panic.c and reports of a stopped guest print them. */
#include "trap/esr.h"

#include <stddef.h>

const char *esr_ec_name(unsigned ec)
{
    static const char *const names[] = {
#define X(name, value, words) [name] = (words),
        ESR_CLASSES(X)
#undef X
    };

    if (ec >= ARRAY_SIZE(names) || names[ec] == NULL)
        return "reserved exception class";
    return names[ec];
}

const char *esr_fsc_name(unsigned fsc)
{
#define LEVELED(fsc) [(fsc)...(fsc) + FSC_LEVEL]
    static const char *const names[] = {
        LEVELED(FSC_ADDRESS_SIZE) = "address size fault",
        LEVELED(FSC_TRANSLATION) = "translation fault",
        LEVELED(FSC_ACCESS_FLAG) = "access flag fault",
        LEVELED(FSC_PERMISSION) = "permission fault",
        [FSC_EXTERNAL] = "external abort",
        [FSC_TAG_CHECK] = "tag check fault",
        [FSC_EXTERNAL_TTW_BELOW_0] = "external abort on a table walk",
        LEVELED(FSC_EXTERNAL_TTW) = "external abort on a table walk",
        [FSC_ECC] = "parity or ECC error",
        LEVELED(FSC_ECC_TTW) = "parity or ECC error on a table walk",
        [FSC_ALIGNMENT] = "alignment fault",
        [FSC_TLB_CONFLICT] = "TLB conflict abort",
        [FSC_EXCLUSIVE] = "unsupported exclusive or atomic access",
    };
#undef LEVELED

    if (fsc >= ARRAY_SIZE(names) || names[fsc] == NULL)
        return "reserved fault status";
    return names[fsc];
}
