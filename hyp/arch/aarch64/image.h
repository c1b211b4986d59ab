/* SPDX-License-Identifier: Apache-2.0 */
/* Where the hypervisor's own image lies: the symbols of hyp.lds.S as ranges. */
#ifndef ARCH_IMAGE_H
#define ARCH_IMAGE_H

#include "boot.h"
#include "lib/addr.h"
#include "mm/phys.h"

#define IMAGE_SIZE_OFFSET 16 /* of image_size, in the header */

extern char __text_start[], __text_end[], __rodata_end[], __bss_end[];

static inline struct pa_range image_range(const char *start, const char *end)
{
    return (struct pa_range){.base = ptr_to_pa(start), .size = (uint64_t)(end - start)};
}

static inline struct pa_range image_all(void)
{
    return image_range(__text_start, __bss_end);
}

/*
 * What came in the same file, behind all that the image has in memory: the size in its header,
 * which `tools/traproom pack` sets, tells. Size 0: nothing.
 */
static inline struct pa_range image_appended(void)
{
    struct pa_range all = image_all();
    const uint64_t *size = (const uint64_t *)(__text_start + IMAGE_SIZE_OFFSET);

    return (struct pa_range){pa(all.base.v + all.size), *size > all.size ? *size - all.size : 0};
}

static inline struct pa_range image_text(void)
{
    return image_range(__text_start, __text_end);
}

static inline struct pa_range image_rodata(void)
{
    return image_range(__text_end, __rodata_end);
}

static inline pa_t image_stack_guard(unsigned cpu)
{
    return ptr_to_pa(boot_stacks + (uint64_t)cpu * STACK_STRIDE);
}

static inline uint64_t image_stack_top(unsigned cpu)
{
    return ptr_to_pa(boot_stacks + (uint64_t)(cpu + 1) * STACK_STRIDE).v;
}

#endif
