/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the guest's tree to a VM's configuration: vm_fdt_parse() has the order. The blob's
 * soundness, the CPUs and PSCI are read here; vm_fdt_internal.h names the other parts. See
 * vm_fdt.h.
 */
#include "fdt/vm_fdt.h"

#include <libfdt.h>

#include "fdt/dt_cpu.h"
#include "fdt/vm_fdt_internal.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "lib/string.h"

static int check_blob(const void *fdt, size_t max_size)
{
    int err = dt_walk_open(fdt, max_size, "for the guest");

    if (err == 0 && !dt_walk_reaches_all(fdt)) {
        log_error("the guest's device tree is nested more than %u deep", DT_MAX_DEPTH - 1);
        err = -ERR_UNSUPPORTED;
    }
    return err;
}

static int read_vcpus(struct vm_fdt_parser *parser)
{
    struct vm_config *config = parser->config;
    int err = dt_cpu_read(parser->fdt, config->mpidr, &config->nr_cpus);

    if (err == 0 && config->nr_cpus > MAX_VCPUS) {
        log_error("the tree has %u CPUs, there may be %u: disable the others", config->nr_cpus,
                  MAX_VCPUS);
        err = -ERR_NOMEM;
    }
    if (err == 0)
        dt_cpu_warn_of_unstarted(parser->fdt);
    return err;
}

/* The guest may call by HVC and by SMC, so only a third method is wrong. */
static int check_psci(struct vm_fdt_parser *parser)
{
    bool smc;
    int err = dt_cpu_psci(parser->fdt, &smc);

    return err == -ERR_NOENT ? 0 : err;
}

int vm_fdt_parse(const void *fdt, size_t max_size, unsigned ipa_bits,
                 const struct vm_device_table *kinds, struct vm_config *config)
{
    static int (*const steps[])(struct vm_fdt_parser *) = {
        vm_fdt_chosen_read,          /* options, and where the images are */
        vm_fdt_fault_read,           /* what shall go wrong */
        read_vcpus,                  /* each a CPU node */
        check_psci,                  /* which is to start them */
        vm_fdt_memory_read,          /* RAM */
        vm_fdt_memory_read_reserved, /* what of it the tree keeps free */
        vm_fdt_gic_read,             /* a redistributor for each of the CPUs */
        vm_fdt_device_read,          /* their interrupts go to the GIC */
        vm_fdt_memory_check_dtb,     /* a place for the tree, beside RAM and devices or in RAM */
    };
    struct vm_fdt_parser parser = {
        .fdt = fdt,
        .config = config,
        .claims = {.fdt = fdt, .last = (UINT64_C(1) << ipa_bits) - 1},
    };
    int err = check_blob(fdt, max_size);

    memset(config, 0, sizeof(*config));
    config->kinds = kinds;
    for (unsigned i = 0; i < ARRAY_SIZE(steps) && err == 0; i++)
        err = steps[i](&parser);
    return err;
}
