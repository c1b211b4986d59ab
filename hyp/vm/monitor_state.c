/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's memory written, its interrupt controller and its virtio devices shown, for a monitor.
 * What is shown is read while others may change it: a moment's picture. See monitor_call.h.
 */
#include <stddef.h>

#include "cache.h"
#include "dev/virtio_mmio.h"
#include "dev/virtio_queue.h"
#include "gic/gic_regs.h"
#include "lib/string.h"
#include "vm/monitor_call.h"

int monitor_write(struct monitor_call *call)
{
    const struct monitor_message *message = call->message;
    void *at = guest_mem_ptr(&call->vm->mem, ipa(message->address), message->size);

    if (at == NULL)
        return -ERR_RANGE;
    memcpy(at, call->data, message->size);
    cache_clean_inval_poc(at, message->size);
    return 0;
}

/* The bank `address`: 0, of the vCPU, or of SPIs. What of the state is in list registers is theirs.
 */
int monitor_irq(struct monitor_call *call)
{
    const struct vgic *vgic = &call->vm->vgic;
    uint64_t index = call->message->address;
    const struct vgic_bank *bank;

    if (index >= VGIC_BANKS)
        return -ERR_RANGE;
    bank = index == 0 ? &vgic->vcpu[call->message->vcpu].bank : &vgic->spi[index - 1];
    monitor_say(call, "base %u", bank->base);
    monitor_say(call, "groups 0x%x 0x%x", vgic->group0_on & 1, vgic->group1_on & 1);
    for (unsigned i = 0; i < ARRAY_SIZE(bank->priority); i++) {
        uint32_t bit = UINT32_C(1) << i;

        if (((bank->enabled | bank->latch | bank->line | bank->active | bank->in_lr) & bit) == 0)
            continue;
        monitor_say(call, "%u %s%s%s%s%s%s%s %u %u", bank->base + i,
                    (bank->enabled & bit) != 0 ? "E" : "", (bank->latch & bit) != 0 ? "P" : "",
                    (bank->line & bit) != 0 ? "H" : "", (bank->active & bit) != 0 ? "A" : "",
                    (bank->in_lr & bit) != 0 ? "L" : "", (bank->edge & bit) != 0 ? "e" : "-",
                    (bank->group1 & bit) != 0 ? "1" : "0", bank->priority[i], bank->target[i]);
    }
    return 0;
}

/* As if the guest had written GICD_ISPENDR. */
int monitor_pend(struct monitor_call *call)
{
    uint64_t intid = call->message->address;
    struct mmio_access access = {.offset = GICD_ISPENDR + intid / 32 * 4,
                                 .value = UINT64_C(1) << intid % 32,
                                 .size = 4,
                                 .write = true,
                                 .vcpu = (uint8_t)call->vcpu->index};

    if (intid < VGIC_FIRST_SPI || intid >= VGIC_NR_IRQS)
        return -ERR_RANGE;
    return vgic_dist_access(&call->vm->vgic, &access) == MMIO_OK ? 0 : -ERR_INVAL;
}

static void say_queue(struct monitor_call *call, unsigned index, const struct virtio_queue *queue)
{
    const struct virtq *vq = &queue->vq;

    monitor_say(call, "queue %u %u 0x%lx 0x%lx 0x%lx %u %u %u", index, vq->size,
                ptr_to_pa(vq->desc).v, ptr_to_pa(vq->avail).v, ptr_to_pa(vq->used).v,
                vq->next_avail, vq->next_used, queue->in_flight);
}

/* Device number `address`: its place, and of a virtio slot the state and the queues. */
int monitor_dev(struct monitor_call *call)
{
    const struct vm_config *config = &call->vm->config;
    const struct vm_device_config *device;
    const struct virtio_mmio *slot;

    if (call->message->address >= config->nr_devices)
        return -ERR_NOENT;
    device = &config->device[call->message->address];
    monitor_say(call, "device %s 0x%lx 0x%lx %u %s", device->kind->name, device->regs.base.v,
                device->regs.size, device->intid, device->path);
    slot = call->vm->device[call->message->address];
    if (device->kind->access_fn != virtio_mmio_access || slot->backend == NULL)
        return 0;
    monitor_say(call, "virtio %u 0x%x 0x%lx 0x%x", slot->backend->id, slot->status,
                slot->driver_features, slot->interrupt_status);
    for (unsigned i = 0; i < slot->backend->nr_queues; i++)
        say_queue(call, i, &slot->queue[i]);
    return 0;
}
