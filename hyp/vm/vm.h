/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtual machine: all that is known of one guest. vm/vm_fdt.c says what it shall
 * be, vm/vm.c builds it, trap/ and dev/ work on it.
 */
#ifndef VM_VM_H
#define VM_VM_H

#include "dev/virtio_mmio.h"
#include "dev/vpl011.h"
#include "gic/vgic.h"
#include "mm/guest_mem.h"
#include "mm/stage2.h"
#include "spinlock.h"
#include "trap/mmio_bus.h"
#include "vm/vcpu.h"
#include "vm/vm_config.h"

enum vm_run_state {
    VM_RUNNING,
    VM_RESETTING, /* every vCPU is on its way to its parking place, then the guest starts again */
    VM_STOPPING,  /* the same, then the machine goes off */
};

struct vm {
    struct vm_config config;
    struct guest_mem mem;
    struct stage2 stage2;
    struct mmio_bus bus;
    struct vgic vgic;
    struct vpl011 uart[VM_MAX_UARTS];
    struct virtio_mmio virtio[VM_MAX_VIRTIO];
    spinlock_t power_lock; /* protects run_state and each vCPU's power */
    enum vm_run_state run_state;
    unsigned nr_vcpus;
    struct vcpu vcpu[VM_MAX_VCPUS];
};

#endif
