/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device sees of a guest's access to its registers: an offset, a size and a
 * value; never a CPU register. trap/mmio_bus.c finds the device; trap/abort_fast.c or abort.c
 * calls it.
 */
#ifndef DEV_MMIO_H
#define DEV_MMIO_H

#include <stdbool.h>
#include <stdint.h>

struct mmio_access {
    uint64_t offset; /* bytes from the start of the device's region; the access ends within it */
    uint64_t value;  /* write: the data, upper bytes zero; read: the answer, upper bytes ignored */
    uint8_t size;    /* bytes: 1, 2, 4 or 8; offset is a multiple of it */
    bool write;
    uint8_t vcpu; /* index of the vCPU that makes the access */
};

/* The lowest `size` bytes of `value`, the others zero. */
static inline uint64_t mmio_low_bytes(uint64_t value, unsigned size)
{
    unsigned unused = (0 - 8 * size) % 64;

    return value << unused >> unused;
}

enum mmio_result {
    MMIO_OK,
    MMIO_ABORT, /* the guest gets a synchronous external abort */
};

/* Called with no lock held; the device takes its own. `dev` is the region's. */
typedef enum mmio_result (*mmio_access_fn)(void *dev, struct mmio_access *access);

#endif
