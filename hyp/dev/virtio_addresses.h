/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that have addresses of memory in them: each becomes the machine's, and what is no RAM of
 * the guest's is refused. These are the translate_fn of virtio_type.h, which has their contract.
 */
#ifndef DEV_VIRTIO_ADDRESSES_H
#define DEV_VIRTIO_ADDRESSES_H

#include <linux/virtio_gpu.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/bits.h"
#include "lib/err.h"
#include "mm/guest_mem.h"

/* "Traditional Memory Balloon Device": inflateq and deflateq, each request a list of page numbers.
 */
#define BALLOON_QUEUES    2
#define BALLOON_COPY_SIZE 4096
int must_check virtio_addresses_balloon(const struct guest_mem *mem, uint8_t *copy, size_t len);

/*
 * "GPU Device": controlq. The memory behind a resource is a list of pieces, of which QEMU takes
 * this many. Commands that the features below bring are refused: they have more addresses.
 */
#define GPU_QUEUES     1
#define GPU_MAX_PIECES 16384
#define GPU_COPY_SIZE                                                                              \
    (sizeof(struct virtio_gpu_resource_attach_backing) +                                           \
     GPU_MAX_PIECES * sizeof(struct virtio_gpu_mem_entry))
#define GPU_FEATURES_NEVER (BIT(VIRTIO_GPU_F_VIRGL) | BIT(VIRTIO_GPU_F_RESOURCE_BLOB))
int must_check virtio_addresses_gpu(const struct guest_mem *mem, uint8_t *copy, size_t len);

#endif
