/* SPDX-License-Identifier: Apache-2.0 */
/* /chosen: the guest's images and the hypervisor's options. See vm_fdt_internal.h. */
#include <libfdt.h>
#include <stddef.h>

#include "fdt/dt_prop.h"
#include "fdt/vm_fdt_internal.h"
#include "lib/log.h"

/* With an address alone there is no kernel: the guest begins with what a device shows there. */
static int read_kernel(struct vm_fdt_parser *parser, int chosen)
{
    struct vm_config *config = parser->config;
    int err;

    config->guest_kernel = ipa(VM_KERNEL_ANYWHERE);
    err = dt_prop_address(parser->fdt, chosen, "traproom,kernel-address", &config->guest_kernel.v);
    if (err != 0)
        return err;
    err = dt_prop_pa_range(parser->fdt, chosen, "traproom,kernel", &config->kernel);
    if (err == -ERR_NOENT && config->guest_kernel.v != VM_KERNEL_ANYWHERE)
        return 0;
    if (err == -ERR_NOENT)
        log_error(
            "/chosen: \"traproom,kernel\" is missing: say where the kernel's Image is staged");
    return err;
}

/* linux,initrd-start and -end. Both or none must be there; size 0: none. */
static int read_initrd_place(const void *fdt, int chosen, struct ipa_range *place)
{
    uint64_t start = 0, end = 0;
    int no_start = dt_prop_number(fdt, chosen, "linux,initrd-start", &start);
    int no_end = dt_prop_number(fdt, chosen, "linux,initrd-end", &end);

    *place = (struct ipa_range){ipa(0), 0};
    if (no_start == -ERR_NOENT && no_end == -ERR_NOENT)
        return 0;
    if (no_start != 0 || no_end != 0 || end <= start)
        return dt_prop_error(fdt, chosen, -ERR_INVAL,
                             "\"linux,initrd-start\" and \"linux,initrd-end\" must be numbers, "
                             "the end above the start");
    *place = (struct ipa_range){ipa(start), end - start};
    return 0;
}

static int read_initrd(struct vm_fdt_parser *parser, int chosen)
{
    struct vm_config *config = parser->config;
    int err = read_initrd_place(parser->fdt, chosen, &config->guest_initrd);

    if (err != 0)
        return err;
    err = dt_prop_pa_range(parser->fdt, chosen, "traproom,initrd", &config->initrd);
    if (err == -ERR_NOENT) {
        config->guest_initrd.size = 0;
        return 0;
    }
    if (err == 0 && config->initrd.size > config->guest_initrd.size) {
        log_error("/chosen: the initramfs has 0x%lx bytes, but \"linux,initrd-start\" and "
                  "\"linux,initrd-end\" leave room for 0x%lx",
                  config->initrd.size, config->guest_initrd.size);
        return -ERR_RANGE;
    }
    return err;
}

static int read_app(struct vm_fdt_parser *parser, int chosen)
{
    struct vm_config *config = parser->config;
    int err = dt_prop_pa_range(parser->fdt, chosen, "traproom,app", &config->app);

    config->guest_app = ipa(VM_KERNEL_ANYWHERE);
    if (err == -ERR_NOENT)
        return 0;
    return err != 0
               ? err
               : dt_prop_address(parser->fdt, chosen, "traproom,app-address", &config->guest_app.v);
}

static int read_watch(struct vm_fdt_parser *parser, int chosen)
{
    uint64_t seconds = 0;
    int err = dt_prop_number(parser->fdt, chosen, "traproom,hang", &seconds);

    if (err == -ERR_INVAL || seconds > UINT32_MAX)
        return dt_prop_error(parser->fdt, chosen, -ERR_INVAL,
                             "\"traproom,hang\" must be a number of seconds");
    parser->config->hang_seconds = (uint32_t)seconds;
    parser->config->unattended = dt_prop_present(parser->fdt, chosen, "traproom,unattended");
    return 0;
}

static int read_trace(struct vm_fdt_parser *parser, int chosen)
{
    struct vm_config *config = parser->config;
    int err = dt_prop_pa_range(parser->fdt, chosen, "traproom,trace", &config->trace);

    config->trace_lossless = dt_prop_present(parser->fdt, chosen, "traproom,trace-lossless");
    config->trace_later = dt_prop_present(parser->fdt, chosen, "traproom,trace-later");
    return err == -ERR_NOENT ? 0 : err;
}

int vm_fdt_chosen_read(struct vm_fdt_parser *parser)
{
    const void *fdt = parser->fdt;
    struct vm_config *config = parser->config;
    int chosen = fdt_path_offset(fdt, "/chosen");
    int err;

    if (chosen < 0) {
        log_error("the tree has no /chosen: its \"traproom,kernel\" must say where the kernel's "
                  "Image is staged");
        return -ERR_NOENT;
    }
    config->quiet = dt_prop_present(fdt, chosen, "traproom,quiet");
    config->stats = dt_prop_present(fdt, chosen, "traproom,stats");
    config->report = dt_prop_present(fdt, chosen, "traproom,report");
    config->no_reboot = dt_prop_present(fdt, chosen, "traproom,no-reboot");
    config->guest_dtb = ipa(VM_DEFAULT_DTB);
    err = read_kernel(parser, chosen);
    if (err == 0)
        err = read_app(parser, chosen);
    if (err == 0)
        err = read_initrd(parser, chosen);
    if (err == 0)
        err = read_watch(parser, chosen);
    if (err == 0)
        err = read_trace(parser, chosen);
    if (err == 0)
        err = dt_prop_address(fdt, chosen, "traproom,dtb-address", &config->guest_dtb.v);
    if (err == 0)
        err = dt_prop_address(fdt, chosen, "traproom,channel", &config->channel.v);
    if (err == 0)
        err = dt_prop_address(fdt, chosen, "traproom,pause", &config->pause.v);
    if (err == 0)
        err = dt_prop_address(fdt, chosen, "traproom,monitor", &config->monitor.v);
    return err;
}
