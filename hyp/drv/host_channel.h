/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of bytes between EL2 and the host: the console of a virtio device in one of the
 * machine's slots (virtio 1.2, "Console Device"), which EL2 drives for itself and no guest sees.
 * Neighbours: virtio_driver.c beneath; vm/vm_model.c, which talks by it.
 */
#ifndef DRV_HOST_CHANNEL_H
#define DRV_HOST_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

#include "drv/virtio_driver.h"
#include "lib/addr.h"
#include "lib/err.h"
#include "spinlock.h"

#define HOST_CHANNEL_BUFFERS     16
#define HOST_CHANNEL_BUFFER_SIZE 1024
#define HOST_CHANNEL_HEAD        40
#define HOST_CHANNEL_DATA_MAX    2048

/* Called with bytes that came, on the CPU that has the slot's interrupt; may send. */
typedef void (*host_channel_fn)(void *ctx, const void *bytes, size_t len);

struct host_channel {
    struct virtio_driver driver;
    host_channel_fn receive_fn;
    void *ctx;
    /* Touched by the CPU that has the interrupt alone. */
    struct virtio_ring receive;
    struct virtq_chain free; /* the buffer that goes back */
    uint8_t buffer[HOST_CHANNEL_BUFFERS][HOST_CHANNEL_BUFFER_SIZE];
    spinlock_t lock; /* protects what follows; none is taken under it */
    struct virtio_ring transmit;
    struct virtq_chain message;
    uint8_t bytes[HOST_CHANNEL_HEAD + HOST_CHANNEL_DATA_MAX];
};

/*
 * Open the console in the slot at `regs`. `channel` is all zeros. -ERR_NOENT: the slot is empty;
 * -ERR_UNSUPPORTED: something else is in it; -ERR_INVAL: it does not work.
 */
int must_check host_channel_open(struct host_channel *channel, struct pa_range regs,
                                 host_channel_fn receive_fn, void *ctx);

/*
 * Send HOST_CHANNEL_HEAD bytes and `len` more, of 0 to HOST_CHANNEL_DATA_MAX: when it returns, the
 * device has taken them. -ERR_INVAL: it does not. They are one buffer: QEMU drops a console's
 * buffer that the host has no room for, so that a message is lost as a whole or not at all.
 */
int must_check host_channel_send(struct host_channel *channel, const void *head, const void *data,
                                 uint32_t len);

/* The slot's interrupt. No lock is held. */
void host_channel_interrupt(struct host_channel *channel);

#endif
