/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What says that a virtio-mmio slot is one (virtio 1.2, "MMIO Device Register Layout"): the guest's
 * (dev/virtio_mmio.c) and the machine's (drv/virtio_driver.c). linux/virtio_mmio.h has no names for
 * these values.
 */
#ifndef LIB_VIRTIO_ABI_H
#define LIB_VIRTIO_ABI_H

#include <stdint.h>

#define VIRTIO_MAGIC   UINT32_C(0x74726976) /* "virt" */
#define VIRTIO_VERSION 2

#endif
