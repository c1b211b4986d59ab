/* SPDX-License-Identifier: Apache-2.0 */
/* Access to the machine's device registers, which EL2 maps at their physical address. */
#ifndef MM_IO_H
#define MM_IO_H

#include <stdint.h>

#include "mm/phys.h"

static inline uint32_t io_read32(pa_t reg)
{
    return *(volatile uint32_t *)pa_to_ptr(reg);
}

static inline void io_write32(pa_t reg, uint32_t value)
{
    *(volatile uint32_t *)pa_to_ptr(reg) = value;
}

static inline uint64_t io_read64(pa_t reg)
{
    return *(volatile uint64_t *)pa_to_ptr(reg);
}

static inline void io_write64(pa_t reg, uint64_t value)
{
    *(volatile uint64_t *)pa_to_ptr(reg) = value;
}

static inline pa_t io_reg(pa_t base, uint64_t offset)
{
    return pa(base.v + offset);
}

#endif
