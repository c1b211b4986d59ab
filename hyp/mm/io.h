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

/* The same of 1, 2 or 4 bytes. */
static inline uint64_t io_read(pa_t reg, unsigned size)
{
    if (size == 1)
        return *(volatile uint8_t *)pa_to_ptr(reg);
    if (size == 2)
        return *(volatile uint16_t *)pa_to_ptr(reg);
    return io_read32(reg);
}

static inline void io_write(pa_t reg, unsigned size, uint64_t value)
{
    if (size == 1)
        *(volatile uint8_t *)pa_to_ptr(reg) = (uint8_t)value;
    else if (size == 2)
        *(volatile uint16_t *)pa_to_ptr(reg) = (uint16_t)value;
    else
        io_write32(reg, (uint32_t)value);
}

static inline pa_t io_reg(pa_t base, uint64_t offset)
{
    return pa(base.v + offset);
}

#endif
