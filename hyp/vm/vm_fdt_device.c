/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's devices: GIC, UARTs, virtio slots, timer. See vm_fdt_internal.h. */
#include <libfdt.h>
#include <stddef.h>

#include "fdt/dt_gic.h"
#include "fdt/dt_irq.h"
#include "fdt/dt_prop.h"
#include "gic/gic_regs.h"
#include "gic/vgic_limits.h"
#include "lib/log.h"
#include "vm/vm_fdt_internal.h"
#include "vm/vm_fdt_offer.h"

#define PL011_SIZE       UINT64_C(0x1000) /* its identification registers are the last */
#define VIRTIO_MIN_SIZE  UINT64_C(0x100)  /* the transport's registers */
#define DISK_MIN_SIZE    UINT64_C(0x200)  /* and the disk's configuration space */
#define SECTOR_SIZE      512
#define TIMER_INTERRUPTS 4

static int log_node(const struct dt_walk *at, int err, const char *text)
{
    return dt_prop_error(at->fdt, dt_walk_node(at), err, text);
}

static struct ipa_range to_ipa(struct dt_range range)
{
    return (struct ipa_range){ipa(range.base), range.size};
}

/* Does each CPU have a redistributor? */
static int check_frames(const struct dt_walk *at, const struct vm_config *config)
{
    uint64_t frames = 0;
    char name[DT_PATH_SIZE];

    for (unsigned i = 0; i < config->gic.nr_redist_regions; i++)
        frames += config->gic.redist[i].size / GICR_SIZE;
    if (frames >= config->nr_cpus)
        return 0;
    log_error("%s: its redistributors' regions have room for %lu CPUs, the tree has %u: make "
              "them larger",
              dt_prop_path(at->fdt, dt_walk_node(at), name), frames, config->nr_cpus);
    return -ERR_RANGE;
}

int vm_fdt_device_read_gic(struct vm_fdt_parser *parser)
{
    struct vm_gic_config *config = &parser->config->gic;
    struct dt_walk at;
    struct dt_gic gic;
    int err = dt_gic_find(parser->fdt, &at);

    if (err == 0)
        err = dt_gic_read(&at, &gic);
    if (err != 0)
        return err;
    if (gic.nr_redist > VM_MAX_GICR)
        return log_node(&at, -ERR_NOMEM, "it has more than 4 regions of redistributors");
    parser->gic = dt_walk_node(&at);
    dt_prop_path(at.fdt, parser->gic, config->node);
    config->dist = to_ipa(gic.dist);
    err = vm_fdt_memory_claim(parser, gic.dist, parser->gic);
    for (unsigned i = 0; i < gic.nr_redist && err == 0; i++) {
        config->redist[i] = to_ipa(gic.redist[i]);
        err = vm_fdt_memory_claim(parser, gic.redist[i], parser->gic);
    }
    config->nr_redist_regions = gic.nr_redist;
    return err == 0 ? check_frames(&at, parser->config) : err;
}

/* Whose interrupt is it already? NULL: nobody's. */
static const char *intid_owner(const struct vm_config *config, uint32_t intid)
{
    for (unsigned i = 0; i < config->nr_uarts; i++) {
        if (config->uart[i].intid == intid)
            return config->uart[i].node;
    }
    for (unsigned i = 0; i < config->nr_virtio; i++) {
        if (config->virtio[i].intid == intid)
            return config->virtio[i].node;
    }
    return NULL;
}

static int read_intid(const struct vm_fdt_parser *parser, const struct dt_walk *at, uint32_t *intid)
{
    const char *owner;
    char name[DT_PATH_SIZE];
    int err = dt_irq_intid(at, parser->gic, 0, intid);

    if (err == -ERR_NOENT)
        return log_node(at, err, "it has no interrupt");
    if (err != 0)
        return err;
    if (*intid < VGIC_FIRST_SPI || *intid >= VGIC_NR_IRQS)
        return log_node(at, -ERR_RANGE, "its interrupt must be an SPI from 0 to 255");
    owner = intid_owner(parser->config, *intid);
    if (owner == NULL)
        return 0;
    log_error("%s and %s have the same interrupt, SPI %u: give each its own",
              dt_prop_path(at->fdt, dt_walk_node(at), name), owner, *intid - VGIC_FIRST_SPI);
    return -ERR_EXIST;
}

/* What every device has: registers, at least min_size, that are its own, and an interrupt. */
static int read_common(struct vm_fdt_parser *parser, const struct dt_walk *at, uint64_t min_size,
                       struct ipa_range *regs, uint32_t *intid)
{
    struct dt_range reg;
    char name[DT_PATH_SIZE];
    int err = dt_reg_read(at, 0, &reg);

    if (err == -ERR_NOENT)
        return log_node(at, err, "it has no \"reg\"");
    if (err == 0 && reg.size < min_size) {
        log_error("%s: its \"reg\" must have at least 0x%lx bytes",
                  dt_prop_path(at->fdt, dt_walk_node(at), name), min_size);
        err = -ERR_INVAL;
    }
    if (err == 0)
        err = vm_fdt_memory_claim(parser, reg, dt_walk_node(at));
    if (err != 0)
        return err;
    *regs = to_ipa(reg);
    return read_intid(parser, at, intid);
}

