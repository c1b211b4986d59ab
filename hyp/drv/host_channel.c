/* SPDX-License-Identifier: Apache-2.0 */
/* A console of the machine's as a stream of bytes. See host_channel.h. */
#include "drv/host_channel.h"

#include <linux/virtio_ids.h>

#include "cpu.h"
#include "lib/string.h"

#define QUEUE_RECEIVE  0
#define QUEUE_TRANSMIT 1
#define SEND_LOOKS     10000000 /* at the ring until the device has taken a message */

static int give_buffer(struct host_channel *channel, uint16_t index)
{
    struct virtq_chain *chain = &channel->free;

    chain->head = index;
    chain->nr_segs = 1;
    chain->write_len = HOST_CHANNEL_BUFFER_SIZE;
    chain->seg[0] = (struct virtq_seg){channel->buffer[index], HOST_CHANNEL_BUFFER_SIZE};
    return virtio_ring_add(&channel->receive, chain);
}

static void publish(struct host_channel *channel, struct virtio_ring *ring, unsigned queue)
{
    if (virtio_ring_publish(ring))
        virtio_driver_notify(&channel->driver, queue);
}

/* The driver's set-up, and all buffers with the device. */
static int set_up(struct host_channel *channel)
{
    int err = virtio_driver_negotiate(&channel->driver, 0);

    if (err == 0)
        err = virtio_driver_add_queue(&channel->driver, QUEUE_RECEIVE, &channel->receive);
    if (err == 0)
        err = virtio_driver_add_queue(&channel->driver, QUEUE_TRANSMIT, &channel->transmit);
    for (uint16_t i = 0; err == 0 && i < HOST_CHANNEL_BUFFERS; i++)
        err = give_buffer(channel, i);
    if (err != 0)
        return -ERR_INVAL;
    virtio_driver_start(&channel->driver);
    publish(channel, &channel->receive, QUEUE_RECEIVE);
    return 0;
}

int host_channel_open(struct host_channel *channel, struct pa_range regs,
                      host_channel_fn receive_fn, void *ctx)
{
    int err = virtio_driver_open(&channel->driver, regs);

    if (err != 0)
        return err;
    if (channel->driver.id != VIRTIO_ID_CONSOLE ||
        channel->driver.queue_size < HOST_CHANNEL_BUFFERS)
        return -ERR_UNSUPPORTED;
    channel->receive_fn = receive_fn;
    channel->ctx = ctx;
    return set_up(channel);
}

/* Wait until the device has taken what is in the ring. */
static int drain(struct host_channel *channel)
{
    uint32_t written;
    uint16_t tag;

    for (unsigned i = 0; i < SEND_LOOKS; i++) {
        int err = virtio_ring_take(&channel->transmit, &tag, &written);

        if (err != -ERR_NOENT)
            return err;
        cpu_relax();
    }
    return -ERR_INVAL;
}

int host_channel_send(struct host_channel *channel, const void *head, const void *data,
                      uint32_t len)
{
    struct virtq_chain *chain = &channel->message;
    int err;

    if (len > HOST_CHANNEL_DATA_MAX)
        return -ERR_INVAL;
    spin_lock(&channel->lock);
    memcpy(channel->bytes, head, HOST_CHANNEL_HEAD);
    if (len > 0)
        memcpy(channel->bytes + HOST_CHANNEL_HEAD, data, len);
    chain->nr_segs = chain->nr_read = 1;
    chain->seg[0] = (struct virtq_seg){channel->bytes, HOST_CHANNEL_HEAD + len};
    err = virtio_ring_add(&channel->transmit, chain);
    if (err == 0) {
        publish(channel, &channel->transmit, QUEUE_TRANSMIT);
        err = drain(channel);
    }
    spin_unlock(&channel->lock);
    return err == 0 ? 0 : -ERR_INVAL;
}

void host_channel_interrupt(struct host_channel *channel)
{
    uint32_t len = 0;
    uint16_t index = 0;

    virtio_driver_acknowledge(&channel->driver);
    while (virtio_ring_take(&channel->receive, &index, &len) == 0) {
        channel->receive_fn(channel->ctx, channel->buffer[index % HOST_CHANNEL_BUFFERS], len);
        if (give_buffer(channel, index) == 0)
            publish(channel, &channel->receive, QUEUE_RECEIVE);
    }
}
