/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a physical address to a pointer: EL2 maps the machine's RAM at its own address.
 * On the host a test's buffer plays RAM, its address plays the PA.
 */
#ifndef MM_PHYS_H
#define MM_PHYS_H

#include "lib/addr.h"

static inline void *pa_to_ptr(pa_t pa)
{
    return (void *)(uintptr_t)pa.v; /* NOLINT(performance-no-int-to-ptr) */
}

static inline pa_t ptr_to_pa(const void *ptr)
{
    return (pa_t){(uintptr_t)ptr};
}

#endif
