/* SPDX-License-Identifier: Apache-2.0 */
/* A virtio driver with many queues and requests (virtio 1.2, "Split Virtqueues"): see
 * machine_driver.h. */
#include "machine_driver.h"

#include "barrier.h"
#include "string.h"
#include "timer.h"

#define PATTERN UINT64_C(0x9e3779b97f4a7c15)

static void write_address(const struct virtio_blk *device, uint32_t low, const void *address)
{
    virtio_write(device, low, (uint32_t)(uintptr_t)address);
    virtio_write(device, low + 4, (uint32_t)((uintptr_t)address >> 32));
}

void machine_set_queue(struct virtio_blk *device, struct machine_queue *queue, unsigned index,
                       uint16_t size)
{
    memset(queue, 0, sizeof(*queue));
    queue->device = device;
    queue->index = index;
    queue->size = size;
    queue->event = device->features & FEATURE(VIRTIO_RING_F_EVENT_IDX);
    virtio_write(device, VIRTIO_MMIO_QUEUE_SEL, index);
    virtio_write(device, VIRTIO_MMIO_QUEUE_NUM, size);
    write_address(device, VIRTIO_MMIO_QUEUE_DESC_LOW, queue->desc);
    write_address(device, VIRTIO_MMIO_QUEUE_AVAIL_LOW, &queue->avail);
    write_address(device, VIRTIO_MMIO_QUEUE_USED_LOW, &queue->used);
    /* The rings are empty before the device looks at them. */
    dsb(sy);
    virtio_write(device, VIRTIO_MMIO_QUEUE_READY, 1);
}

void machine_go(const struct virtio_blk *device)
{
    virtio_write(device, VIRTIO_MMIO_STATUS, virtio_status(device) | VIRTIO_CONFIG_S_DRIVER_OK);
}

bool machine_start(struct virtio_blk *device, uint64_t wanted, struct machine_queue *queue,
                   unsigned count, uint16_t size)
{
    virtio_blk_reset(device);
    if (!virtio_blk_negotiate(device, wanted))
        return false;
    for (unsigned i = 0; i < count; i++)
        machine_set_queue(device, &queue[i], i, size);
    machine_go(device);
    return !machine_wants_reset(device);
}

bool machine_wants_reset(const struct virtio_blk *device)
{
    return virtio_status(device) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

void machine_put(struct machine_queue *queue, uint16_t head)
{
    queue->avail.ring[queue->avail.idx % queue->size] = head;
    /* Descriptors and ring entry before the index that hands them over. */
    dmb(ishst);
    __atomic_store_n(&queue->avail.idx, (uint16_t)(queue->avail.idx + 1), __ATOMIC_RELEASE);
}

static bool wants_notification(const struct machine_queue *queue, uint16_t before)
{
    const uint16_t *event = (const uint16_t *)&queue->used.ring[queue->size];

    if (queue->event)
        return vring_need_event(__atomic_load_n(event, __ATOMIC_RELAXED), queue->avail.idx, before);
    return !(__atomic_load_n(&queue->used.flags, __ATOMIC_RELAXED) & VRING_USED_F_NO_NOTIFY);
}

bool machine_publish(struct machine_queue *queue)
{
    uint16_t before = queue->told;

    queue->told = queue->avail.idx;
    /* The index before the look at the device's wish, and before the notification. */
    dsb(sy);
    if (!wants_notification(queue, before))
        return false;
    virtio_write(queue->device, VIRTIO_MMIO_QUEUE_NOTIFY, queue->index);
    return true;
}

bool machine_take(struct machine_queue *queue, struct vring_used_elem *elem)
{
    /* The index before the element that it covers. */
    if (__atomic_load_n(&queue->used.idx, __ATOMIC_ACQUIRE) == queue->next_used)
        return false;
    *elem = queue->used.ring[queue->next_used++ % queue->size];
    return true;
}

bool machine_wait(struct machine_queue *queue, struct vring_used_elem *elem)
{
    bool taken = false;

    timer_wait_until((taken = machine_take(queue, elem)) || machine_wants_reset(queue->device),
                     WAIT_US);
    return taken;
}

void machine_buffer(struct machine_queue *queue, uint16_t head, void *data, uint32_t size,
                    bool device_writes)
{
    queue->desc[head] =
        (struct vring_desc){(uintptr_t)data, size, device_writes ? VRING_DESC_F_WRITE : 0, 0};
}

static bool device_writes(uint32_t type)
{
    return type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
}

/* The request's descriptors in `table`, from `at` on. Returns how many. */
static uint16_t describe(struct vring_desc *table, uint16_t at, struct machine_request *request,
                         void *data, uint32_t size)
{
    uint16_t n = at;

    request->status = MACHINE_NO_STATUS;
    table[n] = (struct vring_desc){(uintptr_t)&request->header, sizeof(request->header),
                                   VRING_DESC_F_NEXT, (uint16_t)(n + 1)};
    n++;
    if (size != 0) {
        table[n] = (struct vring_desc){
            (uintptr_t)data, size,
            (uint16_t)(VRING_DESC_F_NEXT |
                       (device_writes(request->header.type) ? VRING_DESC_F_WRITE : 0)),
            (uint16_t)(n + 1)};
        n++;
    }
    table[n++] = (struct vring_desc){(uintptr_t)&request->status, 1, VRING_DESC_F_WRITE, 0};
    return (uint16_t)(n - at);
}

void machine_build(struct machine_queue *queue, uint16_t head, struct machine_request *request,
                   uint32_t type, uint64_t sector, void *data, uint32_t size)
{
    request->header = (struct virtio_blk_outhdr){.type = type, .sector = sector};
    describe(queue->desc, head, request, data, size);
}

void machine_build_indirect(struct machine_queue *queue, uint16_t head,
                            struct machine_request *request, uint32_t type, uint64_t sector,
                            void *data, uint32_t size)
{
    uint32_t count;

    request->header = (struct virtio_blk_outhdr){.type = type, .sector = sector};
    count = describe(request->table, 0, request, data, size);
    queue->desc[head] =
        (struct vring_desc){(uintptr_t)request->table, count * (uint32_t)sizeof(struct vring_desc),
                            VRING_DESC_F_INDIRECT, 0};
}

int machine_ask(struct machine_queue *queue, struct machine_request *request, uint32_t type,
                uint64_t sector, void *data, uint32_t size)
{
    struct vring_used_elem elem;

    machine_build(queue, 0, request, type, sector, data, size);
    machine_put(queue, 0);
    machine_publish(queue);
    if (!machine_wait(queue, &elem) || elem.id != 0 || request->status == MACHINE_NO_STATUS)
        return VIRTIO_NO_ANSWER;
    return request->status;
}

void machine_fill(void *data, uint32_t size, uint64_t seed)
{
    uint64_t *word = data;

    for (uint32_t i = 0; i < size / sizeof(*word); i++)
        word[i] = (seed + i) * PATTERN;
}

bool machine_holds(const void *data, uint32_t size, uint64_t seed)
{
    const uint64_t *word = data;

    for (uint32_t i = 0; i < size / sizeof(*word); i++)
        if (word[i] != (seed + i) * PATTERN)
            return false;
    return true;
}
