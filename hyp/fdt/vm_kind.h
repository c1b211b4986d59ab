/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a kind of node is to a VM: how it is found, read, made and reset. One row of the table in
 * vm/vm_device.c each. Neighbours: vm_fdt_offer.c finds a node's kind, vm_fdt_device.c reads the
 * node by it, vm/vm.c makes the device; dev/ holds what it does.
 */
#ifndef FDT_VM_KIND_H
#define FDT_VM_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dev/mmio.h"
#include "fdt/dt_walk.h"

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
    bool may_lack_it;  /* or none */
    bool console;      /* one of this kind is the console */
    /*
     * Read what only nodes of this kind have from the node at `at`, in a tree whose GIC is the node
     * `gic`, into *config, which has its regs and intid by then. For what is no device on the bus,
     * `config` is NULL: check the node. Errors are logged. read_fn NULL: there is nothing more.
     */
    int (*read_fn)(const struct dt_walk *at, int gic, struct vm_device_config *config);

    /* The device. */
    size_t state_size; /* bytes, for each; config->more_state comes on top */
    /* Make `state`, all zeros, the device that `config` asks for. Errors are logged. */
    int (*make_fn)(struct vm *vm, void *state, const struct vm_device_config *config);
    void (*reset_fn)(void *state); /* the guest starts again: as just made, the wire low */
    mmio_access_fn access_fn;      /* its `dev` is the state */
};

/* All that are offered. A node that is of several kinds is of the first. */
struct vm_device_table {
    const struct vm_device_kind *kind;
    unsigned count;
};

#endif
