/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine's device tree says that it has. See host_fdt.h. */
#include "fdt/host_fdt.h"

#include <libfdt.h>
#include <stddef.h>

#include "fdt/dt_cpu.h"
#include "fdt/dt_gic.h"
#include "fdt/dt_irq.h"
#include "fdt/dt_pmu.h"
#include "fdt/dt_prop.h"
#include "fdt/dt_ram.h"
#include "fdt/dt_reg.h"
#include "fdt/host_reserved.h"
#include "lib/log.h"
#include "lib/string.h"

#define MAINTENANCE_DEFAULT 25 /* INTID that Arm's Base System Architecture gives it: PPI 9 */
#define PL011_SIZE          UINT64_C(0x1000)
#define VIRTIO_MIN_SIZE     0x100 /* a slot's registers, without a configuration space */

static struct pa_range to_pa(struct dt_range range)
{
    return (struct pa_range){pa(range.base), range.size};
}

static void read_model(const void *fdt, struct host_info *info)
{
    const char *model = dt_prop_string(fdt, 0, "model");

    if (model == NULL)
        model = dt_prop_string(fdt, 0, "compatible");
    fmt_snprintf(info->model, sizeof(info->model), "%s",
                 model != NULL ? model : "an unnamed board");
}

/* Whole pages only; what is left over is left unused. */
static void add_whole_pages(struct host_info *info, struct dt_range range)
{
    uint64_t base = align_up(range.base, PAGE_SIZE);
    uint64_t end = align_down(range.base + range.size, PAGE_SIZE);

    if (end > base && base >= range.base)
        info->ram[info->nr_ram++] = (struct pa_range){pa(base), end - base};
}

static int read_ram(const void *fdt, struct host_info *info)
{
    struct dt_claims claims = {.fdt = fdt, .last = UINT64_MAX};
    struct dt_ram ram;
    int err = dt_ram_read(&claims, 1, &ram);

    for (unsigned i = 0; err == 0 && i < ram.count; i++)
        add_whole_pages(info, ram.piece[i]);
    if (err == 0 && info->nr_ram == 0) {
        log_error("the machine's tree has no RAM of a whole page");
        err = -ERR_NOENT;
    }
    if (err == 0 && ram.left_out > 0)
        log_warn("the machine has %u pieces of RAM too many: unused", ram.left_out);
    return err;
}

static int read_machine_cpus(const void *fdt, struct host_info *info)
{
    unsigned found;
    int err = dt_cpu_read(fdt, info->mpidr, &found);

    info->nr_cpus = found < MAX_CPUS ? found : MAX_CPUS;
    if (err == 0 && found > MAX_CPUS)
        log_warn("the machine has %u CPUs: those after the first %u are unused", found, MAX_CPUS);
    return err;
}

static int read_psci(const void *fdt, struct host_info *info)
{
    int err = dt_cpu_psci(fdt, &info->psci_smc);

    if (err == -ERR_NOENT)
        log_error("the machine's tree has no PSCI, which Traproom needs to start CPUs and to power "
                  "off");
    return err;
}

/* *node becomes that of the GIC. */
static int read_gic(const void *fdt, struct host_info *info, int *node)
{
    struct dt_gic gic;
    int err = dt_gic_read(fdt, &gic);

    if (err != 0)
        return err;
    *node = dt_walk_node(&gic.at);
    info->gic.dist = to_pa(gic.dist);
    info->gic.nr_redist_regions = gic.nr_redist;
    for (unsigned i = 0; i < gic.nr_redist; i++)
        info->gic.redist[i] = to_pa(gic.redist[i]);
    err = dt_irq_intid(&gic.at, *node, 0, &info->gic.maintenance);
    if (err == -ERR_NOENT) {
        info->gic.maintenance = MAINTENANCE_DEFAULT;
        err = 0;
    }
    return err;
}

/* Bring `at` to the PL011 that is the console, else to the first. False: there is none. */
static bool find_uart(const void *fdt, struct dt_walk *at)
{
    int console = dt_prop_stdout(fdt);

    dt_walk_start(at, fdt);
    while (dt_walk_next_compatible(at, "arm,pl011")) {
        if (dt_walk_node(at) == console)
            return true;
    }
    dt_walk_start(at, fdt);
    return dt_walk_next_compatible(at, "arm,pl011");
}

static int read_uart_place(struct dt_walk *at, const void *fdt, struct host_info *info)
{
    struct dt_range reg = {0, 0};
    int err;

    if (!find_uart(fdt, at)) {
        log_error("the machine's tree has no \"arm,pl011\" for a console");
        return -ERR_NOENT;
    }
    err = dt_reg_read(at, 0, &reg);
    if (err == -ERR_NOENT || (err == 0 && reg.size < PL011_SIZE))
        return dt_walk_error(at, -ERR_INVAL, "\"reg\" must have the UART's 0x1000 bytes");
    if (err == 0)
        info->uart = to_pa(reg);
    return err;
}

static int read_uart_intid(const struct dt_walk *at, struct host_info *info, int gic)
{
    int err = dt_irq_intid(at, gic, 0, &info->uart_intid);

    return err == -ERR_NOENT ? dt_walk_error(at, err, "it has no interrupt") : err;
}

