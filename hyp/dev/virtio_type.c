/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of types. See virtio_type.h; each type's chapter of virtio 1.2, "Device configuration
 * layout", says what of it a driver may write.
 */
#include "dev/virtio_type.h"

#include <linux/virtio_balloon.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_console.h>
#include <linux/virtio_gpu.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_input.h>
#include <linux/virtio_scsi.h>
#include <stddef.h>

#include "dev/virtio_addresses.h"
#include "lib/bits.h"

/* From member `first` to member `last` of a configuration. */
#define WRITABLE(config, first, last)                                                              \
    .config_at = offsetof(config, first),                                                          \
    .config_size = offsetof(config, last) + sizeof(((config *)0)->last) - offsetof(config, first)

static const struct virtio_type types[] = {
    {.id = VIRTIO_ID_NET},
    {.id = VIRTIO_ID_BLOCK, WRITABLE(struct virtio_blk_config, wce, wce)},
    {.id = VIRTIO_ID_CONSOLE, WRITABLE(struct virtio_console_config, emerg_wr, emerg_wr)},
    {.id = VIRTIO_ID_RNG},
    {.id = VIRTIO_ID_BALLOON,
     WRITABLE(struct virtio_balloon_config, actual, poison_val),
     .nr_copied = BALLOON_QUEUES,
     .copy_size = BALLOON_COPY_SIZE,
     .translate_fn = virtio_addresses_balloon},
    {.id = VIRTIO_ID_SCSI, WRITABLE(struct virtio_scsi_config, sense_size, cdb_size)},
    {.id = VIRTIO_ID_9P},
    {.id = VIRTIO_ID_GPU,
     WRITABLE(struct virtio_gpu_config, events_clear, events_clear),
     .never = GPU_FEATURES_NEVER,
     .nr_copied = GPU_QUEUES,
     .copy_size = GPU_COPY_SIZE,
     .translate_fn = virtio_addresses_gpu},
    {.id = VIRTIO_ID_INPUT, WRITABLE(struct virtio_input_config, select, subsel)},
    {.id = VIRTIO_ID_VSOCK},
    {.id = VIRTIO_ID_CRYPTO},
    {.id = VIRTIO_ID_SOUND},
    {.id = VIRTIO_ID_FS},
    {.id = VIRTIO_ID_I2C_ADAPTER},
    {.id = VIRTIO_ID_GPIO},
};

const struct virtio_type *virtio_type_find(uint32_t id)
{
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        if (types[i].id == id)
            return &types[i];
    }
    return NULL;
}
