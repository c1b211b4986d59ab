/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices whose behaviour is a program on the host: nodes with "traproom,model". Neighbours: the
 * row in vm_device.c; dev/vmodel.c, the device; drv/host_channel.c, the way to the host.
 */
#ifndef VM_VM_MODEL_H
#define VM_VM_MODEL_H

#include "dev/vmodel.h"
#include "drv/alarm.h"
#include "fdt/dt_walk.h"
#include "fdt/vm_config.h"
#include "spinlock.h"

struct vm;

/* The state of one: first what takes the accesses. */
struct vm_model {
    struct vmodel model;
    struct alarm alarm;
    spinlock_t lock; /* protects due; none is taken under it */
    uint64_t due;    /* when the model wants to be called, as the counter has it */
};

#define VM_MODEL_STATE_SIZE sizeof(struct vm_model)

/* The read_fn and the make_fn of fdt/vm_kind.h. */
int vm_model_read(const struct dt_walk *at, int gic, struct vm_device_config *config);
int vm_model_make(struct vm *vm, void *state, const struct vm_device_config *config);

#endif
