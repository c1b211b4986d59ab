/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device whose behaviour is a program on the host, its model: each access is sent there, and the
 * vCPU waits for the answer. The model can drive the interrupt and reach the guest's RAM by DMA at
 * any time. Neighbours: vm/vm_model.c makes one and has the way to the host; vmodel_wire.h is what
 * goes over it.
 */
#ifndef DEV_VMODEL_H
#define DEV_VMODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dev/irq_line.h"
#include "dev/mmio.h"
#include "dev/vmodel_wire.h"
#include "lib/limits.h"
#include "mm/guest_mem.h"

#define VMODEL_MAX 32 /* devices with a model */

struct vmodel;

/* What lies between the devices and the host. */
struct vmodel_ops {
    /* Send the message, and message->size bytes of data unless that is NULL. From any CPU. */
    void (*send_fn)(void *ctx, const struct vmodel_message *message, const void *data);
    /* The vCPU, which is the caller's, waits for an answer: sleep until something has happened.
     * False: it must not wait any longer, since the VM stops. */
    bool (*wait_fn)(void *ctx, unsigned vcpu);
    /* The vCPU's answer has come. */
    void (*wake_fn)(void *ctx, unsigned vcpu);
    /* The guest's counter, as nanoseconds. */
    uint64_t (*now_fn)(void);
    /* Call vmodel_timer() then; 0: don't any more. */
    void (*timer_fn)(struct vmodel *model, uint64_t when);
};

/* The host's end: all devices that have a model. */
struct vmodel_link {
    const struct vmodel_ops *ops;
    void *ctx;
    const struct guest_mem *mem;
    unsigned count;
    struct vmodel *device[VMODEL_MAX]; /* by their number in messages */

    /* What is being received. */
    struct vmodel_message message;
    unsigned have;  /* bytes of it */
    uint8_t *into;  /* where its data goes, NULL: nowhere */
    uint32_t to_go; /* bytes of its data */
};

/* What a vCPU waits for. */
struct vmodel_call {
    uint32_t tag;
    bool answered; /* atomic: covers what follows */
    bool aborts;
    uint64_t value;
};

struct vmodel {
    struct vmodel_link *link;
    struct irq_line line; /* its set_fn is NULL: it has none */
    uint16_t index;
    uint32_t epoch;
    struct vmodel_call call[MAX_VCPUS];
};

/* Put the device on the link, and tell the host its name. -ERR_NOMEM: there are VMODEL_MAX. */
int must_check vmodel_init(struct vmodel *model, struct vmodel_link *link,
                           const struct irq_line *line, const char *name);

/* The mmio_access_fn and the reset_fn; `dev` is the struct vmodel. */
enum mmio_result vmodel_access(void *dev, struct mmio_access *access);
void vmodel_reset(void *dev);

/* The time that timer_fn was given has come. From any CPU. */
void vmodel_timer(struct vmodel *model);

/* Bytes from the host, as they come: messages may be cut anywhere. One caller at a time. */
void vmodel_receive(struct vmodel_link *link, const void *bytes, size_t len);

#endif