/* Is there a place left for this one? The console's is kept for it. */
static bool has_uart_room(const struct vm_fdt_parser *parser, int node)
{
    unsigned kept = node < parser->console ? 1 : 0;

    return parser->config->nr_uarts + kept < VM_MAX_UARTS;
}

static int read_uart(struct vm_fdt_parser *parser, const struct dt_walk *at)
{
    int node = dt_walk_node(at);
    struct vm_uart_config *uart = &parser->config->uart[parser->config->nr_uarts];
    int err;

    if (!has_uart_room(parser, node))
        return 0;
    err = read_common(parser, at, PL011_SIZE, &uart->regs, &uart->intid);
    if (err != 0)
        return err;
    uart->console = node == parser->console;
    dt_prop_path(at->fdt, node, uart->node);
    parser->config->nr_uarts++;
    return 0;
}

static int check_disk(const struct vm_fdt_parser *parser, const struct dt_walk *at,
                      struct pa_range disk)
{
    unsigned disks = 1;

    for (unsigned i = 0; i < parser->config->nr_virtio; i++)
        disks += parser->config->virtio[i].disk.size != 0 ? 1 : 0;
    if (disks > VM_MAX_DISKS || parser->config->nr_virtio == VM_MAX_VIRTIO)
        return log_node(at, -ERR_NOMEM,
                        "no room for this disk: there may be 8, in the first 40 slots");
    if (disk.size < SECTOR_SIZE)
        return log_node(at, -ERR_INVAL, "the disk must have at least one sector of 512 bytes");
    return 0;
}

static int read_virtio(struct vm_fdt_parser *parser, const struct dt_walk *at)
{
    int node = dt_walk_node(at);
    struct vm_virtio_config slot = {.disk = {.size = 0}};
    int err = vm_fdt_chosen_pa_range(at->fdt, node, "traproom,disk", &slot.disk);
    bool empty = err == -ERR_NOENT;

    if (empty && parser->config->nr_virtio == VM_MAX_VIRTIO)
        return 0;
    if (err == 0)
        err = check_disk(parser, at, slot.disk);
    if (err == 0 || empty)
        err = read_common(parser, at, empty ? VIRTIO_MIN_SIZE : DISK_MIN_SIZE, &slot.regs,
                          &slot.intid);
    if (err != 0)
        return err;
    slot.read_only = dt_prop_present(at->fdt, node, "traproom,read-only");
    dt_prop_path(at->fdt, node, slot.node);
    parser->config->virtio[parser->config->nr_virtio++] = slot;
    return 0;
}

/* The timers' interrupts are wired to the CPU: a tree can only say what they are. */
static int check_timer(struct vm_fdt_parser *parser, const struct dt_walk *at)
{
    static const uint32_t wired[TIMER_INTERRUPTS] = {29, 30, 27, 26};
    uint32_t intid;

    for (unsigned i = 0; i < TIMER_INTERRUPTS; i++) {
        int err = dt_irq_intid(at, parser->gic, i, &intid);

        if (err == -ERR_NOENT && i > 0)
            return 0;
        if (err != 0 && err != -ERR_NOENT)
            return err;
        if (err != 0 || intid != wired[i])
            return log_node(at, -ERR_UNSUPPORTED,
                            "its interrupts must be the PPIs 13, 14, 11 and 10, in that order");
    }
    return 0;
}

static int read_device(struct vm_fdt_parser *parser, struct dt_walk *at)
{
    switch (vm_fdt_offer_kind(at)) {
    case VM_FDT_OFFER_UART:
        return read_uart(parser, at);
    case VM_FDT_OFFER_VIRTIO:
        return read_virtio(parser, at);
    case VM_FDT_OFFER_TIMER:
        return check_timer(parser, at);
    case VM_FDT_OFFER_NONE:
    case VM_FDT_OFFER_NOT_OURS:
        dt_walk_skip(at);
        return 0;
    case VM_FDT_OFFER_YES:
        break;
    }
    return 0;
}

static int find_console(const void *fdt)
{
    int node = dt_prop_stdout(fdt);

    if (node < 0 || !dt_prop_enabled(fdt, node) || !dt_prop_compatible(fdt, node, "arm,pl011"))
        return -1;
    return node;
}

int vm_fdt_device_read_all(struct vm_fdt_parser *parser)
{
    struct vm_config *config = parser->config;
    struct dt_walk at;
    bool console = false;
    int err = 0;

    parser->console = find_console(parser->fdt);
    dt_walk_start(&at, parser->fdt);
    while (err == 0 && dt_walk_next(&at))
        err = read_device(parser, &at);
    for (unsigned i = 0; i < config->nr_uarts; i++)
        console = console || config->uart[i].console;
    if (!console && config->nr_uarts > 0)
        config->uart[0].console = true;
    return err;
}
