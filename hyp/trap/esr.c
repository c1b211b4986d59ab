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
        return "unexpected exception class";
    return names[ec];
}

const char *esr_fsc_name(unsigned fsc)
{
    if (esr_fsc_is(fsc, FSC_ADDRESS_SIZE))
        return "address size fault";
    if (esr_fsc_is(fsc, FSC_TRANSLATION))
        return "translation fault";
    return esr_fsc_is(fsc, FSC_ACCESS_FLAG) ? "access flag fault" : "permission fault";
}
