/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the guest's tree to a VM's configuration: the blob's soundness, the order of the parts, the
 * CPUs. See vm_fdt.h; vm_fdt_internal.h names the other parts.
 */
#include "vm/vm_fdt.h"

#include <libfdt.h>

#include "fdt/dt_cpu.h"
#include "fdt/dt_prop.h"
#include "lib/log.h"
#include "lib/string.h"
#include "vm/vm_fdt_internal.h"

size_t vm_fdt_size(const void *fdt, size_t room)
{
    if (room < sizeof(struct fdt_header) || fdt_magic(fdt) != FDT_MAGIC ||
        fdt_totalsize(fdt) > room)
        return 0;
    return fdt_totalsize(fdt);
}

static int check_blob(const void *fdt, size_t max_size)
{
    int err;

    if (max_size < sizeof(struct fdt_header) || fdt_magic(fdt) != FDT_MAGIC) {
        log_error("there is no device tree for the guest at 0x%lx: load one there",
                  (unsigned long)(uintptr_t)fdt);
        return -ERR_NOENT;
    }
    err = dt_walk_check(fdt, max_size);
    if (err != 0) {
        log_error("the guest's device tree is broken (%s): make it anew with dtc",
                  fdt_strerror(err));
        return -ERR_INVAL;
    }
    if (!dt_walk_reaches_all(fdt)) {
        log_error("the guest's device tree is nested more than %u deep", DT_MAX_DEPTH - 1);
        return -ERR_UNSUPPORTED;
    }
    return 0;
}

static int check_new_mpidr(const struct dt_walk *at, const int nodes[],
                           const struct vm_config *config, uint64_t mpidr)
{
    char first[DT_PATH_SIZE], second[DT_PATH_SIZE];

    for (unsigned i = 0; i < config->nr_cpus; i++) {
        if (config->mpidr[i] != mpidr)
            continue;
        log_error("%s and %s have the same \"reg\", 0x%lx: give each its own",
                  dt_prop_path(at->fdt, nodes[i], first),
                  dt_prop_path(at->fdt, dt_walk_node(at), second), mpidr);
        return -ERR_EXIST;
    }
    return 0;
}

static int read_cpu(const struct dt_walk *at, int nodes[MAX_VCPUS], struct vm_config *config)
{
    int node = dt_walk_node(at);
    const char *method = dt_prop_string(at->fdt, node, "enable-method");
    uint64_t mpidr = 0;
    int err;

    if (method != NULL && strcmp(method, "psci") != 0)
        return dt_prop_error(at->fdt, node, -ERR_UNSUPPORTED, "\"enable-method\" must be \"psci\"");
    err = dt_cpu_mpidr(at, &mpidr);
    if (err == 0)
        err = check_new_mpidr(at, nodes, config, mpidr);
    if (err != 0)
        return err;
    if (config->nr_cpus == MAX_VCPUS)
        return dt_prop_error(at->fdt, node, -ERR_NOMEM,
                             "it is one CPU too many: disable this one and those after it");
    nodes[config->nr_cpus] = node;
    config->mpidr[config->nr_cpus++] = mpidr;
    return 0;
}

static int read_cpus(const void *fdt, struct vm_config *config)
{
    int nodes[MAX_VCPUS] = {0};
    struct dt_walk at;
    int err = 0;

    dt_walk_start(&at, fdt);
    while (err == 0 && dt_walk_next(&at)) {
        if (dt_cpu_is_one(&at))
            err = read_cpu(&at, nodes, config);
    }
    if (err == 0 && config->nr_cpus == 0) {
        log_error("the tree has no CPU: /cpus needs an enabled node with device_type = \"cpu\"");
        err = -ERR_NOENT;
    }
    return err;
}

/* The guest may call by HVC and by SMC, so only a third method is wrong. */
static int check_psci(const void *fdt)
{
    bool smc;
    int err = dt_cpu_psci(fdt, &smc);

    return err == -ERR_NOENT ? 0 : err;
}

int vm_fdt_parse(const void *fdt, size_t max_size, unsigned ipa_bits, struct vm_config *config)
{
    struct vm_fdt_parser parser = {.fdt = fdt, .ipa_bits = ipa_bits, .config = config};
    int err = check_blob(fdt, max_size);

    memset(config, 0, sizeof(*config));
    if (err == 0)
        err = vm_fdt_chosen_read(&parser);
    if (err == 0)
        err = read_cpus(fdt, config);
    if (err == 0)
        err = check_psci(fdt);
    if (err == 0)
        err = vm_fdt_memory_read(&parser);
    if (err == 0)
        err = vm_fdt_memory_read_reserved(&parser);
    if (err == 0)
        err = vm_fdt_device_read_gic(&parser);
    if (err == 0)
        err = vm_fdt_device_read_all(&parser);
    if (err == 0)
        err = vm_fdt_memory_check_dtb(&parser);
    return err;
}
