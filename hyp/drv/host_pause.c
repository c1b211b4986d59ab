/* SPDX-License-Identifier: Apache-2.0 */
/* Stopping the machine. See host_pause.h. */
#include "drv/host_pause.h"

#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <stddef.h>

#include "barrier.h"
#include "lib/virtio_abi.h"
#include "mm/io.h"

#define MODE (VIRTIO_MMIO_CONFIG + offsetof(struct virtio_blk_config, wce))

int host_pause_open(struct host_pause *pause, struct pa_range regs)
{
    if (io_read32(io_reg(regs.base, VIRTIO_MMIO_MAGIC_VALUE)) != VIRTIO_MAGIC ||
        io_read32(io_reg(regs.base, VIRTIO_MMIO_DEVICE_ID)) != VIRTIO_ID_BLOCK)
        return -ERR_UNSUPPORTED;
    pause->regs = regs.base;
    pause->mode = (uint8_t)io_read(io_reg(regs.base, MODE), 1);
    return 0;
}

void host_pause(struct host_pause *pause)
{
    io_barrier(); /* what was said before is with the host */
    io_write(io_reg(pause->regs, MODE), 1, ++pause->mode);
    io_barrier(); /* before what it has written is read */
}
