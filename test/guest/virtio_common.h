/* SPDX-License-Identifier: Apache-2.0 */
/* What the virtio family's two files share. */
#ifndef TEST_GUEST_VIRTIO_COMMON_H
#define TEST_GUEST_VIRTIO_COMMON_H

#include "testcase.h"
#include "virtio_blk.h"

/* Whole sectors; the answer is the status byte or VIRTIO_NO_ANSWER. */
int virtio_read_sectors(uint64_t sector, void *buffer, uint32_t size);

/* The disk under test, found once. */
extern struct virtio_blk virtio_disk;

/* A sector's worth of what `seed` stands for; whether a buffer has it. */
void virtio_fill(void *data, uint32_t size, uint32_t seed);
bool virtio_holds(const void *data, uint32_t size, uint32_t seed);

/* Whether the disk, reset and set up anew, reads what it wrote. */
bool virtio_works(void);

/* Cases with drivers that break the rules: virtio_broken.c. */
extern const struct test_case virtio_broken_cases[];

/* Cases on interrupts: virtio_irq.c. */
extern const struct test_case virtio_irq_cases[];

#endif