/* A clock that can't be used stops nothing. */
static void read_clock(const void *fdt, struct host_info *info)
{
    struct dt_walk at;
    struct dt_range reg = {0, 0};

    dt_walk_start(&at, fdt);
    if (!dt_walk_next_compatible(&at, "arm,pl031"))
        return;
    if (dt_reg_read(&at, 0, &reg) == 0 && reg.size >= PAGE_SIZE &&
        is_aligned(reg.base, PAGE_SIZE)) {
        info->has_clock = true;
        info->clock = pa(reg.base);
    } else {
        log_warn("the machine's clock can't be read: the guest's starts in 1970");
    }
}

/* Nor does a PMU. */
static void read_pmu(const void *fdt, struct host_info *info, int gic)
{
    if (dt_pmu_intid(fdt, gic, &info->pmu_intid) != 0)
        log_warn("the machine's PMU can't be used: the guest gets none");
}

static int read_virtio_slot(const struct dt_walk *at, int gic, struct host_virtio *slot)
{
    struct dt_range reg = {0, 0};
    struct dt_irq irq = {0, false};
    int err = dt_reg_read(at, 0, &reg);

    if (err == 0)
        err = dt_irq_read(at, gic, 0, &irq);
    if (err == 0 && reg.size < VIRTIO_MIN_SIZE)
        err = -ERR_RANGE;
    *slot = (struct host_virtio){to_pa(reg), irq.intid, irq.edge};
    return err;
}

/* The virtio-mmio slots, each of which a guest may be given. One that is broken is left out. */
static void read_virtio_slots(const void *fdt, struct host_info *info, int gic)
{
    struct dt_walk at;

    dt_walk_start(&at, fdt);
    while (info->nr_virtio < HOST_MAX_VIRTIO && dt_walk_next_compatible(&at, "virtio,mmio")) {
        if (read_virtio_slot(&at, gic, &info->virtio[info->nr_virtio]) == 0)
            info->nr_virtio++;
    }
}

/* A broken seed is no error: without one the stack's guard is only easier to guess. */
static void read_seed(const void *fdt, struct host_info *info)
{
    if (dt_prop_number(fdt, fdt_path_offset(fdt, "/chosen"), "kaslr-seed", &info->seed) != 0)
        info->seed = 0;
}

/* The word of the boot arguments that chooses a configuration of a bundle. */
static void read_configuration(const void *fdt, struct host_info *info)
{
    static const char option[] = "traproom.config=";
    const char *at = dt_prop_string(fdt, fdt_path_offset(fdt, "/chosen"), "bootargs");
    size_t len = 0;

    while (at != NULL && strncmp(at, option, strlen(option)) != 0) {
        at = strchr(at, ' ');
        at = at != NULL ? at + 1 : NULL;
    }
    if (at == NULL)
        return;
    at += strlen(option);
    while (at[len] != '\0' && at[len] != ' ' && len < sizeof(info->configuration) - 1)
        len++;
    memcpy(info->configuration, at, len);
}

/* How many bytes from `at` on are RAM that is to be mapped. */
static uint64_t readable_from(const struct host_info *info, uint64_t at)
{
    uint64_t room = 0;

    for (unsigned i = 0; i < info->nr_ram; i++) {
        uint64_t offset = at - info->ram[i].base.v;

        if (offset < info->ram[i].size)
            room = info->ram[i].size - offset;
    }
    for (unsigned i = 0; i < info->nr_no_map; i++) {
        uint64_t base = info->no_map[i].base.v;

        if (ranges_overlap(at, room, base, info->no_map[i].size))
            room = base > at ? base - at : 0;
    }
    return room;
}

static int read_bundle(const void *fdt, struct host_info *info)
{
    uint64_t at = HOST_BUNDLE;
    int err = dt_prop_address(fdt, fdt_path_offset(fdt, "/chosen"), "traproom,bundle", &at);

    info->bundle = (struct pa_range){pa(at), readable_from(info, at)};
    return err;
}

int host_fdt_parse(const void *fdt, struct host_info *info)
{
    struct dt_walk uart;
    int gic = -1;
    int err;

    memset(info, 0, sizeof(*info));
    err = dt_walk_open(fdt, fdt_totalsize(fdt), "of the machine");
    if (err != 0)
        return err;
    info->fdt_size = fdt_totalsize(fdt);
    read_model(fdt, info);
    read_seed(fdt, info);
    read_configuration(fdt, info);
    err = read_uart_place(&uart, fdt, info);
    if (err == 0)
        err = read_ram(fdt, info);
    if (err == 0)
        err = host_reserved_read(fdt, info);
    if (err == 0)
        err = read_machine_cpus(fdt, info);
    if (err == 0)
        err = read_psci(fdt, info);
    if (err == 0)
        err = read_gic(fdt, info, &gic);
    if (err == 0)
        err = read_uart_intid(&uart, info, gic);
    if (err == 0)
        err = read_bundle(fdt, info);
    if (err != 0)
        return err;
    /* What the machine can do without. Its errors are no reason to stop, so they come last. */
    read_virtio_slots(fdt, info, gic);
    read_clock(fdt, info);
    read_pmu(fdt, info, gic);
    return 0;
}
