/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An emulated bank of parallel NOR flash, two 16-bit chips side by side that understand the Intel
 * command set (JEDEC JESD68.01, "Common Flash Interface"; Intel, "Common Flash Interface (CFI) and
 * Command Sets", AP-646), as QEMU's virt machine has it. While it shows its content, the guest
 * reads and executes that with no exit, by a read-only map; its writes are commands, and trap. In
 * any other state nothing is mapped, and reads get the answer of that state. Neighbours:
 * vm/vm_flash.c finds the memory and maps it; mmio.h, how accesses come.
 */
#ifndef DEV_VPFLASH_H
#define DEV_VPFLASH_H

#include <stdbool.h>
#include <stdint.h>

#include "dev/mmio.h"
#include "spinlock.h"

#define VPFLASH_BLOCK    UINT64_C(0x40000) /* what an erase clears, of both chips */
#define VPFLASH_MIN_SIZE VPFLASH_BLOCK
#define VPFLASH_MAX_SIZE UINT64_C(0x4000000)
#define VPFLASH_ERASED   0xff             /* a byte of an erased block */
#define VPFLASH_BUFFER   UINT64_C(0x1000) /* the write buffers of both chips */

/* What the chips make of the next access. */
enum vpflash_state {
    VPFLASH_ARRAY, /* reads get the content */
    VPFLASH_STATUS,
    VPFLASH_ID,
    VPFLASH_QUERY,
    VPFLASH_PROGRAM,        /* the next write is data */
    VPFLASH_ERASE,          /* a confirmation */
    VPFLASH_LOCK,           /* what to do with the block's lock */
    VPFLASH_BUFFER_COUNT,   /* how many writes of data come */
    VPFLASH_BUFFER_DATA,    /* one of them */
    VPFLASH_BUFFER_CONFIRM, /* a confirmation */
};

struct vpflash_ops {
    /* The guest shall read the content without traps, or not any more. The flash's lock is held. */
    void (*show_fn)(void *ctx, bool content);
    void *ctx;
};

struct vpflash {
    spinlock_t lock; /* protects all below but ops, content and size, which are constant */
    struct vpflash_ops ops;
    uint8_t *content;
    uint64_t size;

    enum vpflash_state state;
    uint8_t status;                                         /* the errors since it was cleared */
    uint64_t locked[VPFLASH_MAX_SIZE / VPFLASH_BLOCK / 64]; /* a bit for each block */

    unsigned left;                  /* writes of data that are still to come into the buffer */
    uint64_t at;                    /* the part of the content that the buffer is for */
    bool placed;                    /* it is known */
    uint8_t buffer[VPFLASH_BUFFER]; /* ones where nothing was written */
};

/*
 * Make `flash`, all zeros, a bank of `size` bytes with that content, which stays where it is and is
 * what the bank keeps. `size` is a power of two from VPFLASH_MIN_SIZE to VPFLASH_MAX_SIZE.
 */
void vpflash_init(struct vpflash *flash, uint8_t *content, uint64_t size,
                  const struct vpflash_ops *ops);

/* The guest starts again: no block is locked, the content is shown. `dev` is the struct vpflash. */
void vpflash_reset(void *dev);

/* The mmio_access_fn; `dev` is the struct vpflash. Takes every size. */
enum mmio_result vpflash_access(void *dev, struct mmio_access *access);

#endif
