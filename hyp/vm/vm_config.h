/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest's device tree asks for, checked and in plain numbers. vm/vm_fdt.c fills
 * it from the tree; vm/vm.c builds the VM from it. Nothing here points into the tree.
 */
#ifndef VM_VM_CONFIG_H
#define VM_VM_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "fdt/dt_prop.h"
#include "lib/addr.h"
#include "mm/guest_mem.h"
#include "vm/vcpu.h"

#define VM_MAX_UARTS  4
#define VM_MAX_VIRTIO 40
#define VM_MAX_DISKS  8
#define VM_MAX_GICR   4 /* redistributor regions */

struct vm_uart_config {
    struct ipa_range regs;
    uint32_t intid;
    bool console; /* this one is wired to the machine's console */
    char node[DT_PATH_SIZE];
};

struct vm_virtio_config {
    struct ipa_range regs;
    uint32_t intid;
    struct pa_range disk; /* size 0: nothing behind it, an empty slot */
    bool read_only;
    char node[DT_PATH_SIZE];
};

struct vm_gic_config {
    struct ipa_range dist;
    unsigned nr_redist_regions;
    struct ipa_range redist[VM_MAX_GICR];
    char node[DT_PATH_SIZE];
};

struct vm_config {
    unsigned nr_cpus;
    uint64_t mpidr[VM_MAX_VCPUS]; /* affinity fields, in the tree's order; [0] boots */

    unsigned nr_ram;
    struct ipa_range ram[GUEST_MEM_MAX_REGIONS];

    struct vm_gic_config gic;
    unsigned nr_uarts;
    struct vm_uart_config uart[VM_MAX_UARTS];
    unsigned nr_virtio;
    struct vm_virtio_config virtio[VM_MAX_VIRTIO];

    /* The images as the boot loader left them, and where the guest shall find them. */
    struct pa_range kernel;        /* /chosen traproom,kernel */
    struct pa_range initrd;        /* /chosen traproom,initrd; size 0: none */
    struct ipa_range guest_initrd; /* /chosen linux,initrd-start and -end */
    ipa_t guest_dtb;               /* /chosen traproom,dtb-address, else VM_DEFAULT_DTB */

    bool quiet; /* /chosen traproom,quiet */
    bool stats; /* /chosen traproom,stats */
};

#define VM_DEFAULT_DTB UINT64_C(0x47000000)

#endif
