/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest's device tree asks for, checked and in plain numbers. vm_fdt.c and its parts fill
 * it from the tree; vm/vm.c builds the VM from it.
 */
#ifndef FDT_VM_CONFIG_H
#define FDT_VM_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "dev/fault_rule.h"
#include "fdt/dt_prop.h"
#include "fdt/dt_ram.h"
#include "fdt/dt_reserved.h"
#include "fdt/vm_kind.h"
#include "lib/addr.h"
#include "lib/limits.h"

#define VM_MAX_DEVICES 96
#define VM_MAX_GICR    4 /* redistributor regions */

/* A device on the bus. */
struct vm_device_config {
    const struct vm_device_kind *kind;
    struct ipa_range regs;
    uint32_t intid;
    size_t more_state;       /* bytes that its state needs on top of the kind's */
    struct pa_range backing; /* the machine's memory behind it; size 0: none */
    pa_t slot;               /* the machine's virtio slot behind it; 0: none */
    const char *model;       /* its name on the host, in the tree; NULL: it is no model's */
    bool shown;              /* the guest reads that memory at the device's place */
    bool read_only;
    bool console; /* this one is wired to the machine's console */
    int node;     /* in the tree that it was read from */
    char path[DT_PATH_SIZE];
};

/* Memory that the guest's tree keeps free. */
struct vm_reserved {
    struct ipa_range range;
    bool block; /* of the memory reservation block */
    char path[DT_PATH_SIZE];
};

struct vm_gic_config {
    struct ipa_range dist;
    unsigned nr_redist_regions;
    struct ipa_range redist[VM_MAX_GICR];
};

struct vm_config {
    unsigned nr_cpus;
    uint64_t mpidr[MAX_VCPUS]; /* affinity fields, in the tree's order; [0] boots */

    unsigned nr_ram;
    struct ipa_range ram[DT_MAX_RAM];

    unsigned nr_reserved;
    struct vm_reserved reserved[DT_MAX_RESERVED];

    struct vm_gic_config gic;
    uint32_t pmu_intid;                  /* of the PMU's overflow interrupt, a PPI; 0: no PMU */
    const struct vm_device_table *kinds; /* by which the tree was read */
    unsigned nr_devices;
    struct vm_device_config device[VM_MAX_DEVICES];

    unsigned nr_faults; /* /chosen traproom,inject */
    struct fault_rule fault[FAULT_MAX_RULES];

    /* The images as the boot loader left them, and where the guest shall find them. */
    struct pa_range kernel;        /* /chosen traproom,kernel; size 0: none */
    ipa_t guest_kernel;            /* /chosen traproom,kernel-address, else VM_KERNEL_ANYWHERE */
    struct pa_range app;           /* /chosen traproom,app: an ELF beside it; size 0: none */
    ipa_t guest_app;               /* /chosen traproom,app-address, else VM_KERNEL_ANYWHERE */
    struct pa_range initrd;        /* /chosen traproom,initrd; size 0: none */
    struct ipa_range guest_initrd; /* /chosen linux,initrd-start and -end */
    ipa_t guest_dtb;               /* /chosen traproom,dtb-address, else VM_DEFAULT_DTB */

    pa_t channel; /* /chosen traproom,channel: the virtio slot that leads to the models; 0: none */
    pa_t pause; /* /chosen traproom,pause: the slot that stops the machine; 0: it shall not stop */
    pa_t monitor; /* /chosen traproom,monitor: the slot that leads to a monitor; 0: none */

    struct pa_range trace; /* /chosen traproom,trace: memory for rings of events; size 0: none */
    bool trace_lossless;   /* /chosen traproom,trace-lossless: the guest waits when they are full */
    bool trace_later; /* /chosen traproom,trace-later: nothing is traced until it is asked for */

    uint32_t epoch; /* the machine's time, seconds since 1970, when the counter was 0 */

    bool quiet;  /* /chosen traproom,quiet */
    bool stats;  /* /chosen traproom,stats */
    bool report; /* /chosen traproom,report: a break asks for one, the next lets the guest go on */
    bool unattended; /* /chosen traproom,unattended: nobody is there to see how it ends */
    uint32_t
        hang_seconds; /* /chosen traproom,hang: the VM ends when it hangs for so long; 0: never */
    bool no_reboot;   /* /chosen traproom,no-reboot: a reset ends the machine */
};

#define VM_KERNEL_ANYWHERE UINT64_MAX /* as the boot protocol, or the ELF, has it: loader.c */
#define VM_DEFAULT_DTB     UINT64_C(0x47000000)

#endif
