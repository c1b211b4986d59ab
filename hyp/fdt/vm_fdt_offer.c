/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a node: is it of a kind that is offered? See vm_fdt_offer.h; docs/devices.md says
 * it in words.
 */
#include "fdt/vm_fdt_offer.h"

#include <libfdt.h>
#include <stddef.h>

#include "fdt/dt_prop.h"
#include "lib/bits.h"
#include "lib/string.h"

static bool is_kind(const struct dt_walk *at, const struct vm_device_kind *kind)
{
    int node = dt_walk_node(at);

    return kind->compatible != NULL ? dt_prop_compatible(at->fdt, node, kind->compatible)
                                    : dt_prop_present(at->fdt, node, kind->property);
}

static bool is_data(const struct dt_walk *at)
{
    static const char *const names[] = {"cpus", "chosen", "reserved-memory"};
    const char *name = fdt_get_name(at->fdt, dt_walk_node(at), NULL);

    for (unsigned i = 0; at->depth == 1 && name != NULL && i < ARRAY_SIZE(names); i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

/* Is its "reg" an address of the machine? Below a bus without "ranges" it is one of that bus. */
static bool has_address(const struct dt_walk *at)
{
    bool found = dt_prop_present(at->fdt, dt_walk_node(at), "reg");

    for (int depth = at->depth - 1; depth > 0; depth--)
        found = found && dt_prop_present(at->fdt, at->node[depth], "ranges");
    return found;
}

static bool has_interrupt(const struct dt_walk *at)
{
    int node = dt_walk_node(at);

    return dt_prop_present(at->fdt, node, "interrupts") ||
           dt_prop_present(at->fdt, node, "interrupts-extended");
}

enum vm_fdt_offer vm_fdt_offer(const struct dt_walk *at, const struct vm_device_table *kinds,
                               const struct vm_device_kind **kind)
{
    bool pass;

    if (is_data(at))
        return VM_FDT_DATA;
    if (at->depth == 0)
        return VM_FDT_FREE;
    for (unsigned i = 0; i < kinds->count; i++) {
        *kind = &kinds->kind[i];
        if (is_kind(at, *kind))
            return VM_FDT_KIND;
    }
    if (!dt_prop_present(at->fdt, dt_walk_node(at), "compatible"))
        return VM_FDT_FREE;
    pass = dt_prop_present(at->fdt, dt_walk_node(at), "traproom,pass");
    if (has_address(at))
        return pass ? VM_FDT_PASSED : VM_FDT_NONE;
    return has_interrupt(at) && !pass ? VM_FDT_NONE : VM_FDT_FREE;
}
