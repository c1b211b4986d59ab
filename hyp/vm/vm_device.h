/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table of what Traproom offers a guest: for each kind of node its "compatible", how it is
 * read, made and reset. Neighbours: vm_fdt_device.c reads the nodes by it, vm_fdt_guest.c disables
 * what it lacks, vm.c makes the devices; dev/ holds what they do.
 */
#ifndef VM_VM_DEVICE_H
#define VM_VM_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dev/mmio.h"
#include "fdt/dt_walk.h"
#include "lib/err.h"

struct vm;
struct vm_device_config;

struct vm_device_kind {
    const char *compatible;
    const char *property; /* where "compatible" is NULL: a node that has this property */
    const char *name;     /* in the statistics */

    /*
     * The node. One without an access_fn is no device on the bus: its "reg" and "interrupts" are
     * not read.
     */
    uint64_t min_size; /* bytes that its "reg" has at least */
    bool all_regs;     /* each entry of "reg" is a device, else the first alone */
    bool interrupt;    /* it has one, an SPI that is its own */
    bool console;      /* one of this kind is the console */
    /*
     * Check the node at `at`, whose GIC is the node `gic`, and put what is of this kind alone into
     * *config, whose regs and intid are there; NULL for what is no device on the bus. Errors are
     * logged. NULL: nothing more to read.
     */
    int (*read_fn)(const struct dt_walk *at, int gic, struct vm_device_config *config);

    /* The device. */
    size_t state_size; /* bytes, for each; config->more_state comes on top */
    /* Make `state`, all zeros, the device that `config` asks for. Errors are logged. */
    int (*make_fn)(struct vm *vm, void *state, const struct vm_device_config *config);
    void (*reset_fn)(void *state); /* the guest starts again: as just made, the wire low */
    mmio_access_fn access_fn;      /* its `dev` is the state */
};

/* By index, which is how exits are counted: EXIT_MMIO_DEVICE and up. NULL: no more. */
const struct vm_device_kind *vm_device_kind(unsigned index);
unsigned vm_device_kind_index(const struct vm_device_kind *kind);

/* What becomes of a node of the guest's tree. */
enum vm_device_offer {
    VM_DEVICE_NONE,   /* not offered, nor what is below it */
    VM_DEVICE_KIND,   /* something of the table; what is below it counts for itself */
    VM_DEVICE_PASSED, /* nothing is at its addresses, but its user wants it to reach the guest */
    VM_DEVICE_FREE,   /* it needs nothing of the machine; what is below it counts for itself */
    VM_DEVICE_DATA,   /* data that describes no device, with all below it */
};

/* Of the node that the walk is at, by its properties and its place. *kind: for VM_DEVICE_KIND. */
enum vm_device_offer vm_device_offer(const struct dt_walk *at, const struct vm_device_kind **kind);

#endif
