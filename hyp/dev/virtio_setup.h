/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registers by which a driver sets a virtio-mmio transport up (virtio 1.2, "Device
 * Initialization", "Virtqueue Configuration"). A part of virtio_mmio.c, the only caller. The slot
 * has a backend; each call takes its setup_lock.
 */
#ifndef DEV_VIRTIO_SETUP_H
#define DEV_VIRTIO_SETUP_H

#include <stdint.h>

struct virtio_mmio;

/* A register that is not one of these reads 0 and ignores writes. */
void virtio_setup_write(struct virtio_mmio *slot, uint64_t offset, uint32_t value);
uint32_t virtio_setup_read(struct virtio_mmio *slot, uint64_t offset);

/* As if 0 had been written to Status: virtio_mmio_reset(). */
void virtio_setup_reset(struct virtio_mmio *slot);

#endif
