/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files that turn the guest's tree into a configuration share. vm_fdt.c has the order;
 * each of the others reads one part of the tree. All of them log their errors and return -ERR_x.
 */
#ifndef FDT_VM_FDT_INTERNAL_H
#define FDT_VM_FDT_INTERNAL_H

#include "fdt/dt_claims.h"
#include "fdt/dt_ram.h"
#include "fdt/vm_config.h"

struct vm_fdt_parser {
    const void *fdt;
    struct vm_config *config;
    int gic; /* node of the GICv3 */
    struct dt_ram ram;
    struct dt_claims claims;
};

/* vm_fdt_memory.c: RAM, its pieces by rising address, those that touch made one. */
int must_check vm_fdt_memory_read(struct vm_fdt_parser *parser);
/* What the tree keeps free. */
int must_check vm_fdt_memory_read_reserved(struct vm_fdt_parser *parser);
/* The place of the guest's tree, once RAM and devices are known. */
int must_check vm_fdt_memory_check_dtb(struct vm_fdt_parser *parser);

/* vm_fdt_chosen.c: images and options. */
int must_check vm_fdt_chosen_read(struct vm_fdt_parser *parser);

/* vm_fdt_fault.c: what shall go wrong. */
int must_check vm_fdt_fault_read(struct vm_fdt_parser *parser);

/* vm_fdt_gic.c: the GIC, for the CPUs that are known by now. */
int must_check vm_fdt_gic_read(struct vm_fdt_parser *parser);

/* vm_fdt_device.c: all other nodes, once the GIC is known that their interrupts go to. */
int must_check vm_fdt_device_read(struct vm_fdt_parser *parser);

/* The addresses of the guest's tree are the guest's. */
static inline struct ipa_range vm_fdt_range(struct dt_range range)
{
    return (struct ipa_range){ipa(range.base), range.size};
}

#endif
