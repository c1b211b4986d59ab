/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In the place of hyp/mm/io.h, for tests of code that drives the machine's virtio devices: each
 * access to a register goes to fake_virtio_device.c.
 */
#ifndef MM_IO_H
#define MM_IO_H

#include <stdint.h>

#include "fake_virtio_device.h"
#include "mm/phys.h"

static inline uint64_t io_read(pa_t reg, unsigned size)
{
    return fake_virtio_read(reg, size);
}

static inline void io_write(pa_t reg, unsigned size, uint64_t value)
{
    fake_virtio_write(reg, size, value);
}

static inline uint32_t io_read32(pa_t reg)
{
    return (uint32_t)io_read(reg, sizeof(uint32_t));
}

static inline void io_write32(pa_t reg, uint32_t value)
{
    io_write(reg, sizeof(uint32_t), value);
}

static inline pa_t io_reg(pa_t base, uint64_t offset)
{
    return pa(base.v + offset);
}

#endif
