/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the nodes of the guest's tree to config->device[], a node at a time: vm_fdt_offer.c says
 * what becomes of it, its row in vm/vm_device.c what a device of its kind needs; addresses and
 * interrupt are read here. vm/vm.c puts the devices on the bus. Called by vm_fdt.c; read from the
 * end.
 */
#include <libfdt.h>
#include <stddef.h>

#include "fdt/dt_irq.h"
#include "fdt/dt_pmu.h"
#include "fdt/dt_prop.h"
#include "fdt/vm_fdt_internal.h"
#include "fdt/vm_fdt_offer.h"
#include "gic/vgic_limits.h"
#include "lib/log.h"

/* Whose interrupt is it already? NULL: nobody's. */
static const char *intid_owner(const struct vm_config *config, uint32_t intid)
{
    for (unsigned i = 0; i < config->nr_devices; i++) {
        if (config->device[i].intid == intid)
            return config->device[i].path;
    }
    return NULL;
}

static int read_intid(const struct vm_fdt_parser *parser, const struct dt_walk *at,
                      struct vm_device_config *device)
{
    const char *owner;
    int err = dt_irq_intid(at, parser->gic, 0, &device->intid);

    if (err == -ERR_NOENT && device->kind->may_lack_it)
        return 0;
    if (err == -ERR_NOENT)
        return dt_walk_error(at, err, "it has no interrupt");
    if (err != 0)
        return err;
    if (device->intid < VGIC_FIRST_SPI || device->intid >= VGIC_NR_IRQS)
        return dt_walk_error(at, -ERR_RANGE, "its interrupt must be an SPI from 0 to 255");
    owner = intid_owner(parser->config, device->intid);
    if (owner == NULL)
        return 0;
    log_error("%s and %s have the same interrupt, SPI %u: give each its own", device->path, owner,
              device->intid - VGIC_FIRST_SPI);
    return -ERR_EXIST;
}

/* Its registers, entry `index` of "reg": as many as its kind has, and no one else's. */
static int read_regs(struct vm_fdt_parser *parser, const struct dt_walk *at, unsigned index,
                     struct vm_device_config *device)
{
    struct dt_range reg;
    int err = dt_reg_read(at, index, &reg);

    if (err == -ERR_NOENT)
        return dt_walk_error(at, err, "it has no \"reg\"");
    if (err != 0)
        return err;
    device->regs = vm_fdt_range(reg);
    if (reg.size >= device->kind->min_size)
        return dt_claims_add(&parser->claims, reg, device->node);
    log_error("%s: its \"reg\" must have at least 0x%lx bytes", device->path,
              device->kind->min_size);
    return -ERR_INVAL;
}

/* Add the device at entry `index` of "reg". */
static int read_device(struct vm_fdt_parser *parser, const struct dt_walk *at,
                       const struct vm_device_kind *kind, unsigned index)
{
    struct vm_config *config = parser->config;
    struct vm_device_config *device = &config->device[config->nr_devices];
    int err;

    if (config->nr_devices == VM_MAX_DEVICES)
        return dt_walk_error(at, -ERR_NOMEM, "it is one device too many: disable some");
    *device = (struct vm_device_config){.kind = kind, .node = dt_walk_node(at)};
    dt_prop_path(at->fdt, device->node, device->path);
    err = read_regs(parser, at, index, device);
    if (err == 0 && kind->interrupt)
        err = read_intid(parser, at, device);
    if (err == 0 && kind->read_fn != NULL)
        err = kind->read_fn(at, parser->gic, device);
    if (err == 0)
        config->nr_devices++;
    return err;
}

static int read_kind(struct vm_fdt_parser *parser, const struct dt_walk *at,
                     const struct vm_device_kind *kind)
{
    int err;

    if (kind->access_fn == NULL)
        return kind->read_fn != NULL ? kind->read_fn(at, parser->gic, NULL) : 0;
    err = read_device(parser, at, kind, 0);
    for (int i = 1; err == 0 && kind->all_regs && i < dt_reg_count(at); i++)
        err = read_device(parser, at, kind, (unsigned)i);
    return err;
}

/* Nothing answers at its addresses, so no device may have them, either. */
static int claim_passed(struct vm_fdt_parser *parser, const struct dt_walk *at)
{
    struct dt_range reg;
    int count = dt_reg_count(at);
    int err = count < 0 ? count : 0;

    for (int i = 0; err == 0 && i < count; i++) {
        err = dt_reg_read(at, (unsigned)i, &reg);
        if (err == 0)
            err = dt_claims_add(&parser->claims, reg, dt_walk_node(at));
    }
    return err;
}

static int read_guest_node(struct vm_fdt_parser *parser, struct dt_walk *at)
{
    const struct vm_device_kind *kind;

    switch (vm_fdt_offer(at, parser->config->kinds, &kind)) {
    case VM_FDT_KIND:
        return read_kind(parser, at, kind);
    case VM_FDT_PASSED:
        return claim_passed(parser, at);
    case VM_FDT_NONE:
    case VM_FDT_DATA:
        dt_walk_skip(at);
        break;
    case VM_FDT_FREE:
        break;
    }
    return 0;
}

/* The UART that /chosen names as the console, else the first. */
static void choose_console(struct vm_config *config, int named)
{
    struct vm_device_config *console = NULL;

    for (unsigned i = 0; i < config->nr_devices; i++) {
        struct vm_device_config *device = &config->device[i];

        if (device->kind->console && (console == NULL || device->node == named))
            console = device;
    }
    if (console != NULL)
        console->console = true;
}

int vm_fdt_device_read(struct vm_fdt_parser *parser)
{
    struct dt_walk at;
    int err = 0;

    dt_walk_start(&at, parser->fdt);
    while (err == 0 && dt_walk_next(&at))
        err = read_guest_node(parser, &at);
    if (err == 0)
        choose_console(parser->config, dt_prop_stdout(parser->fdt));
    if (err == 0)
        err = dt_pmu_intid(parser->fdt, parser->gic, &parser->config->pmu_intid);
    return err;
}
