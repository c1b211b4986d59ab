/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's copy of its tree: what only Traproom reads taken out, what is not offered disabled.
 * See vm_fdt.h; vm_fdt.c has read the tree; loader.c puts the copy into the guest's RAM.
 */
#include <libfdt.h>
#include <stddef.h>

#include "fdt/dt_cpu.h"
#include "fdt/dt_pmu.h"
#include "fdt/dt_prop.h"
#include "fdt/vm_fdt.h"
#include "fdt/vm_fdt_offer.h"
#include "lib/log.h"
#include "lib/string.h"

#define OWN_PREFIX "traproom,"
#define DISABLED   "disabled"
#define SLACK      PAGE_SIZE /* what disabling nodes may add to the tree */

static int to_err(int fdt_err)
{
    if (fdt_err >= 0)
        return 0;
    if (fdt_err == -FDT_ERR_NOSPACE) {
        log_error("no room for the guest's copy of the device tree");
        return -ERR_NOMEM;
    }
    log_error("the guest's device tree can't be copied: %s", fdt_strerror(fdt_err));
    return -ERR_INVAL;
}

/* Remove the first property of `node` that is Traproom's own. False: it has none. */
static bool strip_one(void *fdt, int node)
{
    int prop;

    fdt_for_each_property_offset(prop, fdt, node)
    {
        const char *name = NULL;

        if (fdt_getprop_by_offset(fdt, prop, &name, NULL) == NULL || name == NULL)
            continue;
        if (strncmp(name, OWN_PREFIX, strlen(OWN_PREFIX)) == 0)
            return fdt_delprop(fdt, node, name) == 0;
    }
    return false;
}

static void strip_all(void *fdt)
{
    for (int node = 0; node >= 0; node = fdt_next_node(fdt, node, NULL)) {
        while (strip_one(fdt, node))
            ;
    }
}

/* One warning for it and all below it. */
static int disable(void *fdt, int node)
{
    char name[DT_PATH_SIZE];
    const char *compatible = dt_prop_string(fdt, node, "compatible");

    log_warn("%s (%s) is not offered: disabled in the guest's tree; to keep it, give it "
             "\"traproom,pass\" or \"traproom,registers\"",
             dt_prop_path(fdt, node, name), compatible != NULL ? compatible : "?");
    return to_err(fdt_setprop(fdt, node, "status", DISABLED, sizeof(DISABLED)));
}

static int disable_rest(void *fdt, const struct vm_config *config)
{
    const struct vm_device_kind *kind;
    struct dt_walk at;
    int err = 0;

    dt_walk_start(&at, fdt);
    while (err == 0 && dt_walk_next(&at)) {
        enum vm_fdt_offer offer = vm_fdt_offer(&at, config->kinds, &kind);

        if (config->pmu_intid == 0 && dt_prop_compatible(fdt, dt_walk_node(&at), DT_PMU_COMPATIBLE))
            offer = VM_FDT_NONE; /* the table has it for CPUs that do */
        if (offer == VM_FDT_NONE)
            err = disable(fdt, dt_walk_node(&at));
        if (offer == VM_FDT_NONE || offer == VM_FDT_DATA)
            dt_walk_skip(&at);
    }
    return err;
}

static bool has_compatible(const void *fdt, const char *compatible)
{
    struct dt_walk at;

    dt_walk_start(&at, fdt);
    return dt_walk_next_compatible(&at, compatible);
}

static bool names_console(const char *args)
{
    static const char option[] = "console=";

    while (args != NULL && *args != '\0') {
        if (strncmp(args, option, strlen(option)) == 0)
            return true;
        args++;
    }
    return false;
}

/* Will anything that the guest says be seen? */
static void warn_of_silence(const void *fdt, const struct vm_config *config)
{
    int chosen = fdt_path_offset(fdt, "/chosen");
    bool uart = false;

    for (unsigned i = 0; i < config->nr_devices; i++)
        uart = uart || config->device[i].console;
    if (!uart)
        log_warn("the tree has no \"arm,pl011\": nothing that the guest says can be seen");
    else if (dt_prop_stdout(fdt) < 0 && !names_console(dt_prop_string(fdt, chosen, "bootargs")))
        log_warn("/chosen has no \"stdout-path\" that leads to a node, and its \"bootargs\" no "
                 "\"console=\": nothing that the guest says may be seen");
}

/* What the guest can live with, but its user should know. */
static void warn_of_gaps(const void *fdt, const struct vm_config *config)
{
    int chosen = fdt_path_offset(fdt, "/chosen");
    bool smc;

    warn_of_silence(fdt, config);
    if (dt_cpu_psci(fdt, &smc) == -ERR_NOENT)
        log_warn("the tree has no PSCI: the guest can't power off%s",
                 config->nr_cpus > 1 ? ", nor start more than one CPU" : "");
    if (!has_compatible(fdt, "arm,armv8-timer") && !has_compatible(fdt, "arm,armv7-timer"))
        log_warn("the tree has no \"arm,armv8-timer\": Linux can't do without");
    if (config->initrd.size == 0 && dt_prop_present(fdt, chosen, "linux,initrd-start"))
        log_warn("/chosen: \"linux,initrd-start\" is there, but there is no initramfs to put "
                 "there: give one");
}

uint64_t vm_fdt_copy_room(const void *fdt)
{
    return align_up(fdt_totalsize(fdt) + SLACK, PAGE_SIZE);
}

int vm_fdt_guest_copy(const void *fdt, void *buf, size_t size, const struct vm_config *config)
{
    int room = size > INT32_MAX ? INT32_MAX : (int)size;
    int err = to_err(fdt_open_into(fdt, buf, room));

    if (err != 0)
        return err;
    warn_of_gaps(buf, config);
    err = disable_rest(buf, config);
    strip_all(buf);
    if (err == 0)
        err = to_err(fdt_pack(buf));
    return err == 0 ? (int)fdt_totalsize(buf) : err;
}
