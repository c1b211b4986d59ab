/* SPDX-License-Identifier: Apache-2.0 */
/* What the device tree says about the machine a guest runs on, in plain numbers. */
#ifndef GUEST_PLATFORM_H
#define GUEST_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "fdt.h"

#define PLATFORM_MAX_RAM    4
#define PLATFORM_MAX_CPUS   16
#define PLATFORM_MAX_VIRTIO 40
#define PLATFORM_MAX_GICR   4
#define PLATFORM_MAX_FLASH  2

struct platform_device {
    struct fdt_reg regs;
    uint32_t intid;
    bool edge;
};

struct platform {
    unsigned nr_ram, nr_cpus, nr_virtio, nr_gicr;
    struct fdt_reg ram[PLATFORM_MAX_RAM];
    struct fdt_reg dtb;
    uint64_t mpidr[PLATFORM_MAX_CPUS]; /* affinity fields */
    struct fdt_reg gicd;
    struct fdt_reg gicr[PLATFORM_MAX_GICR];
    struct platform_device uart;
    struct platform_device rtc;
    struct fdt_reg flash[PLATFORM_MAX_FLASH]; /* size 0: not there */
    struct platform_device virtio[PLATFORM_MAX_VIRTIO];
    bool psci_smc;        /* the conduit the tree names */
    uint32_t test_rounds; /* what /chosen wants of a test that goes in rounds; 0: nothing */
};

extern struct platform platform;

/* Fill `platform` from the tree at `fdt`. */
void platform_init(const void *fdt);

/* `size` bytes of RAM that nothing else uses, whole pages, zeroed where the machine zeroes RAM. */
void *platform_alloc(uint64_t size);

/* The first address above every RAM region. */
uint64_t platform_ram_end(void);

#endif
